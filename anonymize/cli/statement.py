"""`concord statement`: a key of the institution's own for statements, and what is sealed to it."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from anonymize import statement_keys
from anonymize.cli.compare import as_text, is_total
from anonymize.cli.options import chosen, config_option, where_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import Config, load_config
from anonymize.files import read_whole, write_whole
from anonymize.own_keys import audience_of
from anonymize.package.hpke import SuiteId
from anonymize.package.statement import open_statement, rows_of, verify_statement
from anonymize.package.statement_key import request_statement_key
from anonymize.pinned import trusting


@click.group()
def statement() -> None:
    """Make a key of your own for statements, fetch and open them."""


@command(example="concord statement key")
@click.option(
    "--suite",
    type=click.Choice(["X-Wing", "X25519"]),
    default="X-Wing",
    show_default=True,
    help="Kind of key: X-Wing withstands quantum computers too.",
)
@click.option("--replace", is_flag=True, help="Make a new key; the one before is kept in a file with its id.")
@config_option
def key(output: Output, suite: SuiteId, replace: bool, config_file: Path | None) -> None:
    """Print the request by which your administrator registers your key for statements; the key is made if there is none.

    The request is signed with your signing key, which has to be in force. Register it on the portal's page Institution,
    Statements, and choose there that statements go to your own key only.
    """
    config = load_config(config_file)
    signing_key, audience = config.need_signing_key(), _audience(config)
    public = statement_keys.make(config, suite, replace=replace)
    signed = request_statement_key(public, signing_key, config.need("institution"), audience, time.time())
    path = statement_keys.key_path(config)
    output.say(
        f"The key is in {path}, encrypted with your passphrase. Back up both: nobody can open your statements else."
    )
    output.say(
        "Your administrator registers this request on the portal's page Institution, Statements, within 30 days:"
    )
    output.result({"kid": public.rkid, "suite": public.suite, "file": str(path), "request": signed}, signed)


@command(example="concord statement get delinquency-2026-10-r1 -o october.jose")
@click.argument("release")
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file; it is replaced.",
)
@config_option
def get(output: Output, release: str, target: Path, config_file: Path | None) -> None:
    """Download a release's statement, sealed to your own key. One that is forged or of another release is not written."""
    config = load_config(config_file)
    with Client(config) as client:
        text = client.sealed_statement(release)
        sealed = trusting(
            config,
            client,
            lambda jwks: verify_statement(
                text, jwks, institution=config.need("institution"), release=release, consortium=config.audience or None
            ),
        )
    write_whole(target, text.encode("ascii"))
    document = {
        "file": str(target),
        "release": release,
        "key": sealed.key,
        "computed_at": sealed.computed_at.isoformat(),
    }
    output.result(document, f"Proved: the statement of {release}, sealed to your key {sealed.key}, is in {target}.")


@command(name="open", example="concord statement open october.jose --where PEER_GROUP=ALL")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--release", help="Refuse the statement of any other release.")
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all figures as CSV; the file is replaced.",
)
@where_option
@config_option
def open_(
    output: Output,
    file: Path,
    release: str | None,
    target: Path | None,
    where: tuple[str, ...],
    config_file: Path | None,
) -> None:
    """Open a statement with your own key and show where you stand: the totals, or the cells that --where names.

    Asks nobody: it needs the key, its passphrase and the consortium's pinned keys.
    """
    config, wanted = load_config(config_file), chosen(where)
    sealed = verify_statement(
        read_whole(file).decode("ascii", errors="replace"),
        config.pinned_keys(),
        institution=config.need("institution"),
        release=release,
        consortium=config.audience or None,
    )
    document = open_statement(sealed, statement_keys.key_of(config, sealed.key))
    rows = [row for row in rows_of(document) if _is_wanted(row, wanted)]
    if target is not None:
        write_whole(target, _csv(rows))
        output.result(
            {"release": sealed.release, "file": str(target), "rows": len(rows)}, f"{len(rows):,} rows in {target}."
        )
        return
    shown = [row for row in rows if wanted or is_total(row)]
    answer = {
        "release": sealed.release,
        "institution": sealed.institution,
        "computed_at": sealed.computed_at.isoformat(),
        "results": shown,
    }
    output.result(answer, as_text(shown) if shown else "You have no figures there.")


def _audience(config: Config) -> str:
    if config.audience:
        return config.audience
    with Client(config) as client:
        return audience_of(config, client)


def _is_wanted(row: Mapping[str, Any], wanted: Mapping[str, Sequence[str]]) -> bool:
    """As the platform chooses: by any column that the row has; indicator and peer group under their names there."""
    return all(row.get(_COLUMNS.get(name, name)) in codes for name, codes in wanted.items())


_COLUMNS = {"indicator": "INDICATOR", "peer_group": "PEER_GROUP"}


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


for each in (key, get, open_):
    statement.add_command(each)
