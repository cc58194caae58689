"""What a member pins: the consortium's keys, the template of each collection, the rounds that it seals for.

Pinned means: kept beside the configuration, used from then on, and replaced only when a person says so.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from anonymize.client import Client
from anonymize.config import PINNED_KEYS, Config
from anonymize.errors import ConfigError, TemplateError
from anonymize.files import read_whole, write_whole
from anonymize.package import kid_of
from anonymize.rounds import Round
from anonymize.template import Template, load, parse, shipped


def pin_keys(config: Config, client: Client, expected: Collection[str] = ()) -> list[str]:
    """Fetches and keeps the consortium's keys, unless they are pinned; returns their ids.

    `expected` are ids that the association told by another way: a published key that is not among them is refused.
    """
    path = config.directory / PINNED_KEYS
    if not path.exists():
        published = client.consortium_keys().get("keys", [])
        kids = {kid_of(jwk) for jwk in published}
        if not kids:
            raise ConfigError("The server publishes no keys. Is the url the platform's? Nothing was pinned.")
        if expected and kids != set(expected):
            raise ConfigError("The server's keys are not the ones you named. Nothing was pinned; ask the association.")
        write_whole(path, _json({"keys": published}))
    return sorted(kid_of(jwk) for jwk in config.pinned_keys()["keys"])


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
