"""`concord verify`: proof that a submission is in the log and in a release, and that the log was not rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from anonymize.cli.options import config_option
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import Config, load_config
from anonymize.errors import ConfigError
from anonymize.files import read_whole, write_whole
from anonymize.log import InRelease, verify_in_release
from anonymize.package import verify_receipt
from anonymize.package.consortium import Jwks
from anonymize.pinned import current_keys
from anonymize.seen_head import SeenHead

_FILE: Any = click.Path(path_type=Path, exists=True, dir_okay=False)


@command(example="concord verify receipts/delinquency-2026-10.1.receipt delinquency-2026-10-r1")
@click.argument("receipt", type=_FILE)
@click.argument("release")
@click.option("--submission-proof", type=_FILE, help="Saved answer of /submissions/ID/proof, instead of asking.")
@click.option("--release-proof", type=_FILE, help="Saved answer of /releases/ID/proof, instead of asking.")
@click.option(
    "--consistency", type=_FILE, help="Saved answer of /log/consistency, from the head seen last to this one."
)
@click.option("--keys", type=_FILE, help="The consortium's keys (jwks.json), instead of the pinned ones.")
@click.option(
    "--save", type=click.Path(path_type=Path, file_okay=False), help="Keep the proofs in this folder, to check offline."
)
@config_option
def verify(
    output: Output,
    receipt: Path,
    release: str,
    submission_proof: Path | None,
    release_proof: Path | None,
    consistency: Path | None,
    keys: Path | None,
    save: Path | None,
    config_file: Path | None,
) -> None:
    """Prove that the submission of RECEIPT is in the consortium's log and counted in RELEASE.

    With both proofs as files nothing is asked of the server. The log's head is remembered: a log that does not begin
    with what was seen before was rewritten, and is refused.
    """
    if (submission_proof is None) != (release_proof is None):
        raise click.UsageError("Give --submission-proof and --release-proof together, or neither.")
    config = load_config(config_file)
    signed = read_whole(receipt).decode("ascii", "replace").strip()
    jwks = _keys(config, keys, is_offline=bool(submission_proof))
    with SeenHead(config, jwks) as seen:
        if submission_proof and release_proof:
            proofs = _document(submission_proof), _document(release_proof)
            between = _document(consistency) if consistency else None
            found = verify_in_release(signed, release, *proofs, jwks)
            seen.check(found, lambda _first, _second: between)
        else:
            with Client(config) as client:
                proofs = _fetched(client, signed, release, jwks)
                if save:
                    _keep(save, *proofs)
                found = verify_in_release(signed, release, *proofs, jwks)
                seen.check(found, client.log_consistency, is_latest=True)
    output.result(_result(found), _sentence(found))


def _keys(config: Config, file: Path | None, *, is_offline: bool) -> Jwks:
    """The keys of the file, else the pinned ones, with their successors where the server can be asked."""
    if file:
        return _document(file)
    if is_offline:
        return config.pinned_keys()
    with Client(config) as client:
        return current_keys(config, client)


def _fetched(client: Client, receipt: str, release: str, jwks: Jwks) -> tuple[dict[str, Any], dict[str, Any]]:
    submission = verify_receipt(receipt, jwks).submission
    return client.submission_proof(submission), client.release_proof(release)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_whole(path))
    except ValueError as wrong:
        raise ConfigError(f"{path} is no JSON.") from wrong
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is not of the published form.")
    return document


def _keep(folder: Path, submission_proof: dict[str, Any], release_proof: dict[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise ConfigError(f"{folder} cannot be made: {wrong.strerror}.") from wrong
    for name, document in {"submission-proof": submission_proof, "release-proof": release_proof}.items():
        write_whole(folder / f"{name}.json", json.dumps(document, indent=2).encode() + b"\n")


def _result(found: InRelease) -> dict[str, Any]:
    return {
        "submission": found.receipt.submission,
        "release": found.counted.release,
        "counted": len(found.counted.leaves),
        "leaf_index": found.index,
        "tree_size": found.head.size,
        "root": found.head.root.hex(),
        "head_signed_at": found.head.at,
    }


def _sentence(found: InRelease) -> str:
    return (
        f"Proved: your version {found.receipt.version} for {found.receipt.round_id} is leaf {found.index} of the log of "
        f"{found.head.size} leaves, and one of the {len(found.counted.leaves)} submissions that {found.counted.release} "
        "counts."
    )
