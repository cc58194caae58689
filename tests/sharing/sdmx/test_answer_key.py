"""Real figures through SDMX-CSV, -JSON and -ML, read by sdmx1 and by pysdmx: identical to what is published."""

from __future__ import annotations

import io

import pytest
import sdmx
import sdmx.reader.xml.v30  # once sdmx1 has read a structure-specific 2.1 message it can no longer load this
from pysdmx.io import read_sdmx
from sdmx.reader.csv import Reader as CsvReader

from sharing.models.release import FIGURES
from tests.sharing.test_every_output import panel as panel, reader as reader, release as release, stored

VENDOR = "application/vnd.sdmx"
DATA_21, DATA_30 = "/sdmx/2.1/data/CALL_REPORT_RELEASE", "/sdmx/3.0/data/dataflow/CONCORD/CALL_REPORT_RELEASE/+"
OF_PYSDMX = [
    (DATA_21, f"{VENDOR}.genericdata+xml;version=2.1"),
    (DATA_21, f"{VENDOR}.structurespecificdata+xml;version=2.1"),
    (DATA_21, f"{VENDOR}.data+csv;version=1.0.0"),
    (DATA_30, f"{VENDOR}.data+xml;version=3.0.0"),
    (DATA_30, f"{VENDOR}.data+csv;version=2.0.0"),
]
OF_SDMX1 = [
    (DATA_21, f"{VENDOR}.genericdata+xml;version=2.1"),
    (DATA_21, f"{VENDOR}.structurespecificdata+xml;version=2.1"),
    (DATA_21, f"{VENDOR}.draft-sdmx-json+json;version=1.0.0"),
    (DATA_30, f"{VENDOR}.data+xml;version=3.0.0"),
    (DATA_30, f"{VENDOR}.data+csv;version=2.0.0"),
]


def gathered(told):
    """Observations as the other outputs tell them: by indicator and product, figure by figure."""
    found = {}
    for indicator, product, statistic, value in told:
        number = None if value is None or value == "" or value != value else float(value)
        found.setdefault((indicator, product), dict.fromkeys(FIGURES))[statistic.lower()] = number
    return found


@pytest.mark.parametrize(("address", "accept"), OF_PYSDMX)
def test_pysdmx_reads_every_digit(release, reader, address, accept):
    message = read_sdmx(reader(address, accept=accept).decode(), validate=True)

    rows = message.data[0].data.to_dict("records")
    told = [(row["INDICATOR"], row["PRODUCT"], row["STATISTIC"], row["OBS_VALUE"]) for row in rows]
    assert gathered(told) == stored(release)


@pytest.mark.parametrize(("address", "accept"), OF_SDMX1)
def test_sdmx1_reads_every_digit(release, reader, address, accept):
    version = address.split("/")[2]
    flow = "dataflow/CONCORD/CALL_REPORT_RELEASE"
    structures = reader(f"/sdmx/{version}/{'structure/' if version == '3.0' else ''}{flow}?references=all")
    structure = sdmx.read_sdmx(io.BytesIO(structures)).structure["CALL_REPORT_RELEASE"]
    ending = accept.partition(";")[0].rpartition("+")[2]
    content = io.BytesIO(reader(address, accept=accept))

    # Given bytes, sdmx1 knows XML and JSON by their beginning; files it would leave open.
    read = CsvReader().convert if ending == "csv" else sdmx.read_sdmx
    message = read(content, **({} if ending == "json" else {"structure": structure}))

    told = []
    for each in message.data[0].obs:
        key = each.key if ending != "csv" else each.dimension
        told.append((*(_text(key[id]) for id in ("INDICATOR", "PRODUCT", "STATISTIC")), each.value))
    assert gathered(told) == stored(release)


def _text(value):
    return str(value.value)
