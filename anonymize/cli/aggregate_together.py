"""`concord aggregate` with several mappings: cubes of one tape that are safe beside each other, in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from anonymize.checks import has_errors
from anonymize.cli.findings import listed
from anonymize.cli.output import Output
from anonymize.cli.places import cube_before
from anonymize.config import Config
from anonymize.cube import Cube, write_cube
from anonymize.errors import CheckError
from anonymize.files import make_folder, write_all
from anonymize.pinned import pinned_template
from anonymize.pipeline import Prepared
from anonymize.pipeline_linked import prepare_together
from anonymize.template import Template


@dataclass(frozen=True)
class Folders:
    """Where the cubes and the reports go, and where the cubes of the period before are: COLLECTION.parquet in each."""

    cubes: Path
    reports: Path | None
    previous: Path | None

    def __post_init__(self) -> None:
        named = (("-o", self.cubes), ("--report", self.reports), ("--previous", self.previous))
        for option, path in named:
            if path is not None and path.exists() and not path.is_dir():
                raise click.BadParameter("with several collections this is a folder", param_hint=option)


def aggregate_together(
    output: Output,
    config: Config,
    tape: str,
    pairs: Sequence[tuple[Path, str]],
    period: str,
    institution: str,
    folders: Folders,
    *,
    previous_tape: str | None,
    language: Literal["en", "zh-Hans"],
    effort: float,
    dry_run: bool,
) -> None:
    """Writes every cube and report, or nothing."""
    asked = [(mapping, pinned_template(config, collection)) for mapping, collection in pairs]
    for _, template in asked:
        template.check_period(period)
    with output.watching() as watch:
        prepared = prepare_together(
            tape,
            asked,
            period,
            institution,
            previous=_before(folders, [template for _, template in asked], period, institution),
            previous_tape=previous_tape,
            language=language,
            effort=effort,
            watch=watch,
        )
    for each in prepared:
        _refuse_errors(each)
    if not dry_run:
        _write(prepared, folders)
    output.result(_document(prepared, folders, dry_run), "\n".join(_text(each, folders, dry_run) for each in prepared))


def _before(folders: Folders, templates: Sequence[Template], period: str, institution: str) -> dict[str, Cube]:
    if folders.previous is None:
        return {}
    files = {each.id: folders.previous / f"{each.id}.parquet" for each in templates}
    return {
        each.id: cube_before(files[each.id], each, period, institution) for each in templates if files[each.id].exists()
    }


def _refuse_errors(prepared: Prepared) -> None:
    if has_errors(prepared.findings):
        first = next(finding for finding in prepared.findings if finding.severity == "error")
        raise CheckError(f"{prepared.cube.collection}: {first.sentence} Nothing was written.", rule=first.rule)


def _write(prepared: Sequence[Prepared], folders: Folders) -> None:
    for folder in (folders.cubes, folders.reports):
        if folder is not None:
            make_folder(folder)
    contents = {folders.cubes / f"{each.cube.collection}.parquet": write_cube(each.cube) for each in prepared}
    if folders.reports is not None:
        contents |= {folders.reports / f"{each.cube.collection}.html": each.report_html.encode() for each in prepared}
    write_all(contents)


def _document(prepared: Sequence[Prepared], folders: Folders, dry_run: bool) -> dict[str, Any]:
    return {
        "written": not dry_run,
        "cubes": [
            {
                "collection": each.cube.collection,
                "cube": str(folders.cubes / f"{each.cube.collection}.parquet"),
                "report": None if folders.reports is None else str(folders.reports / f"{each.cube.collection}.html"),
                "summary": each.cells_summary.to_dict(),
            }
            for each in prepared
        ],
    }


def _text(prepared: Prepared, folders: Folders, dry_run: bool) -> str:
    summary = prepared.cells_summary
    counted = (
        f"{summary.cells:,} cells of {summary.collection} {summary.period}: {summary.published:,} published, "
        f"{summary.withheld:,} withheld."
    )
    lines = [counted, *listed(prepared.findings)]
    if not dry_run:
        lines.append(f"Cube written to {folders.cubes / (summary.collection + '.parquet')}.")
    return "\n".join(lines)
