"""A sealed package as a request body: bytes, read no further than the collection allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from anonymize.package import PACKAGE_MEDIA_TYPE
from anonymize.package.rules import refusal


class SealedPackage(BaseParser):
    """Hands on the stream; the view knows the limit."""

    media_type = PACKAGE_MEDIA_TYPE

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return stream


def read_at_most(stream: IO[bytes], limit: int, stated_length: str | None) -> bytes:
    """The whole body; PackageError `too-large` before more than the limit is in memory."""
    if stated_length and stated_length.isdecimal() and int(stated_length) > limit:
        raise refusal("too-large")
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise refusal("too-large")
    return body
