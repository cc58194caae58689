"""What a release is computed from: the opened packages, one after another, and who counted as one when it was begun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Min
from django.utils import timezone

from anonymize.cube import Cube, read_cube
from anonymize.template import Template
from consortium.institutions.services import affiliates
from sharing import vault
from sharing.models import PeerGroup, Round, Submission


def cubes(submissions: list[Submission], template: Template) -> Iterator[Cube]:
    """One cube after another, in memory only."""
    for opened in vault.open_all(submissions):
        yield read_cube(
            opened.plaintext,
            template,
            opened.media_type,
            period=opened.submission.round.period,
            institution=opened.submission.institution.code,
        )


def group(round: Round, submissions: Iterable[Submission]) -> None:
    """Who counts as one is what it was when the round's first release was begun: a revision and a recomputation group
    alike, whatever became of the groups meanwhile.
    """
    affiliates.as_grouped([each.institution for each in submissions], begun(round))


def peer_groups(round: Round) -> list[PeerGroup]:
    """With whom members are compared in a round: a custom group from the first round that is computed after it was defined."""
    return list(PeerGroup.objects.in_force(begun(round)).filter(collections=round.collection))


def begun(round: Round) -> datetime:
    """When the round's first release was begun; now, before there is one."""
    first: datetime | None = round.releases.aggregate(first=Min("started_at"))["first"]
    return first or timezone.now()
