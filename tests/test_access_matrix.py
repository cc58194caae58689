"""Every address for every role. An address that has no entry here fails the suite; see `access` for how to read it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.institutions.models import Application, ApprovalWaiver
from consortium.institutions.services import affiliates, agreements
from consortium.institutions.states import ApplicationState
from consortium.notifications.kinds import Kind
from consortium.notifications.models import Delivery, Endpoint, Message, Notice
from consortium.people import invitations
from sharing.models import Alert, Extension, Query, Release, ReleaseCell, Submission
from sharing.services import checking, submissions
from sharing.states import ReleaseState
from tests.access import CAST, DELETE, GET, PATCH, POST, ROLES, Door, Line, addresses
from tests.cast import sealed

# Statuses above 400 for those who may: 409 and 422 say that the request got as far as the rules.
MATRIX: dict[str, tuple[Line, ...]] = {
    # for machines that know nobody yet
    "healthz": GET(public=200),
    "readyz": GET(public=200),
    ".well-known/jwks.json": GET(public=200),
    "oauth/token/": POST(public=400),  # no grant was asked for
    ".well-known/oauth-authorization-server": GET(public=200),
    "api/v1/openapi.json": GET(public=200),
    "api/v1/docs/": GET(public=200),
    "api/v1/<anything:rest>": GET(public=404),
    # collections and rounds
    "api/v1/collections": GET(everyone=200),
    "api/v1/collections/<slug:code>": GET(harbour=200, outsider=404, staff=200),
    "api/v1/collections/<slug:code>/versions/<str:version>": GET(harbour=200, outsider=404, staff=200),
    "api/v1/rounds": GET(everyone=200),
    "api/v1/rounds/<slug:public_id>": GET(harbour=200, outsider=404, staff=200),
    "api/v1/rounds/<slug:public_id>/submissions": POST(
        b"no package", senders=422, harbour=403, outsider=404, staff=403
    ),
    # submissions: the own institution's, and nobody else's
    "api/v1/submissions": GET(everyone=200),
    "api/v1/submissions/<uuid:pk>": GET(harbour=200, everyone=404),
    "api/v1/submissions/<uuid:pk>/findings": GET(harbour=200, everyone=404),
    "api/v1/submissions/<uuid:pk>/receipt": GET(harbour=200, everyone=404),
    "api/v1/submissions/<uuid:pk>/proof": GET(harbour=409, everyone=404),  # this one is not accepted yet
    "api/v1/submissions/<uuid:pk>/approve": POST(approver=200, harbour=403, everyone=404),
    "api/v1/submissions/<uuid:pk>/withdraw": POST(senders=200, approver=200, harbour=403, everyone=404),
    "api/v1/submissions/<uuid:pk>/send-back": POST({"reason": "wrong"}, approver=200, harbour=403, everyone=404),
    "api/v1/submissions/<uuid:pk>/queries": GET(harbour=200, everyone=404),
    "api/v1/submissions/<uuid:pk>/queries/<uuid:query_id>/answers": POST(
        {"text": "so it is"}, senders=201, approver=201, harbour=403, everyone=404
    ),
    "api/v1/rounds/<slug:public_id>/no-data": (
        *GET(everyone=404),  # nobody declared
        *POST({"reason": "merger"}, senders=409, harbour=403, outsider=404, staff=403),  # a package was sent
        *DELETE(everyone=404),
    ),
    # releases: this one is in review
    "api/v1/releases": GET(everyone=200),
    "api/v1/releases/<slug:release_id>": GET(statistician=200, everyone=404),
    "api/v1/releases/<slug:release_id>/cells": GET(statistician=200, everyone=404),
    "api/v1/releases/<slug:release_id>/files": GET(everyone=404),  # a draft has none
    "api/v1/releases/<slug:release_id>/files/<str:name>": GET(everyone=404),
    "api/v1/releases/<slug:release_id>/audit": GET(statistician=200, everyone=404),
    "api/v1/releases/<slug:release_id>/statement": GET(everyone=404),
    "api/v1/releases/<slug:release_id>/proof": GET(statistician=409, everyone=404),  # this one was never computed
    # warnings: this one stands on a cell of the draft; own ones are the own institution's
    "api/v1/alerts": GET(everyone=200),
    "api/v1/alerts/<uuid:alert_id>": GET(statistician=200, everyone=404),
    "api/v1/alerts/<uuid:alert_id>/acknowledge": POST({}, statistician=200, everyone=404),
    "api/v1/alerts/<uuid:alert_id>/follow-up": POST({"owner": "Stella"}, statistician=200, everyone=404),
    "api/v1/alerts/<uuid:alert_id>/close": POST({"outcome": "real"}, statistician=200, everyone=404),
    "api/v1/alerts/own": GET(harbour=200, outsider=200, staff=403),
    "api/v1/alerts/own/actions": POST(
        {"alert": "00000000-0000-0000-0000-000000000000", "action": "acknowledge"}, harbour=409, outsider=409, staff=403
    ),
    # the log: hashes that name nobody
    "api/v1/log/head": GET(everyone=200),
    "api/v1/log/consistency": GET("?first=1&second=1", everyone=400),  # there is no leaf yet
    "api/v1/log/entries": GET("?start=0&end=1", everyone=200),
    "api/v1/peer-groups": (
        *GET(everyone=200),
        *POST({"collection": "call-report", "name": "Ours"}, people=409, outsider=404, everyone=403),
    ),
    "api/v1/peer-groups/<slug:code>": DELETE(client=403, everyone=404),
    # the own institution
    "api/v1/institutions/me": GET(harbour=200, outsider=200, staff=404),
    "api/v1/institutions/me/keys": (
        *GET(harbour=200, outsider=200, staff=404),
        *POST({"request": "no request"}, administrator=422, outsider=422, harbour=403, staff=404),
    ),
    "api/v1/institutions/me/keys/<str:kid>": (
        *GET(harbour=200, everyone=404),
        *DELETE(administrator=200, harbour=403, everyone=404),
    ),
    "api/v1/institutions/me/statement-key": (
        *GET(harbour=200, outsider=200, staff=404),
        *POST({"request": "no request"}, administrator=422, outsider=422, harbour=403, staff=404),
        *PATCH({"delivery": "portal"}, administrator=200, outsider=200, harbour=403, staff=404),
        *DELETE(client=403, everyone=404),  # none is registered
    ),
    # pages: signing in and the own account; a job's token opens no page
    "language/": POST({"language": "en"}, public=302),
    "theme/": POST({"theme": "dark"}, public=302),
    "profile/": GET(client=401, suspended=200, everyone=200),
    "assets/vega-<str:wanted>.js": GET(public=404),  # but for the version in use
    "accounts/login/": GET(anonymous=200, client=200, suspended=302, everyone=302),
    "accounts/logout/": POST(public=401),  # to the sign-in page
    "accounts/inactive/": GET(public=200),
    "accounts/reauthenticate/": GET(client=401, suspended=200, everyone=200),
    "accounts/password/change/": GET(client=401, suspended=200, everyone=200),
    "accounts/password/set/": GET(client=401, suspended=302, everyone=302),  # these have one
    "accounts/password/reset/": GET(public=200),
    "accounts/password/reset/done/": GET(public=200),
    "^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": GET(public=200),
    "accounts/password/reset/key/done/": GET(public=200),
    "accounts/2fa/": GET(client=401, suspended=200, everyone=200),
    "accounts/2fa/authenticate/": GET(client=401, suspended=302, everyone=302),
    "accounts/2fa/reauthenticate/": GET(client=401, suspended=302, everyone=302),
    "accounts/2fa/totp/activate/": GET(client=401, suspended=302, everyone=302),
    "accounts/2fa/keys/": GET(client=401, suspended=200, everyone=200),
    "accounts/2fa/keys/add/": GET(client=401, suspended=302, everyone=302),
    "accounts/2fa/keys/sign-in/": GET(public=302, anonymous=401, client=401),  # to the page that signs in
    "accounts/2fa/keys/reauthenticate/": GET(client=401, suspended=302, everyone=302),
    "accounts/2fa/keys/<int:key_id>/edit/": GET(client=401, suspended=302, everyone=302),
    "accounts/2fa/keys/<int:key_id>/remove/": GET(client=401, suspended=302, everyone=302),
    "accounts/sessions/": (
        *GET(client=401, suspended=200, everyone=200),
        *POST({"session": "1"}, client=401, suspended=302, everyone=302),
    ),
    # single sign-on: Harbour Bank has none yet
    "accounts/sign-on/": GET(anonymous=200, client=200, suspended=302, everyone=302),
    "accounts/sign-on/oidc/<slug:slug>/callback/": GET(public=401),  # to the sign-in page
    "accounts/sign-on/saml/<slug:organization_slug>/acs/": POST({"SAMLResponse": "x"}, public=404),
    "accounts/sign-on/saml/<slug:organization_slug>/acs/finish/": GET(public=404),
    "accounts/sign-on/saml/<slug:organization_slug>/logout/": GET(public=404),
    "accounts/sign-on/saml/<slug:organization_slug>/metadata/": GET(public=200),
    "institution/sign-on/": GET(client=401, administrator=200, approver=200, outsider=200, everyone=403),
    "institution/sign-on/openid/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST({}, client=401, administrator=422, outsider=422, everyone=403),
    ),
    "institution/sign-on/saml/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST({}, client=401, administrator=422, outsider=422, everyone=403),
    ),
    "institution/sign-on/switch/": POST({}, client=401, administrator=404, approver=404, outsider=404, everyone=403),
    "institution/sign-on/enforce/": POST({}, client=401, administrator=404, outsider=404, everyone=403),
    "institution/sign-on/stop-enforcing/": POST({}, client=401, administrator=404, outsider=404, everyone=403),
    # helping Ada back in: her administrator does, member services only look
    "people/<int:person_id>/security/": GET(
        client=401,
        suspended=404,
        administrator=200,
        member_services=200,
        harbour=403,
        policy_editor=404,
        observer=404,
        staff=403,
        everyone=404,
    ),
    "people/<int:person_id>/security/reset-second-factor/": POST(
        client=401,
        suspended=404,
        administrator=302,
        member_services=302,
        harbour=403,
        policy_editor=404,
        observer=404,
        staff=403,
        everyone=404,
    ),
    "people/<int:person_id>/security/forget-identity/": POST(
        client=401,
        suspended=404,
        administrator=302,
        member_services=302,
        harbour=403,
        policy_editor=404,
        observer=404,
        staff=403,
        everyone=404,
    ),
    "people/<int:person_id>/security/end-sessions/": POST(
        client=401,
        suspended=404,
        administrator=302,
        member_services=302,
        harbour=403,
        policy_editor=404,
        observer=404,
        staff=403,
        everyone=404,
    ),
    "accounts/2fa/totp/deactivate/": GET(client=401, suspended=404, everyone=404),
    "accounts/2fa/recovery-codes/": GET(client=401, suspended=404, everyone=404),
    "accounts/2fa/recovery-codes/generate/": GET(client=401, suspended=302, everyone=302),
    # warnings, as pages
    "alerts/": GET(client=401, member_services=403, auditor=403, everyone=200),
    "alerts/ours/": (
        *GET(client=401, suspended=403, people=200, outsider=200, everyone=404),
        *POST({"alert": "none", "verb": "acknowledge"}, client=401, people=302, outsider=302, everyone=404),
    ),
    "alerts/<uuid:alert_id>/": GET(client=401, suspended=404, statistician=200, everyone=404),
    "alerts/<uuid:alert_id>/acknowledge/": POST(
        client=401, statistician=302, people=404, outsider=404, collection_manager=404, secretariat=404, everyone=403
    ),
    "alerts/<uuid:alert_id>/follow-up/": POST(
        client=401, statistician=302, people=404, outsider=404, collection_manager=404, secretariat=404, everyone=403
    ),
    "alerts/<uuid:alert_id>/close/": POST(
        client=401, statistician=302, people=404, outsider=404, collection_manager=404, secretariat=404, everyone=403
    ),
    # home and benchmarks, as pages
    "": GET(client=401, suspended=200, everyone=200),
    "benchmarks/": GET(client=401, member_services=403, auditor=403, everyone=200),
    # nothing is published, so there is nothing to draw
    "benchmarks/chart.<str:drawing>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/figures.<str:format>": GET(client=401, outsider=404, member_services=403, auditor=403, everyone=200),
    # the analyses: of collections that nobody here has
    "benchmarks/calibration/": GET(client=401, member_services=403, auditor=403, everyone=200),
    "benchmarks/calibration/chart.<str:drawing>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/calibration/figures.<str:format>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/treatments/": GET(client=401, member_services=403, auditor=403, everyone=200),
    "benchmarks/treatments/chart.<str:drawing>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/treatments/figures.<str:format>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/outreach/": GET(client=401, member_services=403, auditor=403, everyone=200),
    "benchmarks/outreach/chart.<str:drawing>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/outreach/figures.<str:format>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/service/": GET(client=401, member_services=403, auditor=403, everyone=200),
    "benchmarks/service/chart.<str:drawing>": GET(client=401, member_services=403, auditor=403, everyone=404),
    "benchmarks/service/figures.<str:format>": GET(client=401, member_services=403, auditor=403, everyone=404),
    # webhooks, over the API and as pages
    "api/v1/webhooks": (
        *GET(harbour=200, outsider=200, staff=404),
        *POST(
            {"url": "http://x.example/", "events": ["round.opened"]},
            administrator=422,
            client=403,
            harbour=403,
            outsider=422,
            staff=404,
        ),
    ),
    "api/v1/webhooks/<uuid:webhook_id>": (
        *GET(harbour=200, everyone=404),
        *PATCH({"description": "ours"}, administrator=200, harbour=403, everyone=404),
        *DELETE(administrator=204, harbour=403, everyone=404),
    ),
    "api/v1/webhooks/<uuid:webhook_id>/secret": POST(administrator=200, harbour=403, everyone=404),
    "api/v1/webhooks/<uuid:webhook_id>/test": POST(administrator=202, harbour=403, everyone=404),
    "api/v1/webhooks/<uuid:webhook_id>/deliveries": GET(harbour=200, everyone=404),
    "api/v1/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver": POST(
        administrator=202, harbour=403, everyone=404
    ),
    "institution/webhooks/": GET(client=401, members=200, staff=403),
    "institution/webhooks/add/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST({"url": "x"}, client=401, administrator=422, outsider=422, everyone=403),
    ),
    "institution/webhooks/<uuid:webhook_id>/": (
        *GET(client=401, suspended=404, people=200, everyone=404),
        *POST({"url": "x"}, client=401, suspended=404, administrator=422, people=403, everyone=404),
    ),
    "institution/webhooks/<uuid:webhook_id>/secret/": POST(
        client=401, suspended=404, administrator=200, people=403, everyone=404
    ),
    "institution/webhooks/<uuid:webhook_id>/test/": POST(
        client=401, suspended=404, administrator=302, people=403, everyone=404
    ),
    "institution/webhooks/<uuid:webhook_id>/on/": POST(
        client=401, suspended=404, administrator=302, people=403, everyone=404
    ),
    "institution/webhooks/<uuid:webhook_id>/off/": POST(
        client=401, suspended=404, administrator=302, people=403, everyone=404
    ),
    "institution/webhooks/<uuid:webhook_id>/remove/": POST(
        client=401, suspended=404, administrator=302, people=403, everyone=404
    ),
    "institution/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/send/": POST(
        client=401, suspended=404, administrator=302, people=403, everyone=404
    ),
    # notices: everybody's own, also of the suspended
    "notices/": GET(client=401, suspended=200, everyone=200),
    "notices/<int:notice_id>/": GET(client=401, suspended=404, submitter=302, everyone=404),
    "notices/read/": POST(client=401, suspended=302, everyone=302),
    "notices/mail/": (
        *GET(client=401, suspended=200, everyone=200),
        *POST({"rounds": "off"}, client=401, suspended=422, everyone=422),  # a choice is missing
    ),
    "notices/no-more-mail/<str:token>/": GET(public=404),  # but for the link at the foot of a letter
    # peer groups: there is no such custom group
    "peer-groups/": GET(client=401, member_services=403, auditor=403, everyone=200),
    "peer-groups/<slug:code>/retire/": POST(client=401, suspended=404, everyone=404),
    # the calendar, and a link that is nobody's
    "calendar/": GET(client=401, everyone=200),
    "calendar/link/": POST(client=401, everyone=302),
    "calendar/link/stop/": POST(client=401, suspended=302, everyone=302),
    "calendar/<str:token>.ics": GET(public=404),
    # pages: the own submissions
    "submissions/": GET(client=401, members=200, staff=403),
    "submissions/<uuid:pk>/": GET(client=401, suspended=404, people=200, everyone=404),
    "submissions/<uuid:pk>/receipt/": GET(client=401, suspended=404, people=200, everyone=404),
    "submissions/<uuid:pk>/approve/": POST(client=401, suspended=404, approver=302, people=403, everyone=404),
    "submissions/<uuid:pk>/withdraw/": POST(
        client=401, suspended=404, submitter=302, approver=302, people=403, everyone=404
    ),
    "submissions/<uuid:pk>/proof/": GET(client=401, suspended=404, people=200, everyone=404),
    "submissions/<uuid:pk>/send-back/": POST(
        {"send-back-reason": "wrong"}, client=401, suspended=404, approver=302, people=403, everyone=404
    ),
    "submissions/quality/": GET(client=401, members=200, staff=403),
    "rounds/<slug:public_id>/no-data/": (
        *GET(client=401, people=200, outsider=404, staff=403),
        *POST(client=401, people=422, outsider=404, staff=403),
    ),
    # nobody declared
    "rounds/<slug:public_id>/no-data/approve/": POST(client=401, suspended=404, everyone=404),
    "rounds/<slug:public_id>/no-data/send-back/": POST(client=401, suspended=404, everyone=404),
    "rounds/<slug:public_id>/no-data/withdraw/": POST(client=401, suspended=404, everyone=404),
    # questions about findings: one was asked about Harbour Bank's submission
    "queries/": GET(client=401, members=200, statistician=200, everyone=403),
    "queries/<uuid:query_id>/": (
        *GET(client=401, suspended=404, people=200, statistician=200, everyone=404),
        *POST(
            {"text": "so it is"},
            client=401,
            suspended=404,
            submitter=302,
            approver=302,
            people=403,
            statistician=302,
            everyone=404,
        ),
    ),
    "queries/<uuid:query_id>/close/": POST(client=401, suspended=404, people=403, statistician=302, everyone=404),
    "rounds/<slug:public_id>/findings/": (
        *GET(client=401, statistician=200, everyone=403),
        *POST(client=401, statistician=302, everyone=403),
    ),
    "rounds/<slug:public_id>/dates/": (
        *GET(client=401, collection_manager=200, everyone=403),
        *POST(client=401, collection_manager=422, everyone=403),
    ),
    "rounds/<slug:public_id>/extensions/": (
        *GET(client=401, collection_manager=200, everyone=403),
        *POST(client=401, collection_manager=422, everyone=403),
    ),
    "rounds/<slug:public_id>/extensions/<int:extension_id>/end/": POST(
        client=401, collection_manager=302, everyone=403
    ),
    "rounds/<slug:public_id>/seal/": GET(client=401, people=200, outsider=404, staff=403),
    "rounds/<slug:public_id>/template.xlsx": GET(client=401, people=200, outsider=404, staff=403),
    "rounds/<slug:public_id>/send/": (
        *GET(client=401, people=200, outsider=404, staff=403),
        *POST(client=401, people=422, outsider=404, staff=403),
    ),
    # SDMX: nothing is published here, and olga's bank contributes to no collection
    "sdmx/2.1/data/<anything:address>": GET(everyone=404),
    "sdmx/2.1/availableconstraint/<anything:address>": GET(everyone=404),
    "sdmx/2.1/schema/<anything:address>": GET(everyone=501),
    "sdmx/2.1/metadata/<anything:address>": GET(everyone=501),
    "sdmx/2.1/<anything:address>": GET(everyone=400),  # the address filled in is no type of structure
    "sdmx/3.0/data/<anything:address>": GET(everyone=400),
    "sdmx/3.0/availability/<anything:address>": GET(everyone=400),
    "sdmx/3.0/structure/<anything:address>": GET(everyone=400),
    "sdmx/3.0/<anything:address>": GET(everyone=400),
    "sdmx/<anything:address>": GET(everyone=400),
    # pages: releases; the one here is in review
    "releases/": GET(client=401, member_services=403, auditor=403, everyone=200),
    "releases/<slug:release_id>/": GET(client=401, suspended=404, statistician=200, everyone=404),
    "releases/<slug:release_id>/files/": GET(client=401, suspended=404, everyone=404),  # a draft has none
    "releases/<slug:release_id>/files/<str:name>": GET(client=401, suspended=404, everyone=404),
    "releases/<slug:release_id>/figures.<str:format>": GET(client=401, suspended=404, statistician=200, everyone=404),
    "releases/<slug:release_id>/report.pdf": GET(client=401, suspended=404, everyone=404),  # this one is a draft
    "statements/": GET(client=401, members=200, staff=403),
    "statements/<slug:release_id>/": GET(client=401, suspended=404, everyone=404),  # nobody has one of a draft
    "statements/<slug:release_id>/sealed/": GET(client=401, suspended=404, everyone=404),
    "releases/<slug:release_id>/approve/": POST(client=401, suspended=404, statistician=302, everyone=404),
    "releases/<slug:release_id>/publish/": POST(client=401, suspended=404, statistician=302, everyone=404),
    "releases/<slug:release_id>/schedule/": POST(
        {"at": "2099-01-01T00:00"}, client=401, suspended=404, statistician=302, everyone=404
    ),
    "releases/<slug:release_id>/call-off/": POST(client=401, suspended=404, statistician=302, everyone=404),
    "releases/<slug:release_id>/note/": POST(
        {"note": "read"}, client=401, suspended=404, statistician=302, everyone=404
    ),
    "releases/<slug:release_id>/comment/": POST(
        {"text": "why"}, client=401, suspended=404, statistician=302, everyone=404
    ),
    "releases/<slug:release_id>/withhold/": POST(client=401, suspended=404, statistician=302, everyone=404),
    "releases/<slug:release_id>/cells/": GET(client=401, suspended=403, statistician=200, everyone=403),
    "releases/<slug:release_id>/refuse/": POST(
        {"reason": "wrong"}, client=401, suspended=404, statistician=302, everyone=404
    ),
    "releases/<slug:release_id>/withdraw/": POST(
        {"reason": "wrong"}, client=401, suspended=404, statistician=302, everyone=404
    ),
    # rounds, as pages
    "rounds/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "rounds/plan/": GET(client=401, collection_manager=200, everyone=403),
    "rounds/<slug:public_id>/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "rounds/<slug:public_id>/keys/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "rounds/<slug:public_id>/keys/ask/": POST({"reason": "ordered"}, client=401, collection_manager=302, everyone=403),
    # nobody has asked
    "rounds/<slug:public_id>/keys/confirm/": POST(client=401, collection_manager=404, everyone=403),
    "rounds/<slug:public_id>/keys/call-off/": POST(client=401, collection_manager=404, everyone=403),
    "rounds/<slug:public_id>/standings.csv": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "rounds/<slug:public_id>/remind/": (
        *GET("?who=late", client=401, suspended=404, outsider=404, collection_manager=200, everyone=403),
        *POST({"who": "late"}, client=401, suspended=404, outsider=404, collection_manager=302, everyone=403),
    ),
    "rounds/<slug:public_id>/reminder-rule/": POST(
        {"days": "-1, 3", "escalation_days": "5"},
        client=401,
        suspended=404,
        outsider=404,
        collection_manager=302,
        everyone=403,
    ),
    "rounds/<slug:public_id>/open/": POST(
        client=401, suspended=404, outsider=404, collection_manager=302, everyone=403
    ),
    "rounds/<slug:public_id>/close/": POST(
        client=401, suspended=404, outsider=404, collection_manager=302, everyone=403
    ),
    "rounds/<slug:public_id>/reopen/": POST(
        client=401, suspended=404, outsider=404, collection_manager=302, everyone=403
    ),
    "rounds/<slug:public_id>/compute/": POST(client=401, suspended=404, outsider=404, statistician=302, everyone=403),
    # pages: the own institution
    "institution/": GET(client=401, members=200, staff=403),
    "institution/approval/require/": POST(client=401, administrator=302, outsider=302, everyone=403),
    "institution/approval/waive/": POST(client=401, administrator=302, outsider=302, everyone=403),
    "institution/approval/waive/confirm/": POST(
        client=401, administrator=302, approver=302, outsider=404, everyone=403
    ),
    "institution/approval/waive/refuse/": POST(client=401, administrator=302, approver=302, outsider=404, everyone=403),
    "institution/people/": GET(client=401, members=200, staff=403),
    "institution/people/invite/": GET(client=401, administrator=200, outsider=200, everyone=403),
    "institution/people/<int:person_id>/": (
        *GET(client=401, suspended=404, administrator=200, people=403, everyone=404),
        *POST({"roles": ["analyst"]}, client=401, suspended=404, administrator=302, people=403, everyone=404),
    ),
    "institution/people/<int:person_id>/close/": POST(
        client=401, suspended=404, administrator=302, people=403, everyone=404
    ),
    "institution/people/<int:person_id>/reopen/": POST(
        client=401, suspended=404, administrator=302, people=403, everyone=404
    ),
    "institution/invitations/<int:invitation_id>/send/": POST(
        client=401, suspended=404, administrator=302, member_services=302, everyone=404
    ),
    "institution/invitations/<int:invitation_id>/revoke/": POST(
        client=401, suspended=404, administrator=302, member_services=302, everyone=404
    ),
    "institution/agreements/": GET(client=401, members=200, staff=403),
    "institution/agreements/<int:agreement_version>/accept/": POST(
        {"name": "Dora", "position": "Head of Risk", "is_authorized": "on"},
        client=401,
        administrator=302,
        approver=302,
        outsider=302,
        everyone=403,
    ),
    "institution/leaving/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST({"leaves_on": "2099-01-01"}, client=401, administrator=302, outsider=302, everyone=403),
    ),
    "institution/leaving/call-off/": POST(client=401, administrator=404, outsider=404, everyone=403),
    "institution/records/": GET(client=401, administrator=200, approver=200, outsider=200, suspended=200, everyone=403),
    "institution/records/<uuid:pk>/receipt/": GET(
        client=401, administrator=200, approver=200, outsider=404, suspended=404, everyone=403
    ),
    "institution/keys/": GET(client=401, members=200, staff=403),
    "institution/keys/register/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST({"request": "no request"}, client=401, administrator=422, outsider=422, everyone=403),
    ),
    "institution/keys/<str:kid>/": GET(client=401, people=200, outsider=404, staff=403),
    "institution/keys/<str:kid>/revoke/": POST(
        {"reason": "routine"}, client=401, administrator=302, people=403, outsider=404, staff=403
    ),
    "institution/statements/": GET(client=401, members=200, staff=403),
    "institution/statements/register/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST({"request": "no request"}, client=401, administrator=422, outsider=422, everyone=403),
    ),
    "institution/statements/<slug:delivery>/choose/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST(client=401, administrator=302, outsider=302, everyone=403),
    ),
    "institution/statements/<str:kid>/revoke/": (  # none is registered
        *GET(client=401, members=404, staff=403),
        *POST(client=401, members=404, staff=403),
    ),
    # pages: its API clients, its administrator's; `outsider` administers another institution
    "institution/api-clients/": GET(client=401, administrator=200, outsider=200, everyone=403),
    "institution/api-clients/issue/": (
        *GET(client=401, administrator=200, outsider=200, everyone=403),
        *POST({"name": ""}, client=401, administrator=422, outsider=422, everyone=403),
    ),
    "institution/api-clients/<int:client>/": (
        *GET(client=401, administrator=200, outsider=404, everyone=403),
        *POST({"name": ""}, client=401, administrator=422, outsider=404, everyone=403),
    ),
    "institution/api-clients/<int:client>/key/": POST(client=401, administrator=422, outsider=404, everyone=403),
    "institution/api-clients/<int:client>/secret/": POST(client=401, administrator=200, outsider=404, everyone=403),
    "institution/api-clients/<int:client>/former-secret/end/": POST(
        client=401, administrator=302, outsider=404, everyone=403
    ),
    "institution/api-clients/<int:client>/revoke/": POST(client=401, administrator=302, outsider=404, everyone=403),
    # pages: the association's
    "administration/institutions/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "administration/institutions/propose/": GET(client=401, member_services=200, everyone=403),
    "administration/institutions/<str:institution>/": GET(
        client=401, members=403, policy_editor=403, observer=403, staff=200
    ),
    "administration/institutions/<str:institution>/correct/": GET(client=401, member_services=200, everyone=403),
    "administration/institutions/<str:institution>/admit/": POST(
        client=401, suspended=404, outsider=404, policy_editor=404, observer=404, member_services=302, everyone=403
    ),
    "administration/institutions/<str:institution>/suspend/": POST(
        {"reason": "arrears"},
        client=401,
        suspended=404,
        outsider=404,
        policy_editor=404,
        observer=404,
        member_services=302,
        everyone=403,
    ),
    "administration/institutions/<str:institution>/reinstate/": POST(
        client=401, suspended=404, outsider=404, policy_editor=404, observer=404, member_services=302, everyone=403
    ),
    "administration/people/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "administration/people/invite/": GET(client=401, member_services=200, everyone=403),
    # joining: pages for everybody
    "join/": (*GET(public=200), *POST(public=422)),
    "join/sent/": GET(public=200),
    "join/<str:token>/": GET(public=404),
    "join/<str:token>/confirm/": POST(public=404),
    "join/<str:token>/answer/<int:question_id>/": POST(public=404),
    "join/<str:token>/withdraw/": POST(public=404),
    "invitation/<str:token>/": (*GET(public=410), *POST(public=410)),
    "agreement/": GET(public=302),
    "agreement/<int:agreement_version>/": GET(public=200),
    "agreement/<int:agreement_version>/text/": GET(public=200),
    # applications: member services only
    "administration/applications/": GET(client=401, member_services=200, everyone=403),
    "administration/applications/<uuid:application>/": GET(
        client=401, suspended=404, member_services=200, everyone=404
    ),
    "administration/applications/<uuid:application>/take-up/": POST(
        client=401, suspended=404, member_services=302, everyone=404
    ),
    "administration/applications/<uuid:application>/ask/": POST(
        {"question": "Who are you?"}, client=401, suspended=404, member_services=302, everyone=404
    ),
    "administration/applications/<uuid:application>/decline/": POST(
        {"reason": "No lender"}, client=401, suspended=404, member_services=302, everyone=404
    ),
    "administration/applications/<uuid:application>/admit/": POST(
        client=401, suspended=404, member_services=422, everyone=404
    ),
    "administration/institutions/<str:institution>/end/": POST(
        {"ending-reason": "gone"},
        client=401,
        suspended=404,
        outsider=404,
        policy_editor=404,
        observer=404,
        member_services=302,
        everyone=403,
    ),
    "administration/institutions/<str:institution>/departure/confirm/": POST(client=401, suspended=404, everyone=404),
    "administration/institutions/<str:institution>/departure/call-off/": POST(client=401, suspended=404, everyone=404),
    "administration/affiliates/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "administration/affiliates/new/": GET(client=401, member_services=200, everyone=403),
    "administration/affiliates/<str:group>/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "administration/affiliates/<str:group>/join/": POST(client=401, member_services=302, everyone=403),
    "administration/affiliates/<str:group>/<str:institution>/leave/": POST(
        client=401, member_services=404, everyone=403
    ),
    "administration/agreements/": GET(client=401, members=403, policy_editor=403, observer=403, staff=200),
    "administration/agreements/issue/": GET(client=401, member_services=200, everyone=403),
    "administration/people/<int:person_id>/": (
        *GET(
            client=401,
            suspended=404,
            outsider=404,
            policy_editor=404,
            observer=404,
            administrator=200,
            member_services=200,
            everyone=403,
        ),
        *POST(
            {"roles": ["analyst"]},
            client=401,
            suspended=404,
            outsider=404,
            policy_editor=404,
            observer=404,
            administrator=302,
            member_services=302,
            everyone=403,
        ),
    ),
    "administration/people/<int:person_id>/close/": POST(
        client=401,
        suspended=404,
        outsider=404,
        policy_editor=404,
        observer=404,
        administrator=302,
        member_services=302,
        everyone=403,
    ),
    "administration/people/<int:person_id>/reopen/": POST(
        client=401,
        suspended=404,
        outsider=404,
        policy_editor=404,
        observer=404,
        administrator=302,
        member_services=302,
        everyone=403,
    ),
    "administration/invitations/<int:invitation_id>/send/": POST(
        client=401, suspended=404, administrator=302, member_services=302, everyone=404
    ),
    "administration/invitations/<int:invitation_id>/revoke/": POST(
        client=401, suspended=404, administrator=302, member_services=302, everyone=404
    ),
    "administration/audit-log/": GET(client=401, auditor=200, everyone=403),
}


@pytest.fixture
def door(client, harbour, request):
    answer = client.post(
        "/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": harbour.basic}
    )
    people = {role: request.getfixturevalue(name) for role, name in CAST.items()}
    return Door(people, "Bearer " + answer.json()["access_token"])


@pytest.fixture
def things(harbour, open_round, ada, timo, mara):
    """What the addresses are about: a submission of Harbour Bank that waits for approval, a release in review."""
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(submission.pk)
    release = Release.objects.create(
        round=open_round, public_id="draft-r1", revision=1, state=ReleaseState.IN_REVIEW, prepared_by=timo
    )
    delivery = Delivery.objects.create(
        endpoint=Endpoint.objects.create(
            institution=harbour.institution, url="https://hooks.example/x", events=["round.opened"]
        ),
        message=Message.objects.create(type="round.opened"),
        state="delivered",
    )
    return {
        "release_id": release.public_id,
        "institution": harbour.institution.code,
        "drawing": "svg",
        "format": "csv",
        "wanted": "unknown",
        "delivery": "portal",
        "rest": "no/such/address",
        "address": "no/such/address",
        "name": "manifest.jws",
        "token": "forged",
        "webhook_id": delivery.endpoint_id,
        "delivery_id": delivery.pk,
        "notice_id": Notice.objects.create(person=ada, kind=Kind.ROUND_OPENED, address="/").pk,
        "code": open_round.collection.code,
        "version": open_round.collection.version,
        "public_id": open_round.public_id,
        "client": harbour.client.pk,
        "pk": submission.pk,
        **_asked_and_extended(submission, mara),
        "alert_id": _warned(release),
        "kid": harbour.key.kid,
        "key_id": 1,  # nobody has one
        "slug": "harbour",
        "organization_slug": "harbour",
        "person_id": ada.pk,
        **_joining(harbour.institution, mara),
    }


def _asked_and_extended(submission, mara):
    """A question about the submission, and more time for its institution."""
    query = Query.objects.create(
        submission=submission, handle="AAAA-BBBB", rule="balance-change", severity="warning", findings_count=1
    )
    extension = Extension.objects.create(
        round=submission.round,
        institution=submission.institution,
        until=submission.round.due_at + timedelta(days=1),
        reason="Migration",
        granted_by=mara,
    )
    return {"query_id": query.pk, "extension_id": extension.pk}


def _warned(release):
    """A warning about a cell of the release."""
    indicator = release.round.collection.template.indicators[0].id
    named = {"release": release, "indicator": indicator, "peer_group": "ALL", "key": "_T"}
    ReleaseCell.objects.create(**named, pooled=0.04, contributors=9, withheld=False)
    alert = Alert.objects.create(
        **named,
        collection=release.round.collection.code,
        kind="level",
        severity="severe",
        since=release.round.period,
        period=release.round.period,
        facts={"figure": "pooled", "value": 0.04, "expected": 0.03, "limit": 0.035, "history": 20, "course": []},
    )
    return alert.pk


def _joining(institution, mara):
    """An application that waits for its review, an agreement, a group, somebody invited to Harbour Bank."""
    today = timezone.localdate()
    application = Application.objects.create(
        name="Newcomer",
        contact_email="nora@newcomer.example",
        state=ApplicationState.IN_REVIEW,
        confirmed_at=timezone.now(),
    )
    agreement = agreements.issue("# Agreement", "# 协议", effective_on=today, accept_by=today, by=mara)
    invited = invitations.invite("nils@example.org", "Nils", ["analyst"], institution=institution, by=mara)
    ApprovalWaiver.objects.create(institution=institution, asked_by=mara)
    return {
        "application": application.public_id,
        "question_id": 1,  # nobody asked one
        "agreement_version": agreement.version,
        "group": affiliates.create("FAMILY", "Family", by=mara).code,
        "invitation_id": invited.pk,
    }


def test_every_address_has_an_entry():
    assert sorted(set(addresses()) - set(MATRIX)) == [], "addresses without an entry in the access matrix"
    assert sorted(set(MATRIX) - set(addresses())) == [], "entries of addresses that are gone"


def _area(address):
    """What an address begins with: a bank's cast is founded once for each."""
    return address.strip("^").partition("/")[0]


@pytest.mark.parametrize("area", sorted({_area(address) for address in MATRIX}))
def test_each_role_gets_what_the_matrix_says(area, things, door):
    wrong = []
    for address in (address for address in MATRIX if _area(address) == area):
        path = "/" + _filled(address, things)
        for line in MATRIX[address]:
            for role in ROLES:
                got, wanted = door.status(role, line, path), line.status_for(role)
                if got != wanted:
                    wrong.append(f"{line.method} {address} as {role}: {got} instead of {wanted}")
    assert wrong == []


def test_nothing_that_the_matrix_tried_is_kept(things, door):
    door.status("approver", POST(public=200)[0], f"/api/v1/submissions/{things['pk']}/approve")

    assert Submission.objects.get().approved_by is None


def _filled(address, things):
    if address.startswith("^"):
        return address.strip("^$").replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "1-no-key")
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(things[found.group(1)]), address)
