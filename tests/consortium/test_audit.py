"""The audit trail: whole, in order, and only ever added to."""

from __future__ import annotations

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from consortium.audit.models import Entry
from consortium.audit.services import BEGINNING, digest_of, record, verify_chain
from consortium.institutions.services import institutions


@pytest.fixture
def three_entries(harbour, ada):
    return [record(f"test.{number}", by=ada, about=harbour.institution, number=number) for number in range(3)]


def test_each_entry_covers_the_one_before(three_entries):
    first, second, third = Entry.objects.order_by("pk")

    assert first.previous == BEGINNING
    assert (second.previous, third.previous) == (first.digest, second.digest)
    assert verify_chain() is None


def test_an_entry_names_who_what_and_where(three_entries, harbour, ada):
    entry = three_entries[0]

    assert (entry.person, entry.actor, entry.institution) == (ada, "Ada", harbour.institution)
    assert (entry.about_type, entry.about_id, entry.about) == ("institution", str(harbour.institution.pk), "HARBOUR")


def test_an_api_client_and_a_process_are_named_too(harbour):
    assert record("test", by=harbour.client).actor == "API client HARBOUR nightly job"
    assert record("test", by="vault").actor == "vault"


@pytest.mark.parametrize(
    "sql",
    ["UPDATE audit_entry SET event = 'other'", "DELETE FROM audit_entry"],
)
def test_the_database_refuses_to_change_an_entry(three_entries, sql):
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert Entry.objects.count() == 3


def test_the_database_refuses_to_empty_the_trail(three_entries):
    alter("ENABLE TRIGGER audit_is_not_emptied")

    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE audit_entry CASCADE")


@pytest.fixture
def without_the_trigger(three_entries):
    """Somebody with the database's own rights."""
    alter("DISABLE TRIGGER audit_entries_stay")


def alter(what):
    """Change the table until the test's transaction is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE audit_entry {what}")


@pytest.mark.parametrize(
    "change", [{"event": "other"}, {"actor": "Olga"}, {"details": {"number": 9}}, {"about_id": "0"}]
)
def test_a_changed_entry_shows(without_the_trigger, three_entries, change):
    Entry.objects.filter(pk=three_entries[1].pk).update(**change)

    broken = verify_chain()

    assert (broken.entry, broken.what) == (three_entries[1].pk, "it was changed")


def test_a_removed_entry_shows(without_the_trigger, three_entries):
    Entry.objects.filter(pk=three_entries[1].pk).delete()

    assert verify_chain().entry == three_entries[2].pk


def test_the_command_names_the_entry_that_does_not_hold(without_the_trigger, three_entries):
    changed = three_entries[1].pk
    Entry.objects.filter(pk=changed).update(event="other")

    with pytest.raises(CommandError, match=f"^Audit log, entry {changed}: it was changed.$"):
        call_command("verify_records")


def test_the_command_tells_where_the_log_ends(three_entries, capsys):
    call_command("verify_records")

    count, last = Entry.objects.count(), three_entries[-1].digest
    assert capsys.readouterr().out == f"All hold: {count} entries, the last {last}; 0 accepted packages.\n"


def test_an_entry_that_was_changed_with_its_digest_shows_at_the_next(without_the_trigger, three_entries):
    second = three_entries[1]
    second.event = "other"
    Entry.objects.filter(pk=second.pk).update(event="other", digest=digest_of(second))

    assert verify_chain().entry == three_entries[2].pk


def test_the_chain_is_verified_from_any_entry_on(three_entries):
    assert verify_chain(start=three_entries[1].pk) is None


def test_an_entry_is_written_with_its_transaction_or_not_at_all(harbour, mara):
    with transaction.atomic():
        institutions.suspend(harbour.institution, reason="a test", by=mara)
        transaction.set_rollback(True)

    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_make_one_chain(harbour):
    def write():
        for _number in range(10):
            with transaction.atomic():
                record("test", by="vault", about=harbour.institution)
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert Entry.objects.count() == 40
    assert verify_chain() is None
