"""The review of a draft: changes end approvals, a correction says why, an embargo ends by itself, the past stays readable."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from sharing.models import Release, ReleaseCell, Round
from sharing.services import computing, releases
from sharing.states import ReleaseState, RoundState
from tests.sharing.releasing import close, collect, computed, found_panel, open_round_of, published, submit

SOON = timedelta(hours=2)


@pytest.fixture
def draft(collection, closed_round, stella):
    """In review, prepared by Stella; nobody looks at its cells."""
    Round.objects.filter(pk=closed_round.pk).update(state=RoundState.IN_REVIEW)
    return Release.objects.create(
        round=closed_round,
        public_id=f"{closed_round.public_id}-r1",
        revision=1,
        state=ReleaseState.IN_REVIEW,
        prepared_by=stella,
        audit_passed=True,
    )


@pytest.fixture
def approved(draft, timo, ursula):
    for person in (timo, ursula):
        releases.approve(draft, by=person)
    return draft


@pytest.fixture
def full_draft(db, stella):
    banks = found_panel()
    round = open_round_of(collect(banks))
    for bank in banks:
        submit(bank, round)
    return computed(close(round), stella)


def rule_of(act, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    return caught.value.rule


def test_a_change_of_the_draft_ends_its_approvals(approved, stella):
    releases.annotate(approved, note="Two banks changed their systems.", by=stella)
    assert not approved.approvals.exists()
    assert Entry.objects.filter(event="release.changed").get().details["approvals_reset"] == 2


def test_whoever_changed_a_draft_does_not_approve_it(draft, timo, ursula):
    releases.annotate(draft, note="Read with care.", by=timo)
    assert rule_of(releases.approve, draft, by=timo) == "changed-it"
    releases.approve(draft, by=ursula)


def test_a_published_release_is_changed_no_more(approved, ursula, timo):
    releases.publish(approved, by=ursula)
    assert rule_of(releases.annotate, approved, note="Too late.", by=timo) == "release-not-in-review"
    assert rule_of(releases.withhold_besides, approved, cells=[], by=timo) == "release-not-in-review"


def test_a_comment_changes_nothing(approved, timo):
    releases.comment(approved, text="Why did coverage fall?", by=timo)
    assert approved.approvals.count() == 2
    assert [comment.text for comment in approved.comments.all()] == ["Why did coverage fall?"]


def test_a_comment_has_words_and_an_author_who_reviews(draft, timo, carl):
    assert rule_of(releases.comment, draft, text=" ", by=timo) == "message-missing"
    with pytest.raises(Forbidden):
        releases.comment(draft, text="Hello", by=carl)


def test_an_embargo_hides_the_release_until_its_time(approved, ursula, oskar):
    releases.schedule(approved, at=timezone.now() + SOON, by=ursula)
    assert releases.publish_due() == 0
    assert not Release.objects.visible_to(oskar).filter(pk=approved.pk).exists()

    Release.objects.filter(pk=approved.pk).update(publish_at=timezone.now())
    assert releases.publish_due() == 1
    assert releases.publish_due() == 0

    shown = Release.objects.visible_to(oskar).get(pk=approved.pk)
    assert (shown.state, shown.published_by) == (ReleaseState.PUBLISHED, ursula)
    assert Round.objects.get(pk=approved.round_id).state == RoundState.PUBLISHED


def test_an_embargo_needs_what_publication_needs(draft, timo):
    assert rule_of(releases.schedule, draft, at=timezone.now() + SOON, by=timo) == "approvals-missing"


@pytest.mark.parametrize(
    ("ahead", "rule"), [(timedelta(minutes=-1), "embargo-in-the-past"), (timedelta(days=91), "embargo-too-long")]
)
def test_an_embargo_ends_soon_and_in_the_future(approved, ursula, ahead, rule):
    assert rule_of(releases.schedule, approved, at=timezone.now() + ahead, by=ursula) == rule


def test_an_embargo_is_called_off_and_the_approvals_stand(approved, timo, ursula):
    releases.schedule(approved, at=timezone.now() + SOON, by=ursula)
    assert rule_of(releases.annotate, approved, note="No", by=timo) == "release-not-in-review"
    releases.call_off(approved, by=timo)
    approved.refresh_from_db()
    assert (approved.state, approved.publish_at, approved.approvals.count()) == (ReleaseState.IN_REVIEW, None, 2)
    assert rule_of(releases.call_off, approved, by=timo) == "release-not-scheduled"


def test_cells_withheld_besides_are_withheld_when_the_draft_is_full_draft(full_draft, timo, ursula):
    shown = ReleaseCell.objects.filter(release=full_draft, peer_group="ALL", withheld=False).exclude(key="_T").first()
    assert shown is not None
    releases.approve(full_draft, by=ursula)

    releases.withhold_besides(full_draft, cells=[("ALL", shown.key)], by=timo)
    computing.compute(full_draft.pk)
    full_draft.refresh_from_db()

    rows = ReleaseCell.objects.filter(release=full_draft, peer_group="ALL", key=shown.key)
    assert rows
    assert all(row.withheld for row in rows)
    assert full_draft.audit_passed
    assert not full_draft.approvals.exists()
    assert rule_of(releases.approve, full_draft, by=timo) == "changed-it"


def test_only_cells_of_the_release_are_withheld_besides(full_draft, timo):
    assert rule_of(releases.withhold_besides, full_draft, cells=[("ALL", "NO.SUCH")], by=timo) == "unknown-cell"


def test_a_correction_is_approved_only_with_a_note_to_readers(full_draft, stella, timo, ursula):
    published(full_draft, [timo, ursula])
    again = computed(close(Round.objects.get(pk=full_draft.round_id)), stella)
    assert rule_of(releases.approve, again, by=timo) == "note-missing"
    releases.annotate(again, note="One bank had counted a portfolio twice.", by=stella)
    published(again, [timo, ursula])
    full_draft.refresh_from_db()
    assert full_draft.reason == "Replaced by revision 2. One bank had counted a portfolio twice."


def test_what_was_published_at_a_moment_stays_readable_as_of_then(full_draft, stella, timo, ursula):
    first = published(full_draft, [timo, ursula])
    between = timezone.now()
    again = computed(close(Round.objects.get(pk=first.round_id)), stella)
    releases.annotate(again, note="A code list was wrong.", by=stella)
    second = published(again, [timo, ursula])

    assert list(Release.objects.published()) == [second]
    assert list(Release.objects.published(as_of=between)) == [first]
    assert not Release.objects.published(as_of=first.published_at - timedelta(seconds=1)).exists()
