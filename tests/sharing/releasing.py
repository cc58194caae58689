"""A panel of banks with accepted submissions, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from anonymize.cube import Cube
from anonymize.template import load
from consortium.institutions.models import SizeBand
from sharing import vault
from sharing.models import Collection, PeerGroup, Release, Round, Submission
from sharing.services import checking, computing, releases, submissions
from sharing.states import RoundState
from tests.cast import PERIOD, Bank, call_report, found_bank, sealed

SIZES = [(SizeBand.LARGE, 3, 60.0), (SizeBand.MEDIUM, 6, 8.0), (SizeBand.SMALL, 7, 1.0)]


def found_panel() -> list[Bank]:
    """Sixteen banks: three large, six medium and seven small ones, none like another."""
    return [
        found_bank(f"{band.upper()}{number}", size_band=band)
        for band, count, _scale in SIZES
        for number in range(count)
    ]


def cube_of_bank(bank: Bank, period: str = PERIOD) -> Cube:
    scale = next(scale for band, _count, scale in SIZES if band == bank.institution.size_band)
    number = int(bank.institution.code[-1])
    late = 0.01 + 0.004 * ((number * 7 + len(bank.institution.code)) % 9)
    return call_report(bank.institution.code, period, scale=scale * (1 + 0.23 * number), late=late)


def collect(banks: Sequence[Bank]) -> Collection:
    """The call report of these banks, compared by size."""
    template = load("call-report")
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.set([bank.institution for bank in banks])
    for position, band in enumerate(SizeBand.values):
        group = PeerGroup.objects.create(
            code=f"size-{band}",
            family="size",
            names={"en": band},
            criteria={"size_band": [band]},
            position=position,
        )
        collection.peer_groups.add(group)
    return collection


def open_round_of(collection: Collection, period: str = PERIOD) -> Round:
    now = timezone.now()
    round = Round.objects.create(
        collection=collection,
        public_id=f"{collection.code}-{period}",
        period=period,
        opens_at=now - timedelta(days=1),
        due_at=now + timedelta(days=14),
        state=RoundState.OPEN,
    )
    vault.make_round_keys(round)
    return round


def submit(bank: Bank, round: Round, cube: Cube | None = None) -> Submission:
    """Received, opened and accepted."""
    package = sealed(bank, round, cube or cube_of_bank(bank, round.period))
    submission = submissions.receive(round, package, by=bank.client).submission
    checking.open_sealed(submission.pk)
    submission.refresh_from_db()
    return submission


def close(round: Round) -> Round:
    round.state = RoundState.CLOSED
    round.save()
    return round


def computed(round: Round, by: object) -> Release:
    """A draft of the round's release, computed at once."""
    release = releases.start(round, by=by)
    computing.compute(release.pk)
    release.refresh_from_db()
    return release


def published(release: Release, approvers: Sequence[object]) -> Release:
    """Approved by all of them and published by the last; a correction says first what was wrong."""
    release.refresh_from_db()
    if release.corrects and not release.note:
        releases.annotate(release, note="Some figures were corrected.", by=release.prepared_by)
    for person in approvers:
        releases.approve(release, by=person)
    releases.publish(release, by=approvers[-1])
    release.refresh_from_db()
    return release
