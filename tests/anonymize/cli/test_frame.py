"""What all commands have in common."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from anonymize.cli import COMMANDS, main
from anonymize.cli.output import table
from anonymize.cli.progress import BEAT_SECONDS, shown
from anonymize.stages import Stage
from tests.anonymize.cli.conftest import Bank


@contextlib.contextmanager
def redirected(written: io.StringIO) -> Iterator[None]:
    """Standard error as a terminal that keeps what is written to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORCE_COLOR", "1")
        patch.setenv("TERM", "xterm")
        with contextlib.redirect_stderr(written):
            yield


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    part = {"template": ["get"], "key": ["rotate"], "statement": ["open"]}.get(name, [])
    shown = CliRunner().invoke(main, [name, *part, "--help"])
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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_asks_for_completions(machine: Bank, shell: str) -> None:
    shown = machine.run("completion", shell)
    assert "_CONCORD_COMPLETE" in shown.stdout


def test_a_shell_completes_commands_and_collections() -> None:
    def completed(words: str, position: str) -> list[str]:
        asked = {"_CONCORD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": position}
        code = "from anonymize.cli import main; main(prog_name='concord')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **asked})
        return [line.removeprefix("plain,") for line in done.stdout.splitlines()]

    assert completed("concord agg", "1") == ["aggregate"]
    assert "delinquency" in completed("concord check --collection del", "3")


def test_colours_are_for_terminals_only(machine: Bank) -> None:
    refused = machine.run("status")
    assert refused.stderr.startswith("Error (")


def test_progress_shows_stage_and_rate_and_leaves_nothing_behind() -> None:
    written = io.StringIO()
    with redirected(written), shown() as watch:
        watch(Stage("Aggregating", 1000, lambda: 0.5))
        time.sleep(3 * BEAT_SECONDS)
        watch(Stage("Protecting"))
    assert "Aggregating" in written.getvalue()
    assert "rows/s" in written.getvalue()
