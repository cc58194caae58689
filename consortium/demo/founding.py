"""Founding the demo consortium: institutions, people, the collections, each institution's key and API client.

Every step looks first, so that an interrupted founding goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from anonymize.package import request_registration
from anonymize.simulate import InstitutionProfile, demo_institutions
from anonymize.template import load
from consortium.demo import people
from consortium.demo.banks import Bank
from consortium.demo.programme import COLLECTIONS, MAIN
from consortium.institutions.models import Agreement, ApiClient, Institution, InstitutionKind, SigningKey, SizeBand
from consortium.institutions.services import agreements, api_clients, institutions, signing_keys
from consortium.institutions.states import InstitutionState
from sharing.models import Collection, PeerGroup
from sharing.services import collections, statement_keys

FOUR_EYES = "QIANTANG"  # nothing leaves this bank before a second person has approved it
_PEER_GROUPS = (
    (SizeBand.LARGE, "Large institutions", "大型机构"),
    (SizeBand.MEDIUM, "Medium-sized institutions", "中型机构"),
    (SizeBand.SMALL, "Small institutions", "小型机构"),
)
OWN_KEY = "YONGJIANG"  # takes its statements with its own key, so the portal cannot open them
_API_CLIENT = "monthly submission"


def found(directory: Path, url: str) -> list[Bank]:
    """The banks, largest first, each configured for the platform at `url`."""
    secret = people.password(directory)
    people.hire_association(secret)
    profiles = demo_institutions()
    members = [_admitted(profile, place, len(profiles)) for place, profile in enumerate(profiles)]
    people.hire_members(members, secret)
    _agree(members)
    banks = [Bank(profile, directory / "members" / profile.code) for profile in profiles]
    for bank, institution in zip(banks, members, strict=True):
        _equip(bank, institution, url)
    for code in COLLECTIONS:
        _define(code, members)
    _take_statements_by_own_key(next(bank for bank in banks if bank.code == OWN_KEY))
    return banks


def _agree(members: Sequence[Institution]) -> None:
    """The association issues the agreement that Concord brings; every bank's administrator accepts it."""
    agreement = Agreement.objects.newest() or _issued()
    for institution in members:
        if not institution.acceptances.filter(agreement=agreement).exists():
            administrator = people.at(institution, people.ADMINISTRATOR)
            position = "合规部总经理" if administrator.language == "zh-hans" else "Head of Compliance"
            agreements.accept(agreement, institution, name=administrator.name, position=position, by=administrator)


def _issued() -> Agreement:
    english, chinese = agreements.shipped()
    today = timezone.localdate()
    return agreements.issue(
        english,
        chinese,
        effective_on=today,
        accept_by=today + timedelta(days=30),
        by=people.at_association(people.MEMBER_SERVICES),
    )


def collection(code: str = MAIN) -> Collection:
    return Collection.objects.get(code=code)


def _admitted(profile: InstitutionProfile, place: int, of: int) -> Institution:
    by = people.at_association(people.MEMBER_SERVICES)
    institution = Institution.objects.filter(code=profile.code).first() or institutions.propose(
        profile.code,
        profile.name,
        name_zh=profile.name_zh,
        kind=_kind(profile),
        size_band=_PEER_GROUPS[place * len(_PEER_GROUPS) // of][0],  # the profiles come largest first
        home_region=profile.provinces[0],
        approves_submissions=profile.code == FOUR_EYES,
        by=by,
    )
    if institution.state == InstitutionState.APPLICANT:
        institution = institutions.admit(institution, by=by)
    return institution


def _kind(profile: InstitutionProfile) -> str:
    kind = profile.kind.replace("-", "_").replace("city_commercial", "city")
    return kind if kind in InstitutionKind.values else InstitutionKind.OTHER


def _equip(bank: Bank, institution: Institution, url: str) -> None:
    """The bank's administrator registers its key and is given an API client; the bank keeps both."""
    key = bank.signing_key()
    client = bank.client_id()
    registered = SigningKey.objects.filter(institution=institution, kid=key.kid).exists()
    known = ApiClient.objects.filter(institution=institution, client_id=client).exists()
    if not (registered and known):
        administrator = people.at(institution, people.ADMINISTRATOR)
        if not registered:
            request = request_registration(key, institution.code, settings.CONCORD_AUDIENCE, time.time())
            signing_keys.register(institution, request, by=administrator)
        if not known:
            issued = api_clients.issue(institution, _API_CLIENT, by=administrator)
            client = issued.client.client_id
            bank.keep_client(client, issued.secret)
    bank.configure(url)


def _define(code: str, members: Sequence[Institution]) -> None:
    by = people.at_association(people.COLLECTION_MANAGER)
    defined = Collection.objects.filter(code=code).first() or collections.define(load(code).source, by=by)
    if defined.contributors.count() < len(members):
        collections.add_contributors(defined, members, by=by)
    if not defined.peer_groups.exists():
        collections.compare_by(defined, [_peer_group(*each) for each in enumerate(_PEER_GROUPS)], by=by)


def _take_statements_by_own_key(bank: Bank) -> None:
    institution = Institution.objects.get(code=bank.code)
    administrator = people.at(institution, people.ADMINISTRATOR)
    if not institution.statement_keys.in_force().exists():
        request = bank.request_own_statements(settings.CONCORD_AUDIENCE)
        statement_keys.register(institution, request, by=administrator)
    if statement_keys.delivery_of(institution) != statement_keys.OWN_KEY:
        statement_keys.choose(institution, statement_keys.OWN_KEY, by=administrator)


def _peer_group(position: int, group: tuple[SizeBand, str, str]) -> PeerGroup:
    band, name, name_zh = group
    made, _created = PeerGroup.objects.get_or_create(
        code=f"size-{band}",
        defaults={
            "family": "size",
            "names": {"en": name, "zh-Hans": name_zh},
            "criteria": {"size_band": [band]},
            "position": position,
        },
    )
    return made
