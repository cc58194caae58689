"""From a protected cube to an answer: seal, submit, keep the receipt, wait, read the findings; each step once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from anonymize.client import Client
from anonymize.config import Config
from anonymize.errors import PackageError
from anonymize.files import only_one, read_whole, write_whole
from anonymize.package import Receipt, package_digest, seal, verify_receipt
from anonymize.rounds import Round

Say = Callable[[str], None]
WITHDRAWN: Final = "withdrawn"


@dataclass(frozen=True)
class Delivery:
    """What became of a package: the submission as the server tells it, its receipt, and the findings of its checks."""

    submission: Mapping[str, Any]
    receipt: Receipt
    receipt_file: Path
    findings: tuple[Mapping[str, Any], ...]

    @property
    def is_refused(self) -> bool:
        return bool(self.submission["state"] == "rejected")

    @property
    def is_accepted(self) -> bool:
        return bool(self.submission["state"] == "accepted")


@dataclass(frozen=True)
class Progress:
    """How far a round's push has come, kept beside the configuration so that a second run goes on, not again."""

    cube_sha256: str
    rkid: str
    kid: str
    package_sha256: str
    submission: str = ""


def seal_for(round_: Round, cube: bytes, media_type: str, config: Config) -> bytes:
    """The cube sealed to the round's proved key and signed with the institution's."""
    package = seal(
        cube,
        media_type=media_type,
        round_id=round_.id,
        institution=config.need("institution"),
        audience=round_.audience,
        signing_key=config.need_signing_key(),
        sealing_key=round_.sealing_key(config.pinned_keys()),
    )
    return package.encode("ascii")


def send(client: Client, config: Config, round_id: str, package: bytes, say: Say) -> Delivery:
    """Submits a package and waits for the decision. The receipt is verified and kept before the waiting starts."""
    sent = client.submit(round_id, package, idempotency_key=package_digest(package))
    receipt = verify_receipt(sent.receipt, config.pinned_keys(), package)
    if (receipt.submission, receipt.round_id) != (sent.id, round_id):
        raise PackageError("The receipt is about another submission. Ask the association.", rule="other-package")
    path = config.kept("receipts", f"{round_id}.{receipt.version}", ".receipt")
    write_whole(path, sent.receipt.encode("ascii"))
    say(f"Received as version {receipt.version} at {receipt.received_at}; receipt kept in {path}.")
    return _await(client, sent.id, receipt, path)


def push(client: Client, config: Config, round_: Round, cube: bytes, media_type: str, say: Say) -> Delivery:
    """Seals and sends a cube once. The same cube again is the same package and the same submission."""
    with only_one(config.kept("state", round_.id, ".lock")):
        return _push(client, config, round_, cube, media_type, say)


def _push(client: Client, config: Config, round_: Round, cube: bytes, media_type: str, say: Say) -> Delivery:
    state = config.kept("state", round_.id, ".json")
    before = _progress(state)
    if before and before.submission and before.cube_sha256 == _digest(cube):
        say("The same cube was sent before; asking what became of it.")
        submission = client.submission(before.submission)
        if submission["state"] != WITHDRAWN:
            return _follow(client, config, round_, submission)
    if round_.state != "open":
        raise PackageError(f"Round {round_.id} is {round_.state}. Nothing was sealed.", rule="round-not-open")
    package, progress = _package_of(round_, cube, media_type, config, say)
    delivery = send(client, config, round_.id, package, say)
    _keep(state, replace(progress, submission=delivery.receipt.submission))
    return delivery


def _follow(client: Client, config: Config, round_: Round, submission: Mapping[str, Any]) -> Delivery:
    """What became of a package that was sent by an earlier run; its receipt still has to be about our bytes."""
    file = config.kept("state", round_.id, ".sealed")
    receipt = verify_receipt(str(submission["receipt"]), config.pinned_keys(), read_whole(file))
    path = config.kept("receipts", f"{round_.id}.{receipt.version}", ".receipt")
    return _await(client, receipt.submission, receipt, path)


def _await(client: Client, id: str, receipt: Receipt, path: Path) -> Delivery:
    submission = client.wait(id)
    return Delivery(submission, receipt, path, tuple(client.findings(id)))


def _package_of(round_: Round, cube: bytes, media_type: str, config: Config, say: Say) -> tuple[bytes, Progress]:
    """The package of the last run when it holds this very cube for this very key, else a new one, kept first."""
    file, state = config.kept("state", round_.id, ".sealed"), config.kept("state", round_.id, ".json")
    rkid, kid = round_.sealing_key(config.pinned_keys()).rkid, config.need_signing_key().kid
    before = _progress(state)
    made_of = (_digest(cube), rkid, kid)
    # A package that was answered is not sent again: what asks for another one here was withdrawn.
    if before and not before.submission and file.exists() and (before.cube_sha256, before.rkid, before.kid) == made_of:
        package = read_whole(file)
        if package_digest(package) == before.package_sha256:
            return package, before
    say(f"Sealing for round {round_.id}.")
    package = seal_for(round_, cube, media_type, config)
    progress = Progress(_digest(cube), rkid, kid, package_digest(package))
    # The package first: a state that names a package which was never written would be worthless.
    write_whole(file, package)
    _keep(state, progress)
    return package, progress


def _progress(state: Path) -> Progress | None:
    try:
        return Progress(**json.loads(state.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # nothing usable is kept: the package is made anew, which is always right


def _keep(state: Path, progress: Progress) -> None:
    write_whole(state, json.dumps(asdict(progress), indent=2).encode() + b"\n")


def _digest(cube: bytes) -> str:
    return sha256(cube).hexdigest()
