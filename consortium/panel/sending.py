"""The institutions' side: each with its own OAuth client and key, sealing and sending with the client code. No Django.

Two processes with a few threads each play all institutions. Connections are shared between the institutions of a
thread, as a proxy would share them; everything else is what one institution does on its own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from threading import local
from typing import Any

import httpx

from anonymize.client import Client, Patience
from anonymize.config import Config
from anonymize.package import PARQUET, SigningKey, package_digest, seal, verify_receipt
from anonymize.package.consortium import Jwks
from anonymize.rounds import Round

PROCESSES = 2
THREADS = 3


@dataclass(frozen=True)
class Credentials:
    """What one institution keeps at home: its signing key and the secret of its API client."""

    code: str
    client_id: str
    client_secret: str = field(repr=False)
    signing_jwk: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Assignment:
    """What one process needs: the platform, the round's id, the consortium's keys, its institutions and their cubes."""

    url: str
    round_id: str
    jwks: Jwks
    members: Sequence[tuple[Credentials, bytes]]


class Senders:
    """Processes that send everything once; `sent` counts the receipts they have verified."""

    def __init__(
        self, url: str, round_id: str, jwks: Jwks, credentials: Iterable[Credentials], cubes: Mapping[str, bytes]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._sent: Synchronized[int] = context.Value("i", 0)
        pairs = [(each, cubes[each.code]) for each in credentials]
        self._processes = [
            context.Process(
                target=send_all,
                args=(Assignment(url, round_id, jwks, pairs[place::PROCESSES]), self._sent),
                name=f"sender {place + 1}",
                daemon=True,
            )
            for place in range(PROCESSES)
        ]

    @property
    def sent(self) -> int:
        return self._sent.value

    def start(self) -> None:
        for process in self._processes:
            process.start()

    def pids(self) -> list[int]:
        return [process.pid or 0 for process in self._processes]

    def check(self) -> None:
        """RuntimeError when a sender failed; its own words are on standard error."""
        if any(process.exitcode not in (None, 0) for process in self._processes):
            raise RuntimeError("An institution could not send its package; see above.")

    def stop(self) -> None:
        for process in self._processes:
            if process.is_alive():
                process.terminate()


class Shared(httpx.HTTPTransport):
    """A connection pool that outlives the clients that use it."""

    def close(self) -> None:
        """Nothing: the next institution goes on with the connection."""


def send_all(assignment: Assignment, sent: Synchronized[int]) -> None:
    """One process's work: every institution's package sealed, sent, and its receipt verified."""
    connections = local()
    saved: list[Round] = []

    def send(member: tuple[Credentials, bytes]) -> None:
        credentials, cube = member
        if not hasattr(connections, "pool"):
            connections.pool = Shared(verify=False)  # this machine: no TLS to verify
        config = _config(assignment.url, credentials)
        with Client(config, transport=connections.pool, patience=Patience(attempts=12)) as client:
            # One round's document is the same for all, signed: fetched once and saved, as for sealing offline.
            if not saved:
                saved.append(client.round(assignment.round_id))
            package = _sealed(saved[0], credentials, cube, assignment.jwks)
            answer = client.submit(saved[0].id, package, idempotency_key=package_digest(package))
            verify_receipt(answer.receipt, assignment.jwks, package)
        with sent.get_lock():
            sent.value += 1

    with ThreadPoolExecutor(THREADS) as pool:
        for _sent in pool.map(send, assignment.members):
            pass


def _config(url: str, credentials: Credentials) -> Config:
    return Config(
        directory=Path(),
        institution=credentials.code,
        server_url=url,
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
    )


def _sealed(round: Round, credentials: Credentials, cube: bytes, jwks: Jwks) -> bytes:
    package = seal(
        cube,
        media_type=PARQUET,
        round_id=round.id,
        institution=credentials.code,
        audience=round.audience,
        signing_key=SigningKey.from_jwk(credentials.signing_jwk),
        sealing_key=round.sealing_key(jwks),
    )
    return package.encode("ascii")
