"""Signing in as a browser does it, for the tests of sign-on."""

from __future__ import annotations

from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)

from tests.cast import PASSWORD


def sign_in(client, person, password=PASSWORD, **headers):
    return client.post("/accounts/login/", {"login": person.email, "password": password}, headers=headers)


def app_of(person) -> str:
    """Give the person an authenticator app; its secret."""
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    return secret


def code(secret: str) -> str:
    """What the app shows now."""
    _before, now, *_after = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, now))


def is_signed_in(client) -> bool:
    return client.get("/profile/").status_code == 200
