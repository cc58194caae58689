"""What all commands have in common."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from anonymize.cli import COMMANDS, main
from anonymize.cli.output import table
from tests.anonymize.cli.conftest import Bank


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    arguments = [name, "get", "--help"] if name == "template" else [name, "--help"]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 0, shown.output
    for words in (f"concord {name}", "--json", "--quiet", "Example"):
        assert words in shown.output


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from anonymize.cli import COMMANDS, main;"
        "shown = CliRunner().invoke(main, ['--help']).output;"
        "assert all(name in shown for name in COMMANDS);"
        "print([name for name in ('duckdb', 'pyarrow', 'httpx', 'cryptography', 'django') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_client_needs_no_django() -> None:
    code = (
        "import sys; sys.modules['django'] = None;"
        "import anonymize.sending, anonymize.cli.push, anonymize.cli.init, anonymize.cli.seal"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_command_is_wrong_use() -> None:
    assert CliRunner().invoke(main, ["frobnicate"]).exit_code == 2


def test_without_a_configuration_the_sentence_says_what_to_give(machine: Bank) -> None:
    refused = machine.run("status")
    assert (refused.exit_code, "CONCORD_SERVER_URL" in refused.stderr) == (2, True)


def test_quiet_says_nothing(bank: Bank) -> None:
    done = bank.run("template", "get", "delinquency", "--quiet")
    assert (done.exit_code, done.output) == (0, "")


def test_columns_line_up_beside_chinese_names() -> None:
    lines = table(("code", "name"), [("CN-ZJ", "浙江"), ("X", "y")]).splitlines()
    assert lines == ["code   name", "CN-ZJ  浙江", "X      y"]
