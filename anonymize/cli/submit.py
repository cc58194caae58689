"""`concord submit`: a package goes to its round; the receipt is kept, the findings are printed."""

from __future__ import annotations

from pathlib import Path

import click

from anonymize.cli.delivery import tell
from anonymize.cli.options import config_option, correction_options
from anonymize.cli.output import Output, command
from anonymize.client import Client
from anonymize.config import load_config
from anonymize.files import read_whole
from anonymize.package import read_header
from anonymize.sending import Manner, send


@command(example="concord submit cube.sealed")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--trial", is_flag=True, help="Have it checked only: a trial never counts and may be repeated.")
@correction_options
@config_option
def submit(output: Output, file: Path, trial: bool, reason: str | None, note: str, config_file: Path | None) -> None:
    """Send a sealed package to the round that it names, wait for the checks and print their findings.

    The same file twice is one submission.
    """
    config = load_config(config_file)
    package = read_whole(file)
    header = read_header(package)
    with Client(config) as client:
        delivery = send(
            client, config, header.round_id, package, output.say, Manner(trial, reason=reason or "", note=note)
        )
    tell(output, delivery)
