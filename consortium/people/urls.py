"""The own account: language, theme, profile. Signing in is the business of `sign_on`."""

from __future__ import annotations

from django.urls import path

from consortium.people import views

urlpatterns = [
    path("language/", views.set_language, name="set-language"),
    path("theme/", views.set_theme, name="set-theme"),
    path("profile/", views.profile, name="profile"),
]
