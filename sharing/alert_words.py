"""A warning as a person reads it: its sentence, the series it is about, and the view that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from anonymize.template import TOTAL, Indicator, Template
from sharing.benchmarks.naming import peer_group_names
from sharing.benchmarks.peer_groups import ALL
from sharing.models import Alert, Collection
from sharing.models.collection import in_language
from sharing.services.own_alerts import OwnAlert
from sharing.warnings import sentences


@dataclass(frozen=True)
class Told:
    """`sentence` says why, `subject` which series, `address` where its figures are."""

    collection: str
    subject: str
    sentence: str
    address: str
    kind_of_figure: str  # the indicator's format


class Teller:
    """Tells warnings of several collections; each collection's newest version is read once."""

    def __init__(self) -> None:
        self._collections: dict[str, Collection] = {}
        self._peers: dict[str, dict[str, str]] = {}

    def published(self, alert: Alert) -> Told:
        figure = alert.facts.get("figure", "pooled")
        return self._told(alert, figure, alert.peer_group, alert.dimension)

    def own(self, alert: OwnAlert) -> Told:
        return self._told(alert, alert.facts["figure"], ALL, "")

    def collection(self, code: str) -> Collection:
        if code not in self._collections:
            found = Collection.objects.filter(code=code).order_by("-created_at").first()
            if found is None:
                raise LookupError(f"no collection has the code {code}")
            self._collections[code], self._peers[code] = found, peer_group_names(found)
        return self._collections[code]

    def _told(self, alert: Alert | OwnAlert, figure: str, peer_group: str, dimension: str) -> Told:
        collection = self.collection(alert.collection)
        template = collection.template
        indicator = next(each for each in template.indicators if each.id == alert.indicator)
        peers = self._peers[alert.collection].get(peer_group, peer_group)
        if dimension:
            subject = f"{in_language(dict(indicator.names))} · {in_language(dict(template.dimension(dimension).names))}"
            sentence = sentences.spread(alert.facts, template=template, indicator=indicator, dimension=dimension)
            return Told(
                str(collection),
                subject,
                sentence,
                _address(template, indicator, _totals(template, indicator), ALL),
                indicator.format,
            )
        subject = sentences.subject(template, indicator, alert.key, peers, figure)
        sentence = sentences.reason(
            alert.kind, alert.facts, indicator=indicator, about=subject, since=alert.since, period=alert.period
        )
        return Told(
            str(collection), subject, sentence, _address(template, indicator, alert.key, peer_group), indicator.format
        )


def fronts(teller: Teller, code: str, found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How waves spread in a collection, in words and with a bar for each code in the order of crossing."""
    template = teller.collection(code).template
    told = []
    for front in found:
        indicator = next((each for each in template.indicators if each.id == front["indicator"]), None)
        if indicator is None:
            continue
        dimension = template.dimension(front["dimension"])
        names = dimension.code_list.by_id
        period, beyond, published = front["months"][-1]
        told.append(
            {
                "indicator": in_language(dict(indicator.names)),
                "dimension": in_language(dict(dimension.names)),
                "period": period,
                "beyond": beyond,
                "published": published,
                "crossings": [
                    (in_language(dict(names[crossed].names)), since, lag) for crossed, since, lag in front["crossings"]
                ],
            }
        )
    return told


def _totals(template: Template, indicator: Indicator) -> str:
    return ".".join(TOTAL for _dimension in template.cut(indicator))


def _address(template: Template, indicator: Indicator, key: str, peer_group: str) -> str:
    named = {"collection": template.id, "indicator": indicator.id}
    if peer_group != ALL:
        named["peers"] = peer_group
    codes = zip(template.cut(indicator), key.split("."), strict=True)
    named |= {dimension.id: code for dimension, code in codes if code != TOTAL}
    return f"{reverse('benchmarks')}?{urlencode(named)}"
