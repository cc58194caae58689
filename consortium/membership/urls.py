"""Joining, and the pages of the own institution."""

from __future__ import annotations

from django.urls import path

from consortium.membership.views import overview

urlpatterns = [
    path("institution/", overview.own_institution, name="own-institution"),
]
