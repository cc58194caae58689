"""By which rules an operation refuses, beside those that every operation has: what its description says, and tests hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anonymize.package.registration import REGISTRATION_RULES
from anonymize.package.rules import RULES
from anonymize.package.statement_key import STATEMENT_KEY_RULES

Rules = Mapping[int, Sequence[str]]

_OF_PACKAGES = [rule for rule in RULES if rule not in {"cannot-open", "wrong-key-use", "other-package", "too-large"}]
_CORRECTIONS = ("correction-reason-unknown", "correction-reason-missing", "correction-note-missing", "reason-too-long")
_WEBHOOK_ADDRESSES = ("webhook-address", "webhook-not-https", "webhook-port", "webhook-private", "webhook-unresolved")

OF: Mapping[str, Rules] = {
    "post-packages": {
        403: ("not-a-contributor",),
        409: ("round-not-open", "round-closed", *_CORRECTIONS),
        413: ("too-large",),
        422: (*_OF_PACKAGES, "idempotency-key-reused"),
    },
    "post-approve": {409: ("not-awaiting-approval", "own-submission", "round-closed")},
    "post-send-back": {
        409: ("not-awaiting-approval", "own-submission", "reason-missing", "reason-too-long"),
    },
    "post-withdraw": {
        409: ("nothing-to-withdraw", "round-closed", "reason-too-long"),
    },
    "get-submission-proof": {409: ("not-in-log",)},
    "get-release-proof": {409: ("not-computed", "not-in-log")},
    "get-log-consistency": {400: ("no-such-tree",)},
    "get-log-entries": {400: ("no-such-tree",)},
    "get-cells": {400: ("unknown-filter",)},
    "get-statement": {
        400: ("unknown-filter",),
        403: ("not-yours",),
        409: ("delivered-to-own-key", "delivered-in-portal"),
    },
    "post-statement-key": {409: ("key-taken",), 422: tuple(STATEMENT_KEY_RULES)},
    "patch-statement-key": {409: ("no-statement-key",)},
    "delete-statement-key": {409: ("key-not-in-force",)},
    "post-alert-acknowledge": {409: ("alert-acknowledged", "remark-too-long", "not-text")},
    "post-alert-follow-up": {409: ("alert-closed", "alert-owner", "remark-too-long", "not-text")},
    "post-alert-close": {409: ("alert-closed", "alert-outcome", "remark-too-long", "not-text")},
    "post-own-alert-actions": {
        409: ("no-such-alert", "alert-acknowledged", "alert-closed", "alert-owner", "alert-outcome", "not-text"),
    },
    "post-peer-groups": {
        403: ("no-member",),
        409: (
            "group-name",
            "no-contributor",
            "group-too-small",
            "too-few-outside",
            "too-near-another-group",
            "two-groups-already",
            "eight-groups-already",
        ),
    },
    "delete-peer-group": {403: ("not-the-owner",), 409: ("not-custom", "retired-already")},
    "post-no-data": {
        403: ("not-a-contributor",),
        409: (
            "round-not-open",
            "round-closed",
            "no-data-reason-unknown",
            "reason-missing",
            "reason-too-long",
            "submission-stands",
            "declared-already",
        ),
    },
    "delete-no-data": {409: ("nothing-to-withdraw", "round-closed")},
    "post-query-answers": {409: ("query-closed", "message-missing", "message-too-long")},
    "post-keys": {
        409: ("key-taken", "too-many-keys", "no-such-key", "key-not-in-force", "already-replaced"),
        422: (*REGISTRATION_RULES, "invalid-key"),
    },
    "delete-key": {409: ("already-revoked",)},
    "post-webhooks": {409: ("too-many-webhooks", "webhook-exists"), 422: _WEBHOOK_ADDRESSES},
    "patch-webhook": {
        409: ("webhook-exists", "no-event", "unknown-event"),
        412: ("changed-meanwhile",),
        422: _WEBHOOK_ADDRESSES,
    },
    "post-webhook-test": {409: ("webhook-disabled", "still-waiting")},
    "post-webhook-redeliver": {409: ("webhook-disabled", "still-waiting")},
}
