"""The signing keys of the own institution."""

from __future__ import annotations

from django.urls import path

from consortium.membership.views import keys

urlpatterns = [
    path("institution/keys/", keys.listing, name="signing-keys"),
    path("institution/keys/register/", keys.register, name="signing-key-register"),
    path("institution/keys/<str:kid>/", keys.detail, name="signing-key"),
    path("institution/keys/<str:kid>/revoke/", keys.revoke, name="signing-key-revoke"),
]
