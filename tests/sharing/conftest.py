"""A door to the API for the tests of this folder."""

from __future__ import annotations

import pytest

from anonymize.package import PACKAGE_MEDIA_TYPE


def bearer(client, bank):
    answer = client.post("/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": bank.basic})
    assert answer.status_code == 200, answer.content
    return "Bearer " + answer.json()["access_token"]


@pytest.fixture
def token(client, harbour):
    return bearer(client, harbour)


@pytest.fixture
def send(client, token, open_round):
    def post(package, *, round=open_round, token=token, **headers):
        return client.post(
            f"/api/v1/rounds/{round.public_id}/submissions",
            data=package,
            content_type=PACKAGE_MEDIA_TYPE,
            headers={"authorization": token, **headers},
        )

    return post
