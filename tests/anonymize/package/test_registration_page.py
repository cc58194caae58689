"""What the contract page on registering a key says is what is accepted and refused."""

from __future__ import annotations

import re
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from anonymize.package import REGISTRATION_RULES, read_registration
from anonymize.package.registration import CLOCK_SKEW_SECONDS, MAX_AGE_SECONDS
from consortium.institutions.rules import MOST_SIGNING_KEYS

PAGE = (Path(__file__).parents[3] / "docs/contracts/key-registration.md").read_text(encoding="utf-8")


def test_the_ten_lines_make_a_request_that_is_accepted():
    pytest.importorskip("jwcrypto", reason="the page shows it with jwcrypto")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    said = StringIO()
    with redirect_stdout(said):
        exec(compile(code, "docs/contracts/key-registration.md", "exec"), {})

    jwk = read_registration(said.getvalue(), "CN-001", "concord-demo", time.time())

    assert jwk["crv"] == "P-256"


def test_the_page_names_every_rule():
    table = PAGE.split("## Refusals")[1].split("With 409")[0]
    first_column = "".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))

    assert set(re.findall(r"`([a-z-]+)`", first_column)) == set(REGISTRATION_RULES)


def test_the_page_names_the_limits():
    assert f"good for {MAX_AGE_SECONDS // 86400} days" in PAGE
    assert f"{CLOCK_SKEW_SECONDS} seconds in the future" in PAGE
    assert {5: "five"}[MOST_SIGNING_KEYS] in PAGE
