"""From the public form to an admitted institution with an invited administrator."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import Application, Institution
from consortium.institutions.services import affiliates, applications
from consortium.institutions.states import ApplicationState
from consortium.notifications.models import Mail, Notice
from consortium.people.models import Invitation
from consortium.people.roles import Role
from tests.cast import found_bank, person

USCC, LEI = "91110000600037341L", "213800WSGIIZCXF1P572"
FORM = {
    "name": "Sea Breeze Consumer Finance",
    "name_zh": "海风消费金融",
    "kind": "consumer_finance",
    "size_band": "small",
    "home_region": "CN-FJ",
    "registration_number": USCC,
    "lei": "",
    "contact_name": "Chen Wei",
    "contact_position": "Deputy Head of Risk",
    "contact_email": "chen@sea.example",
    "reason": "Is it us, or is it everybody?",
}


def apply(client, **changes):
    return client.post("/join/", {**FORM, **changes})


def link() -> str:
    return re.search(r"https://concord\.example(/join/\S+/)", Mail.objects.latest("pk").text).group(1)


@pytest.fixture
def confirmed(client, db) -> Application:
    apply(client)
    return applications.confirm(Application.objects.get())


@pytest.fixture
def reviewed(confirmed, mara) -> Application:
    return applications.take_up(confirmed, by=mara)


def test_nobody_sees_an_application_before_its_contact_confirms_it(client, mara):
    assert apply(client)["Location"] == "/join/sent/"
    application = Application.objects.get()
    assert not Application.objects.visible_to(mara).exists()
    assert not Notice.objects.exists()
    assert not Entry.objects.exists()
    path = link()

    client.get(path)  # looking confirms nothing
    assert not Application.objects.visible_to(mara).exists()
    client.post(path + "confirm/")

    assert list(Application.objects.visible_to(mara)) == [application]
    assert Notice.objects.get(person=mara).sentence == "Sea Breeze Consumer Finance applies for membership."
    assert Entry.objects.get().event == "application.confirmed"


def test_the_whole_way_to_a_member_with_an_administrator(client, mara):
    apply(client)
    path = link()
    client.post(path + "confirm/")
    application = Application.objects.get()
    client.force_login(mara)
    office = f"/administration/applications/{application.public_id}/"
    client.post(office + "take-up/")
    client.post(office + "ask/", {"question": "Who supervises you?"})
    assert "Who supervises you?" in Mail.objects.latest("pk").text
    client.logout()
    question = application.questions.get()
    client.post(f"{path}answer/{question.pk}/", {"answer": "The provincial office."})
    client.force_login(mara)
    assert "The provincial office." in client.get(office).content.decode()
    form = {"code": "SEABREEZE", "group": "", "administrator": "Chen Wei", "email": "chen@sea.example"}
    client.post(office + "admit/", form)

    institution = Institution.objects.get(code="SEABREEZE")
    application.refresh_from_db()
    assert institution.is_active
    assert (institution.name_zh, institution.registration_number) == ("海风消费金融", USCC)
    assert (application.state, application.institution) == (ApplicationState.ADMITTED, institution)
    invited = Invitation.objects.get()
    assert (invited.email, invited.roles, invited.institution) == (
        "chen@sea.example",
        [Role.ADMINISTRATOR],
        institution,
    )
    assert "/invitation/" in Mail.objects.latest("pk").text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"registration_number": "91110000600037341M"}, "its check character differs"),
        ({"registration_number": "12345"}, "its check character differs"),
        ({"registration_number": ""}, "Give a registration number or an LEI"),
        ({"lei": "213800WSGIIZCXF1P573"}, "its check digits differ"),
        ({"home_region": "Fujian"}, "A code of ISO 3166"),
        ({"contact_email": "nobody"}, "Enter a valid email address"),
        ({"kind": "casino"}, "Select a valid choice"),
        ({"name": "x" * 161}, "at most 160 characters"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_a_form_that_is_wrong_is_shown_again(client, db, changes, sentence):
    answer = apply(client, **changes)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Application.objects.exists()


def test_an_lei_alone_or_a_number_from_abroad_will_do(client, db):
    assert apply(client, registration_number="", lei=LEI.lower()).status_code == 302
    assert Application.objects.get().lei == LEI
    assert apply(client, registration_number="HRB 12345", home_region="DE").status_code == 302


def test_a_program_that_fills_in_the_hidden_field_is_thanked_and_forgotten(client, db):
    assert apply(client, homepage="https://spam.example")["Location"] == "/join/sent/"
    assert not Application.objects.exists()
    assert not Mail.objects.exists()


def test_the_answer_does_not_tell_who_is_a_member_or_has_applied(client, harbour):
    answers = [apply(client), apply(client), apply(client, name=harbour.institution.name)]

    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/join/sent/")}


def test_one_network_applies_a_few_times_a_day(client, db):
    for number in range(applications.PER_ADDRESS):
        assert apply(client, contact_email=f"c{number}@sea.example").status_code == 302

    refused = apply(client, contact_email="more@sea.example")
    assert (refused.status_code, "Too many applications" in refused.content.decode()) == (422, True)
    elsewhere = client.post("/join/", {**FORM, "contact_email": "x@sea.example"}, REMOTE_ADDR="203.0.113.9")
    assert elsewhere.status_code == 302
    Application.objects.update(submitted_at=timezone.now() - timedelta(days=2))
    assert apply(client, contact_email="more@sea.example").status_code == 302


def test_nobody_is_written_to_without_end(client, db):
    for number in range(6):
        answer = client.post("/join/", FORM, REMOTE_ADDR=f"203.0.113.{number}")
        assert answer.status_code == 302

    assert Mail.objects.count() == applications.PER_CONTACT


def test_neither_address_nor_link_is_kept(client, db):
    client.post("/join/", FORM, REMOTE_ADDR="203.0.113.77")
    application = Application.objects.get()

    assert "203.0.113.77" not in application.source
    assert not any(link().split(":")[-1] in str(value) for value in vars(application).values())


@pytest.mark.parametrize("token", ["forged", "00000000-0000-0000-0000-000000000000:x", "::", "\x00"])
def test_a_forged_link_is_a_link_to_nothing(client, db, token):
    assert applications.follow(token) is None


def test_applications_are_member_services_own(confirmed, carl, aldo, dora, olga):
    for other in (carl, aldo, dora, olga):
        assert not Application.objects.visible_to(other).exists()
        with pytest.raises(Forbidden):
            applications.take_up(confirmed, by=other)


def test_nothing_is_decided_before_the_review_is_taken_up(confirmed, mara):
    with pytest.raises(Refused, match="Take up the review first"):
        applications.decline(confirmed, "no lender", by=mara)
    with pytest.raises(Refused, match="Take up the review first"):
        applications.ask(confirmed, "Who?", by=mara)


def test_a_declined_applicant_reads_why(client, reviewed, mara):
    applications.decline(reviewed, "You lend to nobody yet.", by=mara)

    assert "You lend to nobody yet." in Mail.objects.latest("pk").text
    assert "You lend to nobody yet." in client.get(link()).content.decode()
    with pytest.raises(Refused, match="is decided or withdrawn"):
        applications.decline(reviewed, "again", by=mara)


def test_an_application_is_admitted_once(reviewed, mara):
    chosen = {"group": None, "administrator": "Chen", "email": "chen@sea.example"}
    applications.admit(reviewed, code="SEABREEZE", by=mara, **chosen)

    with pytest.raises(Refused, match="is decided or withdrawn"):
        applications.admit(reviewed, code="SEABREEZE2", by=mara, **chosen)
    assert Institution.objects.count() == 1


def test_an_admission_that_cannot_invite_admits_nobody(reviewed, mara, ada):
    with pytest.raises(Refused, match="There is an account with this e-mail address"):
        applications.admit(reviewed, code="SEABREEZE", group=None, administrator="A", email=ada.email, by=mara)

    assert not Institution.objects.filter(code="SEABREEZE").exists()
    reviewed.refresh_from_db()
    assert reviewed.state == ApplicationState.IN_REVIEW


def test_an_applicant_can_join_a_group_at_once(reviewed, mara):
    group = affiliates.create("FAMILY", "Family", by=mara)
    admitted = applications.admit(
        reviewed, code="SEABREEZE", group=group, administrator="C", email="c@sea.example", by=mara
    )

    assert admitted.contributor_id == "FAMILY"


def test_an_applicant_withdraws_and_answers_no_more(client, reviewed, mara):
    question = applications.ask(reviewed, "Who?", by=mara)
    path = link()
    client.post(path + "withdraw/")

    reviewed.refresh_from_db()
    assert reviewed.state == ApplicationState.WITHDRAWN
    with pytest.raises(Refused, match="is decided or withdrawn"):
        applications.answer(reviewed, question, "too late")
    with pytest.raises(Refused, match="is decided or withdrawn"):
        applications.withdraw(reviewed)


def test_a_question_is_answered_once_and_only_by_its_own_applicant(client, reviewed, mara):
    question = applications.ask(reviewed, "Who?", by=mara)
    path = link()
    other = Application.objects.create(name="Other", contact_email="o@o.example", state=ApplicationState.IN_REVIEW)
    foreign = applications.link(other).removeprefix("https://concord.example")
    assert client.post(f"{foreign}answer/{question.pk}/", {"answer": "mine"}).status_code == 404
    client.post(f"{path}answer/{question.pk}/", {"answer": "The first"})
    client.post(f"{path}answer/{question.pk}/", {"answer": "The second"})

    question.refresh_from_db()
    assert question.answer == "The first"
    assert Notice.objects.filter(person=mara, kind="application.answered").count() == 1


def test_a_reviewer_is_told_of_members_that_look_the_same(reviewed):
    same = found_bank("SEA", registration_number=USCC).institution
    found_bank("OTHER", registration_number="")

    assert list(applications.look_alikes(reviewed)) == [same]


def test_what_nobody_confirms_is_forgotten(client, confirmed):
    apply(client, contact_email="late@sea.example")
    Application.objects.update(submitted_at=timezone.now() - timedelta(days=15))

    assert applications.forget_unconfirmed() == 1
    assert list(Application.objects.all()) == [confirmed]


def test_the_queue_is_counted_in_the_navigation(client, confirmed, mara, aldo):
    client.force_login(mara)
    assert '<span class="sidenav__count">1</span>' in client.get("/administration/institutions/").content.decode()
    client.force_login(aldo)
    assert "sidenav__count" not in client.get("/administration/institutions/").content.decode()


def test_two_reviewers_who_admit_at_once_admit_one_institution(transactional_db):
    mara, mona = (person(name, None, Role.MEMBER_SERVICES) for name in ("Mara", "Mona"))
    application = Application.objects.create(
        name="N", contact_email="n@n.example", state=ApplicationState.IN_REVIEW, confirmed_at=timezone.now()
    )

    def admit(code, by):
        try:
            applications.admit(application, code=code, group=None, administrator="C", email="c@n.example", by=by)
        except Refused as refused:
            return refused.rule
        finally:
            connection.close()
        return "admitted"

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(admit, ("AA", "BB"), (mara, mona)))

    assert sorted(done) == ["admitted", "application-not-open"]
    assert Institution.objects.count() == 1
