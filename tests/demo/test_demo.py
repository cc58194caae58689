"""What the demo decides before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from anonymize.simulate import demo_institutions
from anonymize.template import load
from consortium.demo import banks, founding, people
from consortium.demo.banks import Bank
from consortium.institutions.models import ApiClient, Institution, SigningKey
from consortium.management.commands.demo import recent_months
from consortium.people.models import Person
from consortium.people.roles import Permission, Role, may


def test_the_months_end_with_the_current_one() -> None:
    months = recent_months(14)
    assert months[-1] == datetime.now(UTC).strftime("%Y-%m")
    assert len(set(months)) == 14
    assert months == sorted(months)
    load(banks.COLLECTION).check_period(months[0])


@pytest.mark.django_db
def test_founding_twice_is_founding_once(tmp_path: Path) -> None:
    first = founding.found(tmp_path, "http://127.0.0.1:8000")
    counts = [model.objects.count() for model in (Institution, Person, SigningKey, ApiClient)]
    again = founding.found(tmp_path, "http://127.0.0.1:8001")
    assert counts == [model.objects.count() for model in (Institution, Person, SigningKey, ApiClient)]
    assert [bank.code for bank in first] == [bank.code for bank in again]
    assert founding.collection().contributors.count() == len(demo_institutions())
    assert founding.collection().peer_groups.count() == 3


@pytest.mark.django_db
def test_every_bank_can_sign_in_and_sign_with_what_is_in_its_directory(tmp_path: Path) -> None:
    bank = founding.found(tmp_path, "http://127.0.0.1:8000")[0]
    institution = Institution.objects.get(code=bank.code)
    assert institution.signing_keys.in_force().filter(kid=bank.signing_key().kid).exists()
    assert institution.api_clients.filter(client_id=bank.client_id()).exists()
    assert (bank.directory / "client-secret").stat().st_mode & 0o077 == 0


@pytest.mark.django_db
def test_preparer_reviewer_and_publisher_are_three_people_who_may(tmp_path: Path) -> None:
    people.hire_association(people.password(tmp_path))
    staff = [people.at_association(post) for post in (people.PREPARER, people.REVIEWER, people.PUBLISHER)]
    assert len({person.pk for person in staff}) == 3
    assert all(may(person, Permission.RELEASE_PUBLISH) for person in staff)
    held = {role for person in Person.objects.filter(institution=None) for role in person.roles}
    assert {Role.COLLECTION_MANAGER, Role.MEMBER_SERVICES, Role.AUDITOR, Role.OBSERVER} <= held


def test_the_incomplete_bank_and_the_one_with_four_eyes_are_in_the_cast() -> None:
    codes = [profile.code for profile in demo_institutions()]
    assert banks.INCOMPLETE in codes
    assert founding.FOUR_EYES in codes
    # Only every second bank submits to the open round; the incomplete one must be among them to be seen.
    assert banks.INCOMPLETE in codes[1::2]


def test_preparing_a_bank_writes_a_cube_a_period_and_nothing_twice(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(banks, "_end_with", lambda parent: None)
    bank = Bank(demo_institutions()[-1], tmp_path)
    banks.prepare_all([bank], ["2026-01", "2026-02"], 0)
    written = bank.cube("2026-01").stat().st_mtime_ns
    assert bank.cube("2026-02").exists()
    banks.prepare_all([bank], ["2026-01", "2026-02"], 0)
    assert bank.cube("2026-01").stat().st_mtime_ns == written
