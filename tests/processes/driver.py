"""A small consortium in a process of its own, for tests that kill its parts: obeys lines, answers JSON.

`python -m tests.processes.driver PANEL` starts the platform with the settings and the home of its environment and
loads the panel's institutions; it answers one line when it is ready, then one for each command.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import django

TIMEOUT = 60


def main() -> None:
    django.setup()
    platform = _platform()
    platform.prepare()
    commands = Commands(platform, Path(sys.argv[1]))
    try:
        platform.start()
        until(lambda: commands.round.keys.count() == 2)
        answer(commands.state())
        for line in sys.stdin:
            name, *arguments = line.split()
            answer(getattr(commands, name)(*arguments))
    finally:
        platform.stop()


def _platform() -> Any:
    """The processes that this driver starts and watches, or those that run already at TEST_URL."""
    from django.conf import settings

    from consortium.processes.platform import Platform

    if url := os.environ.get("TEST_URL"):
        return Running(url)
    return Platform(Path(settings.HOME), port=8200)


class Running:
    """A platform that somebody else started."""

    def __init__(self, url: str) -> None:
        self.url = url

    def prepare(self) -> None:
        """Nothing: its database was migrated before its processes started."""

    start = stop = prepare

    def pids(self) -> dict[str, int]:
        return {}


class Commands:
    """What a test may ask for; every answer is a JSON object."""

    def __init__(self, platform: Any, panel: Path) -> None:
        from anonymize.template import load
        from consortium.panel import members
        from consortium.panel.call_report import read_panel

        read = read_panel(panel)
        self.platform = platform
        self.cubes = dict(read.cubes(load("call-report")))
        self.round, self.credentials = members.found(read.reporters, "call-report")
        self.senders: Any = None

    def state(self) -> dict[str, Any]:
        """Pids, and how many submissions are in each state."""
        from django.db.models import Count

        counted = self.round.submissions.values_list("state").annotate(Count("pk"))
        self.round.refresh_from_db()
        return {"pids": dict(self.platform.pids()), "submissions": dict(counted), "round": self.round.state}

    def send(self) -> dict[str, Any]:
        """Start to send everything; what is acknowledged is counted by `sent`."""
        from consortium.panel.sending import Senders

        with urlopen(f"{self.platform.url}/.well-known/jwks.json") as published:
            keys = json.load(published)
        self.senders = Senders(self.platform.url, self.round.public_id, keys, self.credentials, self.cubes)
        self.senders.start()
        return {}

    def sent(self) -> dict[str, Any]:
        """How many receipts the members hold."""
        self.senders.check()
        return {"sent": self.senders.sent}

    def wait_accepted(self, number: str) -> dict[str, Any]:
        until(lambda: self.round.submissions.accepted().count() >= int(number))
        return self.state()

    def compute(self) -> dict[str, Any]:
        """Close the round and start its release."""
        from consortium.demo import people
        from sharing.services import releases, rounds

        self.round.refresh_from_db()
        rounds.close(self.round, by=people.at_association(people.COLLECTION_MANAGER))
        self.round.refresh_from_db()
        releases.start(self.round, by=people.at_association(people.PREPARER))
        return self.state()

    def claimed(self) -> dict[str, Any]:
        """Wait until a worker is computing the release."""
        until(lambda: self.round.releases.exclude(lease_until=None).exists())
        return self.state()

    def publish(self) -> dict[str, Any]:
        """Wait for the release and publish it."""
        from consortium.demo import people
        from sharing.services import releases

        until(lambda: self.round.releases.filter(state="in_review").exists())
        release = self.round.releases.get(state="in_review")
        for post in (people.REVIEWER, people.PUBLISHER):
            releases.approve(release, by=people.at_association(post))
        releases.publish(release, by=people.at_association(people.PUBLISHER))
        return {**self.state(), "contributors": release.contributors, "cells": release.cells}


def until(happened: Callable[[], bool]) -> None:
    """Wait, also through a database that is away for a moment."""
    from django.db import Error, connection

    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            if happened():
                return
        except Error:
            connection.close()
        if time.monotonic() > deadline:
            raise TimeoutError("the consortium did not get there")
        time.sleep(0.05)


def answer(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
