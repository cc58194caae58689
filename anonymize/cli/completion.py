"""`concord completion`: what a shell needs to complete commands, options, collections and file names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from anonymize.cli.output import Output, command
from anonymize.errors import ConfigError

SHELLS = ("bash", "zsh", "fish")


@command(example="concord completion bash > ~/.local/share/bash-completion/completions/concord")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(output: Output, shell: str) -> None:
    """Print the completion script of a shell; a new shell that reads it completes with the tab key."""
    kind = get_completion_class(shell)
    if kind is None:
        raise ConfigError(f"There is no completion for {shell}; there is for {', '.join(SHELLS)}.")
    root = click.get_current_context().find_root().command
    # source_vars instead of source(): that starts the shell to ask for its version.
    made = kind(root, {}, "concord", "_CONCORD_COMPLETE")
    script = made.source_template % made.source_vars()
    output.result({"shell": shell, "script": script}, script.rstrip())
