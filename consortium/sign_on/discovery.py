"""Reading what a directory says of itself: an OpenID configuration, or SAML metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from cryptography import x509
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser as Parser

from consortium.errors import Refused
from consortium.sign_on.outbound import Outside

_LARGEST: Final = 512 * 1024  # characters of metadata
_ASKED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class IdentityProvider:
    """What a SAML identity provider's metadata says."""

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]  # base64 of DER; the first is tried first


def openid_configuration(issuer: str) -> dict[str, Any]:
    """The provider's configuration, whose issuer is the one that was asked; Refused otherwise."""
    _check_https(issuer)
    try:
        with Outside() as session:
            response = session.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        response.raise_for_status()
        found = response.json()
        given = {name: str(found[name]) for name in ("issuer", *_ASKED)}
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise Refused(_("No OpenID provider answers there."), rule="no-openid-provider") from wrong
    if given["issuer"].rstrip("/") != issuer.rstrip("/"):
        raise Refused(_("The provider there calls itself by another name."), rule="other-issuer")
    for name in _ASKED:
        _check_https(given[name])
    return dict(found)


def saml_metadata(text: str) -> IdentityProvider:
    """The identity provider of a metadata document, or of the one at an https address; Refused otherwise."""
    text = text.strip()
    document = text if text.startswith("<") else _fetch(text)
    if len(document) > _LARGEST or "<!DOCTYPE" in document or "<!ENTITY" in document:
        raise Refused(_("This is no SAML metadata."), rule="no-saml-metadata")
    try:
        found = Parser.parse(document.encode(), required_sso_binding=Saml.BINDING_HTTP_REDIRECT)["idp"]
        several = found.get("x509certMulti", {}).get("signing", [])
        certificates = tuple(dict.fromkeys("".join(each.split()) for each in several or [found["x509cert"]]))
        provider = IdentityProvider(found["entityId"], found["singleSignOnService"]["url"], certificates)
        for certificate in certificates:
            x509.load_pem_x509_certificate(
                f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n".encode()
            )
    except Exception as wrong:  # the parser raises what lxml and its own lookups raise
        raise Refused(_("This is no SAML metadata."), rule="no-saml-metadata") from wrong
    _check_https(provider.sso_url)
    return provider


def _fetch(address: str) -> str:
    _check_https(address)
    try:
        with Outside() as session:
            response = session.get(address)
        response.raise_for_status()
        document = response.text
    except (requests.RequestException, ValueError) as wrong:
        raise Refused(_("No SAML metadata can be read there."), rule="no-saml-metadata") from wrong
    return document


def _check_https(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname and not parts.username:
        return
    if settings.CONCORD_SIGN_ON_LOCAL and parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}:
        return
    raise Refused(_("Addresses of a directory begin with https://."), rule="not-https")
