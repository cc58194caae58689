"""How long a tape takes to become cells, beside DuckDB alone on the same tape; writes its table to docs/performance.md.

`python -m tests.bench.aggregation [--rows N] [--repeats N] [--large N]`. Simulated tapes under the machine's temporary folder, removed
afterwards; every measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from anonymize.aggregate import aggregate
from anonymize.identifiers import scan
from anonymize.mapping import TapeMapping, parse_mapping
from anonymize.tape import open_tape
from anonymize.template import Template, load, parse

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench-aggregate: begin -->", "<!-- bench-aggregate: end -->"
PERIOD = "2026-10"
TOTALS_OF = 40  # plain SQL makes 162 rows of one: of 10M rows it would not fit the disk

# Months on book, the fifth dimension: code -> (its parent, the last month it holds).
AGES = {"M00_05": ("YOUNG", 5), "M06_11": ("YOUNG", 11), "M12_23": ("OLD", 23), "M24_35": ("OLD", 35), "M36P": ("OLD", None)}  # fmt: skip
DAYS = {"CURRENT": 0, "D001_029": 29, "D030_059": 59, "D060_089": 89, "D090P": None}
# Borrowers a loan, and whether the grade is the loan's instead of the borrower's: the hard tape's borrowers are spread.
KINDS = {"usual": (0.8, False), "hard": (0.4, True)}


def template() -> Template:
    """Delinquency by months on book: five dimensions, 85,120 cells with their totals."""
    source = load("delinquency").source
    codes = [
        {"id": "_T", "name": {"en": "Total"}},
        *({"id": id, "name": {"en": id}, "parent": "_T"} for id in ("YOUNG", "OLD")),
        *({"id": id, "name": {"en": id}, "parent": parent} for id, (parent, _) in AGES.items()),
    ]
    age = {"id": "AGE", "name": {"en": "Months on book"}, "codes": codes}
    return parse({**source, "id": "bench", "dimensions": [*source["dimensions"], age], "indicators": [], "checks": []})


def mapping(grouped: bool) -> TapeMapping:
    document = tomllib.loads((resources.files("anonymize.examples") / "delinquency.toml").read_text(encoding="utf-8"))
    bins = [{"code": id} if last is None else {"upto": last, "code": id} for id, (_, last) in AGES.items()]
    document["dimensions"]["AGE"] = {"column": "opened_months_ago", "bins": bins}
    if not grouped:
        del document["borrower"]["group"]
    return parse_mapping(document, template())


def write_tape(path: Path, rows: int, kind: str) -> None:
    """A simulated tape, written by DuckDB: skewed provinces, products and amounts, 7 in 100 past due."""
    codes = tomllib.loads((resources.files("anonymize.examples") / "delinquency.toml").read_text(encoding="utf-8"))
    products, provinces = (list(codes["dimensions"][each]["codes"]) for each in ("PRODUCT", "REGION"))
    share, own_grade = KINDS[kind]
    people = int(rows * share)

    def draw(who: str, salt: int) -> str:
        return f"(hash({who} * 8191 + {salt}) % 1000000 / 1000000.0)"

    def one_of(values: Sequence[str], share: str) -> str:
        return f"{list(values)}[1 + floor({len(values)} * {share})::INTEGER]"

    someone = f"(hash(loan * 31 + 7) % {people})::BIGINT"
    owner = someone if own_grade else f"CASE WHEN loan < {people} THEN loan ELSE {someone} END"
    normal = f"sqrt(-2 * ln({draw('loan', 8)} + 1e-7)) * cos(6.2831853 * {draw('loan', 9)})"
    product = one_of(products, f"pow({draw('loan', 2)}, 1.5)")
    province = one_of(provinces, f"pow({draw('owner', 3)}, 3)")
    grade = one_of("ABCDE", f"pow({draw('loan' if own_grade else 'owner', 4)}, 1.3)")
    with duckdb.connect(config={"preserve_insertion_order": "false"}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            f"COPY (SELECT DATE '2026-10-31' AS report_date, loan AS loan_no, "
            f"format('C{{:09d}}', owner * 7919 % {people}) AS customer_no, "
            f"CASE WHEN {draw('owner', 1)} < 0.03 THEN format('G{{:07d}}', owner % {people // 100 + 1}) END AS group_no, "
            f"{product} AS product, {province} AS province, {grade} AS grade, "
            f"(CASE WHEN {draw('loan', 5)} < 0.93 THEN 0 ELSE 1 + floor(120 * pow({draw('loan', 6)}, 2)) END)::INTEGER "
            f"AS days_past_due, floor(60 * {draw('loan', 7)})::INTEGER AS opened_months_ago, "
            f"round(exp(10 + 1.2 * {normal}), 2) AS balance "
            f"FROM (SELECT range AS loan, {owner.replace('loan', 'range')} AS owner FROM range({rows}))) "
            f"TO '{path}' (FORMAT {'csv' if path.suffix == '.csv' else 'parquet'})"
        )


def bare(path: Path, margins: bool) -> str:
    """Plain SQL for the same columns: of the finest cells only, or of all totals as well."""
    limits = {"bucket": ("days_past_due", DAYS), "age": ("opened_months_ago", {id: last for id, (_, last) in AGES.items()})}  # fmt: skip
    cases = {
        name: " ".join(f"WHEN {column} <= {last} THEN '{code}'" for code, last in codes.items() if last is not None)
        + f" ELSE '{list(codes)[-1]}'"
        for name, (column, codes) in limits.items()
    }
    columns = ["product", "province", "grade", "bucket", "age"]
    parts = (
        "SELECT customer_no, product, province, CASE WHEN grade IN ('A', 'B') THEN 'LOW' WHEN grade = 'C' THEN 'MID' "
        f"ELSE 'HIGH' END AS grade, CASE {cases['bucket']} END AS bucket, CASE {cases['age']} END AS age, "
        f"count(*) AS accounts, sum(balance) AS balance FROM '{path}' GROUP BY ALL"
    )
    if margins:
        parts = _in_every_total(parts, columns)
    return (
        f"SELECT {', '.join(columns)}, count(*) AS borrowers, sum(accounts), sum(balance), max(balance, 2), "
        f"max(accounts, 2) FROM ({parts}) GROUP BY ALL"
    )


def _in_every_total(parts: str, columns: Sequence[str]) -> str:
    """Each borrower's sums in every ancestor of its cells, by joining a table of ancestors for each dimension."""
    found = template()
    labels = {
        axis: {code: label for label, code in rule.codes.items() if label != code} or None
        for axis, rule in enumerate(mapping(grouped=False).dimensions)
    }
    joins = []
    for axis, column in enumerate(columns):
        codes = found.dimensions[axis].code_list
        known = labels[axis] if column in ("product", "province") else None
        pairs = ", ".join(
            f"('{(known or {}).get(leaf, leaf)}', '{ancestor}')"
            for leaf in codes.leaves
            for ancestor in codes.ancestors(leaf)
        )
        joins.append(f"JOIN (VALUES {pairs}) AS {column}s(leaf, ancestor) ON {column}s.leaf = parts.{column}")
    totals = ", ".join(f"{column}s.ancestor AS {column}" for column in columns)
    return (
        f"SELECT customer_no, {totals}, sum(accounts) AS accounts, sum(parts.balance) AS balance "
        f"FROM ({parts}) AS parts {' '.join(joins)} GROUP BY ALL"
    )


def read(path: Path) -> str:
    """Every field of the file looked at once."""
    return f"SELECT count(*), max(COLUMNS(*)) FROM read_csv('{path}', all_varchar = true)"


def measured(what: str, path: Path, grouped: bool = False) -> dict[str, Any]:
    """Seconds, processor seconds and peak memory of one process, which does one thing."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.bench.aggregation",
            "--only",
            what,
            str(path),
            *(["--grouped"] if grouped else []),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def only(what: str, path: Path, grouped: bool) -> None:
    """One measurement, printed as JSON."""
    rules = mapping(grouped)
    wall, processor = time.perf_counter(), time.process_time()
    if what in ("aggregate", "scan"):
        with open_tape(path) as tape:
            aggregate(tape, rules, template(), PERIOD) if what == "aggregate" else scan(tape, rules)
    else:
        statements = {"leaves": bare(path, margins=False), "totals": bare(path, margins=True), "read": read(path)}
        with tempfile.TemporaryDirectory() as folder, duckdb.connect(config={"temp_directory": folder}) as connection:
            connection.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false")
            connection.execute(f"CREATE TABLE answer AS {statements[what]}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    spent = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor, "peak_mib": peak}
    print(json.dumps(spent))


def best(what: str, path: Path, repeats: int, *, grouped: bool = False) -> dict[str, Any]:
    """The fastest of a few runs by processor time: what others do on the machine matters least there."""
    return min((measured(what, path, grouped) for _ in range(repeats)), key=lambda run: run["processor"])


def compare(name: str, path: Path, statement: str, repeats: int, *, grouped: bool = False) -> str:
    """One row of the table: ours beside the plain statement, in the same run."""
    plain, ours = best(statement, path, repeats), best("aggregate", path, repeats, grouped=grouped)
    ratio = ours["processor"] / plain["processor"]
    return (
        f"| {name} | {ours['seconds']:.1f} | {ours['processor']:.1f} | {plain['seconds']:.1f} | {plain['processor']:.1f} "
        f"| **{ratio:.2f}** | {ours['peak_mib']:,} |"
    )


def table(folder: Path, rows: int, repeats: int) -> list[str]:
    millions = f"{rows / 1e6:g}M rows"
    usual, hard, small, text = (
        folder / "usual.parquet",
        folder / "hard.parquet",
        folder / "small.parquet",
        folder / "usual.csv",
    )
    write_tape(usual, rows, "usual")
    write_tape(hard, rows, "hard")
    write_tape(small, rows // TOTALS_OF, "usual")
    write_tape(text, rows // 2, "usual")
    found = [
        "| tape | s | processor s | plain SQL, s | processor s | ratio | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        compare(f"{rows / TOTALS_OF / 1e6:g}M rows, Parquet; plain: the same, all totals", small, "totals", repeats),
        compare(f"{millions}, Parquet; plain: finest cells only", usual, "leaves", repeats),
        compare(
            f"{millions}, with affiliates; plain: finest cells only, no affiliates",
            usual,
            "leaves",
            repeats,
            grouped=True,
        ),
        compare(f"{millions}, everybody spread; plain: finest cells only", hard, "leaves", repeats),
        compare(f"{rows / 2e6:g}M rows, CSV; plain: reading every field", text, "read", repeats),
    ]
    scanned, whole = best("scan", usual, repeats), best("aggregate", usual, repeats)
    share = scanned["processor"] / (scanned["processor"] + whole["processor"])
    return [*found, "", f"Looking for identifiers takes {share:.1%} of a run over {millions}."]


def large(folder: Path, rows: int, base: int) -> list[str]:
    """Time and memory of a tape twenty times as long, in a process that may hold 1200 MiB of it."""
    seconds = {}
    for size in (base, rows):
        path = folder / "large.parquet"
        write_tape(path, size, "usual")
        seconds[size] = measured("aggregate", path)
        path.unlink()
    ratio = seconds[rows]["seconds"] / seconds[base]["seconds"] / (rows / base)
    text = (
        f"{rows / 1e6:g}M rows: {seconds[rows]['seconds']:.0f} s ({seconds[rows]['processor']:.0f} s of processor), "
        f"{seconds[rows]['peak_mib']:,} MiB at most with CONCORD_MEMORY={os.environ.get('CONCORD_MEMORY', 'unset')}; "
        f"{ratio:.2f} times what {base / 1e6:g}M rows would let expect."
    )
    return ["", text]


def keep(lines: Sequence[str]) -> None:
    """Put the table in its place on the page; the words around it are written by people."""
    before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=0, help="rows of a tape for time and memory, 200000000")
    parser.add_argument("--only", nargs=2, metavar=("WHAT", "TAPE"), help=argparse.SUPPRESS)
    parser.add_argument("--grouped", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        only(chosen.only[0], Path(chosen.only[1]), chosen.grouped)
        return
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as folder:
        lines = table(Path(folder), chosen.rows, chosen.repeats)
        if chosen.large:
            lines += large(Path(folder), chosen.large, chosen.rows)
    print("\n".join(lines))
    keep(lines)


if __name__ == "__main__":
    main()
