"""The review on its page: what a reviewer reads, and what nobody else does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sharing.services import releases
from tests.sharing.releasing import close, collect, computed, found_panel, open_round_of, published, submit


@pytest.fixture
def banks(db):
    return found_panel()


@pytest.fixture
def draft(banks, stella):
    round = open_round_of(collect(banks))
    for bank in banks:
        submit(bank, round)
    return computed(close(round), stella)


def page(client, person, release, name="release", **query):
    client.force_login(person)
    return client.get(reverse(name, args=[release.public_id]), query)


def post(client, person, release, verb, **form):
    client.force_login(person)
    return client.post(reverse(f"release-{verb}", args=[release.public_id]), form, follow=True)


def test_a_reviewer_reads_coverage_and_what_is_withheld_by_reason(client, draft, timo, banks):
    text = page(client, timo, draft).content.decode()
    assert f"{len(banks)} / {len(banks)}" in text
    for words in ("What is withheld, and why", "Protects another cell", "Comments among reviewers"):
        assert words in text


def test_a_reviewer_lists_cells_by_the_reason_why_they_are_withheld(client, draft, timo):
    few = page(client, timo, draft, "release-cells", state="A", indicator="DPD60_RATE")
    assert few.context["cells"]
    assert all(cell["row"].reason == "A" for cell in few.context["cells"])
    shown = page(client, timo, draft, "release-cells", state="shown")
    assert not any(cell["row"].withheld for cell in shown.context["cells"])


def test_a_reader_of_the_published_release_reads_no_reason_and_no_comment(client, draft, timo, ursula, oskar):
    releases.comment(draft, text="Bank X was late again.", by=timo)
    published(draft, [timo, ursula])
    text = page(client, oskar, draft).content.decode()
    for words in ("Protects another cell", "Bank X", "Comments among reviewers", "Narrowest interval"):
        assert words not in text
    assert page(client, oskar, draft, "release-cells").status_code == 403


def test_a_correction_is_read_beside_what_it_replaces(client, draft, stella, timo, ursula, oskar):
    first = published(draft, [timo, ursula])
    again = computed(close(first.round), stella)
    assert "What changes in revision 1" in page(client, timo, again).content.decode()
    releases.annotate(again, note="A code list was wrong.", by=stella)
    second = published(again, [timo, ursula])
    text = page(client, oskar, second).content.decode()
    assert "A code list was wrong." in text
    assert "Vintages of this period" in text


def test_an_embargo_is_set_and_called_off_on_the_page(client, draft, timo, ursula):
    for person in (timo, ursula):
        releases.approve(draft, by=person)
    at = timezone.now() + timedelta(days=2)
    text = post(client, ursula, draft, "schedule", at=f"{at:%Y-%m-%dT%H:%M}").content.decode()
    assert "Until then nobody but reviewers sees it." in text
    assert "its approvals stand" in post(client, timo, draft, "call-off").content.decode()


def test_a_moment_that_is_none_is_told(client, draft, timo):
    assert "Enter a valid date/time." in post(client, timo, draft, "schedule", at="soon").content.decode()


def test_the_note_is_saved_and_the_approvals_are_over(client, draft, stella, timo):
    releases.approve(draft, by=timo)
    text = post(client, stella, draft, "note", note="Read with care.").content.decode()
    assert "needs its approvals anew" in text
    assert "Read with care." in text
    assert not draft.approvals.exists()
