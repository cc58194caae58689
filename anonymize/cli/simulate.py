"""`concord simulate`: a realistic loan tape of nobody's loans, to try everything with."""

from __future__ import annotations

import io
from importlib import resources
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from anonymize.cli.output import Output, command
from anonymize.errors import ConfigError, TemplateError
from anonymize.files import write_whole
from anonymize.simulate import (
    ORIGIN,
    SCENARIOS,
    SIMULATED,
    InstitutionProfile,
    SimulatedTape,
    demo_institutions,
    simulated_tape,
)
from anonymize.simulated.market import PRODUCTS, PROVINCES


@command(example="concord simulate --loans 20000 --scenario wave --period 2026-10 --seed 7 -o tape.parquet")
@click.option(
    "--collection",
    type=click.Choice(sorted(SIMULATED)),
    default="delinquency",
    show_default=True,
    help="What the tape is for; migration gets the tape of the month before too.",
)
@click.option("--loans", type=click.IntRange(1, 50_000_000), default=10_000, show_default=True, help="How many.")
@click.option(
    "--scenario", type=click.Choice(list(SCENARIOS)), default="calm", show_default=True, help="How loans fall behind."
)
@click.option(
    "--period",
    required=True,
    help=f"From {ORIGIN} on, a month such as 2026-10 or, where the collection is quarterly, 2026-Q3.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same tape.")
@click.option("--provinces", help="Codes such as CN-ZJ,CN-JS; else five of the coast.")
@click.option(
    "--institution", "code", help="One of the demonstration's institutions instead of --loans and --provinces."
)
@click.option(
    "--map", "mapping", type=click.Path(path_type=Path, dir_okay=False), help="Also write a mapping file here."
)
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The tape, .parquet or .csv.",
)
def simulate(
    output: Output,
    collection: str,
    loans: int,
    scenario: str,
    period: str,
    seed: int,
    provinces: str | None,
    code: str | None,
    mapping: Path | None,
    target: Path,
) -> None:
    """Write a collection's tape in a chosen scenario as .parquet or .csv; loans fall behind by a Markov chain."""
    profile = _institution(code) if code else _profile(loans, provinces)
    made = _made(collection, profile, period, scenario, seed)
    write_whole(target, _content(made.tape, target))
    written = {"tape": str(target), "rows": made.tape.num_rows}
    if made.previous is not None:
        before = target.with_stem(f"{target.stem}-previous")
        write_whole(before, _content(made.previous, before))
        written |= {"previous_tape": str(before), "previous_rows": made.previous.num_rows}
    if mapping is not None:
        write_whole(mapping, (resources.files("anonymize.examples") / f"{collection}.toml").read_bytes())
    output.result(
        {**written, "collection": collection, "scenario": scenario, "period": period, "seed": seed},
        f"{made.tape.num_rows:,} rows of {period} ({scenario}) written to {target}."
        + (f" The month before is in {written['previous_tape']}." if made.previous is not None else ""),
    )


def _made(collection: str, profile: InstitutionProfile, period: str, scenario: str, seed: int) -> SimulatedTape:
    try:
        return simulated_tape(collection, profile, period, SCENARIOS[scenario], seed)
    except (TemplateError, ValueError) as wrong:
        raise ConfigError(f"--period: {wrong}", rule="wrong-period") from wrong


def _institution(code: str) -> InstitutionProfile:
    for profile in demo_institutions():
        if profile.code == code:
            return profile
    known = ", ".join(profile.code for profile in demo_institutions())
    raise ConfigError(f"There is no institution {code!r} in the demonstration; there are: {known}.")


def _profile(loans: int, provinces: str | None) -> InstitutionProfile:
    chosen = tuple(each.strip() for each in (provinces or "CN-ZJ,CN-JS,CN-SH,CN-FJ,CN-GD").split(","))
    unknown = [each for each in chosen if each not in PROVINCES]
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is no province; there are: {', '.join(PROVINCES)}.")
    mix = dict(zip(PRODUCTS, (22, 6, 18, 20, 17, 14, 3), strict=True))
    return InstitutionProfile("SIMULATED", loans, chosen, mix)


def _content(table: pa.Table, target: Path) -> bytes:
    sink = io.BytesIO()
    match target.suffix.lower():
        case ".parquet":
            pq.write_table(table, sink, compression="zstd")
        case ".csv":
            pyarrow.csv.write_csv(table, sink)
        case other:
            raise ConfigError(f"A tape is written as .parquet or .csv, not as {other or 'a file without ending'}.")
    return sink.getvalue()
