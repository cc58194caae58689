"""An example of every document that the API takes or gives; the tests hold each against its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from consortium.api import PROBLEM
from consortium.openapi import problems
from sharing.api import refusals

_SUBMISSION = "0f8fad5b-d9cb-469f-a165-70867728950e"
_JWS = "eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiJIQVJCT1VSIn0.c2lnbmF0dXJl"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
_JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": _KID}
_WEBHOOK = {
    "id": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
    "url": "https://bank.example/hooks/concord",
    "description": "Treasury's scheduler",
    "events": ["submission.accepted", "release.published"],
    "active": True,
    "made_at": "2026-11-02T08:00:00Z",
    "failing_since": None,
}
_MESSAGE = {
    "is_answer": False,
    "text": "Is the merger of June in this figure?",
    "cells": [],
    "at": "2026-11-12T09:30:00Z",
}

EXAMPLES: Mapping[str, Any] = {
    "CollectionLine": {
        "id": "call-report",
        "version": "1.0.0",
        "name": {"en": "Delinquency call report", "zh-Hans": "逾期情况报表"},
        "frequency": "Q",
    },
    "RoundDocument": {
        "id": "call-report-2026-Q3",
        "collection": "call-report",
        "template_version": "1.0.0",
        "period": "2026-Q3",
        "state": "open",
        "opens_at": "2026-10-01T00:00:00Z",
        "due_at": "2026-10-20T16:00:00Z",
        "closed_at": None,
        "extended_until": None,
        "audience": "example-consortium",
        "sealing_keys": [{"jwk": {"kty": "AKP", "suite": "X-Wing", "pub": "…"}, "signature": _JWS}],
    },
    "ReceivedDocument": {"id": _SUBMISSION, "is_trial": False, "state": "received", "receipt": _JWS},
    "SubmissionDocument": {
        "id": _SUBMISSION,
        "round": "call-report-2026-Q3",
        "is_trial": False,
        "version": 2,
        "state": "accepted",
        "received_at": "2026-10-12T22:15:07Z",
        "decided_at": "2026-10-12T22:15:09Z",
        "package_sha256": _HASH,
        "package_bytes": 48211,
        "receipt": _JWS,
        "findings_count": 1,
        "remarks": [],
    },
    "FindingDocument": {
        "rule": "period-change-within",
        "severity": "warning",
        "cell": {"PRODUCT": "CAR", "DPD_BUCKET": "D060P"},
        "sentence": "This differs from last quarter by more than half. Check it, or send it as it is.",
    },
    "Reason": {"reason": "The mapping missed the leasing book."},
    "OptionalReason": {"reason": "Sent for the wrong period."},
    "Declaration": {"reason": "no-such-portfolio", "text": ""},
    "NoDataDocument": {
        "round": "call-report-2026-Q3",
        "state": "declared",
        "reason": "no-such-portfolio",
        "text": "",
        "declared_at": "2026-10-05T10:00:00Z",
        "decided_at": "2026-10-05T10:00:00Z",
        "remark": "",
    },
    "QueryDocument": {
        "id": "3f333df6-90a4-4fda-8dd3-9485d27cee36",
        "handle": "K7QM2XWA",
        "rule": "period-change-within",
        "severity": "warning",
        "findings_count": 3,
        "state": "query_open",
        "asked_at": "2026-11-12T09:30:00Z",
        "messages": [_MESSAGE],
    },
    "Answer": {"text": "Yes, since 1 June.", "show_cells": False},
    "InstitutionDocument": {
        "code": "HARBOUR",
        "name": "Harbour Bank",
        "name_zh": "海港银行",
        "kind": "city_bank",
        "size_band": "medium",
        "home_region": "CN-ZJ",
        "registration_number": "913301001430000001",
        "lei": "",
        "affiliate_group": "",
        "state": "active",
        "approves_submissions": True,
        "agreement": {"newest": 2, "accepted": 2, "accept_by": "2026-12-31", "may_send": True},
    },
    "KeyRegistration": {"request": _JWS, "replaces": _KID},
    "SigningKeyDocument": {
        "kid": _KID,
        "jwk": _JWK,
        "valid_from": "2026-01-05T08:00:00Z",
        "ends_at": None,
        "revoked_at": None,
        "revocation": "",
        "replaces": None,
    },
    "StatementKeyRegistration": {"request": _JWS},
    "PatchedStatementDeliveryChoice": {"delivery": "own-key"},
    "StatementDeliveryDocument": {
        "delivery": "own-key",
        "keys": [
            {
                "kid": _KID,
                "suite": "X25519",
                "jwk": {"kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": _KID},
                "signing_kid": _KID,
                "registered_at": "2026-11-02T08:00:00Z",
                "ended_at": None,
            }
        ],
    },
    "ReleaseDocument": {
        "id": "call-report-2026-Q2-r1",
        "round": "call-report-2026-Q2",
        "collection": "call-report",
        "template_version": "1.0.0",
        "period": "2026-Q2",
        "revision": 1,
        "state": "published",
        "reason": "",
        "note": "",
        "published_at": "2026-08-14T09:00:00Z",
        "withdrawn_at": None,
        "contributors": 22,
        "expected": 24,
        "cells": 1840,
        "withheld": 212,
    },
    "AuditDocument": {
        "id": "call-report-2026-Q2-r1",
        "state": "in_review",
        "computed_at": "2026-08-12T09:00:00Z",
        "audit_passed": True,
        "inputs_digest": _HASH,
        "record": {"threshold": 5, "primary": 140, "secondary": 72},
    },
    "PeerGroupDocument": {
        "id": "SIZE_MEDIUM",
        "family": "size",
        "name": {"en": "Medium", "zh-Hans": "中型"},
        "criteria": {"size_band": ["medium"]},
        "collections": ["call-report"],
    },
    "AlertDocument": {
        "id": "8d6e1c60-5c4b-4f0e-9a55-0f4c1a7f1b52",
        "collection": "delinquency",
        "indicator": "DPD30_RATE",
        "peer_group": "ALL",
        "key": "SME.CN-ZJ._T",
        "dimension": "",
        "kind": "level",
        "severity": "elevated",
        "since": "2026-09",
        "period": "2026-10",
        "release": "delinquency-2026-10-r1",
        "raised_at": "2026-11-14T09:00:00Z",
        "ended_at": None,
        "ending": "",
        "sentence": "30+ days past due of small and medium enterprises in Zhejiang reached 3.9 %, above the 3.4 % expected.",
        "figures": {"value": 0.039, "expected": 0.031, "limit": 0.034},
        "handling": {"state": "acknowledged", "owner": "", "due": None, "outcome": "", "steps": []},
    },
    "Note": {"note": "We look into the three largest obligors."},
    "FollowUpBody": {"note": "", "owner": "Credit risk, Zhejiang", "due": "2026-12-15"},
    "CloseBody": {"note": "A merger of two books.", "outcome": "explained"},
    "OwnAction": {"alert": "0f5b8c1e-3a77-4a36-8f3e-5a2d3b9c7e10", "action": "acknowledge", "note": "Seen."},
    "OwnAlertDocument": {
        "id": "0f5b8c1e-3a77-4a36-8f3e-5a2d3b9c7e10",
        "collection": "delinquency",
        "indicator": "DPD30_RATE",
        "key": "_T._T._T",
        "kind": "outlier",
        "severity": "elevated",
        "since": "2026-10",
        "period": "2026-10",
        "is_over": False,
        "state": "alert_open",
        "owner": "",
        "due": "",
        "outcome": "",
        "steps": [],
        "sentence": "Your 30+ days past due are 1.4 times the peer median; they were 1.1 times.",
        "figures": {"value": 0.34, "expected": 0.1, "limit": 0.22},
    },
    "PeerGroupDefinition": {
        "collection": "call-report",
        "name": "Coast",
        "kind": [],
        "size_band": [],
        "home_region": ["CN-ZJ", "CN-FJ"],
        "institutions": [],
    },
    "TreeHead": {"head": _JWS},
    "ConsistencyProof": {"first": 120, "second": 140, "path": [_HASH]},
    "LogEntries": {"start": 0, "leaves": [_HASH]},
    "InclusionProof": {
        "submission": _SUBMISSION,
        "salt": "c2FsdA",
        "leaf_index": 17,
        "path": [_HASH],
        "head": _JWS,
    },
    "ReleaseProof": {"release": "call-report-2026-Q2-r1", "counted": _JWS},
    "WebhookDocument": _WEBHOOK,
    "WebhookWithSecret": {**_WEBHOOK, "secret": "whsec_ZXhhbXBsZQ=="},
    "NewWebhook": {"url": _WEBHOOK["url"], "events": _WEBHOOK["events"], "description": _WEBHOOK["description"]},
    "PatchedWebhookChange": {"active": False},
    "DeliveryDocument": {
        "id": "9b2d9f0e-7f52-4a4e-b6d1-2d2b6a2f1c11",
        "message": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        "type": "release.published",
        "state": "delivered",
        "at": "2026-08-14T09:00:01Z",
        "next_at": "2026-08-14T09:00:01Z",
        "attempts": [{"at": "2026-08-14T09:00:01Z", "milliseconds": 84, "status": 204, "problem": "", "body": ""}],
    },
}
# What has no component: a template, cells and statements, by the operation that answers it.
ANSWERS: Mapping[str, Any] = {
    "get-release-files": {
        "release": "call-report-2026-Q2-r1",
        "state": "published",
        "content": "all",
        "files": [
            {
                "name": "cells.csv",
                "media_type": "text/csv; charset=utf-8",
                "bytes": 184320,
                "sha256": _HASH,
                "href": "/api/v1/releases/call-report-2026-Q2-r1/files/cells.csv",
            }
        ],
        "manifest": _JWS,
    },
    "get-collection": {"id": "call-report", "version": "1.0.0", "frequency": "Q", "dimensions": [], "measures": []},
    "get-collection-version": {"id": "call-report", "version": "1.0.0", "frequency": "Q", "dimensions": []},
    "get-statement": {
        "release": "call-report-2026-Q2-r1",
        "institution": "HARBOUR",
        "proof": None,
        "results": [
            {
                "TIME_PERIOD": "2026-Q2",
                "INDICATOR": "RATE_60P",
                "PEER_GROUP": "ALL",
                "PRODUCT": "CAR",
                "OWN": 0.021,
                "BAND": "below-median",
                "TO_MEDIAN": -0.004,
                "TO_POOLED": -0.002,
                "PERCENTILE_FROM": 30,
                "PERCENTILE_TO": 40,
            }
        ],
    },
}
# Reads that carry an ETag and answer 304 to If-None-Match.
CONDITIONAL = frozenset({"get-collection", "get-collection-version", "get-round", "get-release", "get-cells"})
_REF = "#/components/schemas/"


def describe(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: the problem's schema, and the examples where they belong."""
    schemas = result["components"]["schemas"]
    schemas["Problem"] = problems.SCHEMA
    for name, example in EXAMPLES.items():
        if name in schemas:
            schemas[name].setdefault("example", example)
    for operation in operations(result):
        for status, rules in refusals.OF.get(operation["operationId"], {}).items():
            known = operation["responses"].get(str(status), {}).get("content", {}).get(PROBLEM, {}).get("examples", ())
            operation["responses"][str(status)] = problems.response(status, dict.fromkeys([*known, *rules]))
        if operation["operationId"] in CONDITIONAL:
            _make_conditional(operation)
        for media in _bodies(operation):
            value = _example(media.get("schema", {}), schemas, operation["operationId"])
            if value is not None and "examples" not in media:
                media["example"] = value
    return result


def _make_conditional(operation: dict[str, Any]) -> None:
    tag = {"schema": {"type": "string"}, "description": "The answer's entity tag, for If-None-Match."}
    operation["responses"]["200"]["headers"]["ETag"] = tag
    operation["responses"]["304"] = {
        "description": "Nothing changed since the tag was given.",
        "headers": {"ETag": tag},
    }
    operation.setdefault("parameters", []).append(
        {
            "name": "If-None-Match",
            "in": "header",
            "description": "The ETag of the answer that the caller has.",
            "schema": {"type": "string", "pattern": '^"[0-9a-f]+"$'},
        }
    )


def operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _bodies(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every JSON body that the operation takes, or gives when it succeeds."""
    bodies = [operation.get("requestBody", {})]
    bodies += [response for status, response in operation["responses"].items() if status < "300"]
    for body in bodies:
        if media := body.get("content", {}).get("application/json"):
            yield media


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any], operation: str) -> Any:
    """The example of the component that the schema names, alone or in a list."""
    if operation in ANSWERS:
        return ANSWERS[operation]
    if name := str(schema.get("$ref", "")).removeprefix(_REF):
        if name in EXAMPLES:
            return EXAMPLES[name]
        schema = schemas[name]
    if items := schema.get("properties", {}).get("results", {}).get("items"):
        one = _example(items, schemas, operation)
        return {"results": [] if one is None else [one]}
    return None
