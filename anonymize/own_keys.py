"""The institution's own signing keys on its machine: the one in use, the one that is to follow, and how they change.

A new key lies beside the one in use until the platform has it in force; only then does it take its place. The key before
stays in a file of its own name: packages that it signed are still proved with it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anonymize.client import Client
from anonymize.config import Config
from anonymize.errors import ConfigError, KeyStoreError
from anonymize.files import one_at_a_time, read_whole, write_whole
from anonymize.package import SigningKey
from anonymize.package.keys import Algorithm
from anonymize.package.registration import request_registration


def key_path(config: Config) -> Path:
    return config.directory / config.need("key_file")


def next_path(config: Config) -> Path:
    path = key_path(config)
    return path.with_name(f"{path.stem}.next{path.suffix}")


def next_key(config: Config) -> SigningKey | None:
    """The key that is to follow, if one was made."""
    path = next_path(config)
    return SigningKey.from_file(path, config.need_passphrase()) if path.exists() else None


def make_next(config: Config, alg: Algorithm) -> SigningKey:
    """The key that is to follow, made unless it is there."""
    with one_at_a_time(config.kept("state", "keys", ".lock")):
        made = next_key(config)
        if made is None:
            made = SigningKey.generate(alg)
            made.to_file(next_path(config), config.need_passphrase())
        return made


def take_next(config: Config) -> Path:
    """Puts the next key in the place of the one in use, whose file gets the name that is returned.

    Killed in between, the next key is still there and is put into place by the next run.
    """
    with one_at_a_time(config.kept("state", "keys", ".lock")):
        path, following = key_path(config), next_path(config)
        former = path.with_name(f"{path.stem}.{config.need_signing_key().kid}{path.suffix}")
        if not following.exists():
            raise KeyStoreError(f"{following} is gone. The key in use stays.")
        if not former.exists():
            write_whole(former, read_whole(path))
        try:
            following.replace(path)
        except OSError as wrong:
            raise ConfigError(f"{path} cannot be written: {wrong.strerror}. The key in use stays.") from wrong
    return former


def in_force(document: dict[str, Any] | None, now: datetime | None = None) -> bool:
    """Whether the platform takes packages signed with this registered key."""
    if document is None:
        return False
    moment = now or datetime.now(UTC)
    begins = moment_of(document.get("valid_from"))
    return (begins is None or begins <= moment) and all(end > moment for end in ends_of(document))


def ends_of(document: dict[str, Any]) -> list[datetime]:
    """When a registered key stops: because another has replaced it, or because it was revoked."""
    moments = (moment_of(document.get(name)) for name in ("ends_at", "revoked_at"))
    return [moment for moment in moments if moment is not None]


def moment_of(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def registered(client: Client, kid: str) -> dict[str, Any] | None:
    """What the platform has of a key of ours."""
    return next((each for each in client.signing_keys() if each.get("kid") == kid), None)


def audience_of(config: Config, client: Client | None) -> str:
    """The consortium's identifier: the configuration's, else that of any round the platform shows us."""
    if config.audience:
        return config.audience
    found = next((each.audience for each in client.rounds()), "") if client is not None else ""
    if not found:
        raise ConfigError(
            "The consortium's identifier is not known: there is no round yet to read it from. Ask the association, and "
            "give it as server.audience or CONCORD_AUDIENCE."
        )
    return found


def registration(config: Config, key: SigningKey, audience: str) -> str:
    """The request by which the institution's administrator registers a key, good for 30 days."""
    return request_registration(key, config.need("institution"), audience, time.time())
