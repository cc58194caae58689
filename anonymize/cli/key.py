"""`concord key`: the institution's signing key, its registration, its successor; and the key of an API client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command, table
from anonymize.client import Client
from anonymize.config import Config, load_config
from anonymize.own_keys import (
    audience_of,
    ends_of,
    in_force,
    make_next,
    next_key,
    registered,
    registration,
    take_next,
)
from anonymize.package import SigningKey
from anonymize.package.keys import Algorithm

alg_option = click.option("--alg", type=click.Choice(["Ed25519", "ES256"]), default="Ed25519", help="Kind of key.")


@click.group()
def key() -> None:
    """Show, register and replace your signing key."""


@command(example="concord key show")
@config_option
def show(output: Output, config_file: Path | None) -> None:
    """Print the public half of the key in use, and of the one that is to follow. Asks nobody."""
    config = load_config(config_file)
    following = next_key(config)
    keys = {"in_use": config.need_signing_key().public_jwk(), "next": following and following.public_jwk()}
    output.result(keys, "\n".join(f"{name}: {json.dumps(jwk)}" for name, jwk in keys.items() if jwk))


@command(example="concord key request")
@config_option
def request(output: Output, config_file: Path | None) -> None:
    """Print the request by which your administrator registers the key in use: on the portal's page Institution, Keys."""
    config = load_config(config_file)
    tell_request(output, config.need_signing_key(), config)


@command(example="concord key rotate")
@alg_option
@config_option
def rotate(output: Output, alg: Algorithm, config_file: Path | None) -> None:
    """Replace the signing key, in two runs: the first makes the next one and prints the request to register it.

    Once it is registered and in force, the second puts it into use; until then it prints the request again. The key before
    is kept.
    """
    config = load_config(config_file)
    before, following = config.need_signing_key(), make_next(config, alg)
    with Client(config) as client:
        if in_force(registered(client, following.kid)):
            former = take_next(config)
            output.result(
                {"state": "rotated", "kid": following.kid, "former": before.kid, "former_file": str(former)},
                f"The key {following.kid} is in use. The one before is kept in {former}.",
            )
            return
        signed = registration(config, following, audience_of(config, client))
    output.say(f"Register this request; it replaces {before.kid}. Then run concord key rotate again.")
    output.result(
        {"state": "to-register", "kid": following.kid, "replaces": before.kid, "request": signed},
        signed,
    )


@command(example="concord key status")
@config_option
def status(output: Output, config_file: Path | None) -> None:
    """Show what the platform has of your keys."""
    config = load_config(config_file)
    following = next_key(config)
    kids = {"in use": config.need_signing_key().kid} | ({"next": following.kid} if following else {})
    with Client(config) as client:
        documents = client.signing_keys()
    by_kid = {str(each.get("kid")): each for each in documents}
    rows = [(name, kid, _standing(by_kid.get(kid))) for name, kid in kids.items()]
    others = [("", kid, _standing(each)) for kid, each in by_kid.items() if kid not in kids.values()]
    output.result(
        {"keys": [{"place": name or None, "kid": kid, "state": state} for name, kid, state in [*rows, *others]]},
        table(("here", "key", "at the platform"), [*rows, *others]),
    )


@command(example="concord key api")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("api-key.pem"),
    show_default=True,
    help="Where to write it, beside the configuration.",
)
@alg_option
@config_option
def api(output: Output, file: Path, alg: Algorithm, config_file: Path | None) -> None:
    """Make a key for your API client, which then needs no secret, and print the public half to register with it."""
    config = load_config(config_file)
    path = config.directory / file
    if not path.exists():
        SigningKey.generate(alg).to_file(path, config.need_passphrase())
        output.say(f"Key written to {path}, encrypted with your passphrase.")
    jwk = SigningKey.from_file(path, config.need_passphrase()).public_jwk()
    output.say(
        f'Register it with the API client, then set auth = "private_key_jwt" and api_key_file = "{file}" in [server].'
    )
    output.result({"public_key": jwk, "file": str(path)}, json.dumps(jwk))


def tell_request(output: Output, signing_key: SigningKey, config: Config) -> None:
    """The request for a key that is in use but not registered yet."""
    if config.audience:
        signed = registration(config, signing_key, config.audience)
    else:
        with Client(config) as client:
            signed = registration(config, signing_key, audience_of(config, client))
    output.say("Your administrator registers this request on the portal's page Institution, Keys, within 30 days:")
    output.result({"kid": signing_key.kid, "request": signed}, signed)


def _standing(document: Mapping[str, Any] | None) -> str:
    if document is None:
        return "not registered"
    ends = min(ends_of(dict(document)), default=None)
    if not in_force(dict(document)):
        return f"no longer in force, since {ends:%Y-%m-%d}" if ends else "not in force yet"
    return f"in force until {ends:%Y-%m-%d}" if ends else "in force"


for each in (show, request, rotate, status, api):
    key.add_command(each)
