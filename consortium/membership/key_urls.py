"""The keys of the own institution: those that it signs with, and the one its statements are sealed to."""

from __future__ import annotations

from django.urls import path

from consortium.membership.views import keys, statement_key

urlpatterns = [
    path("institution/keys/", keys.listing, name="signing-keys"),
    path("institution/keys/register/", keys.register, name="signing-key-register"),
    path("institution/keys/<str:kid>/", keys.detail, name="signing-key"),
    path("institution/keys/<str:kid>/revoke/", keys.revoke, name="signing-key-revoke"),
    path("institution/statements/", statement_key.detail, name="statement-delivery"),
    path("institution/statements/register/", statement_key.register, name="statement-key-register"),
    path("institution/statements/<slug:delivery>/choose/", statement_key.choose, name="statement-delivery-choose"),
    path("institution/statements/<str:kid>/revoke/", statement_key.revoke, name="statement-key-revoke"),
]
