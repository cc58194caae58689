"""The published digests of the sealing script are those of what is served."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "sharing/static/sharing/js"
PUBLISHED = ROOT / "docs/sealing-in-the-browser.sha256"


def test_every_module_has_its_digest():
    digests = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(SCRIPTS.glob("*.js"))]
    assert digests
    assert PUBLISHED.read_text().splitlines() == digests, f"run sha256sum *.js in {SCRIPTS.relative_to(ROOT)}"


def test_no_module_asks_another_host_or_makes_code_of_text():
    for path in SCRIPTS.glob("*.js"):
        text = path.read_text()
        assert "://" not in text, path.name
        for forbidden in ("eval(", "new Function", "innerHTML", "insertAdjacentHTML", "document.write", "import("):
            assert forbidden not in text, (path.name, forbidden)
