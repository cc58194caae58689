"""One figure is the same to its last digit wherever it comes out: page, API, CSV, Excel, Parquet; and right by the answer key.

Real call reports of 4,374 institutions, whose pooled rates the panel's own key gives.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from datetime import timedelta

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from anonymize.cube import arrays, read_cube
from anonymize.template import load
from consortium.panel.answer_key import FILE_NAME
from consortium.panel.call_report import PERIOD, read_panel
from sharing.models import Collection, Release, ReleaseCell, Round
from sharing.models.release import FIGURES
from sharing.states import ReleaseState, RoundState

TEMPLATE = load("call-report")
PARTS = {"DPD60_RATE": ("BALANCE", "rate"), "DPD60_LOAN_RATE": ("LOANS", "crate")}
Numbers = Mapping[tuple[str, str], Mapping[str, float | None]]  # indicator, product -> figure -> number


@pytest.fixture(scope="module")
def panel(pytestconfig, shared_data):
    """The measures of every institution by product and bucket, and the key's rates."""
    folder = shared_data / "ncua_5300_2025q4"
    if not folder.is_dir():
        pytest.skip("the panel of call reports is not beside this checkout")
    cubes = [
        arrays(read_cube(content, TEMPLATE, institution=code), TEMPLATE)
        for code, content in read_panel(folder).cubes(TEMPLATE)
    ]
    with (folder / FILE_NAME).open(encoding="utf-8", newline="") as file:
        key = list(csv.DictReader(file))
    return {measure: np.array([cube[measure] for cube in cubes]) for measure in TEMPLATE.measure_ids}, key


@pytest.fixture
def release(db, panel, stella):
    """The panel's figures as a published release; agricultural loans are withheld."""
    collection = Collection.objects.create(code=TEMPLATE.id, version=TEMPLATE.version, document=dict(TEMPLATE.source))
    now = timezone.now()
    round = Round.objects.create(
        collection=collection, public_id=f"{TEMPLATE.id}-{PERIOD}", period=PERIOD, state=RoundState.PUBLISHED,
        opens_at=now - timedelta(days=20), due_at=now - timedelta(days=5),
    )  # fmt: skip
    release = Release.objects.create(
        round=round, public_id=f"{round.public_id}-r1", revision=1, state=ReleaseState.PUBLISHED, prepared_by=stella,
        computed_at=now, published_at=now, audit_passed=True,
    )  # fmt: skip
    products, buckets = (dimension.code_list.ids for dimension in TEMPLATE.dimensions)
    late, whole = buckets.index("D060P"), buckets.index("_T")
    values, _key = panel
    for indicator, (measure, _column) in PARTS.items():
        for place, product in enumerate(products):
            cell = ReleaseCell(release=release, indicator=indicator, peer_group="ALL", key=product, withheld=True)
            if place != len(products) - 1:
                _fill(cell, values[measure][:, place, late], values[measure][:, place, whole])
            cell.save()
    return release


def _fill(cell, numerators, denominators):
    rates = numerators[denominators > 0] / denominators[denominators > 0]
    cell.withheld, cell.contributors = False, len(rates)
    cell.pooled, cell.mean = float(numerators.sum() / denominators.sum()), float(rates.mean())
    for name in FIGURES:
        if name == "median" or name[1:].isdigit():
            setattr(cell, name, float(np.percentile(rates, 50 if name == "median" else int(name[1:]))))


@pytest.fixture
def reader(client, stella) -> Callable[[str], bytes]:
    client.force_login(stella)

    def read(address, **headers):
        answer = client.get(address, headers=headers)
        assert answer.status_code == 200, (address, answer.content[:300])
        return b"".join(answer.streaming_content) if answer.streaming else answer.content

    return read


def numbers(rows) -> Numbers:
    """What a file says, cell by cell: its figures as floats, None where there is none."""
    return {
        (row["INDICATOR"], row["PRODUCT"]): {
            name: None if row[name.upper()] in (None, "") else float(row[name.upper()]) for name in FIGURES
        }
        for row in rows
    }


def of_csv(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def of_xlsx(content):
    head, *rows = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def of_parquet(content):
    return pq.read_table(io.BytesIO(content)).to_pylist()


FILES = {"csv": of_csv, "xlsx": of_xlsx, "parquet": of_parquet}


def stored(release) -> Numbers:
    cells = ReleaseCell.objects.filter(release=release)
    return {(cell.indicator, cell.key): {name: getattr(cell, name) for name in FIGURES} for cell in cells}


def test_the_panel_s_key_is_what_is_published(release, panel):
    published, (_values, key) = stored(release), panel
    for line in key:
        for indicator, (_measure, column) in PARTS.items():
            pooled = published[indicator, line["product"].upper()]["pooled"]
            if pooled is not None:
                assert pooled == pytest.approx(float(line[column]) / 100, abs=1e-9)
    assert len(key) > 5


def test_every_file_of_a_release_has_every_digit(release, reader):
    published = stored(release)
    for format, rows_of in FILES.items():
        assert numbers(rows_of(reader(f"/releases/{release.public_id}/figures.{format}"))) == published, format


def test_the_api_has_every_digit(release, reader):
    import json

    content = reader(f"/api/v1/releases/{release.public_id}/cells", accept="application/json")
    assert numbers(json.loads(content)["results"]) == stored(release)


def test_every_file_of_a_view_has_every_digit(release, reader):
    published = stored(release)
    for format, rows_of in FILES.items():
        for indicator in PARTS:
            address = f"/benchmarks/figures.{format}?collection=call-report&indicator={indicator}&view=table"
            found = numbers(rows_of(reader(address)))
            assert found == {place: figures for place, figures in published.items() if place in found}, format
            assert len(found) == len(published) // 2


def test_the_page_has_every_digit_beside_the_rounded_text(release, reader):
    for indicator in PARTS:
        page = reader(f"/benchmarks/?collection=call-report&indicator={indicator}&view=table").decode()
        on_page = {float(value) for value in re.findall(r'<data value="([^"]+)"', page)}
        shown = {
            value
            for (of, _product), figures in stored(release).items()
            for value in figures.values()
            if of == indicator and value is not None
        }
        assert shown <= on_page
