"""A small consortium in mid-crisis to look at: fourteen periods, the last in review, and one round open.

Figures are made up by a formula: a wave of arrears that starts in the east and in small business, by a fixed seed. They
are written as published cells, so nothing is computed here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from django.utils import timezone

from anonymize.template import TOTAL, Template, load
from consortium.audit.services import record
from consortium.institutions.models import Institution, InstitutionKind, SizeBand
from consortium.institutions.states import InstitutionState
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing.benchmarks.comparison import OwnRates, position_of
from sharing.models import (
    Collection,
    Finding,
    Opening,
    Release,
    ReleaseApproval,
    ReleaseCell,
    Round,
    Submission,
)
from sharing.services import statements
from sharing.states import ReleaseState, RoundState, SubmissionState

PASSWORD = "correct horse battery staple"
PERIODS = [f"{2025 + (8 + month) // 12}-{(8 + month) % 12 + 1:02d}" for month in range(14)]  # 2025-09 .. 2026-10
INDICATORS = {"DPD30_RATE": 1.0, "DPD90_RATE": 0.62}
NAMES = (
    ("HARBOUR", "Harbour Bank", "海港银行", InstitutionKind.CITY_BANK, SizeBand.MEDIUM),
    ("MERIDIAN", "Meridian National Bank", "子午国家银行", InstitutionKind.NATIONAL_BANK, SizeBand.LARGE),
    ("WESTLAKE", "West Lake City Bank", "西湖城市商业银行", InstitutionKind.CITY_BANK, SizeBand.MEDIUM),
    ("TERRACE", "Terrace Rural Bank", "梯田农村商业银行", InstitutionKind.RURAL_BANK, SizeBand.SMALL),
    ("LANTERN", "Lantern Consumer Finance", "灯笼消费金融", InstitutionKind.CONSUMER_FINANCE, SizeBand.SMALL),
)

_PROOF = {"measure": "BALANCE", "primary": 61, "secondary": 43, "narrowest": 1.08, "above_largest_share": 4, "ok": True}


@dataclass(frozen=True)
class Seeded:
    collection: Collection
    institution: Institution
    draft: Release
    open_round: Round


def seed() -> Seeded:
    """Everything; statements are sealed to the portal's delivery key."""
    template = load("delinquency")
    institutions = _institutions()
    people = _people(institutions[0])
    collection = _collection(template, institutions)
    rng = np.random.default_rng(7)
    noise = {key: float(rng.normal(0, 0.06)) for key in _keys(template)}
    for month, period in enumerate(PERIODS):
        round = _round(collection, period, RoundState.PUBLISHED, month)
        release = _release(round, template, month, noise, people["stella"])
        _statement(release, institutions[0], template, month, noise)
        _submissions(round, institutions, people["ada"])
    draft_round = Round.objects.get(period=PERIODS[-1])
    draft_round.state = RoundState.IN_REVIEW
    draft_round.save()
    draft = Release.objects.get(round=draft_round)
    Release.objects.filter(pk=draft.pk).update(state=ReleaseState.IN_REVIEW, published_at=None)
    ReleaseApproval.objects.create(release=draft, person=people["timo"])
    open_round = _round(collection, "2026-11", RoundState.OPEN, len(PERIODS))
    _submissions(open_round, institutions[1:9], people["ada"])
    _awaiting(open_round, institutions[0], people["ada"])
    _rejected(Round.objects.get(period=PERIODS[3]), institutions[0], people["ada"])
    record("release.computed", by="vault", about=draft)
    record("release.approved", by=people["timo"], about=draft)
    record("round.opened", by=people["carl"], about=open_round)
    return Seeded(collection, institutions[0], draft, open_round)


def level(template: Template, key: str, month: int, noise: dict[str, float]) -> float:
    """The made-up median of a cell: a base by product and region that a wave lifts."""
    product, region, tier = key.split(".")
    regions = template.dimension("REGION").code_list
    east = 1.0 if "EAST" in regions.ancestors(region) else 0.45
    business = 1.35 if product in {"SME", "MICRO", "BUSINESS"} else 0.7 if product == "MORTGAGE" else 1.0
    tiers = {"LOW": 0.35, "MID": 1.0, "HIGH": 2.6, TOTAL: 1.0}
    wave = 1 / (1 + math.exp(-(month - 7 - (1 - east) * 3) / 2.1))
    return 0.021 * tiers[tier] * business * (1 + 0.55 * wave * east) * math.exp(noise[key])


def _keys(template: Template) -> list[str]:
    """Cells with at most two dimensions away from the total, of two of the regions."""
    products = template.dimension("PRODUCT").code_list.ids
    of_region = template.dimension("REGION").code_list
    regions = [
        code for code in of_region.ids if {"EAST", "NORTH"} & {code, *of_region.ancestors(code)} or code == TOTAL
    ]
    tiers = template.dimension("RISK_TIER").code_list.ids
    return [f"{p}.{r}.{t}" for p in products for r in regions for t in tiers if TOTAL in (p, r, t)]


def _institutions() -> list[Institution]:
    rows = [
        Institution(code=code, name=name, name_zh=name_zh, kind=kind, size_band=size)
        for code, name, name_zh, kind, size in NAMES
    ]
    bands = (SizeBand.SMALL, SizeBand.MEDIUM, SizeBand.LARGE)
    rows += [
        Institution(
            code=f"MEMBER{number:02d}",
            name=f"Member Bank {number}",
            name_zh=f"成员银行{number}",
            kind=InstitutionKind.CITY_BANK,
            size_band=bands[number % 3],
        )
        for number in range(len(NAMES), 24)
    ]
    for row in rows:
        row.state, row.admitted_at, row.home_region = InstitutionState.ACTIVE, timezone.now(), "CN-ZJ"
    rows[0].approves_submissions = True
    Institution.objects.create(
        code="NEWCOMER", name="Newcomer Bank", kind=InstitutionKind.OTHER, size_band=SizeBand.SMALL
    )
    return Institution.objects.bulk_create(rows)


def _people(harbour: Institution) -> dict[str, Person]:
    sides: tuple[tuple[str, Institution | None, Role], ...] = (
        ("Ada", harbour, Role.SUBMITTER),
        ("Bela", harbour, Role.APPROVER),
        ("Anna", harbour, Role.ANALYST),
        ("Carl", None, Role.COLLECTION_MANAGER),
        ("Stella", None, Role.STATISTICIAN),
        ("Timo", None, Role.STATISTICIAN),
        ("Ursula", None, Role.STATISTICIAN),
        ("Mara", None, Role.MEMBER_SERVICES),
        ("Aldo", None, Role.AUDITOR),
    )
    return {
        name.lower(): Person.objects.create_user(
            f"{name.lower()}@example.org", PASSWORD, name=name, institution=side, roles=[role]
        )
        for name, side, role in sides
    }


def _collection(template: Template, institutions: list[Institution]) -> Collection:
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.add(*institutions)
    groups = (("small", "Small members", "小型机构"), ("medium", "Medium members", "中型机构"),
              ("large", "Large members", "大型机构"))  # fmt: skip
    for position, (code, english, chinese) in enumerate(groups):
        collection.peer_groups.create(
            code=code,
            family="size",
            names={"en": english, "zh-Hans": chinese},
            criteria={"size_band": [code]},
            position=position,
        )
    return collection


def _round(collection: Collection, period: str, state: str, month: int) -> Round:
    opens = datetime(2025, 10, 1, tzinfo=UTC) + timedelta(days=30.4 * month)
    return Round.objects.create(
        collection=collection,
        public_id=f"{collection.code}-{period}",
        period=period,
        state=state,
        opens_at=opens,
        due_at=opens + timedelta(days=14) if state != RoundState.OPEN else timezone.now() + timedelta(days=9),
        closed_at=opens + timedelta(days=15) if state != RoundState.OPEN else None,
    )


def _release(round: Round, template: Template, month: int, noise: dict[str, float], by: Person) -> Release:
    release = Release.objects.create(
        round=round,
        public_id=f"{round.public_id}-r1",
        revision=1,
        state=ReleaseState.PUBLISHED,
        prepared_by=by,
        computed_at=round.due_at,
        published_at=round.due_at + timedelta(days=2),
        contributors=23,
        expected=24,
        audit_passed=True,
        inputs_digest="5d" * 32,
        audit={"rule_set": "1", "code": "0.1.0", "measures": [_PROOF]},
    )
    cells = []
    for indicator, share in INDICATORS.items():
        for group, factor in (("ALL", 1.0), ("small", 1.12), ("medium", 1.0), ("large", 0.86)):
            for key in _keys(template):
                if group != "ALL" and key.split(".").count(TOTAL) < 2:
                    continue
                cells.append(_cell(release, indicator, group, key, share * factor * level(template, key, month, noise)))
    ReleaseCell.objects.bulk_create(cells, batch_size=5000)
    release.cells, release.withheld = len(cells), sum(cell.withheld for cell in cells)
    release.save()
    return release


def _cell(release: Release, indicator: str, group: str, key: str, median: float) -> ReleaseCell:
    cell = ReleaseCell(release=release, indicator=indicator, peer_group=group, key=key, withheld=False)
    """Single products and tiers are withheld in Shanghai and Tianjin, and have too few for quartiles in Zhejiang."""
    is_few = key.count(TOTAL) < 2 and "CN-ZJ" in key
    if _is_withheld(key):
        cell.withheld, cell.reason = True, "G"
        return cell
    cell.median, cell.pooled, cell.mean = median, median * 0.93, median * 1.04
    cell.weight = 0.2 ** (len(key.split(".")) - key.split(".").count(TOTAL))
    cell.contributors = 7 if is_few else 23 if group == "ALL" else 8
    if cell.contributors >= 8:
        cell.p25, cell.p75 = median * 0.81, median * 1.24
    return cell


def _is_withheld(key: str) -> bool:
    return key.count(TOTAL) < 2 and ("CN-SH" in key or "CN-TJ" in key)


def _statement(
    release: Release, institution: Institution, template: Template, month: int, noise: dict[str, float]
) -> None:
    """The own figures of one member: a little above the median, and a little faster."""
    columns = {}
    for indicator, share in INDICATORS.items():
        cut = template.indicator(indicator)
        rates = {
            position_of(template, cut, key): share * level(template, key, month, noise) * (1.06 + 0.012 * month)
            for key in _keys(template)
            if not key.endswith("XZ._T")
        }
        cells = sorted(rates)
        columns[indicator] = (np.array(cells), np.array([rates[cell] for cell in cells]))
    own = OwnRates(("ALL", "medium"), columns)
    statements.seal_all(release, {institution.code: institution}, [(institution.code, own)])


def _submission(round: Round, institution: Institution, by: Person, state: str, version: int = 1) -> Submission:
    return Submission.objects.create(
        round=round,
        institution=institution,
        version=version,
        state=state,
        received_at=round.opens_at + timedelta(days=5, minutes=version),
        decided_at=None if state == SubmissionState.AWAITING_APPROVAL else round.opens_at + timedelta(days=5, hours=1),
        sent_by=by if by.institution_id == institution.pk else None,
        signing_kid="kid-of-" + institution.code,
        rkid="rkid-of-" + round.public_id,
        package_sha256=f"{round.pk:08x}{institution.pk:08x}{version:08x}".ljust(64, "0"),
        package_bytes=48_211,
        blob="none",
        receipt="eyJhbGciOiJFZDI1NTE5In0.receipt.signature",
    )


def _submissions(round: Round, institutions: list[Institution], ada: Person) -> None:
    for institution in institutions:
        submission = _submission(round, institution, ada, SubmissionState.ACCEPTED)
        Opening.objects.create(submission=submission, purpose=Opening.Purpose.CHECK, worker="vault-1")


def _awaiting(round: Round, institution: Institution, ada: Person) -> None:
    submission = _submission(round, institution, ada, SubmissionState.AWAITING_APPROVAL)
    Opening.objects.create(submission=submission, purpose=Opening.Purpose.CHECK, worker="vault-1")
    Finding.objects.create(
        submission=submission,
        rule="balance-change",
        severity=Finding.Severity.WARNING,
        cell={"PRODUCT": "SME", "REGION": "CN-ZJ"},
        sentence="The balance changed by more than half since the period before. Check that the tape is complete.",
    )


def _rejected(round: Round, institution: Institution, ada: Person) -> None:
    submission = _submission(round, institution, ada, SubmissionState.REJECTED, version=2)
    Finding.objects.create(
        submission=submission,
        rule="totals-add-up",
        severity=Finding.Severity.ERROR,
        cell={"PRODUCT": "RETAIL", "REGION": "EAST", "RISK_TIER": "_T"},
        sentence="The parts do not add up to the total. Aggregate the tape again.",
    )
