"""What the documentation shows works as shown."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anonymize.cli import main
from anonymize.mapping import parse_mapping
from anonymize.template import load, parse

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
SDMX = "contracts/collection-template.md"


@dataclass(frozen=True)
class Block:
    """A block of a page: its language, the words behind it on the line of the fence, and what it holds."""

    language: str
    marks: tuple[str, ...]
    code: str


def all_blocks(page: str) -> list[Block]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(kind, tuple(marks.split()), code) for kind, marks, code in BLOCK.findall(text)]


def blocks(page: str, language: str) -> list[Block]:
    """The blocks of a page in one language, without what is marked as not to be run."""
    return [each for each in all_blocks(page) if each.language == language and "no-run" not in each.marks]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to type commands in, without a configuration anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CONCORD_CONFIG", raising=False)
    return tmp_path


def type_in(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a block's commands as a shell would; each must be done."""
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            monkeypatch.setenv(name, value)
            continue
        assert words[0] == "concord", line
        result = CliRunner().invoke(main, words[1:], catch_exceptions=False)
        assert result.exit_code == 0, f"{line}\n{result.output}"


def test_the_python_program_of_the_api_page_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = "\n".join(each.code for each in blocks("python-api.md", "python"))
    exec(compile(program, "python-api.md", "exec"), {"__name__": "example"})
    said = capsys.readouterr().out
    assert "all safe" in said
    assert "NOT SAFE" not in said
    assert {path.name for path in folder.iterdir()} == {"cube.parquet", "report.html"}


def test_the_banks_guide_goes_from_a_tape_to_cubes_that_may_leave(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for block in all_blocks("bank-guide.md"):
        if block.language == "sh" and "no-run" not in block.marks:
            type_in(block, monkeypatch)
        for mark in block.marks:
            if mark.startswith("add="):
                with (folder / mark.removeprefix("add=")).open("a", encoding="utf-8") as file:
                    file.write("\n" + block.code)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there >= {"concord.toml", "cube.parquet", "report.html", "migration.parquet"}
    assert there >= {f"cubes/{each}.parquet" for each in ("delinquency", "migration")}


def commands_not_run() -> Iterator[list[str]]:
    """The commands of the guide that need a platform, without what stands around them."""
    for block in all_blocks("bank-guide.md"):
        if block.language == "sh" and "no-run" in block.marks:
            for line in block.code.splitlines():
                words = shlex.split(line, comments=True)
                yield words[1:] if words[:1] == ["concord"] else []


@pytest.mark.parametrize("words", [each for each in commands_not_run() if each], ids=" ".join)
def test_a_command_that_needs_a_platform_has_the_options_that_the_guide_gives_it(words: list[str]) -> None:
    known = CliRunner().invoke(main, [*(word for word in words[:2] if word.isalpha()), "--help"]).output
    for word in words:
        assert not word.startswith("-") or word in known


def test_the_examples_of_the_mapping_file_fit_the_delinquency_template() -> None:
    template = load("delinquency")
    whole: dict[str, Any] = {}
    for block in blocks("contracts/mapping-file.md", "toml"):
        read = tomllib.loads(block.code)
        if "complete" in block.marks:
            whole = read
        nested = {name: {**whole.get(name, {}), **read[name]} for name in ("dimensions", "measures") if name in read}
        parse_mapping({**whole, **read, **nested}, template)


def test_the_page_of_the_mapping_file_names_every_key() -> None:
    text = (DOCS / "contracts/mapping-file.md").read_text(encoding="utf-8")
    schema = json.loads((resources.files("anonymize") / "mapping.schema.json").read_text(encoding="utf-8"))
    for name in _members(schema):
        assert name in text


def test_the_page_of_the_template_names_every_member_and_every_kind_of_check() -> None:
    text = (DOCS / SDMX).read_text(encoding="utf-8")
    schema = json.loads((resources.files("anonymize") / "template.schema.json").read_text(encoding="utf-8"))
    kinds = {each["properties"]["kind"]["const"] for each in schema["$defs"]["check"]["oneOf"]}
    for name in {*_members(schema), *kinds}:
        assert name in text


def _members(schema: Any) -> set[str]:
    """Every name of a member that a schema allows."""
    if isinstance(schema, list):
        return set().union(*map(_members, schema))
    if not isinstance(schema, dict):
        return set()
    named = schema.get("properties", {})
    return {
        *named,
        *_members(list(named.values())),
        *_members([each for key, each in schema.items() if key != "properties"]),
    }


def test_the_examples_of_the_template_fit_the_delinquency_template() -> None:
    source = load("delinquency").source
    for block in blocks(SDMX, "json"):
        part, member = json.loads(block.code), block.marks[0]
        if member == "protection":
            parse({**source, "protection": part})
        else:
            others = [each for each in source[f"{member}s"] if each["id"] != part["id"]]
            lone = {"indicators": [], "checks": []} if member == "dimension" else {}
            parse({**source, **lone, f"{member}s": [*others, part]})


def test_a_template_travels_as_the_page_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pysdmx", reason="the extra sdmx is not installed")
    for block in blocks(SDMX, "sh"):
        type_in(block, monkeypatch)
    exchanged = json.loads((folder / "delinquency.json").read_text(encoding="utf-8"))
    assert exchanged == load("delinquency").source


def test_every_rule_by_which_something_is_refused_has_its_remedy_on_a_page() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "anonymize").rglob("*.py"))
    pages = "".join(
        path.read_text(encoding="utf-8") for path in [DOCS / "bank-guide.md", *(DOCS / "contracts").iterdir()]
    )
    rules = set(re.findall(r'\b(?:default_)?rule ?= ?"([a-z-]+)"', source)) - {"refused", "format"}
    assert len(rules) > 50
    assert [rule for rule in sorted(rules) if f"`{rule}`" not in pages] == []


@pytest.mark.parametrize("page", sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")))
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    path = DOCS / page
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        assert "://" in link or (path.parent / link).exists(), link


def test_every_page_is_found_from_the_first() -> None:
    linked = set(LINK.findall((DOCS / "README.md").read_text(encoding="utf-8")))
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"README.md"}
    assert pages - linked == set()
