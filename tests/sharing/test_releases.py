"""A release from a closed round to publication: who may do what, what is written, and what a revision may not show."""

from __future__ import annotations

import pytest
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from sharing.models import Opening, Release, ReleaseCell, Round, Statement
from sharing.services import checking, computing, log, releases, rounds, submissions
from sharing.states import ReleaseState, RoundState
from tests.cast import call_report, sealed
from tests.sharing.releasing import close, collect, computed, found_panel, open_round_of, published, submit


@pytest.fixture
def banks(db):
    return found_panel()


@pytest.fixture
def round(banks):
    """Closed, with a submission of every bank."""
    round = open_round_of(collect(banks))
    for bank in banks:
        submit(bank, round)
    return close(round)


@pytest.fixture
def full_draft(round, stella):
    """In review, computed from the submissions of all banks."""
    return computed(round, stella)


@pytest.fixture
def draft(collection, closed_round, stella):
    """In review; nobody looks at its cells."""
    Round.objects.filter(pk=closed_round.pk).update(state=RoundState.IN_REVIEW)
    return Release.objects.create(
        round=closed_round,
        public_id=f"{closed_round.public_id}-r1",
        revision=1,
        state=ReleaseState.IN_REVIEW,
        prepared_by=stella,
        audit_passed=True,
    )


def figures(release, peer_group="ALL", indicator="DPD60_RATE"):
    rows = ReleaseCell.objects.filter(release=release, indicator=indicator, peer_group=peer_group)
    return {row.key: row for row in rows}


def refused(act, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    return str(caught.value)


def test_a_computed_release_is_in_review_with_cells_statements_and_audit(full_draft, round, banks):
    round.refresh_from_db()
    assert (full_draft.state, round.state) == (ReleaseState.IN_REVIEW, RoundState.IN_REVIEW)
    assert full_draft.audit_passed
    assert full_draft.contributors == full_draft.expected == len(banks)
    assert full_draft.cells == ReleaseCell.objects.filter(release=full_draft).count() > 0
    assert full_draft.withheld == ReleaseCell.objects.filter(release=full_draft, withheld=True).count() > 0
    assert Statement.objects.filter(release=full_draft).count() == len(banks)
    assert len(full_draft.inputs_digest) == 64
    assert Opening.objects.filter(purpose=Opening.Purpose.COMPUTE).count() == len(banks)


def test_few_large_banks_are_withheld_and_so_is_what_would_give_them_away(full_draft):
    assert all(row.withheld for row in figures(full_draft, "size-large").values())
    assert not figures(full_draft)["_T"].withheld
    beside = [figures(full_draft, group)["_T"].withheld for group in ("size-medium", "size-small")]
    assert any(beside)


def test_a_withheld_cell_has_no_figure_and_its_reason_stays_with_staff(full_draft):
    row = figures(full_draft, "size-large")["_T"]
    assert (row.pooled, row.mean, row.p25, row.median, row.p75, row.contributors) == (None,) * 6
    assert row.reason in {"A", "G", "D"}


def test_the_audit_record_holds_no_figure_of_a_cell(full_draft):
    allowed = {
        "affiliates",
        "rule_set",
        "rules",
        "max_cut",
        "template",
        "code",
        "ok",
        "measures",
        "tables",
        "inputs",
        "groups",
        "pattern_of",
        "share_of_volume",
        "seconds",
    }
    assert set(full_draft.audit) == allowed
    template = full_draft.round.collection.template
    assert [template.measure(each["measure"]).id for each in full_draft.audit["measures"]] == ["BALANCE", "LOANS"]
    for table in full_draft.audit["tables"]:
        assert table["ok"]
        assert "findings" not in table


def test_computing_again_changes_nothing(full_draft):
    before = list(ReleaseCell.objects.filter(release=full_draft).values_list("pk", flat=True))
    computing.compute(full_draft.pk)
    assert list(ReleaseCell.objects.filter(release=full_draft).values_list("pk", flat=True)) == before


def test_a_release_somebody_else_computes_is_left_alone(round, stella):
    release = releases.start(round, by=stella)
    Release.objects.filter(pk=release.pk).update(lease_until=timezone.now() + timezone.timedelta(minutes=1))
    computing.compute(release.pk)
    release.refresh_from_db()
    assert release.state == ReleaseState.COMPUTING


def test_a_release_whose_worker_died_is_computed_by_the_next(round, stella):
    release = releases.start(round, by=stella)
    Release.objects.filter(pk=release.pk).update(lease_until=timezone.now() - timezone.timedelta(seconds=1))
    computing.compute(release.pk)
    release.refresh_from_db()
    assert release.state == ReleaseState.IN_REVIEW


def test_a_release_at_which_workers_die_is_given_up(round, stella):
    release = releases.start(round, by=stella)
    Release.objects.filter(pk=release.pk).update(audit={"attempts": computing.MOST_ATTEMPTS})
    computing.compute(release.pk)
    release.refresh_from_db()
    round.refresh_from_db()
    assert (release.state, round.state) == (ReleaseState.FAILED, RoundState.CLOSED)
    assert release.reason == "The release could not be computed in several attempts."


def test_a_round_whose_keys_are_destroyed_fails_with_a_sentence(round, stella):
    release = releases.start(round, by=stella)
    round.keys.update(wrapped_private=None, destroyed_at=timezone.now())
    computing.compute(release.pk)
    release.refresh_from_db()
    assert release.state == ReleaseState.FAILED
    assert "no private key any more" in release.reason
    assert not ReleaseCell.objects.exists()
    assert not Statement.objects.exists()


def test_an_unexpected_error_leaves_no_trace_of_its_text(round, stella, monkeypatch):
    def burst(*_args):
        raise ZeroDivisionError("a figure: 123456789")

    monkeypatch.setattr(computing, "publish", burst)
    release = releases.start(round, by=stella)
    with pytest.raises(computing.ComputingFailed) as caught:
        computing.compute(release.pk)
    release.refresh_from_db()
    assert release.reason == "Computing stopped unexpectedly (ZeroDivisionError)."
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_two_people_approve_and_one_of_them_publishes(draft, timo, ursula):
    release = published(draft, [timo, ursula])
    assert release.state == ReleaseState.PUBLISHED
    assert release.published_by == ursula
    assert Round.objects.get(pk=release.round_id).state == RoundState.PUBLISHED
    events = Entry.objects.filter(about_type="release").order_by("pk").values_list("event", flat=True)
    assert list(events) == ["release.approved", "release.approved", "release.published"]


def test_only_a_closed_round_can_be_computed(banks, stella):
    round = open_round_of(collect(banks))
    assert refused(releases.start, round, by=stella) == "Only a closed round can be computed."


def test_a_round_with_undecided_packages_cannot_be_computed(round, banks, stella):
    round.submissions.filter(institution=banks[0].institution).update(state="received")
    assert refused(releases.start, round, by=stella) == "Packages of this round are still being checked."


def test_a_round_without_accepted_submissions_cannot_be_computed(banks, stella):
    round = close(open_round_of(collect(banks)))
    assert refused(releases.start, round, by=stella) == "No submission of this round was accepted."


def test_a_period_that_is_not_over_is_not_released(banks, stella, settings):
    round = open_round_of(collect(banks), period="2099-Q4")
    submit(banks[0], round)
    assert refused(releases.start, close(round), by=stella) == "The reference period is too recent to be released."


def test_whoever_may_not_compute_does_not(round, carl):
    with pytest.raises(Forbidden):
        releases.start(round, by=carl)


def test_the_preparer_does_not_approve(draft, stella):
    assert refused(releases.approve, draft, by=stella) == "A release is approved by someone other than its preparer."


def test_nobody_approves_twice(draft, timo):
    releases.approve(draft, by=timo)
    assert refused(releases.approve, draft, by=timo) == "You have approved this release already."


def test_only_a_draft_is_approved(draft, timo, ursula):
    published(draft, [timo, ursula])
    assert refused(releases.approve, draft, by=timo) == "Only a release in review can be approved."


def test_one_approval_is_not_enough(draft, timo):
    releases.approve(draft, by=timo)
    expected = "A release needs the approval of two people before it is published."
    assert refused(releases.publish, draft, by=timo) == expected


def test_the_preparer_does_not_publish(draft, stella, timo, ursula):
    for person in (timo, ursula):
        releases.approve(draft, by=person)
    assert refused(releases.publish, draft, by=stella) == "A release is published by someone other than its preparer."


def test_a_release_whose_audit_failed_is_neither_approved_nor_published(draft, timo):
    Release.objects.filter(pk=draft.pk).update(audit_passed=False)
    assert refused(releases.approve, draft, by=timo) == "A release whose audit failed cannot be approved."
    assert refused(releases.publish, draft, by=timo) == "A release whose audit failed cannot be published."


def test_only_a_draft_is_published(draft, timo, ursula):
    published(draft, [timo, ursula])
    assert refused(releases.publish, draft, by=timo) == "Only a release in review can be published."


def test_a_refused_draft_keeps_its_reason_and_the_round_is_closed_again(draft, timo):
    releases.refuse(draft, reason="Coverage is too low.", by=timo)
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (ReleaseState.REFUSED, "Coverage is too low.")
    assert Round.objects.get(pk=draft.round_id).state == RoundState.CLOSED
    assert refused(releases.refuse, draft, reason="Again", by=timo) == "Only a release in review can be refused."


def test_refusing_and_withdrawing_need_a_reason(draft, timo, ursula):
    expected = "Give a reason; it stays visible with the release."
    assert refused(releases.refuse, draft, reason=" ", by=timo) == expected
    published(draft, [timo, ursula])
    assert refused(releases.withdraw, draft, reason="", by=timo) == expected


def test_a_withdrawn_release_stays_visible_with_its_reason(draft, timo, ursula, oskar):
    assert refused(releases.withdraw, draft, reason="No", by=timo) == "Only a published release can be withdrawn."
    published(draft, [timo, ursula])
    releases.withdraw(draft, reason="A code list was wrong.", by=timo)
    shown = Release.objects.visible_to(oskar).get(pk=draft.pk)
    assert (shown.state, shown.reason) == (ReleaseState.WITHDRAWN, "A code list was wrong.")


def test_a_draft_is_seen_by_reviewers_only(draft, timo, oskar, olga):
    assert Release.objects.visible_to(timo).filter(pk=draft.pk).exists()
    assert not Release.objects.visible_to(oskar).filter(pk=draft.pk).exists()
    assert not Release.objects.visible_to(olga).filter(pk=draft.pk).exists()


def revised(release, stella, *, without=None):
    """A second revision of a published release's round, without some banks' submissions."""
    round = close(Round.objects.get(pk=release.round_id))
    round.submissions.filter(institution__in=[bank.institution for bank in without or []]).update(state="withdrawn")
    return computed(round, stella)


def test_a_revision_replaces_the_published_release(full_draft, stella, timo, ursula):
    published(full_draft, [timo, ursula])
    again = published(revised(full_draft, stella), [timo, ursula])
    full_draft.refresh_from_db()
    assert (full_draft.state, full_draft.reason) == (
        ReleaseState.WITHDRAWN,
        "Replaced by revision 2. Some figures were corrected.",
    )
    assert again.public_id.endswith("-r2")
    assert figures(again)["_T"].pooled == figures(full_draft)["_T"].pooled


def test_a_revision_withholds_what_the_difference_would_give_away(full_draft, stella, timo, ursula, banks):
    published(full_draft, [timo, ursula])
    leaver = [bank for bank in banks if bank.institution.size_band == "small"][:1]
    again = revised(full_draft, stella, without=leaver)
    assert again.audit_passed
    was_shown = [key for key, row in figures(full_draft).items() if not row.withheld]
    assert was_shown
    assert all(figures(again)[key].withheld for key in was_shown)


def test_a_revision_that_many_left_is_published(full_draft, stella, timo, ursula, banks):
    published(full_draft, [timo, ursula])
    leavers = [bank for bank in banks if bank.institution.size_band == "small"]
    assert not figures(revised(full_draft, stella, without=leavers))["_T"].withheld


def shown(release):
    return {key for key, row in figures(release).items() if not row.withheld}


def test_computing_a_revision_once_more_does_not_show_what_the_first_one_withheld(
    full_draft, stella, timo, ursula, banks
):
    """The first release is still read beside the third."""
    first = published(full_draft, [timo, ursula])
    leaver = [bank for bank in banks if bank.institution.size_band == "small"][:1]
    published(revised(first, stella, without=leaver), [timo, ursula])
    third = revised(first, stella)

    assert third.audit_passed
    assert shown(first)
    assert not shown(first) & shown(third)


def test_withdrawing_the_published_release_first_does_not_open_the_difference_to_it(
    full_draft, stella, timo, ursula, banks
):
    first = published(full_draft, [timo, ursula])
    releases.withdraw(first, reason="One member asked for it.", by=timo)
    leaver = [bank for bank in banks if bank.institution.size_band == "small"][:1]
    again = revised(first, stella, without=leaver)

    assert again.audit_passed
    assert shown(first)
    assert not shown(first) & shown(again)


def test_a_published_round_is_reopened_corrected_and_published_again(
    full_draft, round, stella, timo, ursula, carl, banks
):
    """The whole way of a correction, by the services that people use."""
    first = published(full_draft, [timo, ursula])
    opened = rounds.reopen(Round.objects.get(pk=round.pk), by=carl)
    (bank, *_others) = banks
    cube = call_report(bank.institution.code, round.period, scale=90, late=0.05)
    told = submissions.Correction("source-data", "One portfolio was counted twice.")
    package = sealed(bank, opened, cube)
    corrected = submissions.receive(opened, package, by=bank.client, correction=told).submission
    checking.open_sealed(corrected.pk)
    second = published(computed(rounds.close(opened, by=carl), stella), [timo, ursula])
    first.refresh_from_db()

    assert (first.state, second.state) == (ReleaseState.WITHDRAWN, ReleaseState.PUBLISHED)
    assert str(corrected.pk) in second.audit["inputs"]
    assert len(set(second.audit["inputs"]) - set(first.audit["inputs"])) == 1
    # Nobody came or went, so nothing more is withheld, and the figures are those of the correction.
    assert shown(second) == shown(first)
    assert figures(second)["_T"].pooled != figures(first)["_T"].pooled
    assert Statement.objects.filter(release=second).count() == len(banks)
    assert log.counted_leaf(second, bank.institution.pk).submission == corrected
    assert log.counted_leaf(first, bank.institution.pk).submission != corrected
