"""A consortium just large enough for the sealing page: one bank, three people, a round with protection and one without."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from anonymize.template import load
from consortium.institutions.models import Institution, InstitutionKind, SizeBand
from consortium.institutions.states import InstitutionState
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing import vault
from sharing.models import Collection, Round
from sharing.states import RoundState
from tests.browser.sealing.sealer import PERIOD
from tests.cast import PASSWORD


@dataclass(frozen=True)
class Small:
    institution: Institution
    ada: Person
    stella: Person


@pytest.fixture
def seeded(transactional_db) -> Small:
    """In the place of the large seed, which takes longer than most of these tests."""
    harbour = Institution.objects.create(
        code="HARBOUR",
        name="Harbour Bank",
        name_zh="海港银行",
        kind=InstitutionKind.CITY_BANK,
        size_band=SizeBand.MEDIUM,
        state=InstitutionState.ACTIVE,
        admitted_at=timezone.now(),
        home_region="CN-ZJ",
        approves_submissions=True,
    )
    _person("Bela", harbour, Role.APPROVER)
    return Small(harbour, _person("Ada", harbour, Role.SUBMITTER), _person("Stella", None, Role.STATISTICIAN))


@pytest.fixture
def quarter(seeded) -> Round:
    """An open round of the call report with its sealing keys, to which Harbour Bank contributes."""
    return _open("call-report", PERIOD, seeded.institution)


@pytest.fixture
def month(seeded) -> Round:
    """The open round of the delinquency collection, which demands protection."""
    return _open("delinquency", "2026-11", seeded.institution)


def _person(name: str, institution: Institution | None, role: Role) -> Person:
    address = f"{name.lower()}@example.org"
    return Person.objects.create_user(address, PASSWORD, name=name, institution=institution, roles=[role])


def _open(code: str, period: str, institution: Institution) -> Round:
    template = load(code)
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.add(institution)
    now = timezone.now()
    round = Round.objects.create(
        collection=collection,
        public_id=f"{template.id}-{period.lower()}",
        period=period,
        state=RoundState.OPEN,
        opens_at=now - timedelta(days=1),
        due_at=now + timedelta(days=9),
    )
    vault.make_round_keys(round)
    return round
