"""The load of a deadline: institutions that send at their times, people who browse. No Django here.

Everybody comes when they come, not when the platform is ready for them: a request that starts late because the one before
it took long counts from the time it was due.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import local
from typing import Any

import httpx

from anonymize.client import Client, Patience
from anonymize.config import Config
from anonymize.package import package_digest, verify_receipt
from anonymize.package.consortium import Jwks
from consortium.panel.sending import Credentials, Shared

THREADS = 48  # as many packages may be under way at once
THINK_SECONDS = 20.0  # between two pages of one person, on average


@dataclass(frozen=True)
class Storm:
    """Who sends what, and when: seconds after the start, one for each institution."""

    url: str
    round_id: str
    jwks: Jwks
    packages: Path  # one file an institution, by its code
    members: Sequence[Credentials]
    times: Sequence[float]


@dataclass
class Acknowledged:
    """What one institution knows afterwards. `seconds` runs from the time it was due to the verified receipt."""

    code: str
    seconds: float
    submission: str
    sha256: str
    attempts: int


@dataclass
class Seen:
    """One page that somebody asked for."""

    page: str
    status: int
    seconds: float


@dataclass
class Results:
    acknowledged: list[Acknowledged] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def to_file(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def from_file(cls, path: Path) -> Results:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls([Acknowledged(**each) for each in stored["acknowledged"]], [Seen(**each) for each in stored["seen"]])


def start(work: Callable[..., None], *arguments: Any) -> multiprocessing.Process:
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def send_all(storm: Storm, begin: float, kept: Path) -> None:
    """Every institution's package at its time; `begin` is a `time.time()`. Writes the results when all have a receipt."""
    connections = local()
    results = Results()

    def send(credentials: Credentials, due: float) -> None:
        if not hasattr(connections, "pool"):
            connections.pool = Counting(verify=False)  # this machine: no TLS to verify
        package = (storm.packages / credentials.code).read_bytes()
        config = Config(
            directory=Path(),
            institution=credentials.code,
            server_url=storm.url,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
        )
        connections.pool.requests = 0
        with Client(config, transport=connections.pool, patience=Patience(attempts=30, longest_pause=5)) as client:
            sent = client.submit(storm.round_id, package, idempotency_key=package_digest(package))
        receipt = verify_receipt(sent.receipt, storm.jwks, package)
        results.acknowledged.append(
            Acknowledged(
                credentials.code, time.time() - due, receipt.submission, receipt.sha256, connections.pool.requests
            )
        )

    with ThreadPoolExecutor(THREADS) as pool:
        under_way = []
        for credentials, after in sorted(zip(storm.members, storm.times, strict=True), key=lambda pair: pair[1]):
            due = begin + after
            time.sleep(max(0.0, due - time.time()))
            under_way.append(pool.submit(send, credentials, due))
        for each in under_way:
            each.result()
    results.to_file(kept)


class Counting(Shared):
    """Counts the requests of one institution: a token and a package, and what was tried again."""

    requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return super().handle_request(request)


def browse_all(url: str, cookies: Sequence[str], pages: Sequence[str], begin: float, until: float, kept: Path) -> None:
    """Each cookie's owner opens a page, thinks, opens another, until the time is over."""
    asyncio.run(_browse_all(url, cookies, pages, begin, until, kept))


async def _browse_all(
    url: str, cookies: Sequence[str], pages: Sequence[str], begin: float, until: float, kept: Path
) -> None:
    results = Results()
    limits = httpx.Limits(max_connections=len(cookies), max_keepalive_connections=len(cookies))
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits, verify=False) as http:
        await asyncio.gather(*(_browse(http, cookie, pages, begin, until, results) for cookie in cookies))
    results.to_file(kept)


async def _browse(
    http: httpx.AsyncClient, cookie: str, pages: Sequence[str], begin: float, until: float, results: Results
) -> None:
    due = begin + random.uniform(0, THINK_SECONDS)
    while due < until:
        await asyncio.sleep(max(0.0, due - time.time()))
        page = random.choice(pages)
        try:
            answer = await http.get(page, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
            status = answer.status_code
        except httpx.TransportError:
            status = 0
        results.seen.append(Seen(page, status, time.time() - due))
        due = max(time.time(), due) + random.expovariate(1 / THINK_SECONDS)
