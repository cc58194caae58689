"""Published releases of any collection, made of members that a formula makes up: counts in, cells out."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import numpy as np
from django.utils import timezone

from anonymize.template import TOTAL, Template, load
from sharing.benchmarks.comparison import OwnRates, position_of
from sharing.models import Collection, Release, ReleaseCell, ReleaseTotal, Round, Submission
from sharing.services import statements
from sharing.states import ReleaseState, RoundState, SubmissionState

MEMBERS = 24


def collect(code: str, *institutions) -> Collection:
    template = load(code)
    collection = Collection.objects.create(code=code, version=template.version, document=dict(template.source))
    collection.contributors.add(*institutions)
    return collection


def publish(collection: Collection, period: str, by, *, seed: int = 1, withheld: set[str] = frozenset()) -> Release:
    """A release of every indicator by any two dimensions; cells with a key in `withheld` are withheld."""
    now = timezone.now()
    round = Round.objects.create(
        collection=collection,
        public_id=f"{collection.code}-{period}",
        period=period,
        state=RoundState.PUBLISHED,
        opens_at=now - timedelta(days=30),
        due_at=now - timedelta(days=20),
    )
    release = Release.objects.create(
        round=round,
        public_id=f"{round.public_id}-r1",
        revision=1,
        state=ReleaseState.PUBLISHED,
        prepared_by=by,
        published_at=now,
        contributors=MEMBERS,
        expected=MEMBERS,
        audit_passed=True,
    )
    template = collection.template
    for indicator in template.indicators:
        rates, accounts = members(template, indicator.id, seed)
        cells = [
            _cell(release, indicator.id, key, *figures, withheld)
            for key, figures in _cut(template, indicator, rates, accounts)
        ]
        ReleaseCell.objects.bulk_create(cells)
        counts = template.measure(indicator.denominator.measure).type == "count"
        if counts and ".".join([TOTAL] * 3)[: len(cells[0].key)] not in withheld:
            ReleaseTotal.objects.create(release=release, indicator=indicator.id, count=float(accounts.sum()))
    return release


def members(template: Template, indicator: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates and denominators [member, *leaves of the cut]; codes differ in level, members around it.

    Of the risk models: what is expected is the middle of the predicted band, what happens is the same in the two lower
    bands and half as much again in the upper ones.
    """
    cut = template.cut(template.indicators[0])
    shape = tuple(len(dimension.code_list.leaves) for dimension in cut)
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0, 0.6, (MEMBERS, *[1] * len(shape)))
    mix = rng.uniform(0.5, 1.5, (1, *shape))
    accounts = np.round(60 * size * mix * rng.lognormal(0, 0.1, (MEMBERS, *shape))) + 5
    level = np.ones((1, *shape))
    for axis, dimension in enumerate(cut, start=1):
        steps = np.linspace(0.6, 1.4, shape[axis - 1])
        if dimension.id == "PD_BAND":
            steps = np.array([0.006, 0.017, 0.036, 0.09])
            if indicator in ("ACTUAL_DEFAULT_RATE", "NPL_RATIO"):
                steps = steps * np.array([1.0, 1.0, 1.5, 1.5])
            if indicator == "ACTUAL_TO_EXPECTED":
                steps = np.array([1.0, 1.0, 1.5, 1.5])
        if dimension.id == "SCORE_BAND":
            steps = np.ones(3) if indicator in ("ACTUAL_TO_EXPECTED",) else np.array([1.7, 0.9, 0.5])
        if dimension.id == "PRODUCT":
            steps = np.ones(shape[axis - 1])
        level = level * steps.reshape([-1 if place == axis else 1 for place in range(len(shape) + 1)])
    base = {
        "percent": 1.0 if template.id == "risk-model" else 0.18,
        "number": 1.0 if template.id == "risk-model" else 20.0,
    }
    kind = next(each.format for each in template.indicators if each.id == indicator)
    noise = 0.05 if indicator == "ACTUAL_TO_EXPECTED" else 0.12
    own = np.exp(noise * np.linspace(-2, 2, MEMBERS)[rng.permutation(MEMBERS)]).reshape(MEMBERS, *[1] * len(shape))
    return base[kind] * level * own, accounts


def _cut(template: Template, indicator, rates: np.ndarray, accounts: np.ndarray):
    cut = template.cut(indicator)
    for codes in product(*(dimension.code_list.ids for dimension in cut)):
        if sum(code != TOTAL for code in codes) > 2:
            continue
        inside = tuple(
            [at for at, leaf in enumerate(dimension.code_list.leaves) if code in dimension.code_list.ancestors(leaf)]
            for code, dimension in zip(codes, cut, strict=True)
        )
        place = np.ix_(range(MEMBERS), *inside)
        whole = accounts[place].reshape(MEMBERS, -1)
        part = (rates[place].reshape(MEMBERS, -1) * whole).sum(axis=1)
        yield ".".join(codes), (part, whole.sum(axis=1), accounts.sum())


def _cell(release, indicator, key, part, whole, everybody, withheld) -> ReleaseCell:
    cell = ReleaseCell(release=release, indicator=indicator, peer_group="ALL", key=key, withheld=key in withheld)
    if cell.withheld:
        cell.reason = "D"
        return cell
    cell.pooled, cell.contributors = part.sum() / whole.sum(), MEMBERS
    cell.p25, cell.median, cell.p75 = np.quantile(part / whole, [0.25, 0.5, 0.75])
    cell.mean, cell.weight = np.mean(part / whole), whole.sum() / everybody
    return cell


def answered(release: Release, institution, by) -> None:
    """An accepted submission of the institution: whoever gives sees the breakdowns."""
    Submission.objects.create(
        round=release.round,
        institution=institution,
        version=1,
        state=SubmissionState.ACCEPTED,
        received_at=release.round.opens_at,
        decided_at=release.round.opens_at,
        sent_by=by,
        signing_kid="kid",
        rkid="rkid",
        package_sha256=f"{release.pk:08x}{institution.pk:08x}".ljust(64, "0"),
        package_bytes=1,
        blob="none",
        receipt="receipt",
    )


def own_statement(release: Release, institution, *, member: int = 3, seed: int = 1) -> None:
    """The institution is one of the made-up members: its rates, sealed to the portal."""
    template = release.round.collection.template
    columns = {}
    for indicator in template.indicators:
        rates, accounts = members(template, indicator.id, seed)
        own = {
            position_of(template, indicator, key): part[member] / whole[member]
            for key, (part, whole, _everybody) in _cut(template, indicator, rates, accounts)
        }
        cells = sorted(own)
        columns[indicator.id] = (np.array(cells), np.array([own[cell] for cell in cells]))
    statements.seal_all(release, {institution.code: institution}, [(institution.code, OwnRates(("ALL",), columns))])
