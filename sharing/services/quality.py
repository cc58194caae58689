"""How good an answer is, from 0 to 100: timely, complete, without findings, and right at first. docs/quality.md.

The score holds no figure of a cube: it follows from dates, a share of cells, and counts of findings and versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from django.db.models import Count

from consortium.institutions.models import Institution
from sharing.models import Extension, Leaf, NoData, Round, Submission, Timeliness
from sharing.states import RoundState

WEIGHTS: Final[Mapping[str, float]] = {"timeliness": 0.35, "completeness": 0.25, "findings": 0.2, "restatements": 0.2}
_TIMELY: Final[Mapping[str, int]] = {Timeliness.ON_TIME: 100, Timeliness.IN_GRACE: 80, Timeliness.LATE: 40, "": 100}
_A_RULE: Final = 10  # taken for every rule that warns, and
_A_CELL: Final = 1  # for every warning
_A_RESTATEMENT: Final = 25
_A_RESTATEMENT_OF_PUBLISHED: Final = 50
ROUNDS: Final = 4  # that the rolling score looks back
FEWEST_PEERS: Final = 5
_STEP: Final = 5  # of five scores, quartiles are scores of members: told in steps only


@dataclass(frozen=True)
class Quality:
    """Each part from 0 to 100."""

    timeliness: int
    completeness: int
    findings: int
    restatements: int

    @property
    def score(self) -> int:
        total: float = sum(weight * getattr(self, part) for part, weight in WEIGHTS.items())
        return round(total)


@dataclass(frozen=True)
class Peers:
    """Of the other contributors' rolling scores, in steps of five; how many they are."""

    count: int
    lower: int
    median: int
    upper: int


def score_of(submission: Submission) -> int:
    return quality_of(submission).score


def quality_of(submission: Submission) -> Quality:
    """The parts, from what is stored about a checked submission and the versions that counted before it."""
    warnings = list(submission.findings.values_list("rule").annotate(Count("pk")))
    before = Leaf.objects.filter(
        submission__round=submission.round_id,
        submission__institution=submission.institution_id,
        submission__version__lt=submission.version,
    )
    earlier = list(before.order_by("index").values_list("submission__timeliness", flat=True))
    taken = sum(_A_RULE + _A_CELL * count for _rule, count in warnings)
    return Quality(
        # A correction is no later than what it corrects.
        timeliness=_TIMELY[earlier[0] if earlier else submission.timeliness],
        completeness=round(100 * (1 if submission.completeness is None else submission.completeness)),
        findings=max(0, 100 - taken),
        restatements=max(0, 100 - _restated(submission, len(earlier))),
    )


def _restated(submission: Submission, earlier: int) -> int:
    published = submission.round.releases.filter(published_at__lt=submission.received_at)
    last = _A_RESTATEMENT_OF_PUBLISHED if published.exists() else _A_RESTATEMENT
    return 0 if earlier == 0 else (earlier - 1) * _A_RESTATEMENT + last


def rolling(collection_code: str) -> dict[int, int]:
    """The mean score of each contributor over the last rounds that are closed, by institution.

    A round without an answer counts 0; one with a declaration of no data, with more time for the institution that is
    not over, or due before it was admitted, is left out. Who has no round left has no score.
    """
    over = Round.objects.filter(collection__code=collection_code).exclude(
        state__in=(RoundState.PLANNED, RoundState.OPEN)
    )
    rounds = list(over.order_by("-due_at")[:ROUNDS])
    scores = {
        (institution, round): score
        for institution, round, score in Submission.objects.accepted()
        .filter(round__in=rounds)
        .values_list("institution", "round", "score")
    }
    excused = set(NoData.objects.declared().filter(round__in=rounds).values_list("institution", "round"))
    running = Extension.objects.running().filter(round__in=rounds).values_list("institution", "round")
    excused |= set(running) - set(scores)
    contributors = _contributors({round_.collection_id for round_ in rounds})
    per_institution: dict[int, list[int]] = {}
    for round_ in rounds:
        for institution, admitted_at in contributors[round_.collection_id]:
            place = (institution, round_.pk)
            came_later = admitted_at is not None and admitted_at > round_.due_at
            if place in excused or came_later or (place in scores and scores[place] is None):
                continue
            per_institution.setdefault(institution, []).append(scores.get(place) or 0)
    return {institution: round(float(np.mean(each))) for institution, each in per_institution.items()}


def peers(scores: Mapping[int, int], institution_id: int) -> Peers | None:
    """The distribution of the others; None where fewer than five others have a score."""
    others = [score for pk, score in scores.items() if pk != institution_id]
    if len(others) < FEWEST_PEERS:
        return None
    lower, median, upper = np.percentile(others, [25, 50, 75])
    return Peers(len(others), _step(lower), _step(median), _step(upper))


def _step(score: float) -> int:
    return _STEP * round(score / _STEP)


def _contributors(collections: Iterable[int]) -> dict[int, list[tuple[int, datetime | None]]]:
    """Of each collection the members that contribute now, and when each was admitted."""
    found: dict[int, list[tuple[int, datetime | None]]] = {pk: [] for pk in collections}
    rows = Institution.objects.active().filter(collections__in=found)
    for collection, institution, admitted_at in rows.values_list("collections", "pk", "admitted_at"):
        found[collection].append((institution, admitted_at))
    return found
