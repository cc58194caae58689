"""The banks' side of the demo, as it would run inside each of them: tape, cube, seal, submit. No Django here.

Each institution has a directory with a `concord.toml` of its own, exactly as `concord init` would make it, so that
anybody may try the commands as one of them. Cubes are prepared ahead by two processes while the platform computes.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anonymize import statement_keys
from anonymize.client import Client
from anonymize.config import load_config
from anonymize.cube import write_cube
from anonymize.files import write_whole
from anonymize.package import PARQUET, SigningKey
from anonymize.package.statement_key import request_statement_key
from anonymize.pinned import pin_keys
from anonymize.pipeline import Prepared, prepare
from anonymize.sending import Delivery, Manner, push
from anonymize.simulate import (
    InstitutionProfile,
    Scenario,
    SimulatedTape,
    mapping_for_simulated,
    simulate_tapes,
    simulated_tape,
)
from anonymize.template import load
from consortium.demo.programme import MAIN, Planned

SEED = 20_260
WAVE_MONTHS = 9  # the wave begins so long before the newest period: in full swing, and with a calm time before it
PREPARERS = 2
EFFORT = 0.0  # hundreds of cubes in minutes; a bank that makes one a month looks longer for what it need not withhold
INCOMPLETE = "SUNAN"  # forgets two thirds of its loans in the newest period, and reads so in the findings
_CONFIGURATION = """\
institution = "{code}"

[server]
url = "{url}"
client_id = "{client_id}"
client_secret_file = "client-secret"

[signing]
key_file = "signing-key.pem"
passphrase_file = "passphrase"
"""


@dataclass(frozen=True)
class Bank:
    """One institution's own directory."""

    profile: InstitutionProfile
    directory: Path

    @property
    def code(self) -> str:
        return self.profile.code

    def cube(self, round_id: str) -> Path:
        return self.directory / "cubes" / f"{round_id}.parquet"

    def report(self, collection: str) -> Path:
        """The privacy report of the latest round."""
        return self.directory / "reports" / f"{collection}.html"

    def signing_key(self) -> SigningKey:
        """The bank's own key, made on first use."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        passphrase, key = self.directory / "passphrase", self.directory / "signing-key.pem"
        if not key.exists():
            write_whole(passphrase, secrets.token_urlsafe(18).encode())
            SigningKey.generate().to_file(key, passphrase.read_text())
        return SigningKey.from_file(key, passphrase.read_text())

    def request_own_statements(self, audience: str) -> str:
        """The request to register the bank's own key for statements, made on first use."""
        config = load_config(self.directory / "concord.toml")
        key = statement_keys.make(config, "X-Wing", replace=False)
        return request_statement_key(key, self.signing_key(), self.code, audience, time.time())

    def client_id(self) -> str:
        """The id of the bank's API client; empty before one was issued."""
        file = self.directory / "client-id"
        return file.read_text() if file.exists() else ""

    def keep_client(self, client_id: str, secret: str) -> None:
        """The id last: it says that the secret is there."""
        write_whole(self.directory / "client-secret", secret.encode())
        write_whole(self.directory / "client-id", client_id.encode())

    def configure(self, url: str) -> None:
        text = _CONFIGURATION.format(code=self.code, url=url, client_id=self.client_id())
        write_whole(self.directory / "concord.toml", text.encode())

    def submit(self, round_id: str, cube: Path, *, is_trial: bool = False) -> Delivery:
        """Seals and sends a cube and waits for the decision; again for the same cube is the same submission."""
        config = load_config(self.directory / "concord.toml")
        with Client(config) as client:
            pin_keys(config, client)
            return push(
                client,
                config,
                client.round(round_id),
                cube.read_bytes(),
                PARQUET,
                _say_nothing,
                Manner(is_trial=is_trial),
            )


class Preparation:
    """Two processes that write the banks' cubes, round after round, ahead of the platform."""

    def __init__(self, banks: Sequence[Bank], programme: Sequence[Planned]) -> None:
        context = multiprocessing.get_context("spawn")
        self._workers = [
            context.Process(target=prepare_all, args=(share, tuple(programme), os.getpid()), daemon=True)
            for share in _fair_shares(banks)
        ]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def check(self) -> None:
        """Raise when a preparer failed; its own words are on standard error already."""
        if any(worker.exitcode not in (None, 0) for worker in self._workers):
            raise RuntimeError("Preparing the banks' cubes failed; nothing more was submitted.")

    def stop(self) -> None:
        for worker in self._workers:
            if worker.is_alive():
                worker.terminate()
            if worker.pid is not None:
                worker.join()


def prepare_all(banks: Sequence[Bank], programme: Sequence[Planned], parent: int) -> None:
    """The cubes of these banks in the order of the programme; those that are there already stay."""
    _end_with(parent)
    months = [each.period for each in programme if each.collection == MAIN]
    wave = Scenario("wave", onset=months[max(0, len(months) - 1 - WAVE_MONTHS)])
    books = {bank.code: _book(bank, months, wave) for bank in banks}
    for planned in programme:
        for bank in banks:
            if bank.cube(planned.round_id).exists():
                continue
            if planned.collection == MAIN:
                tape = SimulatedTape(_on_file(bank, next(books[bank.code]), planned.period == months[-1]))
            else:
                tape = simulated_tape(planned.collection, bank.profile, planned.period, wave, SEED)
            _keep(bank, planned, _prepared(bank, planned, tape))


def _book(bank: Bank, months: Sequence[str], wave: Scenario) -> Iterator[pa.Table]:
    """The loan tapes of the months whose cubes are missing, from one walk through the bank's life."""
    missing = [month for month in months if not bank.cube(Planned(MAIN, month).round_id).exists()]
    return (tape for _month, tape in simulate_tapes(bank.profile, missing, wave, SEED))


def _on_file(bank: Bank, tape: pa.Table, is_newest: bool) -> pa.Table:
    """The tape as the bank has it; the newest is kept, so that its commands can be tried."""
    if is_newest:
        if bank.code == INCOMPLETE:
            tape = tape.slice(0, tape.num_rows // 3)
        pq.write_table(tape, bank.directory / "tape.parquet")
    return tape


def _prepared(bank: Bank, planned: Planned, made: SimulatedTape) -> Prepared:
    return prepare(
        made.tape,
        mapping_for_simulated(planned.collection),
        load(planned.collection),
        planned.period,
        bank.code,
        previous_tape=made.previous,
        effort=EFFORT,
    )


def _keep(bank: Bank, planned: Planned, prepared: Prepared) -> None:
    """The cube last: it says that the bank is ready."""
    report, cube = bank.report(planned.collection), bank.cube(planned.round_id)
    for file in (report, cube):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(report, prepared.report_html.encode())
    write_whole(cube, write_cube(prepared.cube))


def _fair_shares(banks: Sequence[Bank]) -> Iterator[list[Bank]]:
    """Every second one by size, so that both have as much to do."""
    by_size = sorted(banks, key=lambda bank: bank.profile.loans, reverse=True)
    for place in range(PREPARERS):
        yield by_size[place::PREPARERS]


def _end_with(parent: int) -> None:
    """Ctrl-C is the parent's to handle; when it is killed outright there is nobody to prepare for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)  # the platform's own processes come first
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit


def _say_nothing(_sentence: str) -> None:
    """The demo tells progress by rounds, not by steps."""
