"""What the demo decides before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from anonymize import statement_keys as own_keys
from anonymize.config import load_config
from anonymize.cube import read_cube
from anonymize.periods import bounds
from anonymize.simulate import SIMULATED, demo_institutions
from anonymize.template import load
from consortium.demo import banks, everyday, founding, people
from consortium.demo.banks import Bank
from consortium.demo.programme import COLLECTIONS, MAIN, End, Planned, programme
from consortium.institutions.models import ApiClient, Institution, SigningKey
from consortium.management.commands.demo import recent_months
from consortium.people.models import Person
from consortium.people.roles import Permission, Role, may
from sharing.models import PeerGroup
from sharing.services import peer_groups, statement_keys


def test_the_months_end_with_the_current_one() -> None:
    months = recent_months(14)
    assert months[-1] == datetime.now(UTC).strftime("%Y-%m")
    assert len(set(months)) == 14
    assert months == sorted(months)
    load(MAIN).check_period(months[0])


def test_every_collection_that_can_be_simulated_is_in_the_programme() -> None:
    rounds = programme(recent_months(14))
    assert {planned.collection for planned in rounds} == set(SIMULATED) == set(COLLECTIONS)
    for code in COLLECTIONS:
        ends = {planned.end for planned in rounds if planned.collection == code}
        assert End.PUBLISHED in ends, f"nothing of {code} can be looked at"


@pytest.mark.parametrize("newest", ["2026-01", "2026-03", "2026-11"])
def test_only_rounds_whose_period_is_over_go_into_review(newest: str) -> None:
    year, month = int(newest[:4]), int(newest[5:])
    months = [f"{each // 12}-{each % 12 + 1:02}" for each in range(year * 12 + month - 14, year * 12 + month)]
    assert months[-1] == newest
    rounds = programme(months)
    assert len({planned.round_id for planned in rounds}) == len(rounds)
    for planned in rounds:
        load(planned.collection).check_period(planned.period)
        is_over = bounds(planned.period)[1] <= bounds(newest)[0]
        assert is_over or planned.end == End.OPEN


def test_nothing_waits_behind_an_open_round() -> None:
    ends = [planned.end for planned in programme(recent_months(14))]
    assert ends.index(End.OPEN) == len(ends) - ends.count(End.OPEN)


@pytest.mark.django_db
def test_founding_twice_is_founding_once(tmp_path: Path) -> None:
    first = founding.found(tmp_path, "http://127.0.0.1:8000")
    counts = [model.objects.count() for model in (Institution, Person, SigningKey, ApiClient)]
    again = founding.found(tmp_path, "http://127.0.0.1:8001")
    assert counts == [model.objects.count() for model in (Institution, Person, SigningKey, ApiClient)]
    assert [bank.code for bank in first] == [bank.code for bank in again]
    for code in COLLECTIONS:
        assert founding.collection(code).contributors.count() == len(demo_institutions())
        assert founding.collection(code).peer_groups.count() == 3


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


def test_preparing_a_bank_writes_a_cube_a_round_and_nothing_twice(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(banks, "_end_with", lambda parent: None)
    bank = Bank(demo_institutions()[-1], tmp_path)
    rounds = [Planned(MAIN, "2026-01"), Planned(MAIN, "2026-02"), Planned("migration", "2026-02")]
    banks.prepare_all([bank], rounds, 0)
    written = [bank.cube(planned.round_id).stat().st_mtime_ns for planned in rounds]
    banks.prepare_all([bank], rounds, 0)
    assert written == [bank.cube(planned.round_id).stat().st_mtime_ns for planned in rounds]
    assert bank.report("migration").exists()


def test_a_cube_that_was_lost_is_prepared_again_from_the_same_tape(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(banks, "_end_with", lambda parent: None)
    bank = Bank(demo_institutions()[-1], tmp_path)
    rounds = [Planned(MAIN, "2026-01"), Planned(MAIN, "2026-02")]
    banks.prepare_all([bank], rounds, 0)
    lost = bank.cube(rounds[1].round_id)
    before = read_cube(lost.read_bytes(), load(MAIN))
    lost.unlink()
    banks.prepare_all([bank], rounds, 0)
    after = read_cube(lost.read_bytes(), load(MAIN))
    assert after.table.equals(before.table)


@pytest.mark.django_db
def test_a_bank_has_a_peer_group_of_its_own_and_another_takes_statements_by_its_own_key(tmp_path: Path) -> None:
    founded = founding.found(tmp_path, "http://127.0.0.1:8000")
    for _twice in range(2):
        everyday.define_own_group()
    group = PeerGroup.objects.custom().get()
    assert group.owner.code == founding.FOUR_EYES
    assert len(group.institutions) >= peer_groups.FEWEST
    institution = Institution.objects.get(code=founding.OWN_KEY)
    key = statement_keys.recipients([institution])[founding.OWN_KEY]
    bank = next(bank for bank in founded if bank.code == founding.OWN_KEY)
    assert own_keys.key_of(load_config(bank.directory / "concord.toml"), key.kid).public.rkid == key.kid


def test_one_release_is_under_embargo_and_its_collection_has_a_published_one() -> None:
    rounds = programme(recent_months(14))
    (waiting,) = (planned for planned in rounds if planned.end == End.EMBARGOED)
    assert End.PUBLISHED in {planned.end for planned in rounds if planned.collection == waiting.collection}
