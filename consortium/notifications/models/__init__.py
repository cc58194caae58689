"""What people and institutions are told of, and how."""

from consortium.notifications.models.mail import Mail
from consortium.notifications.models.notice import Notice

__all__ = ["Mail", "Notice"]
