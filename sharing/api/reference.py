"""The API's reference as a page: its description, drawn on the server, with a command to try for each operation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consortium.institutions.scopes import Scope
from sharing.api import description

Json = Mapping[str, Any]
_REF = "#/components/schemas/"
_SESSION = {"cookieAuth"}


@dataclass(frozen=True)
class Row:
    """A parameter, or a member of a body."""

    name: str
    kind: str
    words: str
    is_required: bool
    where: str = ""


@dataclass(frozen=True)
class Answer:
    """What comes back with one status."""

    status: str
    words: str
    media: list[str]
    rows: list[Row]
    example: str
    rules: list[str]

    @property
    def is_problem(self) -> bool:
        return self.status >= "400"


@dataclass(frozen=True)
class Call:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    words: str
    scope: str
    is_public: bool
    parameters: list[Row]
    takes: list[str]
    body: list[Row]
    command: str
    answers: list[Answer]


@dataclass
class Chapter:
    title: str
    calls: list[Call] = field(default_factory=list)


@login_not_required
@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """Every operation on one page, so that the browser's own search finds it and a printer prints it."""
    context = {"chapters": chapters(), "scopes": list(Scope), "address": settings.CONCORD_URL}
    return render(request, "sharing/api_reference.html", context)


@lru_cache(maxsize=1)
def chapters() -> list[Chapter]:
    """The description in the order of its addresses; it does not change while a process lives."""
    document = description.document()
    reader = _Reader(document["components"]["schemas"])
    found: dict[str, Chapter] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            title = operation["tags"][0]
            found.setdefault(title, Chapter(title)).calls.append(reader.call(method.upper(), path, operation))
    return list(found.values())


@dataclass(frozen=True)
class _Reader:
    """Reads operations; `schemas` are the components they refer to."""

    schemas: Json

    def call(self, method: str, path: str, operation: Json) -> Call:
        security = [requirement for requirement in operation.get("security", ()) if not set(requirement) <= _SESSION]
        takes = operation.get("requestBody", {}).get("content", {})
        return Call(
            id=operation["operationId"],
            method=method,
            path=path,
            summary=operation["summary"],
            words=operation.get("description", "").partition("\n\nScope:")[0].partition("\n\nFor people")[0],
            scope=security[0]["clientCredentials"][0] if security and "clientCredentials" in security[0] else "",
            is_public=not operation.get("security"),
            parameters=[self._parameter(each) for each in operation.get("parameters", ())],
            takes=list(takes),
            body=list(self._rows(takes.get("application/json", {}).get("schema", {}))),
            command=_command(method, path, takes),
            answers=[self._answer(status, each) for status, each in sorted(operation["responses"].items())],
        )

    def _parameter(self, parameter: Json) -> Row:
        words = parameter.get("description", "")
        kind = self._kind(parameter.get("schema", {}))
        return Row(parameter["name"], kind, words, bool(parameter.get("required")), parameter["in"])

    def _answer(self, status: str, response: Json) -> Answer:
        content = response.get("content", {})
        media = content.get("application/json", {})
        problem = content.get("application/problem+json", {})
        example = json.dumps(media["example"], ensure_ascii=False, indent=2) if "example" in media else ""
        rows = [] if problem else list(self._rows(media.get("schema", {})))
        return Answer(status, response["description"], list(content), rows, example, list(problem.get("examples", ())))

    def _rows(self, schema: Json) -> Iterator[Row]:
        schema = self._followed(schema)
        if list(schema.get("properties", {})) == ["results"]:
            schema = self._followed(schema["properties"]["results"].get("items", {}))
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            words = member.get("description", "") or self._followed(member).get("description", "")
            yield Row(name, self._kind(member), "" if "`" in words else words, name in required)

    def _kind(self, schema: Json) -> str:
        schema = self._followed(schema)
        if words := [str(word) for word in schema.get("enum", ()) if word != ""]:
            return " | ".join(words)
        if "oneOf" in schema:
            return " | ".join(dict.fromkeys(filter(None, (self._kind(each) for each in schema["oneOf"]))))
        kind = schema.get("type", "")
        kind = "|".join(each for each in kind if each != "null") if isinstance(kind, list) else kind
        if kind == "array":
            return f"[{self._kind(schema.get('items', {}))}]"
        return str(schema.get("format") or kind or "JSON")

    def _followed(self, schema: Json) -> Json:
        if "allOf" in schema:
            return self._followed(schema["allOf"][0])
        name = str(schema.get("$ref", "")).removeprefix(_REF)
        return self.schemas[name] if name else schema


def _command(method: str, path: str, takes: Json) -> str:
    """A curl command; whoever copies it fills in the braces."""
    lines = ["curl"] if method == "GET" else [f"curl -X {method}"]
    lines[0] += f' "{settings.CONCORD_URL}{path}"'
    lines.append('-H "Authorization: Bearer $TOKEN"')
    if "application/json" in takes:
        body = json.dumps(takes["application/json"].get("example", {}), ensure_ascii=False)
        lines += ['-H "Content-Type: application/json"', f"-d '{body}'".replace("'s ", "’s ")]
    elif takes:
        lines += [f'-H "Content-Type: {next(iter(takes))}"', "--data-binary @cube.sealed"]
    return " \\\n  ".join(lines)
