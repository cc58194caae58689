"""How long what was told is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone

from consortium.notifications.models import Announcement, Delivery, DeliveryState, Mail, Message, Notice
from consortium.notifications.models.mail import MailState

MESSAGES: Final = timedelta(days=30)  # with their deliveries and attempts
LETTERS: Final = timedelta(days=90)  # without contents
NOTICES: Final = timedelta(days=730)


def tidy() -> None:
    now = timezone.now()
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING).values("message")
    Message.objects.filter(at__lt=now - MESSAGES).exclude(pk__in=waiting).delete()
    Mail.objects.filter(at__lt=now - LETTERS).exclude(state=MailState.WAITING).delete()
    Announcement.objects.filter(done_at__lt=now - MESSAGES).delete()
    Notice.objects.filter(at__lt=now - NOTICES).delete()
