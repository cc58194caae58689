"""Joining, and the pages of the own institution."""

from __future__ import annotations

from django.urls import path

from consortium.membership.views import overview, webhooks

urlpatterns = [
    path("institution/", overview.own_institution, name="own-institution"),
    path("institution/webhooks/", webhooks.listing, name="webhooks"),
    path("institution/webhooks/add/", webhooks.add, name="webhook-add"),
    path("institution/webhooks/<uuid:webhook_id>/", webhooks.detail, name="webhook"),
    path("institution/webhooks/<uuid:webhook_id>/secret/", webhooks.rotate, name="webhook-rotate"),
    path("institution/webhooks/<uuid:webhook_id>/test/", webhooks.test, name="webhook-test"),
    path("institution/webhooks/<uuid:webhook_id>/on/", webhooks.switch, {"active": True}, name="webhook-on"),
    path("institution/webhooks/<uuid:webhook_id>/off/", webhooks.switch, {"active": False}, name="webhook-off"),
    path("institution/webhooks/<uuid:webhook_id>/remove/", webhooks.remove, name="webhook-remove"),
    path(
        "institution/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/send/",
        webhooks.redeliver,
        name="webhook-redeliver",
    ),
]
