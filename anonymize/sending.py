"""From a protected cube to an answer: seal, submit, keep the receipt, wait, read the findings; each step once.

What a step made is kept before the next begins, so that a run that was ended anywhere goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from anonymize.client import UNSETTLED, Client
from anonymize.config import Config
from anonymize.errors import PackageError
from anonymize.files import only_one, read_whole, write_whole
from anonymize.package import Receipt, package_digest, seal, verify_receipt
from anonymize.package.consortium import Jwks
from anonymize.pinned import trusting
from anonymize.rounds import Round

Say = Callable[[str], None]
WITHDRAWN: Final = "withdrawn"


@dataclass(frozen=True)
class Manner:
    """How a package is sent: on trial it is checked and never counts; without waiting the receipt is the end.

    `reason` and `note` say why it replaces a version that counted.
    """

    is_trial: bool = False
    waits: bool = True
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Delivery:
    """What became of a package: the submission as the server tells it, its receipt, and the findings of its checks.

    `seconds` are those that sending and waiting took.
    """

    submission: Mapping[str, Any]
    receipt: Receipt
    receipt_file: Path
    findings: tuple[Mapping[str, Any], ...]
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

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


@dataclass(frozen=True)
class _Errand:
    """One package on its way: to whom, what for, and where its progress is kept."""

    client: Client
    config: Config
    round: Round
    manner: Manner
    say: Say

    def kept(self, ending: str) -> Path:
        return self.config.kept("state", self.round.id + (".trial" if self.manner.is_trial else ""), ending)


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


def send(
    client: Client,
    config: Config,
    round_id: str,
    package: bytes,
    say: Say,
    manner: Manner = Manner(),
    received: Callable[[str], None] = lambda _id: None,
) -> Delivery:
    """Submits a package and waits for the decision. The receipt is verified and kept before the waiting starts.

    `received` is told the submission's id as soon as the receipt is kept.
    """
    began = time.monotonic()
    # On trial and in earnest the same bytes are two errands.
    key = package_digest(package) + (".trial" if manner.is_trial else "")
    sent = client.submit(round_id, package, key, is_trial=manner.is_trial, reason=manner.reason, note=manner.note)
    prove = partial(_proved_receipt, sent.receipt, package, manner)
    receipt = trusting(config, client, prove)
    if (receipt.submission, receipt.round_id) != (sent.id, round_id):
        raise PackageError("The receipt is about another submission. Ask the association.", rule="other-package")
    path = _receipt_file(config, receipt, manner)
    write_whole(path, sent.receipt.encode("ascii"))
    received(sent.id)
    say(f"Received as version {receipt.version} at {receipt.received_at}; receipt kept in {path}.")
    sending = time.monotonic() - began
    delivery = _await(client, sent.id, receipt, path, manner)
    return replace(delivery, seconds={"send": sending, **delivery.seconds})


def only_run(config: Config, round_id: str) -> AbstractContextManager[None]:
    """Holds the round's lock while the block runs; ServerError (`already-running`) when another process has it."""
    return only_one(config.kept("state", round_id, ".lock"))


def was_sent(config: Config, round_id: str) -> bool:
    """Whether an earlier run has the server's word that it holds a submission for this round."""
    before = _progress(config.kept("state", round_id, ".json"))
    return before is not None and before.submission != ""


def push(
    client: Client, config: Config, round_: Round, cube: bytes, media_type: str, say: Say, manner: Manner = Manner()
) -> Delivery:
    """Seals and sends a cube once. The same cube again is the same package and the same submission."""
    with only_run(config, round_.id):
        return push_alone(client, config, round_, cube, media_type, say, manner)


def push_alone(
    client: Client, config: Config, round_: Round, cube: bytes, media_type: str, say: Say, manner: Manner = Manner()
) -> Delivery:
    """`push` for whoever holds the round's lock already."""
    errand = _Errand(client, config, round_, manner, say)
    before = _progress(errand.kept(".json"))
    if before and before.submission and before.cube_sha256 == _digest(cube):
        say("The same cube was sent before; asking what became of it.")
        submission = client.submission(before.submission)
        if submission["state"] != WITHDRAWN:
            return _follow(errand, submission)
    if not round_.is_open:
        raise PackageError(f"Round {round_.id} is {round_.state}. Nothing was sealed.", rule="round-not-open")
    package, progress = _package_of(errand, cube, media_type)

    def received(submission: str) -> None:
        _keep(errand.kept(".json"), replace(progress, submission=submission))

    return send(client, config, round_.id, package, say, manner, received)


def _follow(errand: _Errand, submission: Mapping[str, Any]) -> Delivery:
    """What became of a package that was sent by an earlier run; its receipt still has to be about our bytes."""
    package = read_whole(errand.kept(".sealed"))
    prove = partial(_proved_receipt, str(submission["receipt"]), package, errand.manner)
    receipt = trusting(errand.config, errand.client, prove)
    path = _receipt_file(errand.config, receipt, errand.manner)
    if not path.exists():
        write_whole(path, str(submission["receipt"]).encode("ascii"))
    return _await(errand.client, receipt.submission, receipt, path, errand.manner)


def _proved_receipt(signed: str, package: bytes, manner: Manner, jwks: Jwks) -> Receipt:
    return verify_receipt(signed, jwks, package, is_trial=manner.is_trial)


def _await(client: Client, id: str, receipt: Receipt, path: Path, manner: Manner) -> Delivery:
    began = time.monotonic()
    submission = client.wait(id) if manner.waits else client.submission(id)
    findings = () if submission["state"] == UNSETTLED else tuple(client.findings(id))
    return Delivery(submission, receipt, path, findings, {"wait": time.monotonic() - began})


def _receipt_file(config: Config, receipt: Receipt, manner: Manner) -> Path:
    # Trials have no part in the round's versions; each has a file of its own.
    name = f"trial-{receipt.submission}" if manner.is_trial else str(receipt.version)
    return config.kept("receipts", f"{receipt.round_id}.{name}", ".receipt")


def _package_of(errand: _Errand, cube: bytes, media_type: str) -> tuple[bytes, Progress]:
    """The package of the last run when it holds this very cube for this very key, else a new one, kept first."""
    round_, config = errand.round, errand.config
    file, state = errand.kept(".sealed"), errand.kept(".json")
    rkid, kid = trusting(config, errand.client, round_.sealing_key).rkid, config.need_signing_key().kid
    before = _progress(state)
    made_of = (_digest(cube), rkid, kid)
    # A package that was answered is not sent again: what asks for another one here was withdrawn.
    if before and not before.submission and file.exists() and (before.cube_sha256, before.rkid, before.kid) == made_of:
        package = read_whole(file)
        if package_digest(package) == before.package_sha256:
            return package, before
    errand.say(f"Sealing for round {round_.id}.")
    package = seal_for(round_, cube, media_type, config)
    progress = Progress(_digest(cube), rkid, kid, package_digest(package))
    # The package first: a state that names a package which was never written would be worthless.
    write_whole(file, package)
    _keep(state, progress)
    return package, progress


def _progress(state: Path) -> Progress | None:
    try:
        progress = Progress(**json.loads(state.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None  # nothing usable is kept: the package is made anew, which is always right
    return progress if all(isinstance(value, str) for value in asdict(progress).values()) else None


def _keep(state: Path, progress: Progress) -> None:
    write_whole(state, json.dumps(asdict(progress), indent=2).encode() + b"\n")


def _digest(cube: bytes) -> str:
    return sha256(cube).hexdigest()
