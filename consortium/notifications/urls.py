"""Notices and webhooks, as pages."""

from __future__ import annotations

from django.urls import path

from consortium.notifications.views import notices

urlpatterns = [
    path("notices/", notices.listing, name="notices"),
    path("notices/<int:notice_id>/", notices.opened, name="notice"),
    path("notices/read/", notices.read_all, name="notices-read"),
    path("notices/mail/", notices.preferences, name="notice-preferences"),
    path("notices/no-more-mail/<str:token>/", notices.no_more_mail, name="no-more-mail"),
]
