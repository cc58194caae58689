"""`concord init`: a configuration, a signing key, the consortium's keys. Run again, it completes what is missing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import click

from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import FILE_NAME, Config, load_config
from anonymize.errors import ConcordError, KeyStoreError
from anonymize.files import make_folder, write_whole
from anonymize.own_keys import audience_of, registration
from anonymize.package import SigningKey
from anonymize.package.keys import MIN_PASSPHRASE, Algorithm
from anonymize.pinned import pin_keys

KEY_FILE = "signing-key.pem"


@command(example="concord init --institution CN-001 --server https://concord.example.org --client-id cn-001-cron")
@click.option("--institution", default="", help="Your institution's code.")
@click.option("--server", default="", help="The platform's address, https://…")
@click.option("--client-id", default="", help="Your API client's id; its secret goes into CONCORD_CLIENT_SECRET.")
@click.option("--audience", default="", help="The consortium's identifier, as the association told you.")
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to write.")
@click.option("--alg", type=click.Choice(["Ed25519", "ES256"]), default="Ed25519", help="Kind of signing key.")
@click.option("--consortium-key", "expected", multiple=True, help="Key the association told you, use:id; name all.")
@click.option("--offline", is_flag=True, help="Do not fetch the consortium's keys now.")
def init(
    output: Output,
    institution: str,
    server: str,
    client_id: str,
    audience: str,
    directory: Path,
    alg: Algorithm,
    expected: tuple[str, ...],
    offline: bool,
) -> None:
    """Write a configuration and an encrypted signing key, and print the request to register it.

    Nothing that is there is overwritten. The passphrase comes from CONCORD_PASSPHRASE or is asked for.
    """
    path = make_folder(directory) / FILE_NAME
    if not path.exists():
        _write_config(path, institution, server, client_id, audience)
        output.say(f"Configuration written to {path}.")
    config = load_config(path)
    key = _signing_key(config, alg, output)
    names: list[str] = []
    if config.server_url and not offline:
        with Client(config) as client:
            names = pin_keys(config, client, expected)
        output.say("The consortium's keys are pinned. Compare uses and ids with those the association published:")
        output.say("\n".join(f"  {name}" for name in names))
    request = _request(config, key, offline=offline)
    if request:
        output.say("Your administrator registers this request on the portal's page Institution, Keys, within 30 days:")
    else:
        output.say("This is your public key. When the platform has a round for you: concord key request.")
    jwk = key.public_jwk()
    output.result(
        {"config": str(path), "public_key": jwk, "request": request, "consortium_keys": names},
        request or json.dumps(jwk),
    )


def _request(config: Config, key: SigningKey, *, offline: bool) -> str | None:
    """The request to register the key; None while the consortium's identifier is not known."""
    if not config.institution:
        return None
    try:
        if config.audience or offline or not config.server_url:
            return registration(config, key, audience_of(config, None))
        with Client(config) as client:
            return registration(config, key, audience_of(config, client))
    except ConcordError:
        return None


def _write_config(path: Path, institution: str, server: str, client_id: str, audience: str) -> None:
    # A JSON string is a TOML string.
    lines = [
        f"institution = {json.dumps(institution)}",
        "",
        "[server]",
        f"url = {json.dumps(server)}",
        f"client_id = {json.dumps(client_id)}",
        *([f"audience = {json.dumps(audience)}"] if audience else []),
        "",
        "[signing]",
        f"key_file = {json.dumps(KEY_FILE)}",
        "",
    ]
    write_whole(path, "\n".join(lines).encode())


def _signing_key(config: Config, alg: Algorithm, output: Output) -> SigningKey:
    """The key that is there, or a new one."""
    path = config.directory / config.need("key_file")
    if path.exists():
        return config.need_signing_key()
    if not (config.passphrase or config.passphrase_file):
        config = replace(config, passphrase=_ask_for_passphrase())
    key = SigningKey.generate(alg)
    key.to_file(path, config.need_passphrase())
    output.say(f"Signing key written to {path}, encrypted with your passphrase.")
    return key


def _ask_for_passphrase() -> str:
    if not sys.stdin.isatty():
        raise KeyStoreError("There is no passphrase. Set CONCORD_PASSPHRASE. No key was written.")
    text = f"Passphrase for the new signing key ({MIN_PASSPHRASE} characters or more)"
    passphrase: str = click.prompt(text, hide_input=True, confirmation_prompt=True, err=True)
    return passphrase
