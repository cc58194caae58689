"""A release as files, and the manifest that the consortium signs over them.

The files hold what the reader may see: every cell for the association and for members that answered the round, the
headlines for others (give-to-get); the manifest says which. The same release and reader give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from anonymize.package.manifest import Content, FileEntry, ReleaseManifest, issue_manifest
from consortium import signing
from consortium.people.roles import Actor
from sharing.benchmarks import export
from sharing.models import Release, ReleaseCell
from sharing.models.release import HEADLINE, PUBLIC_STATES
from sharing.sdmx import data_csv, data_json, data_xml, structures
from sharing.sdmx.data_query import DataQuery
from sharing.sdmx.flows import Flow
from sharing.sdmx.observations import Answer
from sharing.states import ReleaseState

_DIGESTS_KEPT = 30 * 24 * 3600  # seconds


@dataclass(frozen=True)
class Kind:
    """One file of every release: how its name ends, what it is, and how it is written."""

    ending: str
    media_type: str
    label: object
    write: Callable[[ReleaseFiles], bytes]


class ReleaseFiles:
    """The files of one published or withdrawn release for one reader."""

    def __init__(self, release: Release, by: Actor) -> None:
        self.release, self.by = release, by

    @classmethod
    def of(cls, release: Release, *, by: Actor) -> ReleaseFiles | None:
        """None for a draft: it has no files yet, whoever asks."""
        return cls(release, by) if release.state in PUBLIC_STATES else None

    @property
    def cells(self) -> QuerySet[ReleaseCell]:
        return ReleaseCell.objects.visible_to(self.by).filter(release=self.release)

    @property
    def content(self) -> Content:
        """Whether the reader is entitled to all cells; whoever sees a cell that is no headline is."""
        whole = ReleaseCell.objects.filter(release=self.release).exclude(HEADLINE).exists()
        return "headlines" if whole and not self.cells.exclude(HEADLINE).exists() else "all"

    def write(self, name: str) -> bytes | None:
        """The file's bytes; None where there is no file of this name."""
        kind = next((each for each in KINDS if self._name(each) == name), None)
        return None if kind is None else kind.write(self)

    def media_type(self, name: str) -> str:
        return next(each.media_type for each in KINDS if self._name(each) == name)

    def entries(self) -> tuple[FileEntry, ...]:
        """Every file with its size and digest; written once, then remembered: a release's cells do not change."""
        key = hashlib.sha256(
            repr(
                ("release-files", self.release.pk, self.release.computed_at, self.content, version("concord"))
            ).encode()
        ).hexdigest()
        known: list[tuple[str, str, int, str]] | None = cache.get(key)
        if known is None:
            known = [self._measured(kind) for kind in KINDS]
            cache.set(key, known, _DIGESTS_KEPT)
        return tuple(FileEntry(*each) for each in known)

    def manifest(self) -> ReleaseManifest:
        release, entries = self.release, self.entries()
        is_withdrawn = release.state == ReleaseState.WITHDRAWN
        return ReleaseManifest(
            consortium=settings.CONCORD_AUDIENCE,
            release=release.public_id,
            collection=release.round.collection.code,
            period=release.round.period,
            revision=release.revision,
            state=release.state,
            published_at=_moment(release.published_at) or "",
            withdrawn_at=_moment(release.withdrawn_at),
            reason=release.reason if is_withdrawn else None,
            replaces=release.corrects.public_id if release.corrects else None,
            content=self.content,
            cells=self.cells.count(),
            cells_sha256=next(each.sha256 for each in entries if each.name.endswith(".sdmx.csv")),
            files=entries,
        )

    def signed(self) -> str:
        return issue_manifest(self.manifest(), signing.receipt_key())

    def answer(self) -> Answer:
        """The release's cells as an answer of the SDMX service, told as the release's own message."""
        release = self.release
        return Answer(
            DataQuery(self.flow),
            {release.pk: release.round.period},
            self.cells,
            message_id=release.public_id,
            prepared=_time(release),
        )

    @property
    def flow(self) -> Flow:
        collection = self.release.round.collection
        groups = collection.peer_groups.filter(code__in=self.cells.order_by().values("peer_group").distinct())
        return Flow(collection, tuple(groups))

    def _name(self, kind: Kind) -> str:
        return f"{self.release.public_id}.{kind.ending}"

    def _measured(self, kind: Kind) -> tuple[str, str, int, str]:
        content = kind.write(self)
        return self._name(kind), kind.media_type, len(content), hashlib.sha256(content).hexdigest()


def _table(format: str) -> Callable[[ReleaseFiles], bytes]:
    return lambda files: export.encode(export.release_table(files.release, by=files.by), format)


def _data(write: Callable[[Answer], object]) -> Callable[[ReleaseFiles], bytes]:
    def written(files: ReleaseFiles) -> bytes:
        sink = io.BytesIO()
        sink.writelines(write(files.answer()))  # type: ignore[arg-type]
        return sink.getvalue()

    return written


def _structure(files: ReleaseFiles) -> bytes:
    chosen = [each for each in structures.artefacts([files.flow]) if each.kind != "agencyscheme"]
    release = files.release
    return structures.write(chosen, "xml-3.0", id=release.public_id, prepared=_time(release))


def _template(files: ReleaseFiles) -> bytes:
    return json.dumps(files.release.round.collection.document, ensure_ascii=False, indent=2).encode() + b"\n"


def _time(release: Release) -> datetime:
    return (release.published_at or release.started_at).astimezone(UTC)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


KINDS: tuple[Kind, ...] = (
    Kind("csv", "text/csv; charset=utf-8", _("Table for people and spreadsheets"), _table("csv")),
    Kind("xlsx", export.MEDIA_TYPES["xlsx"], _("Excel workbook"), _table("xlsx")),
    Kind("parquet", export.MEDIA_TYPES["parquet"], _("Parquet, for programs"), _table("parquet")),
    Kind(
        "sdmx.csv",
        "application/vnd.sdmx.data+csv;version=2.0.0",
        _("Figures as SDMX-CSV"),
        _data(lambda answer: data_csv.write(answer, "2.0")),
    ),
    Kind(
        "sdmx.json",
        "application/vnd.sdmx.data+json;version=2.0.0",
        _("Figures as SDMX-JSON"),
        _data(lambda answer: data_json.write(answer, "2.0")),
    ),
    Kind(
        "sdmx.xml",
        "application/vnd.sdmx.data+xml;version=3.0.0",
        _("Figures as SDMX-ML"),
        _data(lambda answer: data_xml.write(answer, "specific-3.0")),
    ),
    Kind("structure.xml", "application/vnd.sdmx.structure+xml;version=3.0.0", _("Structure as SDMX-ML"), _structure),
    Kind("template.json", "application/json", _("What members were asked"), _template),
)
LABELS: Mapping[str, object] = {kind.ending: kind.label for kind in KINDS}
