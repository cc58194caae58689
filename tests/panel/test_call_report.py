"""A panel of call reports becomes cubes that pass the checks and add up to the panel's answer key."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from anonymize.checks import check_cube
from anonymize.cube import arrays, read_cube
from anonymize.template import load
from consortium.panel.call_report import PERIOD, PanelError, read_panel

TEMPLATE = load("call-report")


def test_every_cube_has_its_margins_and_no_finding(make_panel: Callable[[int], Path]) -> None:
    panel = read_panel(make_panel(5))
    cubes = dict(panel.cubes(TEMPLATE))
    assert sorted(cubes) == [reporter.code for reporter in panel.reporters]
    for code, content in cubes.items():
        cube = read_cube(content, TEMPLATE, period=PERIOD, institution=code)
        assert check_cube(cube, TEMPLATE, None) == []
        assert cube.table.num_rows == (4 + 1) * 3


def test_a_folder_without_the_tables_is_no_panel(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match="is no panel of call reports"):
        read_panel(tmp_path)


def test_the_real_panel_adds_up_to_its_answer_key(shared_data: Path) -> None:
    folder = shared_data / "ncua_5300_2025q4"
    panel = read_panel(folder)
    total = dict.fromkeys(TEMPLATE.measure_ids, 0.0)
    cubes = 0
    for code, content in panel.cubes(TEMPLATE):
        values = arrays(read_cube(content, TEMPLATE, institution=code), TEMPLATE)
        total = {measure: total[measure] + values[measure] for measure in total}
        cubes += 1
    assert cubes == len(panel.reporters) == 4374
    products, buckets = (dimension.code_list.ids for dimension in TEMPLATE.dimensions)
    with (folder / "expected_pooled_by_product.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            product = products.index(line["product"].upper())
            late, all_of_them = buckets.index("D060P"), buckets.index("_T")
            for measure, column in (("BALANCE", "rate"), ("LOANS", "crate")):
                rate = total[measure][product, late] / total[measure][product, all_of_them]
                assert rate == pytest.approx(float(line[column]) / 100, abs=1e-9)
