"""The log of accepted packages: what gets a leaf, who may read what, and that nothing in it ever changes."""

from __future__ import annotations

import importlib
import json

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from anonymize import merkle
from anonymize.log import leaf_data, verify_consistency, verify_in_release, verify_leaves
from anonymize.package.jose import decode
from anonymize.package.tree_head import verify_tree_head
from consortium.errors import Refused
from consortium.signing import key_set
from sharing.models import Leaf, Submission
from sharing.services import checking, log, submissions
from sharing.states import SubmissionState
from tests.cast import call_report, sealed
from tests.sharing.conftest import bearer
from tests.sharing.releasing import close, collect, computed, found_panel, open_round_of, published, submit

INSERT = "INSERT INTO sharing_leaf (index, submission_id, salt, subtrees)"


@pytest.fixture
def panel(db):
    """Sixteen banks, each accepted for one round."""
    banks = found_panel()
    round = open_round_of(collect(banks))
    for bank in banks:
        submit(bank, round)
    return banks, round


def get(client, path, *, bank=None, person=None):
    if person is not None:
        client.force_login(person)
        return client.get(f"/api/v1{path}")
    return client.get(f"/api/v1{path}", headers={"authorization": bearer(client, bank)})


def accepted(bank, round, by, **figures):
    submission = submissions.receive(
        round, sealed(bank, round, call_report(bank.institution.code, **figures)), by=by
    ).submission
    checking.open_sealed(submission.pk)
    submission.refresh_from_db()
    return submission


# What gets a leaf


def test_what_is_accepted_is_in_the_log_at_once(harbour, open_round, ada):
    first, second = (accepted(harbour, open_round, ada, scale=scale) for scale in (1, 2))

    assert list(Leaf.objects.values_list("index", "submission")) == [(0, first.pk), (1, second.pk)]
    leaf = Leaf.objects.get(index=1)
    assert leaf.hash == merkle.leaf_hash(leaf_data(str(second.pk), second.package_sha256, bytes(leaf.salt)))


def test_what_was_rejected_or_waits_is_not_in_the_log(harbour, open_round, ada, bela):
    wrong = sealed(harbour, open_round, call_report("HARBOUR", "2025-Q3"))
    checking.open_sealed(submissions.receive(open_round, wrong, by=ada).submission.pk)
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    waiting = accepted(harbour, open_round, ada)
    assert Leaf.objects.count() == 0
    with pytest.raises(Refused) as refusal:
        log.inclusion(waiting)
    assert refusal.value.rule == "not-in-log"

    submissions.approve(waiting, by=bela)

    assert Leaf.objects.get().submission_id == waiting.pk


def test_acceptance_and_leaf_are_one(harbour, open_round, ada, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError

    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    monkeypatch.setattr(checking, "record", fails)
    with pytest.raises(RuntimeError):
        checking.open_sealed(submission.pk)

    submission.refresh_from_db()
    assert (submission.state, Leaf.objects.count()) == (SubmissionState.RECEIVED, 0)


def test_withdrawing_leaves_the_log_as_it_is(harbour, open_round, ada):
    submission = accepted(harbour, open_round, ada)
    before = Leaf.objects.get()
    submissions.withdraw(submission, by=ada)
    assert (Leaf.objects.get().hash, Leaf.objects.get().submission_id) == (before.hash, submission.pk)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sharing_leaf SET salt = sha256('x')",
        "UPDATE sharing_leaf SET index = 5",
        "DELETE FROM sharing_leaf",
        f"{INSERT} SELECT 7, gen_random_uuid(), salt, subtrees FROM sharing_leaf",
        f"{INSERT} SELECT 1, gen_random_uuid(), '', subtrees FROM sharing_leaf",
    ],
)
def test_the_database_refuses_to_change_the_log(harbour, open_round, ada, statement):
    accepted(harbour, open_round, ada)
    with pytest.raises(DatabaseError, match="log"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_what_was_accepted_before_there_was_a_log_gets_its_leaves(panel, stella):
    _banks, round = panel
    migration = importlib.import_module("sharing.migrations.0005_leaves_of_before")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE sharing_leaf DISABLE TRIGGER leaves_stay")
        cursor.execute("DELETE FROM sharing_leaf")
        cursor.execute("ALTER TABLE sharing_leaf ENABLE TRIGGER leaves_stay")
    release = computed(close(round), stella)
    replaced = Submission.objects.accepted().first()
    Submission.objects.filter(pk=replaced.pk).update(state=SubmissionState.SUPERSEDED)

    for _twice in range(2):
        migration.forward(apps, None)

    assert log.first_wrong() is None
    leaves = list(Leaf.objects.all())
    assert {leaf.submission_id for leaf in leaves} == set(Submission.objects.values_list("pk", flat=True))
    verify_leaves(verify_tree_head(log.signed_head(), key_set()), [leaf.hash.hex() for leaf in leaves])
    assert log.signed_counted(release)


def test_a_log_that_somebody_changed_behind_the_database_is_found(panel):
    assert log.first_wrong() is None
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE sharing_leaf DISABLE TRIGGER leaves_stay")
        for statement, first in [
            ("UPDATE sharing_leaf SET salt = sha256('x') WHERE index = 5", 5),
            ("UPDATE sharing_leaf SET subtrees = sha256('x') WHERE index = 3", 3),
            ("DELETE FROM sharing_leaf WHERE index = 2", 2),
        ]:
            cursor.execute(statement)
            assert log.first_wrong() == first
            with pytest.raises(CommandError, match=f"^Log of accepted packages, leaf {first}: "):
                call_command("verify_records")


# What it proves


def test_every_member_proves_that_the_release_counts_its_package(client, panel, stella, timo, ursula):
    banks, round = panel
    release = published(computed(close(round), stella), [timo, ursula])
    for number, bank in enumerate(banks):
        submission = Submission.objects.get(institution=bank.institution)
        own = get(client, f"/submissions/{submission.pk}/proof", bank=bank).json()
        counted = get(client, f"/releases/{release.public_id}/proof", bank=bank).json()

        found = verify_in_release(submission.receipt, release.public_id, own, counted, key_set())

        assert (found.index, len(found.counted.leaves)) == (number, 16)
        assert found.counted.inputs_digest == release.inputs_digest


def test_a_statement_brings_the_proof_of_what_is_behind_it(client, panel, stella, timo, ursula):
    banks, round = panel
    release = published(computed(close(round), stella), [timo, ursula])
    submission = Submission.objects.get(institution=banks[3].institution)

    document = get(client, f"/releases/{release.public_id}/statement", bank=banks[3]).json()

    counted = get(client, f"/releases/{release.public_id}/proof", bank=banks[3]).json()
    assert verify_in_release(submission.receipt, release.public_id, document["proof"], counted, key_set()).index == 3


def test_a_release_that_counts_what_is_not_in_the_log_is_not_signed_for(panel, stella):
    _banks, round = panel
    release = computed(close(round), stella)
    release.audit["inputs"].append("00000000-0000-4000-8000-000000000000")
    with pytest.raises(Refused) as refusal:
        log.signed_counted(release)
    assert refusal.value.rule == "not-in-log"


def test_the_auditor_follows_the_log_from_head_to_head(client, panel, aldo):
    heads = []
    for first in range(1, 17):
        path = get(client, f"/log/consistency?first={first}&second=16", person=aldo).json()["path"]
        part = get(client, f"/log/entries?start=0&end={first}", person=aldo).json()["leaves"]
        root = merkle.root_of_leaves(bytes.fromhex(each) for each in part)
        heads.append((first, root, path))
    head = verify_tree_head(get(client, "/log/head", person=aldo).json()["head"], key_set())

    verify_leaves(head, get(client, "/log/entries?start=0&end=1000", person=aldo).json()["leaves"])
    for size, root, path in heads:
        verify_consistency(type(head)(head.consortium, size, root, head.at), head, path)


def test_a_stranger_reads_nothing_of_the_log_that_names_a_member(client, panel, olga):
    text = "".join(
        get(client, path, person=olga).content.decode()
        for path in ("/log/head", "/log/entries?start=0&end=16", "/log/consistency?first=3&second=16")
    )
    for submission in Submission.objects.select_related("institution", "leaf"):
        told = [submission.institution.code, str(submission.pk), submission.package_sha256]
        assert not any(each in text for each in [*told, bytes(submission.leaf.salt).hex()])
        assert get(client, f"/submissions/{submission.pk}/proof", person=olga).status_code == 404


def test_the_salt_is_told_to_the_own_institution_only(client, panel):
    banks, _round = panel
    submission = Submission.objects.get(institution=banks[0].institution)
    document = get(client, f"/submissions/{submission.pk}/proof", bank=banks[0]).json()

    assert decode(document["salt"]) == bytes(submission.leaf.salt)
    assert get(client, f"/submissions/{submission.pk}/proof", bank=banks[1]).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        "consistency",
        "consistency?first=0&second=1",
        "consistency?first=2&second=1",
        "consistency?first=1&second=99",
        "consistency?first=a&second=1",
        f"consistency?first=1&second={10**30}",
        "entries?start=-1&end=2",
        "entries?start=2&end=2",
        "entries?start=0",
    ],
)
def test_a_question_that_has_no_answer_is_a_problem(client, harbour, open_round, ada, asked):
    accepted(harbour, open_round, ada)
    answer = get(client, f"/log/{asked}", bank=harbour)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_entries_end_where_the_log_ends(client, harbour, open_round, ada):
    accepted(harbour, open_round, ada)
    for end, start, count in [(1000, 0, 1), (10**30, 0, 1), (10, 5, 0), (10**30, 10**29, 0)]:
        assert len(get(client, f"/log/entries?start={start}&end={end}", bank=harbour).json()["leaves"]) == count


def test_an_empty_log_has_the_head_of_nothing(client, harbour):
    signed = json.loads(get(client, "/log/head", bank=harbour).content)["head"]
    head = verify_tree_head(signed, key_set())
    assert (head.size, head.root) == (0, merkle.EMPTY_ROOT)
