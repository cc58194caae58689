"""The consortium's published keys: one for receipts, one for round keys, never the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from anonymize.package import SigningKey, ed25519_jwk
from consortium.embedded import keys
from consortium.signing import key_set, receipt_key


def test_both_keys_are_published_with_their_use_and_without_private_halves(client, settings):
    answer = client.get("/.well-known/jwks.json")

    published = {jwk["kid"]: jwk for jwk in answer.json()["keys"]}
    vault = ed25519_jwk(keys.decode(settings.CONCORD_VAULT_PUBLIC_KEY))["kid"]
    assert {kid: jwk["concord_use"] for kid, jwk in published.items()} == {
        receipt_key().kid: "receipts",
        vault: "round-keys",
    }
    assert not any("d" in jwk for jwk in published.values())


def test_one_key_for_both_uses_is_not_published(settings, tmp_path: Path):
    private = keys.vault_signing_key(tmp_path)
    jwk = SigningKey.from_private_bytes(keys.decode(private)).public_jwk()
    settings.CONCORD_SIGNING_KEY = tmp_path / "signing-key.json"
    settings.CONCORD_SIGNING_KEY.write_text(json.dumps({**jwk, "d": private}))
    settings.CONCORD_VAULT_PUBLIC_KEY = keys.vault_public_key(tmp_path)

    with pytest.raises(ImproperlyConfigured, match="the same key"):
        key_set()


@pytest.mark.parametrize("name", ["CONCORD_SIGNING_KEY", "CONCORD_VAULT_PUBLIC_KEY"])
@pytest.mark.django_db
def test_a_portal_that_lacks_a_key_is_not_ready(client, settings, name: str):
    setattr(settings, name, "")

    answer = client.get("/readyz")

    assert (answer.status_code, "signing keys" in answer.json()["detail"]) == (503, True)
