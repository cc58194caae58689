"""The pages of the own institution's API clients, below `/institution/api-clients/`."""

from __future__ import annotations

from django.urls import path

from consortium.membership.views import api_clients

urlpatterns = [
    path("", api_clients.listing, name="api-clients"),
    path("issue/", api_clients.issue, name="api-client-issue"),
    path("<int:client>/", api_clients.detail, name="api-client"),
    path("<int:client>/key/", api_clients.set_key, name="api-client-key"),
    path("<int:client>/secret/", api_clients.renew_secret, name="api-client-secret"),
    path("<int:client>/former-secret/end/", api_clients.end_former_secret, name="api-client-former-secret"),
    path("<int:client>/revoke/", api_clients.revoke, name="api-client-revoke"),
]
