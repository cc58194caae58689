"""What people and institutions are told of, and how."""

from consortium.notifications.models.announcement import Announcement
from consortium.notifications.models.calendar_feed import CalendarFeed
from consortium.notifications.models.mail import Mail
from consortium.notifications.models.notice import Channel, Notice, Preference
from consortium.notifications.models.webhook import (
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EventType,
    Message,
)

__all__ = [
    "Announcement",
    "Attempt",
    "CalendarFeed",
    "Channel",
    "Delivery",
    "DeliveryState",
    "Endpoint",
    "EventType",
    "Mail",
    "Message",
    "Notice",
    "Preference",
]
