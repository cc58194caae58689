"""An operation of the API's description: its name, summary, scope and whatever it may answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.openapi import AutoSchema

from consortium.api_auth import scope_of
from consortium.openapi import problems

_TEXT = {"type": "string"}


class Operation(AutoSchema):
    """Named after method and address, with the problems that follow from what it takes and who may ask."""

    def get_operation_id(self) -> str:
        return f"{self.method.lower()}-{_names().get(self.path_regex, self.path)}"

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").partition("/")[0].replace("-", " ").capitalize()]

    def get_summary(self) -> str:
        """The first sentence of the docstring, as a title."""
        words = " ".join((super().get_description() or self.get_operation_id()).split())
        return re.split(r"\.(?: |$)|: ", words.replace("`", ""))[0]

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        scope = scope_of(self.view, self.method)
        words = super().get_description() or ""
        if not self.get_auth():
            return words
        needs = f"Scope: `{scope}`." if scope else "For people only: an API client gets 403 `people-only`."
        return f"{words}\n\n{needs}".strip()

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for status, rules in sorted(self._refusals(operation).items()):
            operation["responses"].setdefault(str(status), problems.response(status, rules))
        for status, response in operation["responses"].items():
            response.setdefault("headers", {}).update(self._headers(int(status)))
        return operation

    def _refusals(self, operation: Mapping[str, Any]) -> dict[int, tuple[str, ...]]:
        """Every status above 400 that may come, with the rules that it names."""
        has_body = "requestBody" in operation
        found: dict[int, tuple[str, ...]] = {406: ("not-acceptable",), 429: ("throttled",), 503: ("database-away",)}
        if self.get_auth():
            found[401] = ("not-authenticated", "authentication-failed")
            found[403] = ("forbidden", "not-entitled", "insufficient-scope", "address-not-allowed", "people-only")
            found[404] = ("not-found",)
        if has_body or any(each["in"] == "query" for each in operation.get("parameters", ())):
            found[400] = ("invalid",)
        if has_body:
            found[400] = ("invalid", "parse-error")
            found[411] = ("length-required",)
            found[413] = ("too-large",)
            found[415] = ("unsupported-media-type",)
        return found

    def _headers(self, status: int) -> dict[str, Any]:
        headers = {"RateLimit": "What is left of the allowance.", "RateLimit-Policy": "The allowance."}
        if status == 200 and self._is_list_view() and hasattr(self.view, "paginate_queryset"):
            headers["Link"] = "The pages before and after (RFC 8288)."
        if status in {429, 503}:
            headers["Retry-After"] = "Seconds."
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer (RFC 6750)."
        return {name: {"description": text, "schema": _TEXT} for name, text in headers.items()}


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    return dict(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, address)
        elif pattern.name:
            yield address, pattern.name
