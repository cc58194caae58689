"""Joining, and the pages of the own institution."""

from __future__ import annotations

from django.urls import path

from consortium.membership.views import (
    agreements,
    invitation,
    joining,
    leaving,
    overview,
    people,
    records,
    webhooks,
)

urlpatterns = [
    # without an account
    path("join/", joining.join, name="join"),
    path("join/sent/", joining.sent, name="join-sent"),
    path("join/<str:token>/", joining.follow, name="application-follow"),
    path("join/<str:token>/confirm/", joining.confirm, name="application-confirm"),
    path("join/<str:token>/answer/<int:question_id>/", joining.answer, name="application-answer"),
    path("join/<str:token>/withdraw/", joining.withdraw, name="application-withdraw"),
    path("invitation/<str:token>/", invitation.invitation, name="invitation"),
    path("agreement/", agreements.newest, name="agreement-newest"),
    path("agreement/<int:agreement_version>/", agreements.read, name="agreement"),
    path("agreement/<int:agreement_version>/text/", agreements.text, name="agreement-text"),
    # the own institution
    path("institution/", overview.own_institution, name="own-institution"),
    path("institution/approval/require/", overview.require_approval, name="approval-require"),
    path("institution/approval/waive/", overview.ask_for_waiver, name="waiver-ask"),
    path("institution/approval/waive/confirm/", overview.confirm_waiver, name="waiver-confirm"),
    path("institution/approval/waive/refuse/", overview.refuse_waiver, name="waiver-refuse"),
    path("institution/people/", people.own_people, name="own-people"),
    path("institution/people/invite/", people.invite, name="own-person-invite"),
    path("institution/people/<int:person_id>/", people.person_detail, {"area": people.OWN}, name="own-person"),
    path("institution/people/<int:person_id>/close/", people.close, {"area": people.OWN}, name="own-person-close"),
    path("institution/people/<int:person_id>/reopen/", people.reopen, {"area": people.OWN}, name="own-person-reopen"),
    path(
        "institution/invitations/<int:invitation_id>/send/",
        people.resend,
        {"area": people.OWN},
        name="own-invitation-send",
    ),
    path(
        "institution/invitations/<int:invitation_id>/revoke/",
        people.revoke,
        {"area": people.OWN},
        name="own-invitation-revoke",
    ),
    path("institution/agreements/", agreements.own_agreements, name="agreements"),
    path("institution/agreements/<int:agreement_version>/accept/", agreements.accept, name="agreement-accept"),
    path("institution/leaving/", leaving.leaving, name="leaving"),
    path("institution/leaving/call-off/", leaving.call_off, name="leaving-call-off"),
    path("institution/records/", records.records, name="records"),
    path("institution/records/<uuid:pk>/receipt/", records.receipt, name="record-receipt"),
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
