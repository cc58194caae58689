"""docs/contracts/sealed-package.md is enough: its example, run as it stands, makes packages that are accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from anonymize.package import RULES, open_sealed, verify
from tests.vectors.sealed import keys

PAGE = (Path(__file__).parents[3] / "docs" / "contracts" / "sealed-package.md").read_text(encoding="utf-8")


def test_the_page_builds_a_package_that_opens() -> None:
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], names)
    jwk = keys.ROUND_XWING.public_jwk()
    package = names["build"](b"PAR1...", "round-1", "CN-1", "concord-test", jwk, keys.bare(keys.INSTITUTION))
    envelope = verify(
        package,
        keys={keys.INSTITUTION.kid: keys.INSTITUTION.public_jwk()},
        audience="concord-test",
        round_id="round-1",
        institution="CN-1",
    )
    assert open_sealed(envelope, keys.ROUND_XWING) == b"PAR1..."


def test_the_page_names_every_rule() -> None:
    assert {rule for rule in RULES if f"`{rule}`" not in PAGE} == set()
