"""The panel's institutions as members: admitted in bulk, each with a signing key and an API client of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from joserfc.jwk import OKPKey

from anonymize.package import SigningKey as PrivateKey
from anonymize.template import load
from consortium.audit.services import record
from consortium.demo import people
from consortium.institutions.models import ApiClient, Institution, InstitutionKind, SigningKey, SizeBand
from consortium.institutions.states import InstitutionState
from consortium.panel.call_report import PERIOD, Reporter
from consortium.panel.sending import Credentials
from sharing.models import Collection, PeerGroup, Round
from sharing.services import collections, rounds

_BANDS = (SizeBand.SMALL, SizeBand.SMALL, SizeBand.MEDIUM, SizeBand.MEDIUM, SizeBand.LARGE, SizeBand.LARGE)


@transaction.atomic
def found(reporters: Sequence[Reporter], collection: str, period: str = PERIOD) -> tuple[Round, list[Credentials]]:
    """An open round with all institutions as contributors; made by bulk inserts, for it is not what is measured.

    IntegrityError when the institutions are there already: a panel is loaded once into a database.
    """
    people.hire_association(secrets.token_urlsafe(16))
    manager = people.at_association(people.COLLECTION_MANAGER)
    institutions = _admit(reporters)
    credentials = _equip(institutions)
    defined = Collection.objects.filter(code=collection).first() or collections.define(
        load(collection).source, by=manager
    )
    collections.add_contributors(defined, institutions, by=manager)
    collections.compare_by(defined, [_peer_group(*each) for each in enumerate(SizeBand)], by=manager)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # the planner has not seen that the tables are full now
    record("panel.founded", by=manager, about=defined, institutions=len(institutions))
    return open_round(defined, period), credentials


def _admit(reporters: Iterable[Reporter]) -> list[Institution]:
    now = timezone.now()
    return Institution.objects.bulk_create(
        [
            Institution(
                code=reporter.code,
                name=reporter.name,
                kind=InstitutionKind.CREDIT_UNION,
                size_band=_BANDS[reporter.size - 1],
                home_region=reporter.state,
                state=InstitutionState.ACTIVE,
                admitted_at=now,
            )
            for reporter in reporters
        ]
    )


def _equip(institutions: Sequence[Institution]) -> list[Credentials]:
    made = [
        Credentials(
            code=institution.code,
            client_id=f"panel-{institution.code}",
            client_secret=secrets.token_urlsafe(32),
            signing_jwk=OKPKey.generate_key("Ed25519").as_dict(private=True),
        )
        for institution in institutions
    ]
    pairs = list(zip(institutions, made, strict=True))
    SigningKey.objects.bulk_create([_registered(institution, each) for institution, each in pairs])
    ApiClient.objects.bulk_create([_client(institution, each) for institution, each in pairs])
    return made


def _registered(institution: Institution, credentials: Credentials) -> SigningKey:
    public = PrivateKey.from_jwk(credentials.signing_jwk).public_jwk()
    return SigningKey(institution=institution, kid=public["kid"], jwk=public)


def _client(institution: Institution, credentials: Credentials) -> ApiClient:
    return ApiClient(
        institution=institution,
        name="panel",
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,  # the model keeps its digest
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
    )


def _peer_group(position: int, band: SizeBand) -> PeerGroup:
    made, _created = PeerGroup.objects.get_or_create(
        code=f"size-{band}",
        defaults={
            "family": "size",
            "names": {"en": str(band.label)},
            "criteria": {"size_band": [band.value]},
            "position": position,
        },
    )
    return made


def open_round(collection: Collection, period: str) -> Round:
    """A round that is due in a fortnight."""
    manager = people.at_association(people.COLLECTION_MANAGER)
    now = timezone.now()
    planned = rounds.plan(collection, period, opens_at=now, due_at=now + timedelta(days=15), by=manager)
    return rounds.open(planned, by=manager)
