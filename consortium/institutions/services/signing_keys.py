"""Registering and revoking the keys that an institution signs with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize.errors import KeyStoreError
from anonymize.package import kid_of
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Institution, SigningKey

if TYPE_CHECKING:
    from consortium.people.models import Person


@transaction.atomic
def register(institution: Institution, jwk: Mapping[str, Any], *, by: Person) -> SigningKey:
    """Packages signed with the key's private half are the institution's from now on."""
    rules.check_can_manage(by, institution)
    try:
        kid = kid_of(jwk)
    except KeyStoreError as wrong:
        raise Refused(wrong.sentence, rule="invalid-key") from wrong
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
    try:
        with transaction.atomic():
            key = SigningKey.objects.create(institution=institution, kid=kid, jwk={**public, "kid": kid})
    except IntegrityError as taken:
        # Whose it is stays unsaid.
        raise Refused(_("This key is registered already. Make a new one."), rule="key-taken") from taken
    record("signing_key.registered", by=by, about=key, kid=kid)
    return key


@transaction.atomic
def revoke(key: SigningKey, *, by: Person) -> SigningKey:
    """Packages that were received before are still the institution's; new ones are refused."""
    key = SigningKey.objects.select_for_update(of=("self",), no_key=True).select_related("institution").get(pk=key.pk)
    rules.check_can_revoke_key(by, key)
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    record("signing_key.revoked", by=by, about=key, kid=key.kid)
    return key
