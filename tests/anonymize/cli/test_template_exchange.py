"""`concord template export` and `import`: templates as files for others and from others."""

from __future__ import annotations

import json

import pytest

from anonymize.template import load
from tests.anonymize.cli.conftest import Bank


@pytest.mark.parametrize("format_", ["sdmx-ml", "sdmx-json"])
def test_a_template_is_exported_and_imported_without_a_server(machine: Bank, format_: str) -> None:
    written = machine.json("template", "export", "treatment", "--format", format_, "-o", "structures")
    assert (written["collection"], written["format"]) == ("treatment", format_)
    read = machine.json("template", "import", "structures", "-o", "template.json")
    assert read["to_complete"] == []
    assert json.loads((machine.directory / "template.json").read_text(encoding="utf-8")) == load("treatment").source


def test_a_template_is_exported_as_its_own_json(machine: Bank) -> None:
    machine.json("template", "export", "service", "--format", "json", "-o", "service.json")
    assert json.loads((machine.directory / "service.json").read_text(encoding="utf-8")) == load("service").source


def test_a_file_that_is_no_message_is_refused_and_nothing_is_written(machine: Bank) -> None:
    (machine.directory / "loans.csv").write_text("loan_no,balance\n1,2\n")
    refused = machine.run("template", "import", "loans.csv", "-o", "template.json")
    assert (refused.exit_code, "no valid SDMX structure message" in refused.stderr) == (1, True)
    assert not (machine.directory / "template.json").exists()
