"""4,374 real institutions through the whole path; writes its table to docs/performance.md.

`python -m tests.bench.panel [--institutions N]`. A fresh database and keys under `var/bench-panel`, removed before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PANEL = ROOT.parent / "shared" / "data" / "ncua_5300_2025q4"
HOME = ROOT / "var" / "bench-panel"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench-panel: begin -->", "<!-- bench-panel: end -->"


def main() -> int:
    if not PANEL.is_dir():
        print(f"There is no panel at {PANEL}. Nothing was measured.")
        return 1
    shutil.rmtree(HOME, ignore_errors=True)
    table = HOME / "table.md"
    HOME.mkdir(parents=True)
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "CELERY_BROKER_URL"}
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "load_panel", str(PANEL), "--table", str(table), *sys.argv[1:]],
        cwd=ROOT,
        env={**environment, "CONCORD_HOME": str(HOME)},
        check=False,
    )
    if done.returncode == 0 and not sys.argv[1:]:
        _keep(table.read_text(encoding="utf-8"))
    return done.returncode


def _keep(table: str) -> None:
    """Put the table in its place on the page; the words around it are written by people."""
    before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
