"""The private keys of rounds while another key-encryption key takes over."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from consortium.audit.models import Entry
from consortium.embedded import keys
from sharing import blobs, vault
from sharing.models import RoundKey
from sharing.services import round_keys, submissions
from tests.cast import sealed


@pytest.fixture
def submission(harbour, open_round, ada):
    return submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission


@pytest.fixture
def new_kek(settings, tmp_path, submission):
    """A new key-encryption key is configured, with the one of before as a former one."""
    settings.CONCORD_FORMER_KEKS = settings.CONCORD_KEK
    settings.CONCORD_KEK = keys.key_encryption_key(tmp_path)


def opens(submission):
    return vault.open_one(submission, blobs.get(submission.blob)).plaintext


def rewrap(**options):
    said = StringIO()
    call_command("rewrap_keys", stdout=said, **options)
    return said.getvalue()


def test_a_former_key_opens_until_all_is_wrapped_anew(new_kek, submission, settings):
    before = opens(submission)
    settings_without = settings.CONCORD_FORMER_KEKS

    assert "2 keys wrapped anew" in rewrap()

    settings.CONCORD_FORMER_KEKS = ""
    assert opens(submission) == before
    assert settings_without not in rewrap()
    entry = Entry.objects.get(event="round_keys.rewrapped")
    assert entry.details == {"keys": 2, "kek": vault.require_kek().current.id}


def test_wrapping_anew_twice_changes_nothing(new_kek):
    rewrap()
    before = dict(RoundKey.objects.values_list("pk", "wrapped_private"))

    assert rewrap().startswith("0 keys")

    assert dict(RoundKey.objects.values_list("pk", "wrapped_private")) == before
    assert Entry.objects.filter(event="round_keys.rewrapped").count() == 1


def test_all_can_be_wrapped_anew_by_the_same_key(submission):
    before = {bytes(key.wrapped_private) for key in RoundKey.objects.all()}

    assert rewrap(all=True).startswith("2 keys")

    assert before.isdisjoint(bytes(key.wrapped_private) for key in RoundKey.objects.all())
    assert opens(submission)


def test_interrupted_it_goes_on_where_it_stopped(new_kek, submission, monkeypatch):
    real, done = vault.rewrap, []

    def dies_at_the_second(key):
        if done:
            raise KeyboardInterrupt
        done.append(key)
        real(key)

    monkeypatch.setattr(vault, "rewrap", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        round_keys.rewrap_all()
    monkeypatch.setattr(vault, "rewrap", real)

    assert opens(submission)  # both keys still unwrap, each by its own
    assert rewrap().startswith("1 keys")
    assert opens(submission)


def test_without_the_former_key_nothing_is_touched(new_kek, settings):
    settings.CONCORD_FORMER_KEKS = ""
    before = dict(RoundKey.objects.values_list("pk", "wrapped_private"))

    with pytest.raises(CommandError, match="CONCORD_FORMER_KEKS"):
        rewrap()

    assert dict(RoundKey.objects.values_list("pk", "wrapped_private")) == before


def test_keys_of_before_they_had_names_are_wrapped_anew(new_kek, submission):
    RoundKey.objects.update(kek="")
    assert opens(submission)

    assert rewrap().startswith("2 keys")
    assert opens(submission)


def test_a_row_that_names_another_key_is_not_wrapped_anew(new_kek, open_round):
    row = open_round.keys.get(suite="X25519")
    other = open_round.keys.get(suite="X-Wing")
    # An intruder in the database exchanges the names, and the purpose with them.
    RoundKey.objects.filter(pk=other.pk).delete()
    RoundKey.objects.filter(pk=row.pk).update(rkid=other.rkid)

    with pytest.raises(CommandError):
        rewrap()
