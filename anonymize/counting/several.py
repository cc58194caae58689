"""Contributors with loans in several cells, counted once in every total that holds more than one of them.

The tables: `spread` numbers them (key, person, pattern: the dimensions in which they are spread, a bit each); `several`
has a row for each of their cells (person, cell, values); `crowded` names those who are not among the few.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from anonymize.counting.paths import CellPaths, Whole
from anonymize.counting.ranking import NOBODY, Ranking
from anonymize.counting.tally import Tally, count
from anonymize.tape import Tape, quoted
from anonymize.template import Template

MOST_CELLS = 12  # a person with more is never among the few, however deep the hierarchies
MOST_ROWS = 8_000_000  # of several cells whose sets are made at once


def create_several(
    tape: Tape, template: Template, paths: CellPaths, key: str, values: Sequence[str], rows: str
) -> bool:
    """Makes the tables from `people`, which it drops; whether there is anybody in several cells."""
    pattern = " + ".join(
        f"((varied & {paths.mask(axis)}) <> 0)::INTEGER * {1 << axis}" for axis in range(len(paths.shape))
    )
    tape.run(
        "CREATE OR REPLACE TEMP TABLE spread AS SELECT key, (row_number() OVER ())::INTEGER AS person, "
        f"({pattern}) AS pattern FROM people WHERE varied <> 0"
    )
    tape.run("DROP TABLE people")
    if not tape.run("SELECT 1 FROM spread LIMIT 1"):
        return False
    sums = "".join(f", sum(leaf.{quoted(name)})::BIGINT AS {quoted(name)}" for name in values)
    tape.run(
        f"CREATE OR REPLACE TEMP TABLE several AS SELECT person, leaf.cell AS cell{sums} "
        f"FROM {rows} AS leaf JOIN spread ON spread.key = leaf.{quoted(key)} GROUP BY person, leaf.cell"
    )
    # Amounts of both signs: a total may be less than its parts, which few's reasoning does not allow.
    mixed = "".join(f" OR (min({quoted(name)}) < 0 AND max({quoted(name)}) > 0)" for name in values)
    tape.run(
        "CREATE OR REPLACE TEMP TABLE crowded AS SELECT person FROM several GROUP BY person "
        f"HAVING count(*) > {_few(template)}{mixed}"
    )
    return True


def add_few(tape: Tape, template: Template, paths: CellPaths, values: Sequence[str], tally: Tally) -> None:
    """Adds those in few cells to a tally whose rankings are rolled up and whose people are not.

    Of all sets of a person's cells, those of odd size count 1 in the smallest total that holds the set, those of even
    size -1: above any of the cells the terms add up to one. A set's amount is at most what the person has in that
    total, and one of the sets has all of it, so that the largest amounts are the largest of the sets'.

    Nobody's sets have to do with anybody else's: of a long tape a part of the people is taken after another, so that the
    sets of one part fit the memory.
    """
    parts = 1 + tape.run("SELECT count(*) FROM several")[0][0] // MOST_ROWS
    for part in range(parts):
        _add_part(tape, template, paths, values, tally, f"person % {parts} = {part}")


def _add_part(tape: Tape, template: Template, paths: CellPaths, values: Sequence[str], tally: Tally, who: str) -> None:
    amounts = "".join(f", abs({quoted(name)}) AS {quoted(name)}" for name in values)
    tape.run(
        "CREATE OR REPLACE TEMP TABLE few AS "
        f"SELECT person, cell{amounts} FROM several ANTI JOIN crowded USING (person) WHERE {who}"
    )
    tape.run("CREATE OR REPLACE TEMP TABLE sets AS SELECT *, cell AS last FROM few")
    for size in range(1, _few(template) + 1):
        if size > 1:
            _enlarge(tape, paths, values)
        table = tape.arrow("SELECT cell, count(*) AS sets FROM sets GROUP BY cell")
        if not table.num_rows:
            break
        places = _places(table, paths)
        tally.people[places] += (1 if size % 2 else -1) * table.column("sets").to_numpy()
        for name, ranking in tally.rankings.items():
            _include_largest(tape, template, paths, name, ranking)


def count_many(tape: Tape, template: Template, paths: CellPaths, values: Sequence[str]) -> Iterator[Tally]:
    """A rolled up tally of everybody else for each pattern in which they are spread."""
    tape.run(
        "CREATE OR REPLACE TEMP TABLE many AS "
        "SELECT several.*, pattern FROM several SEMI JOIN crowded USING (person) JOIN spread USING (person)"
    )
    patterns = tape.run("SELECT DISTINCT pattern FROM many ORDER BY pattern")
    if patterns:
        _create_ancestors(tape, template, paths)
    for (pattern,) in patterns:
        axes = [axis for axis in range(len(paths.shape)) if pattern >> axis & 1]
        tally = count(tape, paths, _in_every_ancestor(paths, values, pattern, axes), values)
        tally.roll_up(template, set(range(len(paths.shape))) - set(axes))
        yield tally


def _few(template: Template) -> int:
    """The most cells whose sets, which double with each, are less work than every ancestor of each of them."""
    codes = [dimension.code_list for dimension in template.dimensions]
    ancestors = math.prod(max(len(each.ancestors(leaf)) for leaf in each.leaves) for each in codes)
    return max(cells for cells in range(2, MOST_CELLS) if cells == 2 or 2 ** (cells + 1) <= cells * ancestors)


def _enlarge(tape: Tape, paths: CellPaths, values: Sequence[str]) -> None:
    """Replaces the sets by those of one more cell."""
    sums = "".join(f", sets.{quoted(name)} + few.{quoted(name)} AS {quoted(name)}" for name in values)
    tape.run(
        f"CREATE OR REPLACE TEMP TABLE larger AS SELECT person, {paths.common('sets.cell', 'few.cell')} AS cell{sums}, "
        "few.cell AS last FROM sets JOIN few USING (person) WHERE few.cell > sets.last"
    )
    tape.run("DROP TABLE sets")
    tape.run("ALTER TABLE larger RENAME TO sets")


def _include_largest(tape: Tape, template: Template, paths: CellPaths, name: str, ranking: Ranking) -> None:
    # Whoever is not above the second largest known so far cannot be among the two, nor in any total above.
    bar = ranking.second > 0
    tape.connection.register("bars", pa.table({"cell": paths.every_cell()[bar], "bar": ranking.second[bar]}))
    value = quoted(name)
    table = tape.arrow(
        f"SELECT cell, max({value}, 2) AS amounts, arg_max(person, {value}, 2) AS persons FROM ("
        f"SELECT cell, person, max({value}) AS {value} FROM sets LEFT JOIN bars USING (cell) "
        f"WHERE {value} > coalesce(bar, 0) GROUP BY cell, person) GROUP BY cell"
    )
    tape.connection.unregister("bars")
    ranking.include(_places(table, paths), _listed(table))
    ranking.roll_up(template, range(len(paths.shape)))


def _listed(table: pa.Table) -> Ranking:
    """The rows' ranking from their lists of one or two amounts and persons, the largest first."""
    columns = []
    for name, nothing in (("amounts", 0), ("persons", NOBODY)):
        lists = table.column(name).combine_chunks()
        starts = lists.offsets.to_numpy()
        flat = np.append(lists.values.to_numpy(zero_copy_only=False), nothing).astype(np.int64)
        second = np.where(np.diff(starts) > 1, starts[:-1] + 1, flat.size - 1)
        columns.append((flat[starts[:-1]], flat[second]))
    (first, second), (leader, runner_up) = columns
    return Ranking(first, second, leader, runner_up)


def _places(table: pa.Table, paths: CellPaths) -> tuple[Whole, ...]:
    return paths.coordinates(table.column("cell").to_numpy())


def _create_ancestors(tape: Tape, template: Template, paths: CellPaths) -> None:
    """For each dimension a table from a leaf's bits to those of each of its ancestors and itself."""
    for axis, dimension in enumerate(template.dimensions):
        codes = dimension.code_list
        pairs = ", ".join(
            f"({paths.number(axis, codes.index[leaf])}, {paths.number(axis, codes.index[ancestor])})"
            for leaf in codes.leaves
            for ancestor in codes.ancestors(leaf)
        )
        tape.run(
            f"CREATE OR REPLACE TEMP TABLE ancestors{axis} AS SELECT leaf::{paths.type} AS leaf, "
            f"ancestor::{paths.type} AS ancestor FROM (VALUES {pairs}) AS pairs(leaf, ancestor)"
        )


def _in_every_ancestor(paths: CellPaths, values: Sequence[str], pattern: int, axes: Sequence[int]) -> str:
    """The SQL of what those with a pattern have in every ancestor of their cells along its dimensions."""
    same = sum(paths.mask(axis) for axis in range(len(paths.shape)) if axis not in axes)
    place = " + ".join([f"(many.cell & {same})", *(f"ancestors{axis}.ancestor" for axis in axes)])
    joins = " ".join(
        f"JOIN ancestors{axis} ON ancestors{axis}.leaf = (many.cell & {paths.mask(axis)})" for axis in axes
    )
    sums = "".join(f", sum(many.{quoted(name)})::BIGINT AS {quoted(name)}" for name in values)
    return (
        f"SELECT person, ({place}) AS cell{sums} FROM (FROM many WHERE pattern = {pattern}) AS many {joins} "
        f"GROUP BY person, ({place})"
    )
