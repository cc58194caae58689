"""The people and institutions of the tests. Ada prepares, Bela reviews, Olga is an outsider.

Ada, Bela, Anna and Dora work for Harbour Bank, which contributes to the call report. Olga's bank contributes to
nothing. Sami's bank contributed and is suspended. The others work for the association.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from django.utils import timezone

from anonymize.cube import PARQUET, Cube, cube_of, write_cube
from anonymize.package import SealingKey, SigningKey as MembersKey, seal
from anonymize.template import Template, load
from consortium.institutions.models import ApiClient, Institution, InstitutionKind, SigningKey, SizeBand
from consortium.institutions.states import InstitutionState
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing import vault
from sharing.models import Collection, Round
from sharing.services import rounds as round_services
from sharing.states import RoundState

PASSWORD = "correct horse battery staple"
PERIOD = "2025-Q4"


@dataclass
class Bank:
    """An institution with what its own machine holds: its signing key and its client's secret."""

    institution: Institution
    key: MembersKey
    client: ApiClient
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.client.client_id}:{self.secret}".encode()).decode()


def found_bank(code: str, *, state: str = InstitutionState.ACTIVE, **fields: object) -> Bank:
    institution = Institution.objects.create(
        code=code,
        name=str(fields.pop("name", f"{code.title()} Bank")),
        kind=fields.pop("kind", InstitutionKind.CITY_BANK),
        size_band=fields.pop("size_band", SizeBand.MEDIUM),
        state=state,
        admitted_at=timezone.now(),
        **fields,
    )
    key = MembersKey.generate()
    SigningKey.objects.create(
        institution=institution, kid=key.kid, jwk=key.public_jwk(), valid_from=timezone.now() - timedelta(days=400)
    )
    secret = f"secret-of-{code}-" + "x" * 40
    client = ApiClient.objects.create(
        institution=institution,
        name=f"{code} nightly job",
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
    )
    return Bank(institution, key, client, secret)


def person(name: str, institution: Institution | None, *roles: str, language: str = "en") -> Person:
    return Person.objects.create_user(
        f"{name.lower()}@example.org",
        PASSWORD,
        name=name,
        institution=institution,
        roles=list(roles),
        language=language,
    )


def call_report(institution: str, period: str = PERIOD, *, scale: float = 1, late: float = 0.02) -> Cube:
    """A consistent cube of the call report: every product, its margins, a share `late` past due."""
    template = load("call-report")
    products = template.dimension("PRODUCT").code_list.leaves
    rows = []
    for number, product in enumerate(products, 1):
        loans, balance = round(100 * number * scale), round(10_000 * number * scale)
        past_due = round(loans * late), round(balance * late)
        rows.append((product, "LT060", loans - past_due[0], balance - past_due[1]))
        rows.append((product, "D060P", *past_due))
    return cube_with_margins(template, rows, institution, period)


def cube_with_margins(template: Template, rows: list[tuple[str, str, int, int]], institution: str, period: str) -> Cube:
    """A call-report cube from its leaves (product, bucket, loans, balance)."""
    sums: dict[tuple[str, str], np.ndarray] = {}
    for product, bucket, loans, balance in rows:
        for key in ((product, bucket), ("_T", bucket), (product, "_T"), ("_T", "_T")):
            sums[key] = sums.get(key, np.zeros(2)) + np.array([loans, balance])
    table = pa.table(
        {
            "PRODUCT": [product for product, _bucket in sums],
            "DPD_BUCKET": [bucket for _product, bucket in sums],
            "TIME_PERIOD": [period] * len(sums),
            "LOANS": [int(each[0]) for each in sums.values()],
            "BALANCE": [int(each[1]) for each in sums.values()],
            "OBS_STATUS": ["A"] * len(sums),
            "CONF_STATUS": ["F"] * len(sums),
        }
    )
    return cube_of(table, template, institution=institution, period=period)


def sealed(bank: Bank, round: Round, cube: Cube | bytes | None = None, *, suite: str = "X-Wing", **changes) -> bytes:
    """The package that the bank's own machine makes for the round; `changes` replace what `seal` is told."""
    code = bank.institution.code
    content = cube if isinstance(cube, bytes) else write_cube(cube or call_report(code, round.period))
    told = {
        "media_type": PARQUET,
        "round_id": round.public_id,
        "institution": code,
        "audience": "concord-test",
        "signing_key": bank.key,
        "sealing_key": SealingKey.from_jwk(round.keys.get(suite=suite).public_jwk),
    }
    return seal(content, **{**told, **changes}).encode()


@pytest.fixture
def harbour(db) -> Bank:
    return found_bank("HARBOUR")


@pytest.fixture
def outsiders_bank(db) -> Bank:
    return found_bank("ELSEWHERE")


@pytest.fixture
def suspended_bank(db) -> Bank:
    return found_bank("SLEEPING", state=InstitutionState.SUSPENDED)


@pytest.fixture
def ada(harbour) -> Person:
    """Submitter at Harbour Bank."""
    return person("Ada", harbour.institution, Role.SUBMITTER)


@pytest.fixture
def bela(harbour) -> Person:
    """Approver at Harbour Bank."""
    return person("Bela", harbour.institution, Role.APPROVER)


@pytest.fixture
def anna(harbour) -> Person:
    """Analyst at Harbour Bank."""
    return person("Anna", harbour.institution, Role.ANALYST)


@pytest.fixture
def dora(harbour) -> Person:
    """Administrator of Harbour Bank."""
    return person("Dora", harbour.institution, Role.ADMINISTRATOR)


@pytest.fixture
def olga(outsiders_bank) -> Person:
    """Has every role that a member can have, at a bank that contributes to nothing."""
    return person("Olga", outsiders_bank.institution, *_MEMBER)


@pytest.fixture
def sami(suspended_bank) -> Person:
    """Has every role that a member can have, at a bank that is suspended."""
    return person("Sami", suspended_bank.institution, *_MEMBER)


@pytest.fixture
def carl(db) -> Person:
    """Collection manager."""
    return person("Carl", None, Role.COLLECTION_MANAGER)


@pytest.fixture
def stella(db) -> Person:
    """Statistician, who prepares releases."""
    return person("Stella", None, Role.STATISTICIAN)


@pytest.fixture
def timo(db) -> Person:
    """Statistician, who approves."""
    return person("Timo", None, Role.STATISTICIAN)


@pytest.fixture
def ursula(db) -> Person:
    """Statistician, who approves too."""
    return person("Ursula", None, Role.STATISTICIAN)


@pytest.fixture
def sven(db) -> Person:
    """Secretariat."""
    return person("Sven", None, Role.SECRETARIAT)


@pytest.fixture
def paula(db) -> Person:
    """Policy editor."""
    return person("Paula", None, Role.POLICY_EDITOR)


@pytest.fixture
def mara(db) -> Person:
    """Member services."""
    return person("Mara", None, Role.MEMBER_SERVICES)


@pytest.fixture
def aldo(db) -> Person:
    """Auditor."""
    return person("Aldo", None, Role.AUDITOR)


@pytest.fixture
def oskar(db) -> Person:
    """Observer for the regulator."""
    return person("Oskar", None, Role.OBSERVER)


@pytest.fixture
def collection(db, harbour, suspended_bank) -> Collection:
    """The call report, of Harbour Bank and of the suspended one."""
    template = load("call-report")
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.add(harbour.institution, suspended_bank.institution)
    return collection


@pytest.fixture
def planned_round(collection) -> Round:
    now = timezone.now()
    return Round.objects.create(
        collection=collection,
        public_id=f"{collection.code}-{PERIOD}",
        period=PERIOD,
        opens_at=now - timedelta(days=1),
        due_at=now + timedelta(days=14),
    )


@pytest.fixture
def open_round(planned_round) -> Round:
    """Open, with its sealing keys made."""
    planned_round.state = RoundState.OPEN
    planned_round.save()
    vault.make_round_keys(planned_round)
    return planned_round


@pytest.fixture
def closed_round(open_round, carl) -> Round:
    return round_services.close(open_round, by=carl)


_MEMBER = (Role.SUBMITTER, Role.ANALYST, Role.APPROVER, Role.ADMINISTRATOR)
