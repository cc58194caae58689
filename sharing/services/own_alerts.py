"""Warnings about an institution's own series: found when its people look, kept sealed, known to nobody else.

Only the process that opens statements can do this, so it is done in the web process, for somebody of the institution.
What was found and what was done about it is one document, sealed to the portal's delivery key and padded: neither rows
nor their sizes, nor the audit log, nor a notice tells that there is a warning. docs/decisions/own-warnings.md.
"""

from __future__ import annotations

import json
import math
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize.template import TOTAL, Indicator, Template
from consortium.errors import Refused
from consortium.people.models import Person
from consortium.people.roles import Permission, may, require
from sharing import rules, texts
from sharing.benchmarks.peer_groups import ALL
from sharing.models import AlertHandling, Collection, OwnWatch, Release, ReleaseCell, Severity, Statement
from sharing.services import statements
from sharing.services.alerts import By
from sharing.services.watching import key_along
from sharing.states import AlertState, ReleaseState
from sharing.warnings.policy import WarningPolicy
from sharing.warnings.series import Figure, Reference, Scale, Series, span
from sharing.warnings.watching import Judgement, watch

POLICY: Final = WarningPolicy(replayed=3)  # what went before is in the document
MOST_CELLS: Final = 120  # of a collection; somebody waits for them
_PADDED_TO: Final = 32_768
_SEVERE_SURPRISE: Final = 3.5


@dataclass(frozen=True)
class Step:
    state: str
    who: str
    note: str
    at: str  # ISO 8601


@dataclass(frozen=True)
class OwnAlert:
    """One episode of one own series, and what was done about it. `facts` are as those of `Alert`."""

    id: str
    collection: str
    indicator: str
    key: str
    kind: str
    severity: str
    since: str
    period: str
    facts: Mapping[str, Any]
    is_over: bool = False
    state: str = AlertState.OPEN
    owner: str = ""
    due: str = ""
    outcome: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def reference(self) -> Reference:
        return Reference(self.collection, self.indicator, ALL, self.key, self.facts["figure"])


@dataclass(frozen=True)
class OwnDocument:
    """What is sealed: the releases that were looked at, and the warnings, newest first."""

    releases: tuple[int, ...] = ()
    alerts: tuple[OwnAlert, ...] = field(default_factory=tuple)

    def to_bytes(self) -> bytes:
        """JSON, padded with spaces so that its length says nothing."""
        text = json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()
        return text.ljust(-(-len(text) // _PADDED_TO) * _PADDED_TO)

    @classmethod
    def from_bytes(cls, content: bytes) -> OwnDocument:
        document = json.loads(content)
        alerts = (
            OwnAlert(**{**each, "steps": tuple(Step(**step) for step in each["steps"])}) for each in document["alerts"]
        )
        return cls(tuple(document["releases"]), tuple(alerts))


def look(by: By) -> list[OwnAlert]:
    """Every own warning, lasting ones first, after looking over whatever releases came since somebody last did."""
    require(by, Permission.STATEMENT_VIEW)
    documents, compared = _documents(by), _compared(by)
    for collection in _collections(by):
        document, releases = documents.get(collection.code, OwnDocument()), compared.get(collection.code, [])
        if document.releases != _ids(releases):
            course = _course(by, collection, releases, document)
            with transaction.atomic():
                row = _locked(by, collection.code)
                documents[collection.code] = _merged(_opened(row, by), course, releases)
                _seal(row, documents[collection.code])
    found = [alert for document in documents.values() for alert in document.alerts]
    return sorted(sorted(found, key=lambda alert: alert.period, reverse=True), key=lambda alert: alert.is_over)


def has_unlooked(person: Person) -> bool:
    """Whether there are statements that nobody of the institution has had looked over."""
    if person.institution_id is None or not may(person, Permission.STATEMENT_VIEW):
        return False
    documents = _documents(person)
    return any(
        documents.get(code, OwnDocument()).releases != _ids(releases) for code, releases in _compared(person).items()
    )


def acknowledge(alert_id: str, *, by: By, note: str = "") -> OwnAlert:
    """Somebody of the institution has seen it."""

    def change(alert: OwnAlert, handling: AlertHandling) -> OwnAlert:
        rules.check_can_acknowledge(by, handling)
        return replace(alert, state=AlertState.ACKNOWLEDGED)

    return _step(alert_id, change, by, note)


def follow_up(alert_id: str, *, owner: str, due: date | None, by: By, note: str = "") -> OwnAlert:
    """Somebody looks into it, until a day."""

    def change(alert: OwnAlert, handling: AlertHandling) -> OwnAlert:
        rules.check_can_follow_up(by, handling, owner)
        until = due.isoformat() if due else ""
        return replace(alert, state=AlertState.FOLLOW_UP, owner=owner.strip(), due=until)

    return _step(alert_id, change, by, note)


def close(alert_id: str, *, outcome: str, by: By, note: str = "") -> OwnAlert:
    """What the warning turned out to be."""

    def change(alert: OwnAlert, handling: AlertHandling) -> OwnAlert:
        rules.check_can_close_alert(by, handling, outcome)
        return replace(alert, state=AlertState.CLOSED, outcome=outcome)

    return _step(alert_id, change, by, note)


@transaction.atomic
def _step(alert_id: str, change: Callable[[OwnAlert, AlertHandling], OwnAlert], by: By, note: str) -> OwnAlert:
    """Lock, check, change and write down; Refused where the institution has no such warning."""
    require(by, Permission.STATEMENT_VIEW)
    texts.check_remark(note)
    for row in OwnWatch.objects.select_for_update().filter(institution=by.institution_id):
        document = _opened(row, by)
        for place, alert in enumerate(document.alerts):
            if alert.id == alert_id:
                changed = change(alert, AlertHandling(institution_id=by.institution_id, state=alert.state))
                changed = replace(changed, steps=(*alert.steps, _written(changed.state, note, by)))
                alerts = (*document.alerts[:place], changed, *document.alerts[place + 1 :])
                _seal(row, replace(document, alerts=alerts))
                return changed
    raise Refused(_("There is no such warning."), rule="no-such-alert")


def _written(state: str, note: str, by: By) -> Step:
    who = by.name if isinstance(by, Person) else by.name or by.client_id
    return Step(state, who, note.strip(), timezone.now().isoformat(timespec="seconds"))


def _collections(by: By) -> list[Collection]:
    """The newest version of each collection that the actor sees."""
    visible = Collection.objects.visible_to(by).order_by("code", "-created_at")
    return list(visible.distinct("code"))


def _compared(by: By) -> dict[str, list[Release]]:
    """By collection: the last releases in force for which the institution has a statement here, oldest first.

    What was delivered to its own key cannot be looked over: warnings stay as they were before it.
    """
    own = Statement.objects.visible_to(by).filter(key=None).values("release")
    releases = Release.objects.visible_to(by).published().filter(pk__in=own).select_related("round__collection")
    found: dict[str, list[Release]] = defaultdict(list)
    # Without audits and templates: a member's home asks for ten years of releases.
    for release in releases.only("public_id", "round__period", "round__collection__code").order_by("round__period"):
        found[release.round.collection.code].append(release)
    return {code: each[-POLICY.window :] for code, each in found.items()}


def sealed_away(by: By) -> int:
    """How many releases in force have own figures that only the institution's own key opens."""
    return Statement.objects.visible_to(by).filter(key__isnull=False, release__state=ReleaseState.PUBLISHED).count()


def _ids(releases: Sequence[Release]) -> tuple[int, ...]:
    return tuple(release.pk for release in releases)


def _course(
    by: By, collection: Collection, releases: Sequence[Release], document: OwnDocument
) -> dict[Reference, list[Judgement]]:
    """The own rates and their distances from the peer median, judged together."""
    if not releases:
        return {}
    begun = {alert.reference: alert.since for alert in document.alerts if not alert.is_over}
    return watch(list(_panel(by, collection, releases)), POLICY, begun)


def _panel(by: By, collection: Collection, releases: Sequence[Release]) -> Iterator[Series]:
    template = collection.template
    periods = span(releases[0].round.period, releases[-1].round.period, template.frequency)
    cells = ReleaseCell.objects.visible_to(by).filter(release__in=releases, peer_group=ALL)
    each_has = max(1, MOST_CELLS // len(template.indicators))
    for indicator in template.indicators:
        keys = _keys(template, indicator)[:each_has]
        own = statements.own_rates(by, releases, indicator.id, keys)
        found = cells.filter(indicator=indicator.id, key__in=keys, median__isnull=False)
        medians = {(release, key): median for release, key, median in found.values_list("release", "key", "median")}
        scale: Scale = "rate" if indicator.format == "percent" else "positive"
        for key in keys:
            rates = {each.round.period: own.get((each.pk, key)) for each in releases}
            beside = {each.round.period: medians.get((each.pk, key)) for each in releases}
            series: dict[Figure, tuple[Mapping[str, float | None], Scale]] = {
                "own": (rates, scale),
                "distance": (_distances(rates, beside), "plain"),
            }
            for figure, (values, its_scale) in series.items():
                if any(value is not None for value in values.values()):
                    yield Series.of(
                        Reference(collection.code, indicator.id, ALL, key, figure),
                        values,
                        periods,
                        frequency=template.frequency,
                        higher_is_worse=indicator.higher_is_worse,
                        scale=its_scale,
                    )


def _keys(template: Template, indicator: Indicator) -> list[str]:
    """The total, then every code by itself."""
    cut = template.cut(indicator)
    keys = {".".join(TOTAL for _dimension in cut): None}
    for place, dimension in enumerate(cut):
        keys |= {key_along(len(cut), place, code): None for code in dimension.code_list.ids}
    return list(keys)


def _distances(rates: Mapping[str, float | None], medians: Mapping[str, float | None]) -> dict[str, float | None]:
    """Logarithms of how many times the peer median the own rate is."""
    return {period: _distance(rate, medians.get(period)) for period, rate in rates.items()}


def _distance(rate: float | None, median: float | None) -> float | None:
    return math.log(rate / median) if rate and median else None


def _merged(
    document: OwnDocument, course: Mapping[Reference, list[Judgement]], releases: Sequence[Release]
) -> OwnDocument:
    """The document after a look: known warnings go on or are over, new ones come first; one for each cell."""
    best: dict[tuple[str, str, str], tuple[Reference, list[Judgement]]] = {}
    for reference, judgements in course.items():
        if judgements and judgements[-1].since is not None and _last(judgements) is not None:
            known = best.get(reference.cell)
            if known is None or _surprise(judgements) > _surprise(known[1]):
                best[reference.cell] = (reference, judgements)
    alerts = []
    for alert in document.alerts:
        now = None if alert.is_over else best.pop(alert.reference.cell, None)
        alerts.append(replace(alert, is_over=True) if now is None else _followed(alert, *now))
    new = [_new(*found) for found in best.values()]
    return OwnDocument(_ids(releases), (*new, *alerts))


def _last(judgements: Sequence[Judgement]) -> Judgement | None:
    return next((each for each in reversed(judgements) if each.value is not None), None)


def _surprise(judgements: Sequence[Judgement]) -> float:
    last = _last(judgements)
    return (last.surprise or 0.0) if last else 0.0


def _new(reference: Reference, judgements: list[Judgement]) -> OwnAlert:
    last = judgements[-1]
    # Random, lest the name of a warning tell its cell.
    alert = OwnAlert(
        id=str(uuid.uuid4()),
        collection=reference.collection,
        indicator=reference.indicator,
        key=reference.key,
        kind=str(last.kind),
        severity="",
        since=last.since or last.period,
        period=last.period,
        facts={},
    )
    return _followed(alert, reference, judgements)


def _followed(alert: OwnAlert, reference: Reference, judgements: list[Judgement]) -> OwnAlert:
    last = _last(judgements)
    if last is None:
        return alert
    severity = Severity.SEVERE if (last.surprise or 0) >= _SEVERE_SURPRISE else Severity.ELEVATED
    facts = {name: getattr(last, name) for name in ("value", "expected", "limit", "history")}
    facts |= {"figure": reference.figure}
    return replace(alert, severity=str(severity), period=last.period, facts=facts)


def _documents(by: By) -> dict[str, OwnDocument]:
    """What is known by collection."""
    rows = OwnWatch.objects.filter(institution=by.institution_id)
    return {row.collection: _opened(row, by) for row in rows}


def _locked(by: By, code: str) -> OwnWatch:
    """The row of the own institution, made where there is none, held until the transaction ends."""
    found = OwnWatch.objects.filter(institution=by.institution_id, collection=code)
    if not found.exists():
        empty = statements.sealed_to_portal(OwnDocument().to_bytes(), _about(by, code))
        fresh = OwnWatch(institution=by.institution, collection=code, sealed=empty)
        OwnWatch.objects.bulk_create([fresh], ignore_conflicts=True)
    return found.select_for_update().get()


def _opened(row: OwnWatch, by: By) -> OwnDocument:
    return OwnDocument.from_bytes(statements.opened_by_portal(bytes(row.sealed), _about(by, row.collection)))


def _seal(row: OwnWatch, document: OwnDocument) -> None:
    about = f"own-watch/{row.institution_id}/{row.collection}"
    row.sealed = statements.sealed_to_portal(document.to_bytes(), about)
    row.save(update_fields=["sealed"])


def _about(by: By, code: str) -> str:
    """What the document is bound to, so that it opens in no other row."""
    return f"own-watch/{by.institution_id}/{code}"
