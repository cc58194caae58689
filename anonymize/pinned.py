"""What a member pins: the consortium's keys, the template of each collection, the rounds that it seals for.

Pinned means: kept beside the configuration, used from then on, and replaced only when a person says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from anonymize.client import Client
from anonymize.config import PINNED_KEYS, Config
from anonymize.errors import ConfigError, PackageError, TemplateError
from anonymize.files import read_whole, write_whole
from anonymize.package import kid_of
from anonymize.package.consortium import UNTIL_MEMBER, USE_MEMBER, USES, Jwks
from anonymize.package.jose import Jwk
from anonymize.package.succession import STATEMENTS_MEMBER, follow
from anonymize.rounds import Round
from anonymize.template import Template, load, parse, shipped

Proved = TypeVar("Proved")


def pin_keys(config: Config, client: Client, expected: Collection[str] = ()) -> list[str]:
    """Fetches and keeps the consortium's keys; returns the names of those in use, such as `receipts:` and an id.

    Keys that are pinned already stay, and are followed by the successors that they name themselves.

    `expected` are names that the association told by another way: published keys with other names are refused. The use
    is part of the name, so that a server that was taken over cannot pass its receipt key off as the vault's.
    """
    path = config.directory / PINNED_KEYS
    if path.exists():
        pinned = current_keys(config, client)["keys"]
    else:
        pinned = _usable(client.consortium_keys().get("keys", []))
        if expected and {_name(jwk) for jwk in pinned} != set(expected):
            raise ConfigError("The server's keys are not the ones you named. Nothing was pinned; ask the association.")
        write_whole(path, _json({"keys": pinned}))
    return sorted(_name(jwk) for jwk in pinned if UNTIL_MEMBER not in jwk)


def current_keys(config: Config, client: Client) -> Jwks:
    """The pinned keys and the successors that they name, as the server publishes them; kept from then on."""
    pinned = config.pinned_keys()
    statements = client.consortium_keys().get(STATEMENTS_MEMBER, ())
    followed = follow(pinned, statements if isinstance(statements, list) else ())
    if followed != pinned:
        write_whole(config.directory / PINNED_KEYS, _json(followed))
    return followed


def trusting(config: Config, client: Client, prove: Callable[[Jwks], Proved]) -> Proved:
    """What `prove` answers with the pinned keys; when it does not know a key, with their successors too.

    So that an unattended job goes on when the consortium changes a key; PackageError when no pinned key names it.
    """
    try:
        return prove(config.pinned_keys())
    except PackageError as wrong:
        if wrong.rule != "unknown-key":
            raise
    return prove(current_keys(config, client))


def _usable(published: Iterable[Jwk]) -> list[Jwk]:
    """The published keys of a use that we know; ConfigError when a use has none, or a key has two."""
    keys: list[Jwk] = [
        {**jwk, "kid": kid_of(jwk)} for jwk in published if jwk.get(USE_MEMBER) in USES and UNTIL_MEMBER not in jwk
    ]
    missing = [use for use in USES if use not in {jwk[USE_MEMBER] for jwk in keys}]
    if missing:
        raise ConfigError(
            f"The server publishes no key for {' and none for '.join(missing)}. Is the url the platform's? Nothing was pinned."
        )
    if len({jwk["kid"] for jwk in keys}) < len(keys):
        raise ConfigError("The server publishes one key twice. Nothing was pinned; ask the association.")
    return keys


def _name(jwk: Jwk) -> str:
    """A key's use and id, as the association tells them. A key that was pinned without a use signs nothing."""
    return f"{jwk.get(USE_MEMBER, 'unknown')}:{jwk['kid']}"


def pinned_template(config: Config, collection: str) -> Template:
    """The pinned template, or the one that ships with this version."""
    path = config.kept("templates", collection, ".json")
    if path.exists():
        return _template(read_whole(path))
    if collection in shipped():
        return load(collection)
    raise TemplateError(f"Template {collection} is not pinned. Run: concord template get {collection}")


def pin_template(config: Config, client: Client, collection: str, version: str | None = None) -> Template:
    """Fetches a collection's template, its latest version or the one named, and keeps it.

    A version that was pinned with other content is refused.
    """
    document = client.template(collection, version)
    template = parse(document)
    if template.id != collection:
        raise TemplateError(f"The server answered with another template than {collection}. Nothing was pinned.")
    path = config.kept("templates", collection, ".json")
    if path.exists():
        before = _template(read_whole(path))
        if before.version == template.version and before.source != template.source:
            raise TemplateError(
                f"Version {template.version} of {collection} has changed since it was pinned, which a published version "
                f"never does. {path} was kept; ask the association."
            )
    write_whole(path, _json(document))
    return template


def template_for(config: Config, client: Client, round_: Round) -> Template:
    """The template of the round's version: the pinned one, else the server's, which is then pinned."""
    path = config.kept("templates", round_.collection, ".json")
    if path.exists():
        template = _template(read_whole(path))
        if template.version == round_.template_version:
            return template
    template = pin_template(config, client, round_.collection, round_.template_version)
    if template.version != round_.template_version:
        raise TemplateError(
            f"Round {round_.id} asks for version {round_.template_version} of {round_.collection}, the server has "
            f"{template.version}. Nothing was sent."
        )
    return template


def keep_round(config: Config, round_: Round) -> None:
    """Saves a round, so that `concord seal` works without a connection."""
    write_whole(config.kept("rounds", round_.id, ".json"), _json(round_.document))


def _template(content: bytes) -> Template:
    try:
        return parse(json.loads(content))
    except ValueError as wrong:
        raise TemplateError("The pinned template is no JSON. Delete it and run concord template get.") from wrong


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
