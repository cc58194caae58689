"""Problem documents in the API's description."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from consortium.api import PROBLEM, TITLES

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Why nothing was done (RFC 9457). `rule` is stable; `detail` is a sentence in the reader's language.",
    "required": ["type", "title", "status", "detail", "rule"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "rule": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$"},
        "member": {"type": "string", "description": "The member of a package's header that is wrong."},
        "errors": {"type": "object", "description": "What is wrong, by the name of the member or parameter."},
    },
}


def response(status: int, rules: Iterable[str]) -> dict[str, Any]:
    """The answer of that status, with an example for each rule."""
    return {
        "description": f"{TITLES[status]}: {', '.join(f'`{rule}`' for rule in rules)}",
        "content": {
            PROBLEM: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {rule: {"value": example(status, rule)} for rule in rules},
            }
        },
    }


def example(status: int, rule: str) -> dict[str, Any]:
    told = {"type": f"urn:concord:problem:{rule}", "title": TITLES[status], "status": status}
    return {**told, "detail": "A sentence that says what to do.", "rule": rule}
