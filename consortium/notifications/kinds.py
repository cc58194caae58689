"""What people are told of, one line a kind. A kind's text names things; it never holds a figure."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    """The value is what is stored; the label is the notice's sentence, with the facts of `notify` in it."""

    KEY_REGISTERED = "key.registered", _("A signing key of your institution was registered: %(kid)s.")
