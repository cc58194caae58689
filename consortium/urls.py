"""Every address, by the app that answers it."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from consortium import health, signing
from consortium.oauth import views as oauth
from consortium.web import assets

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("consortium.portal.urls")),
    path("", include("consortium.people.urls")),
    path("", include("consortium.sign_on.urls")),
    path("", include("consortium.notifications.urls")),
    path("", include("sharing.urls")),
    path("", include("consortium.administration.urls")),
    path("", include("consortium.membership.urls")),
    path("institution/api-clients/", include("consortium.membership.api_client_urls")),
    path("", include("consortium.membership.key_urls")),
    path("assets/vega-<str:wanted>.js", assets.vega, name="vega"),
    path("api/v1/", include("sharing.api.urls")),
    path("sdmx/", include("sharing.sdmx.urls")),
    path("oauth/token/", oauth.Token.as_view(), name="token"),
    path(".well-known/oauth-authorization-server", oauth.metadata, name="oauth-metadata"),
    path(".well-known/jwks.json", signing.jwks, name="jwks"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
