"""`concord simulate`: a realistic loan tape of nobody's loans, to try everything with."""

from __future__ import annotations

import io
import re
from importlib import resources
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from anonymize.cli.output import Output, command
from anonymize.errors import ConfigError
from anonymize.files import write_whole
from anonymize.simulate import ORIGIN, SCENARIOS, InstitutionProfile, demo_institutions, simulate_tapes
from anonymize.simulated_market import PRODUCTS, PROVINCES


@command(example="concord simulate --loans 20000 --scenario wave --period 2026-10 --seed 7 -o tape.parquet")
@click.option("--loans", type=click.IntRange(1, 50_000_000), default=10_000, show_default=True)
@click.option("--scenario", type=click.Choice(list(SCENARIOS)), default="calm", show_default=True)
@click.option("--period", required=True, help=f"A month from {ORIGIN} on, such as 2026-10.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same tape.")
@click.option("--provinces", help="Codes such as CN-ZJ,CN-JS; else five of the coast.")
@click.option(
    "--institution", "code", help="One of the demonstration's institutions instead of --loans and --provinces."
)
@click.option(
    "--map", "mapping", type=click.Path(path_type=Path, dir_okay=False), help="Also write a mapping file here."
)
@click.option("-o", "--output", "target", required=True, type=click.Path(path_type=Path, dir_okay=False))
def simulate(
    output: Output,
    loans: int,
    scenario: str,
    period: str,
    seed: int,
    provinces: str | None,
    code: str | None,
    mapping: Path | None,
    target: Path,
) -> None:
    """Write a loan tape in a chosen scenario as .parquet or .csv; loans fall behind by a Markov chain."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", period) or period < ORIGIN:
        raise ConfigError(f"--period is a month from {ORIGIN} on, such as 2026-10.", rule="wrong-period")
    profile = _institution(code) if code else _profile(loans, provinces)
    _, table = next(simulate_tapes(profile, [period], SCENARIOS[scenario], seed))
    write_whole(target, _content(table, target))
    if mapping is not None:
        write_whole(mapping, (resources.files("anonymize.examples") / "delinquency.toml").read_bytes())
    output.result(
        {"tape": str(target), "rows": table.num_rows, "scenario": scenario, "period": period, "seed": seed},
        f"{table.num_rows:,} loans of {period} ({scenario}) written to {target}.",
    )


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
