"""What the documentation shows works as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The code of a page in one language, without what is marked as not to be run."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [code for kind, marks, code in BLOCK.findall(text) if kind == language and "no-run" not in marks]


def test_the_python_program_of_the_api_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    program = "\n".join(blocks("python-api.md", "python"))
    exec(compile(program, "python-api.md", "exec"), {"__name__": "example"})
    said = capsys.readouterr().out
    assert "all safe" in said
    assert "NOT SAFE" not in said
    assert {path.name for path in tmp_path.iterdir()} == {"cube.parquet", "report.html"}
