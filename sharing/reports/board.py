"""The board report as PDF: typeset on request, and never kept, since a member's own figures are in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

from django.utils import translation

from consortium.people.models import Person
from sharing.models import Release
from sharing.reports.content import content

MEDIA_TYPE: Final = "application/pdf"
LANGUAGES: Final = ("en", "zh-hans")


def pdf(release: Release, person: Person, language: str) -> bytes:
    """The report of a published release for one reader; the same bytes for the same release, language and institution.

    The PDF is tagged as PDF/UA-1 demands. Its date is that of the publication.
    """
    with translation.override(language):
        document = content(release, person)
    paper: bytes = typeset(document, release.published_at or release.started_at)
    return paper


def typeset(document: dict[str, Any], at: datetime, format: Literal["pdf", "png"] = "pdf") -> Any:
    """PDF, or a list of pages as PNG. What the document holds is data to the typesetter, never markup."""
    # Imported late: nothing but a report needs it.
    import typst

    return typst.compile(  # type: ignore[misc]  # its stub does not say that bytes are an input
        _layout(),
        format=format,
        font_paths=[_fonts()],
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps(document, ensure_ascii=False), "at": at.astimezone(UTC).date().isoformat()},
        timestamp=int(at.timestamp()),
        pdf_standards=["ua-1"] if format == "pdf" else [],
    )


@cache
def _layout() -> bytes:
    return (resources.files("sharing.reports") / "board.typ").read_bytes()


@cache
def _fonts() -> str:
    """A folder with a font that knows Latin and Chinese, whatever the machine has."""
    return str(Path(str(resources.files("justmytype_intl_cjk"))) / "fonts" / "ofl" / "notosanssc")
