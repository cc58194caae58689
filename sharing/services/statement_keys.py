"""How an institution takes its statements: in the portal, or sealed to a key of its own that the portal does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize.package.statement_key import read_statement_key
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules as institution_rules
from consortium.institutions.models import Institution
from consortium.people.models import Person
from sharing import rules
from sharing.models import StatementDelivery, StatementKey

if TYPE_CHECKING:
    from collections.abc import Iterable

PORTAL: Final = "portal"
OWN_KEY: Final = "own-key"
DELIVERIES: Final = (PORTAL, OWN_KEY)


@transaction.atomic
def register(institution: Institution, request: str, *, by: Person) -> StatementKey:
    """The key of the request takes the place of the one before, for what is sealed from now on.

    It changes nothing of the choice where statements go. Raises PackageError, when the request is not in order, or
    Refused.
    """
    institution = _locked(institution)
    institution_rules.check_can_manage(by, institution)
    now = timezone.now()
    signing_keys = {each.kid: each.jwk for each in institution.signing_keys.in_force()}
    sealing_key, signing_kid = read_statement_key(
        request, signing_keys, institution.code, settings.CONCORD_AUDIENCE, now.timestamp()
    )
    former = list(institution.statement_keys.in_force())
    institution.statement_keys.in_force().update(ended_at=now)
    try:
        with transaction.atomic():
            key = StatementKey.objects.create(
                institution=institution,
                kid=sealing_key.rkid,
                suite=sealing_key.suite,
                public_jwk=sealing_key.public_jwk(),
                signature=request.strip(),
                signing_kid=signing_kid,
                registered_by=by,
            )
    except IntegrityError as taken:
        raise Refused(_("This key is registered already. Make a new one."), rule="key-taken") from taken
    replaces = former[0].kid if former else ""
    record("statement_key.registered", by=by, about=key, kid=key.kid, suite=key.suite, replaces=replaces)
    return key


@transaction.atomic
def revoke(key: StatementKey, *, by: Person) -> StatementKey:
    """Nothing more is sealed to the key; what was sealed before still opens with it. The choice of delivery stays."""
    institution = _locked(key.institution)
    key = StatementKey.objects.select_related("institution").get(pk=key.pk)
    institution_rules.check_can_manage(by, institution)
    rules.check_statement_key_is_in_force(key)
    key.ended_at = timezone.now()
    key.save(update_fields=["ended_at"])
    record("statement_key.revoked", by=by, about=key, kid=key.kid)
    return key


@transaction.atomic
def choose(institution: Institution, delivery: str, *, by: Person) -> None:
    """Where the statements of releases go that are computed from now on; those that are there stay as they are."""
    institution = _locked(institution)
    institution_rules.check_can_manage(by, institution)
    rules.check_can_choose_delivery(institution, delivery)
    chosen, _made = StatementDelivery.objects.update_or_create(
        institution=institution, defaults={"own_key_only": delivery == OWN_KEY, "chosen_by": by}
    )
    record("statement_delivery.chosen", by=by, about=chosen, delivery=delivery)


def delivery_of(institution: Institution) -> str:
    """Where the institution's next statement goes; the portal, while nothing was chosen."""
    chosen = StatementDelivery.objects.filter(institution=institution, own_key_only=True)
    return OWN_KEY if chosen.exists() else PORTAL


def recipients(institutions: Iterable[Institution]) -> Mapping[str, StatementKey | None]:
    """By code, those that take statements with their own key only; None for one that has no key in force.

    Whoever chose its own key gets nothing in the portal, also while it has no key.
    """
    chosen = StatementDelivery.objects.filter(institution__in=list(institutions), own_key_only=True)
    codes = dict(chosen.values_list("institution", "institution__code"))
    keys = StatementKey.objects.in_force().filter(institution__in=codes).select_related("institution")
    found: dict[str, StatementKey | None] = dict.fromkeys(codes.values())
    return found | {codes[key.institution_id]: key for key in keys}


def _locked(institution: Institution) -> Institution:
    return Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
