"""Round after round: what people and banks do, from the rows alone, so that it can be interrupted.

Each step looks at a round's state and takes it one state further; whatever was done before is not done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, time as clock, timedelta

from django.utils import timezone

from anonymize.periods import bounds
from consortium.demo import founding, people
from consortium.demo.banks import Bank, Preparation
from consortium.demo.programme import End, Planned
from sharing.models import Release, Round, Submission
from sharing.services import releases, rounds, submissions
from sharing.states import ReleaseState, RoundState, SubmissionState

AT_ONCE = 4  # banks that seal and send at the same time
PATIENCE_SECONDS = 600
_TIME_TO_ANSWER = timedelta(days=14)
_EMBARGO = timedelta(days=7)
SETTLED = (SubmissionState.ACCEPTED, SubmissionState.AWAITING_APPROVAL)


@dataclass
class Timings:
    """Seconds that a round's steps took in this run; a step of an earlier run is absent."""

    seconds: dict[str, float] = field(default_factory=dict)

    def measure(self, step: str, since: float) -> None:
        self.seconds[step] = time.monotonic() - since


@dataclass(frozen=True)
class Cycle:
    """The rounds of the demo. `tell` is called whenever something has moved on."""

    banks: Sequence[Bank]
    preparation: Preparation
    tell: Callable[[Round, str, float], None]

    def run(self, planned: Planned) -> tuple[Round, Timings]:
        """One round, as far as the programme wants it; how long the steps of this run took."""
        timings = Timings()
        round = _round(planned)
        if planned.end == End.OPEN:
            self._leave_open(round)
        else:
            self._review(round, timings)
        if planned.end == End.PUBLISHED and round.state != RoundState.PUBLISHED:
            _publish(round)
        if planned.end == End.EMBARGOED:
            _schedule(round)
        if planned.end != End.OPEN:
            _date_back(round, planned)
        round.refresh_from_db()
        self.tell(round, planned.end.value, 1.0)
        return round, timings

    def _review(self, round: Round, timings: Timings) -> None:
        """Up to a release in review."""
        while round.state not in (RoundState.IN_REVIEW, RoundState.PUBLISHED):
            started = time.monotonic()
            step = round.state
            self._advance(round)
            timings.measure(step, started)
            round.refresh_from_db()

    def _leave_open(self, round: Round) -> None:
        """An open round of which half of the banks have submitted; one of them still awaits its own approval."""
        if round.state == RoundState.PLANNED:
            rounds.open(round, by=people.at_association(people.COLLECTION_MANAGER))
            round.refresh_from_db()
        if round.state != RoundState.OPEN:
            return  # somebody who tried the demo has closed it
        self._submit(round, self.banks[1::2])
        self._submit(round, [bank for bank in self.banks if bank.code == founding.FOUR_EYES])

    def _advance(self, round: Round) -> None:
        manager = people.at_association(people.COLLECTION_MANAGER)
        if round.state == RoundState.PLANNED:
            rounds.open(round, by=manager)
        elif round.state == RoundState.OPEN:
            self._submit(round, self.banks)
            _approve_submissions(round)
            rounds.close(round, by=manager)
        elif round.state == RoundState.CLOSED:
            releases.start(round, by=people.at_association(people.PREPARER))
        elif round.state == RoundState.COMPUTING:
            self.tell(round, "computing", 0.0)
            wait_for(lambda: not Round.objects.filter(pk=round.pk, state=RoundState.COMPUTING).exists(), "the release")
            _check_computed(round)

    def _submit(self, round: Round, banks: Iterable[Bank]) -> None:
        """Every bank that has not submitted does, as soon as its cube is prepared."""
        wait_for(lambda: round.keys.count() == 2, "the vault to make the round's keys")
        done = set(round.submissions.filter(state__in=SETTLED).values_list("institution__code", flat=True))
        waiting = [bank for bank in banks if bank.code not in done]
        total, sent = len(done) + len(waiting), len(done)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _delivered in pool.map(lambda bank: self._deliver(round, bank), waiting):
                sent += 1
                self.tell(round, "submitting", sent / total)

    def _deliver(self, round: Round, bank: Bank) -> None:
        cube = bank.cube(round.public_id)
        wait_for(cube.exists, f"the cube of {bank.code}", self.preparation.check)
        delivery = bank.submit(round.public_id, cube)
        if delivery.is_refused:
            sentences = " ".join(str(finding["sentence"]) for finding in delivery.findings[:3])
            raise RuntimeError(f"The submission of {bank.code} for {round.public_id} was rejected. {sentences}")


def _round(planned: Planned) -> Round:
    """Open from the first day after its period, due two weeks later; or tomorrow, where that is past already."""
    following = _first_day_after(planned)
    collection = founding.collection(planned.collection)
    return Round.objects.filter(collection=collection, period=planned.period).first() or rounds.plan(
        collection,
        planned.period,
        opens_at=min(following, timezone.now()),
        due_at=max(following + _TIME_TO_ANSWER, timezone.now() + timedelta(days=1)),
        by=people.at_association(people.COLLECTION_MANAGER),
    )


def _date_back(round: Round, planned: Planned) -> None:
    """The demo plays a year in minutes: afterwards the round was due when it would have been, and everybody in time."""
    Round.objects.filter(pk=round.pk).update(due_at=_first_day_after(planned) + _TIME_TO_ANSWER)


def _first_day_after(planned: Planned) -> datetime:
    return datetime.combine(bounds(planned.period)[1], clock(), UTC)


def _approve_submissions(round: Round) -> None:
    """The second pair of eyes at the banks that want one."""
    for submission in Submission.objects.filter(round=round, state=SubmissionState.AWAITING_APPROVAL):
        submissions.approve(submission, by=people.at(submission.institution, people.APPROVER))


def _check_computed(round: Round) -> None:
    round.refresh_from_db()
    release = Release.objects.filter(round=round).order_by("-revision").first()
    if release is None or release.state == ReleaseState.FAILED:
        raise RuntimeError(
            f"The release of {round.public_id} could not be computed. {release.reason if release else ''}"
        )


def _publish(round: Round) -> None:
    """Two people approve what a third has prepared; one of them publishes it."""
    releases.publish(_approved(round), by=people.at_association(people.PUBLISHER))


def _schedule(round: Round) -> None:
    """Approved, and under embargo: it publishes itself."""
    if Release.objects.filter(round=round, state=ReleaseState.IN_REVIEW).exists():
        embargo_ends = timezone.now() + _EMBARGO
        releases.schedule(_approved(round), at=embargo_ends, by=people.at_association(people.PUBLISHER))


def _approved(round: Round) -> Release:
    """The round's draft with the yes of two."""
    release = Release.objects.get(round=round, state=ReleaseState.IN_REVIEW)
    for post in (people.REVIEWER, people.PUBLISHER):
        person = people.at_association(post)
        if not release.approvals.filter(person=person).exists():
            releases.approve(release, by=person)
    return release


def wait_for(happened: Callable[[], bool], what: str, check: Callable[[], None] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if check is not None:
            check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"Nothing happened for {PATIENCE_SECONDS} s while waiting for {what}; see var/log.")
        time.sleep(0.1)
