"""`concord`: the member's command line. One module a command, loaded only when that command runs.

Exit codes: 0 done, 1 refused by a rule, 2 wrong use or configuration, 3 server or network (try again).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

# Command -> the module of this package that holds it, under the same name. The order is that of a member's month.
COMMANDS: Final[Mapping[str, str]] = {
    "init": "init",
    "key": "key",
    "template": "template",
    "simulate": "simulate",
    "inspect": "inspect",
    "map": "map",
    "aggregate": "aggregate",
    "check": "check",
    "seal": "seal",
    "submit": "submit",
    "push": "push",
    "ledger": "ledger",
    "status": "status",
    "releases": "releases",
    "get": "get",
    "compare": "compare",
    "statement": "statement",
    "verify": "verify",
    "completion": "completion",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"{__name__}.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _SUMMARIES[name]) for name in COMMANDS])


_SUMMARIES: Final[Mapping[str, str]] = {
    "init": "Write a configuration and a signing key.",
    "key": "Show, register and replace your signing key.",
    "template": "Fetch and pin a collection's template; exchange templates as SDMX structures.",
    "simulate": "Write a realistic loan tape.",
    "inspect": "Profile a loan tape and look for direct identifiers.",
    "map": "Propose a mapping file for a loan tape.",
    "aggregate": "Turn a loan tape into a protected cube and a privacy report.",
    "check": "Check a cube as the server will.",
    "seal": "Seal and sign a cube for a round.",
    "submit": "Send a sealed package and wait for the answer.",
    "push": "From loan tape to accepted submission in one go.",
    "ledger": "Show what cubes with noise have cost in privacy.",
    "status": "Show open rounds and your submissions.",
    "releases": "List the published releases.",
    "get": "Download a release.",
    "compare": "Show where you stand in a release.",
    "statement": "Make a key of your own for statements, fetch and open them.",
    "verify": "Prove that a submission is in a release.",
    "completion": "Print the shell's completion script.",
}


_SETTINGS: Final[dict[str, Any]] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    "color": False if os.environ.get("NO_COLOR") else None,  # None: on a terminal only
}


@click.group(cls=LazyGroup, context_settings=_SETTINGS)
@click.version_option(package_name="concord", prog_name="concord")
def main() -> None:
    """Reduce your borrowers' data to protected aggregates, seal them, and see where you stand.

    Configuration: concord.toml in this directory, or the file that CONCORD_CONFIG names.
    """
    if threading.current_thread() is threading.main_thread():
        # What a scheduler ends cleans up as after Ctrl-C: no copy of a tape stays in the temporary folder.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
