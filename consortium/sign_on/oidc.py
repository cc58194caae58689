"""OpenID Connect as django-allauth does it, with what it leaves to trust checked."""

from __future__ import annotations

import secrets
from typing import Any, Final

import jwt
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from consortium.errors import Refused
from consortium.sign_on import discovery

# Signed with a key pair; `none` and shared secrets are nobody's word.
ALGORITHMS: Final = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"}


class DirectoryClient(OpenIDConnectOAuth2Adapter):
    """The identity comes from a signed ID token of this very provider, for this very client."""

    @property
    def openid_config(self) -> dict[str, Any]:
        if not hasattr(self, "_openid_config"):
            try:
                self._openid_config = discovery.openid_configuration(self.get_provider().app.settings["server_url"])
            except Refused as refused:
                raise OAuth2Error(str(refused)) from refused
        return self._openid_config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(self.get_provider().get_callback_url())

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        try:
            claims = self._claims(app, kwargs["response"]["id_token"])
            if not claims.get("email"):
                claims |= self._asked_for(claims["sub"], token.token)
        except (KeyError, TypeError, ValueError, AttributeError, jwt.PyJWTError) as wrong:
            raise OAuth2Error("unusable ID token") from wrong
        if claims.get("email_verified") is False:
            raise OAuth2Error("the directory has not checked the address")
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def _claims(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        if jwt.get_unverified_header(id_token).get("alg") not in ALGORITHMS:
            raise OAuth2Error("an ID token is signed with a key pair")
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("the ID token is another client's")
        return claims

    def _asked_for(self, subject: str, access_token: str) -> dict[str, Any]:
        """The address from the user-info endpoint, when it speaks of the same subject."""
        found = self._fetch_user_info(access_token)
        if found.get("sub") != subject:
            raise OAuth2Error("the user info is somebody else's")
        return {name: found[name] for name in ("email", "email_verified") if name in found}


class Directory(OpenIDConnectProvider):
    oauth2_adapter_class = DirectoryClient

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """With a number for this one sign-in, which the ID token must repeat: `answers` asks."""
        nonce = secrets.token_urlsafe(24)
        leading: HttpResponse = super().redirect(
            request, process, next_url, data, auth_params={**self.get_auth_params(), "nonce": nonce}, nonce=nonce
        )
        return leading

    def serialize(self) -> dict[str, Any]:
        """By the institution: the sign-in that waits for a second factor finds its directory again."""
        return {"id": self.app.provider_id}

    def get_callback_url(self) -> str:
        return reverse("sign-on-oidc-callback", args=[self.app.provider_id.partition("-")[2]])


def answers(login: SocialLogin) -> bool:
    """Whether the ID token was made for the sign-in that asked."""
    asked = login.state.get("nonce")
    return bool(asked) and login.account.extra_data["id_token"].get("nonce") == asked


provider_classes = [Directory]
