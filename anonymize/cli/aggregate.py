"""`concord aggregate`: a loan tape becomes a protected cube and the privacy report that an officer signs."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import click

from anonymize.checks import has_errors
from anonymize.cli.aggregate_together import Folders, aggregate_together
from anonymize.cli.findings import listed
from anonymize.cli.options import collections_option, config_option, dry_run_option, effort_option, previous_tape_option
from anonymize.cli.output import Output, command
from anonymize.cli.places import check_ending, cube_before
from anonymize.config import load_config
from anonymize.cube import write_cube
from anonymize.errors import CheckError
from anonymize.files import check_place, write_all
from anonymize.ledger import ledger_for, rehearsed
from anonymize.pinned import pinned_template
from anonymize.pipeline import Prepared, prepare
from anonymize.protection_key import protection_key


@command(
    example="concord aggregate loans-2026-10.csv --map map.toml --period 2026-10 -o cube.parquet --report report.html"
)
@click.argument("tape")
@click.option(
    "--map",
    "mappings",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="How the tape becomes the collection's cells. One for each --collection, in the same order.",
)
@click.option("--period", required=True, help="The reference period, such as 2026-10.")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="The cube; with several collections a folder.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Where the privacy report goes: .html, or .json; with several collections a folder.",
)
@click.option(
    "--language", type=click.Choice(["en", "zh-Hans"]), default="en", show_default=True, help="Of the report."
)
@collections_option
@click.option("--institution", help="Your institution's code; else the configuration's.")
@click.option(
    "--previous",
    type=click.Path(path_type=Path, exists=True),
    help="Last period's cube; with several collections the folder of them.",
)
@previous_tape_option
@effort_option
@dry_run_option
@config_option
def aggregate(
    output: Output,
    tape: str,
    mappings: tuple[Path, ...],
    period: str,
    target: Path,
    report: Path | None,
    language: Literal["en", "zh-Hans"],
    collections: tuple[str, ...],
    institution: str | None,
    previous: Path | None,
    previous_tape: str | None,
    effort: float,
    dry_run: bool,
    config_file: Path | None,
) -> None:
    """Reduce a loan tape to a protected cube. Nothing is written unless all of it can be.

    TAPE is a CSV, Parquet or Excel file, a folder, a glob in quotes, or a database (postgresql://..., duckdb://FILE). The
    report stays in your institution.
    """
    config = load_config(config_file)
    if len(mappings) != len(collections):
        raise click.UsageError("Give one --map for each --collection, in the same order.")
    member = institution or config.need("institution")
    if len(collections) > 1:
        aggregate_together(
            output,
            config,
            tape,
            list(zip(mappings, collections, strict=True)),
            period,
            member,
            Folders(target, report, previous),
            previous_tape=previous_tape,
            language=language,
            effort=effort,
            dry_run=dry_run,
        )
        return
    _check_files(target, report)
    template = pinned_template(config, collections[0])
    template.check_period(period)
    before = None if previous is None else cube_before(previous, template, period, member)
    book = ledger_for(config, template)
    with output.watching() as watch, rehearsed(book) if dry_run else nullcontext(book) as ledger:
        prepared = prepare(
            tape,
            mappings[0],
            template,
            period,
            member,
            previous=before,
            previous_tape=previous_tape,
            language=language,
            secret=protection_key(config, template),
            ledger=ledger,
            effort=effort,
            watch=watch,
        )
    if has_errors(prepared.findings):
        first = next(finding for finding in prepared.findings if finding.severity == "error")
        raise CheckError(f"{first.sentence} Nothing was written.", rule=first.rule)
    if not dry_run:
        _write(prepared, target, report)
    written = _text(prepared) if dry_run else f"{_text(prepared)}\n{_written(target, report)}"
    output.result(_document(prepared, target, report, dry_run), written)


def _check_files(target: Path, report: Path | None) -> None:
    """Wrong use is told before the tape is read, not after."""
    check_ending("-o", target, ".parquet")
    check_place(target)
    if report is not None:
        check_ending("--report", report, ".html", ".htm", ".json")
        check_place(report)


def _write(prepared: Prepared, target: Path, report: Path | None) -> None:
    contents = {target: write_cube(prepared.cube)}
    if report is not None:
        contents[report] = _report(prepared, report)
    write_all(contents)


def _report(prepared: Prepared, target: Path) -> bytes:
    """The facts for machines where the file is to be JSON, else the page."""
    if target.suffix.lower() == ".json":
        return json.dumps(prepared.cells_summary.to_dict(), ensure_ascii=False, indent=2).encode()
    return prepared.report_html.encode()


def _document(prepared: Prepared, target: Path, report: Path | None, dry_run: bool) -> dict[str, object]:
    return {
        "written": not dry_run,
        "cube": str(target),
        "report": None if report is None else str(report),
        "summary": prepared.cells_summary.to_dict(),
    }


def _text(prepared: Prepared) -> str:
    summary = prepared.cells_summary
    counted = (
        f"{summary.cells:,} cells of {summary.collection} {summary.period}: {summary.published:,} published, "
        f"{summary.withheld:,} withheld."
    )
    return "\n".join([counted, *listed(prepared.findings)])


def _written(target: Path, report: Path | None) -> str:
    cube = f"Cube written to {target}."
    if report is None:
        return cube
    return f"{cube}\nPrivacy report written to {report}; it stays in your institution."
