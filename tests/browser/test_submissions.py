"""Intake as its people see it: a submission with findings, a question, a proof, no data, more time, quality."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.people.models import Person
from sharing.models import Extension, Finding, Remark, Submission
from sharing.services import queries
from sharing.services.log import append

pytestmark = pytest.mark.browser

SCREENS = [("en", 1440, "light"), ("zh-hans", 390, "dark")]


@pytest.fixture
def intake(seeded):
    """The seed with what intake adds: warnings, a question and its answer, a trial, a score, a later date."""
    people = {person.name.split()[0].lower(): person for person in Person.objects.all()}
    own = Submission.objects.filter(institution=seeded.institution)
    accepted = own.filter(state="accepted").order_by("-round__due_at").first()
    Submission.objects.filter(pk=accepted.pk).update(
        timeliness="in_grace", cells_changed=1204, completeness=0.98, score=87, checked_at=accepted.decided_at
    )
    accepted.refresh_from_db()
    for product in ("SME", "CARD", "MORTGAGE"):
        cell = {"PRODUCT": product, "REGION": "CN-ZJ", "RISK_TIER": "HIGH", "DPD_BUCKET": "D030_059"}
        sentence = f"BALANCE at {product} changed by more than 50% since the period before."
        Finding.objects.create(
            submission=accepted, rule="balance-change", severity="warning", cell=cell, sentence=sentence
        )
    Finding.objects.create(submission=accepted, rule="mix-shift", severity="warning", cell=cell, sentence="See it.")
    append(accepted)
    handle = queries.handle_of(accepted.round_id, seeded.institution.pk)
    query = queries.ask(accepted.round, handle, "balance-change", "Did a portfolio move?", by=people["stella"])
    queries.answer(query, "Two branches were sold in the period.", by=people["ada"], show_cells=True)
    waiting = own.get(state="awaiting_approval")
    Submission.objects.filter(pk=waiting.pk).update(timeliness="on_time", checked_at=timezone.now())
    trial = Submission.objects.get(pk=waiting.pk)
    trial.pk, trial.is_trial, trial.state, trial.package_sha256 = None, True, "checked", "f" * 64
    trial.save(force_insert=True)
    rejected = own.get(state="rejected")
    Remark.objects.create(submission=waiting, kind="sent_back", text="The cards were missing.", by=people["bela"])
    later = Extension.objects.create(
        round=seeded.open_round,
        institution=seeded.institution,
        until=seeded.open_round.due_at + timedelta(days=9),
        reason="Core banking is being migrated.",
        granted_by=people["carl"],
    )
    return {"accepted": accepted, "waiting": waiting, "query": query, "rejected": rejected, "trial": trial, "l": later}


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_a_member_follows_its_submissions(visit, intake, language, width, theme):
    Person.objects.update(language=language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("ada")
    for name, path in (
        ("submissions", "/submissions/"),
        ("submission-accepted", f"/submissions/{intake['accepted'].pk}/"),
        ("submission-rejected", f"/submissions/{intake['rejected'].pk}/"),
        ("submission-trial", f"/submissions/{intake['trial'].pk}/"),
        ("submission-proof", f"/submissions/{intake['accepted'].pk}/proof/"),
        ("quality", "/submissions/quality/"),
        ("queries-member", "/queries/"),
        ("query-member", f"/queries/{intake['query'].pk}/"),
        ("send", f"/rounds/{intake['waiting'].round.public_id}/send/"),
    ):
        visitor.go(path)
        visitor.look(name)


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_an_approver_sends_back_and_no_data_is_declared(visit, intake, language, width, theme):
    Person.objects.update(language=language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("bela")
    visitor.go(f"/submissions/{intake['waiting'].pk}/")
    visitor.page.click("section[aria-labelledby=act] details:first-of-type summary")
    visitor.look("submission-waiting")
    visitor.page.fill("[name=send-back-reason]", "The cards are missing.")
    visitor.page.click("section[aria-labelledby=act] details:first-of-type button")
    visitor.page.wait_for_load_state()
    assert Submission.objects.get(pk=intake["waiting"].pk).state == "sent_back"

    ada = visit(language=language, width=width, theme=theme)
    ada.sign_in("ada")
    ada.go(f"/rounds/{intake['waiting'].round.public_id}/no-data/")
    ada.look("no-data")
    ada.page.check("[value=system-migration]")
    ada.page.click("main form.form button[type=submit]")
    ada.page.wait_for_load_state()
    ada.look("no-data-declared")


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_the_association_asks_and_grants_more_time(visit, intake, language, width, theme):
    Person.objects.update(language=language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("stella")
    for name, path in (
        ("queries", "/queries/"),
        ("query", f"/queries/{intake['query'].pk}/"),
        ("round-findings", f"/rounds/{intake['accepted'].round.public_id}/findings/"),
    ):
        visitor.go(path)
        visitor.look(name)
    carl = visit(language=language, width=width, theme=theme)
    carl.sign_in("carl")
    public_id = intake["waiting"].round.public_id
    for name, path in (
        ("round-dates", f"/rounds/{public_id}/dates/"),
        ("round-extensions", f"/rounds/{public_id}/extensions/"),
    ):
        carl.go(path)
        carl.look(name)
