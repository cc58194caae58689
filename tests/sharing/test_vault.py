"""Keys that only the vault's worker can use, and packages that survive."""

from __future__ import annotations

import hashlib
import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from anonymize.cube import read_cube
from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import SealingKeyPair, verify_jwk
from consortium.institutions.models import SigningKey
from consortium.institutions.services import signing_keys
from consortium.signing import key_set
from sharing import blobs, vault
from sharing.models import Opening, RoundKey
from sharing.services import checking, submissions
from tests.cast import call_report, found_bank, sealed


def test_a_round_has_a_signed_key_of_each_suite(open_round):
    for key in open_round.keys.all():
        proved = verify_jwk(key.signature, round_id=open_round.public_id, jwks=key_set())
        assert (proved.rkid, proved.suite) == (key.rkid, key.suite)
    assert {key.suite for key in open_round.keys.all()} == {"X-Wing", "X25519"}


def test_a_process_without_the_vaults_signing_key_makes_no_round_keys(open_round, settings):
    open_round.keys.all().delete()
    settings.CONCORD_VAULT_SIGNING_KEY = ""

    with pytest.raises(ImproperlyConfigured, match="CONCORD_VAULT_SIGNING_KEY"):
        vault.make_round_keys(open_round)

    assert not open_round.keys.exists()


def test_keys_are_made_once(open_round):
    before = set(open_round.keys.values_list("rkid", flat=True))

    vault.make_round_keys(open_round)

    assert set(open_round.keys.values_list("rkid", flat=True)) == before


def test_private_keys_are_wrapped(open_round):
    for key in open_round.keys.all():
        wrapped = bytes(key.wrapped_private)
        readable = {
            SealingKeyPair.from_private_bytes(key.suite, wrapped[at : at + 32]).rkid for at in range(len(wrapped) - 31)
        }
        assert readable
        assert key.rkid not in readable


def test_another_key_encryption_key_opens_nothing(harbour, open_round, ada, settings):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    settings.CONCORD_KEK = "A" * 43

    with pytest.raises(KeyStoreError, match="which this process does not have"):
        checking.open_sealed(submission.pk)

    submission.refresh_from_db()
    assert (submission.state, submission.lease_until) == ("received", None)
    assert not submission.openings.exists()  # it counts as no attempt


def test_a_wrapped_key_names_what_wrapped_it(open_round):
    assert {key.kek for key in open_round.keys.all()} == {vault.require_kek().current.id}


def test_a_wrapped_key_cannot_be_moved_to_another_round(harbour, open_round, ada):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    first, second = open_round.keys.order_by("pk")
    wrapped = first.wrapped_private
    RoundKey.objects.filter(pk=first.pk).update(wrapped_private=second.wrapped_private)
    RoundKey.objects.filter(pk=second.pk).update(wrapped_private=wrapped)

    with pytest.raises(KeyStoreError):
        vault.open_one(submission, blobs.get(submission.blob))


@pytest.mark.parametrize("kek", ["", "c2hvcnQ", "A" * 44])
def test_the_key_encryption_key_is_32_bytes(kek, settings):
    settings.CONCORD_KEK = kek

    with pytest.raises(ImproperlyConfigured, match="CONCORD_KEK"):
        vault.require_kek()


def test_all_packages_of_a_round_are_opened_and_each_opening_is_on_record(open_round, collection):
    sent = {}
    for number in range(3):
        bank = found_bank(f"BANK{number}")
        collection.contributors.add(bank.institution)
        package = sealed(bank, open_round, call_report(f"BANK{number}", scale=number + 1))
        sent[f"BANK{number}"] = submissions.receive(open_round, package, by=bank.client).submission

    opened = {each.submission.institution.code: each for each in vault.open_all(list(sent.values()))}

    assert opened.keys() == sent.keys()
    cube = read_cube(opened["BANK2"].plaintext, collection.template, opened["BANK2"].media_type)
    assert max(cube.table.column("BALANCE").to_pylist()) == 3 * 10_000 * sum(range(1, 14))
    assert Opening.objects.filter(purpose=Opening.Purpose.COMPUTE).count() == 3


def test_a_package_that_was_exchanged_in_storage_is_not_opened(harbour, open_round, ada, outsiders_bank):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    other = sealed(outsiders_bank, open_round, institution="HARBOUR")

    with pytest.raises(PackageError) as refusal:
        vault.open_one(submission, other)

    assert refusal.value.rule == "unknown-key"


def test_a_key_that_was_revoked_later_still_opens_what_it_signed(harbour, open_round, ada, dora):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora)

    assert vault.open_one(submission, blobs.get(submission.blob)).plaintext


def test_an_opened_package_does_not_show_its_content(harbour, open_round, ada):
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    opened = vault.open_one(submission, blobs.get(submission.blob))

    assert "PAR1" not in repr(opened)


def test_a_blob_is_there_whole_under_its_digest(settings):
    package = os.urandom(10_000)
    digest = hashlib.sha256(package).hexdigest()

    name = blobs.put("a-round", digest, package)

    assert blobs.get(name) == package
    assert blobs.put("a-round", digest, package) == name
    assert [path.name for path in (settings.CONCORD_BLOBS / "a-round").iterdir()] == [digest]
    assert (settings.CONCORD_BLOBS / name).stat().st_mode & 0o077 == 0


def test_a_blob_is_on_disk_before_it_has_its_name(monkeypatch):
    order = []
    real_sync, real_rename = os.fsync, blobs.Path.rename
    monkeypatch.setattr(blobs.os, "fsync", lambda descriptor: order.append("sync") or real_sync(descriptor))
    monkeypatch.setattr(blobs.Path, "rename", lambda *args: order.append("rename") or real_rename(*args))

    blobs.put("a-round", "b" * 64, b"package")

    assert order[-3:] == ["sync", "rename", "sync"]


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b", "a", "a/", "a/.."])
def test_a_blob_has_no_other_name_than_its_own(name):
    with pytest.raises(ValueError, match="no blob is named"):
        blobs.get(name)


def test_putting_a_blob_again_makes_it_young():
    name = blobs.put("a-round", "c" * 64, b"package")
    os.utime(blobs._path(name), (0, 0))
    assert list(blobs.older_than(3600)) == [name]

    blobs.put("a-round", "c" * 64, b"package")

    assert list(blobs.older_than(3600)) == []
