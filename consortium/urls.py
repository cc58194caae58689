"""Every address, by the app that answers it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path
from oauth2_provider.views import TokenView

from consortium import health, signing
from consortium.web import assets

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("consortium.portal.urls")),
    path("", include("consortium.people.urls")),
    path("", include("consortium.notifications.urls")),
    path("", include("sharing.urls")),
    path("", include("consortium.administration.urls")),
    path("", include("consortium.membership.urls")),
    path("assets/vega-<str:wanted>.js", assets.vega, name="vega"),
    path("api/v1/", include("sharing.api.urls")),
    path("oauth/token/", login_not_required(TokenView.as_view()), name="token"),
    path(".well-known/jwks.json", signing.jwks, name="jwks"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
