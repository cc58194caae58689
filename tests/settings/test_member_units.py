"""The units and the crontab that a member copies: they parse, hold no secret, and do what docs/unattended.md says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from anonymize.cli import main

MEMBER = Path(__file__).resolve().parents[2] / "deploy" / "member"
UNITS = ["concord-push.service", "concord-push.timer", "concord-push-failed@.service"]
MOST_EXPOSURE = 2.5  # of 10, as systemd-analyze counts


def text(name: str) -> str:
    return (MEMBER / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as they would lie in /etc/systemd/system."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd here")
    folder = tmp_path_factory.mktemp("units")
    for name in UNITS:
        (folder / name).write_text(re.sub(r"(?m)^EnvironmentFile=", "EnvironmentFile=-", text(name)), encoding="utf-8")
    return folder


def analyzed(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit_without_a_word(installed: Path, name: str) -> None:
    assert analyzed("verify", str(installed / name), folder=installed) == ""


def test_the_unit_is_hardened(installed: Path) -> None:
    said = analyzed("security", "--offline=true", str(installed / "concord-push.service"), folder=installed)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert exposure
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_the_period_is_last_month_on_every_day(tmp_path: Path) -> None:
    """Run as systemd and cron would: `date` of the day in the place of the clock, `concord` in the place of ours."""
    command = re.search(r"(?m)^ExecStart=/bin/sh -c '(.+)'$", text("concord-push.service"))
    assert command
    script = command[1].replace("$$", "$").replace("%%", "%").replace("exec /opt/concord-client/bin/concord", "echo")
    line = next(each for each in text("crontab.example").splitlines() if each.startswith("40 5"))
    cron = line.split(" * * ", 1)[1].replace(r"\%", "%").replace("cd /srv/concord && concord", "echo")
    real = shutil.which("date")
    fake = tmp_path / "date"
    fake.write_text(f'#!/bin/sh\nif [ "$1" = -d ]; then exec {real} "$@"; fi\nexec {real} -d "$TODAY" "$@"\n')
    fake.chmod(0o755)
    for today, wanted in {"2026-03-31": "2026-02", "2026-01-01": "2025-12", "2026-12-30": "2026-11"}.items():
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "TODAY": today,
            "CONCORD_TAPE": "t",
            "CONCORD_MAP": "m",
        }
        for each in (script, cron):
            said = subprocess.run(
                ["sh", "-c", each], env=environment, capture_output=True, text=True, check=True
            ).stdout
            assert f"--period {wanted} " in said


def test_the_options_that_they_give_are_there() -> None:
    known = CliRunner().invoke(main, ["push", "--help"]).output
    for name in ("concord-push.service", "crontab.example"):
        command = next(line for line in text(name).splitlines() if "concord push" in line and "--period" in line)
        for option in re.findall(r"(?<= )--[a-z-]+", command):
            assert option in known, (name, option)


def test_secrets_reach_the_unit_as_credentials_only() -> None:
    unit, environment = text("concord-push.service"), text("push.env.example")
    loaded = dict(re.findall(r"(?m)^LoadCredential=([\w-]+):(\S+)$", unit))
    files = dict(re.findall(r"(?m)^Environment=(CONCORD_\w+)_FILE=%d/([\w-]+)$", unit))
    assert set(files.values()) == set(loaded) == {"client-secret", "passphrase"}
    assert set(files) == {"CONCORD_CLIENT_SECRET", "CONCORD_PASSPHRASE"}
    assert not re.search(r"(?i)secret|passphrase|password", re.sub(r"(?m)^#.*$", "", environment))


def test_what_a_person_has_to_mend_is_not_tried_again() -> None:
    unit = text("concord-push.service")
    assert re.search(r"(?m)^RestartPreventExitStatus=1 2$", unit)
    assert re.search(r"(?m)^OnFailure=concord-push-failed@%n.service$", unit)
