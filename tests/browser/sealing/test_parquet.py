"""The Parquet file of `concord aggregate`, dropped on the page: checked, shown, sealed as what was shown, accepted."""

from __future__ import annotations

import io

import pyarrow.parquet as pq
import pytest

from anonymize.cube import SDMX_CSV, read_cube, write_cube
from anonymize.template import load
from sharing.states import SubmissionState
from tests.browser.sealing.sealer import PERIOD, PLANTED, Sealer, as_csv, decided, figures

pytestmark = pytest.mark.browser


def cube(institution: str = "HARBOUR"):
    return read_cube(as_csv(figures()), load("call-report"), SDMX_CSV, period=PERIOD, institution=institution)


def test_it_is_checked_shown_sealed_and_accepted(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    sealer.choose("cube.parquet", write_cube(cube()))
    assert sealer.findings() == []
    assert f"{cube().table.num_rows} cells" in sealer.page.inner_text("[data-status]")
    total = int(cube().table.column("BALANCE")[0].as_py())
    assert total > PLANTED
    assert f"{total:,}" in sealer.page.inner_text("[data-totals]")
    submission = decided(sealer.send())
    assert submission.state == SubmissionState.AWAITING_APPROVAL
    assert submission.findings.filter(severity="error").count() == 0


def test_another_banks_and_an_unreadable_one_are_refused_with_what_to_do(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    sealer.choose("theirs.parquet", write_cube(cube("BELA")))
    (found,) = sealer.findings()
    assert "wrong-institution" in found
    assert "HARBOUR" in found
    sink = io.BytesIO()
    pq.write_table(cube().table, sink, compression="zstd")
    sealer.choose("zstd.parquet", sink.getvalue())
    (found,) = sealer.findings()
    assert "gzip" in found
    assert "concord aggregate" in found
    sealer.choose("cut.parquet", write_cube(cube())[:-9])
    assert "unreadable" in sealer.findings()[0]
    damaged = bytearray(write_cube(cube()))
    damaged[len(damaged) // 3] ^= 0xFF
    sealer.choose("damaged.parquet", bytes(damaged))
    assert sealer.findings()
    assert sealer.page.is_hidden("[data-preview]")
