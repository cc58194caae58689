"""What a release is computed from: the opened packages, one after another, and who counted as one when it was begun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Min

from anonymize.cube import Cube, read_cube
from anonymize.template import Template
from consortium.institutions.services import affiliates
from sharing import vault
from sharing.models import Round, Submission


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
    begun = round.releases.aggregate(first=Min("started_at"))["first"]
    affiliates.as_grouped([each.institution for each in submissions], begun)
