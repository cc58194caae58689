"""The first page."""

from __future__ import annotations

from django.urls import path

from consortium.portal import views

urlpatterns = [path("", views.home, name="home")]
