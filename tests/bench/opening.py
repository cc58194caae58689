"""Opening and checking a package of 5 MB, beside the bare libraries; writes its table to docs/performance.md.

`python -m tests.bench.opening [--repeats N] [--profile]`. The bare libraries do what nobody can do without: joserfc verifies the
signature, cryptography opens HPKE, pyarrow reads the Parquet file into a table. Ours does that and everything else: the
header's rules, the structure of the cube, every check of its template.
"""

from __future__ import annotations

import argparse
import cProfile
import functools
import gc
import pstats
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from joserfc import jws
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from anonymize.checks import check_cube
from anonymize.cube import Cube, cube_of, read_cube, write_cube
from anonymize.cube_structure import text_columns
from anonymize.disclosure.lattice import Floats
from anonymize.package import PARQUET, open_sealed, seal, verify
from anonymize.template import Template, load, parse
from tests.vectors.sealed import keys

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- bench-opening: begin -->", "<!-- bench-opening: end -->"
BAR = 1.30
INSTITUTION, ROUND, AUDIENCE, PERIOD = "CN-001", "bench-2026-10", "concord-bench", "2026-10"
AGES = 48  # codes of the fifth dimension below its total


@dataclass(frozen=True)
class Work:
    """A package, and the table that it was made of."""

    template: Template
    package: bytes
    content: bytes
    rows: int


def template() -> Template:
    """Delinquency with all its checks, by months on book as well: half a million cells."""
    source = load("delinquency").source
    codes = [{"id": "_T", "name": {"en": "Total"}}]
    codes += [{"id": f"M{age:02}", "name": {"en": f"Month {age}"}, "parent": "_T"} for age in range(AGES)]
    age = {"id": "AGE", "name": {"en": "Months on book"}, "codes": codes}
    return parse({**source, "id": "bench", "dimensions": [*source["dimensions"], age]})


def work(suite: str) -> Work:
    """A sound cube of every cell with some withheld, sealed; about 5 MB."""
    asked = template()
    content = write_cube(sound_cube(asked))
    pair = keys.ROUND_XWING if suite == "X-Wing" else keys.ROUND_X25519
    package = seal(
        content,
        media_type=PARQUET,
        round_id=ROUND,
        institution=INSTITUTION,
        audience=AUDIENCE,
        signing_key=keys.INSTITUTION,
        sealing_key=pair.public,
    )
    return Work(asked, package.encode(), content, pq.read_metadata(pa.BufferReader(content)).num_rows)


def sound_cube(asked: Template, seed: int = 1) -> Cube:
    """Figures that add up in every dimension and that no check finds fault with."""
    random = np.random.default_rng(seed)
    leaves = [np.array([code in each.code_list.leaves for code in each.code_list.ids]) for each in asked.dimensions]
    shape = tuple(int(each.sum()) for each in leaves)
    accounts = random.integers(60, 90, shape).astype(np.float64)
    if "DPD_BUCKET" in asked.dimension_ids:  # most loans are current, as the template's rates expect
        axis = asked.dimension_ids.index("DPD_BUCKET")
        where = [1] * len(shape)
        where[axis] = shape[axis]
        accounts *= np.array([40, *[1] * (shape[axis] - 1)]).reshape(where)
    figures = {
        "ACCOUNTS": accounts,
        "BORROWERS": np.floor(accounts * 0.9),
        "BALANCE": np.round(accounts * random.uniform(9_000, 11_000, shape), 2),
    }
    full = {name: _with_margins(values, asked) for name, values in figures.items()}
    full["BORROWERS"] = np.floor(full["ACCOUNTS"] * 0.9)
    withheld = _withheld(asked).reshape(-1)
    codes = np.unravel_index(np.arange(withheld.size), asked.shape)
    table: dict[str, pa.Array] = {
        each.id: pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), pa.array(each.code_list.ids))
        for each, code in zip(asked.dimensions, codes, strict=True)
    }
    table["TIME_PERIOD"] = pa.array([PERIOD] * withheld.size)
    for measure in asked.measures:
        values = full[measure.id].reshape(-1)
        number = values.astype(np.int64) if measure.type == "count" else np.round(values, 2)
        table[measure.id] = pa.array(number, mask=withheld)
    table["OBS_STATUS"] = pa.array(np.where(withheld, "Q", "A"))
    table["CONF_STATUS"] = pa.array(np.where(withheld, "C", "F"))
    return cube_of(pa.table(table), asked, institution=INSTITUTION, period=PERIOD)


def _with_margins(values: Floats, asked: Template) -> Floats:
    """Every parent as the sum of what is below it, dimension by dimension."""
    for axis, each in enumerate(asked.dimensions):
        codes = each.code_list
        below = np.zeros((len(codes.ids), len(codes.leaves)))
        for number, leaf in enumerate(codes.leaves):
            at = codes.index[leaf]
            while at >= 0:
                below[at, number] = 1
                at = codes.parents[at]
        values = np.moveaxis(np.tensordot(below, values, axes=(1, axis)), 0, axis)
    return values


def _withheld(asked: Template) -> np.ndarray:
    """Two siblings of each dimension, in all their combinations: no line has a single withheld cell."""
    chosen = []
    for each in asked.dimensions:
        codes = each.code_list
        parents = [codes.parents[codes.index[leaf]] for leaf in codes.leaves]
        parent = next(one for one in parents if parents.count(one) >= 2)
        pair = [leaf for leaf in codes.leaves if codes.parents[codes.index[leaf]] == parent][-2:]
        chosen.append(np.array([code in pair for code in codes.ids]))
    return functools.reduce(np.logical_and.outer, chosen)


def bare(package: bytes, suite: str, codes: Sequence[str] = ()) -> pa.Table:
    """Signature, encryption and file, with nothing around them; `codes` are columns to read as dictionaries."""
    registry = JWSRegistry(algorithms=["Ed25519"], strict_check_header=False)
    registry.max_payload_length = len(package)
    signed = jws.deserialize_compact(package, OKPKey.import_key(_PUBLIC), registry=registry)
    kem = KEM.MLKEM768_X25519 if suite == "X-Wing" else KEM.X25519
    pair = keys.ROUND_XWING if suite == "X-Wing" else keys.ROUND_X25519
    opened = Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM).decrypt(
        signed.payload, pair._key, info=package.partition(b".")[0]
    )
    return pq.read_table(pa.BufferReader(opened), use_threads=False, read_dictionary=list(codes) or None)


_PUBLIC = {name: value for name, value in keys.INSTITUTION.public_jwk().items() if name in {"kty", "crv", "x"}}


def ours(package: bytes, suite: str, asked: Template) -> Cube:
    """What the vault does with a package."""
    pair = keys.ROUND_XWING if suite == "X-Wing" else keys.ROUND_X25519
    envelope = verify(
        package,
        keys={keys.INSTITUTION.kid: keys.INSTITUTION.public_jwk()},
        audience=AUDIENCE,
        round_id=ROUND,
        institution=INSTITUTION,
        rkids={pair.rkid},
    )
    cube = read_cube(open_sealed(envelope, pair), asked, PARQUET, period=PERIOD, institution=INSTITUTION)
    findings = check_cube(cube, asked)
    if findings:
        raise SystemExit(f"the cube is not sound: {findings[0].sentence}")
    return cube


@dataclass(frozen=True)
class Time:
    seconds: float
    processor: float


def side_by_side(functions: Sequence[Callable[[], object]], repeats: int) -> list[Time]:
    """The least time of each, taken in turns, so that other work on the machine disturbs all alike."""
    best = [Time(float("inf"), float("inf")) for _ in functions]
    for _ in range(repeats):
        for number, function in enumerate(functions):
            gc.collect()
            began, processor = time.perf_counter(), time.process_time()
            function()
            took = Time(time.perf_counter() - began, time.process_time() - processor)
            best[number] = min(best[number], took, key=lambda each: each.processor)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--profile", action="store_true", help="where our own time goes, and no table")
    asked = parser.parse_args()
    lines = [
        "| package | bare, ms | processor ms | ours, ms | processor ms | added |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    added = []
    for suite in ("X-Wing", "X25519"):
        made = work(suite)
        if asked.profile:
            profile(made, suite)
            continue
        coded = text_columns(made.template)
        without, without_coded, with_all = side_by_side(
            [
                functools.partial(bare, made.package, suite),
                functools.partial(bare, made.package, suite, coded),
                functools.partial(ours, made.package, suite, made.template),
            ],
            asked.repeats,
        )
        added.append(with_all.processor / without.processor - 1)
        name = f"{suite}, {len(made.content) / 1e6:.1f} MB, {made.rows:,} cells"
        lines += [_row(name, without, with_all, bold=True), _row(f"{suite}, coded", without_coded, with_all)]
    print("\n".join(lines))
    if not asked.profile:
        keep(lines)
    return 0 if all(each < BAR - 1 for each in added) else 1


def _row(name: str, without: Time, with_all: Time, *, bold: bool = False) -> str:
    more = f"{with_all.processor / without.processor - 1:+.0%}"
    figures = " | ".join(
        f"{1e3 * each:.0f}" for time_ in (without, with_all) for each in (time_.seconds, time_.processor)
    )
    return f"| {name} | {figures} | {f'**{more}**' if bold else more} |"


def profile(made: Work, suite: str) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(5):
        ours(made.package, suite, made.template)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def keep(lines: Sequence[str]) -> None:
    """Put the table in its place on the page; the words around it are written by people."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    if begin:
        text = chr(10).join(lines)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
