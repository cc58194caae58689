"""Stock clients, without special code: sdmx1 and pysdmx list flows, read structures and load data from a live server."""

from __future__ import annotations

import csv
import io
import math

import pandas as pd
import pytest
import sdmx
from pysdmx.api.dc.rest import SdmxConnector
from pysdmx.api.qb import (
    ApiVersion,
    AvailabilityFormat,
    AvailabilityQuery,
    DataContext,
    DataFormat,
    DataQuery,
    RestService,
    StructureFormat,
    StructureQuery,
    StructureReference,
    StructureType,
)
from pysdmx.io import read_sdmx
from pysdmx.model import Codelist, DataStructureDefinition
from sdmx.model.common import Code
from sdmx.reader.csv import Reader as CsvReader

from sharing.models import ReleaseCell
from sharing.sdmx.flows import STATISTICS
from tests.sharing.sdmx.conftest import FLOW, PERIODS, SHOWN

pytestmark = pytest.mark.django_db(transaction=True)

DIMENSIONS = ["FREQ", "INDICATOR", "PEER_GROUP", "PRODUCT", "STATISTIC"]


@pytest.fixture
def service(live_server, harbour, published):
    """A function: the service's address, with the client's id and secret in it."""

    def address(version):
        host = live_server.url.removeprefix("http://")
        return f"http://{harbour.client.client_id}:{harbour.secret}@{host}/sdmx/{version}"

    return address


@pytest.fixture
def sdmx1(live_server, harbour, published):
    """A function: a client of sdmx1 for one version of the interface."""

    def connect(version):
        source = {
            "id": "CONCORD",
            "name": "Concord",
            "url": f"{live_server.url}/sdmx/{version}",
            "versions": {"3.0.0" if version == "3.0" else "2.1"},
            "supports": {"availableconstraint": True},
        }
        sdmx.add_source(source, override=True)
        client = sdmx.Client("CONCORD")
        client.session.auth = (harbour.client.client_id, harbour.secret)
        return client

    return connect


def expected():
    """What the database holds of what Harbour Bank may see, by series key and period."""
    found = {}
    for cell in ReleaseCell.objects.select_related("release__round"):
        period = cell.release.round.period
        if period == PERIODS[0] and (cell.peer_group, cell.key) != ("ALL", "_T"):
            continue  # Harbour Bank did not answer that round: it sees the headline alone
        for code, column in STATISTICS.items():
            key = ("Q", cell.indicator, cell.peer_group, cell.key, code, period)
            found[key] = getattr(cell, column)
    return found


def as_found(frame):
    """A data frame's values by key, None where there is none."""
    if not isinstance(frame, pd.DataFrame):
        frame = frame.reset_index()
        frame.columns = [*frame.columns[:-1], "value"]
    else:
        frame = frame.reset_index()
    rows = frame.to_dict("records")
    return {
        tuple(row[id] for id in [*DIMENSIONS, "TIME_PERIOD"]): None
        if math.isnan(float(row["value"]))
        else float(row["value"])
        for row in rows
    }


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_sdmx1_lists_the_dataflow_and_reads_its_structure(sdmx1, collection, version):
    client = sdmx1(version)

    assert FLOW in client.dataflow(agency_id="CONCORD").dataflow

    told = client.get("dataflow", FLOW, agency_id="CONCORD", params={"references": "all"})
    structure = told.structure[FLOW]
    assert [each.id for each in structure.dimensions] == [*DIMENSIONS, "TIME_PERIOD"]
    groups = told.codelist[f"CL_{FLOW}_PEER_GROUP"]
    assert groups["size-small"].name.localizations == {"en": "Small", "zh-Hans": "小型"}
    products = told.codelist[f"CL_{FLOW}_PRODUCT"]
    # The schema of SDMX-ML 3.0 takes no parent that is named `_T`.
    told = {code.id: code.parent.id for code in products.items.values() if isinstance(code.parent, Code)}
    parents = {code.id: code.parent for code in collection.template.dimension("PRODUCT").code_list.codes if code.parent}
    assert told == {id: parent for id, parent in parents.items() if version == "2.1" or parent != "_T"}


@pytest.mark.parametrize("accept", [None, "application/vnd.sdmx.draft-sdmx-json+json;version=1.0.0"])
def test_sdmx1_loads_the_figures_to_the_last_digit(sdmx1, accept):
    client = sdmx1("2.1")
    headers = {"Accept": accept} if accept else {}

    found = client.data(FLOW, params={"startPeriod": "2026"}, headers=headers)

    assert as_found(sdmx.to_pandas(found)) == expected()


def test_sdmx1_loads_structure_specific_messages(sdmx1):
    headers = {"Accept": "application/vnd.sdmx.structurespecificdata+xml;version=2.1"}
    assert as_found(sdmx.to_pandas(sdmx1("2.1").data(FLOW, headers=headers))) == expected()

    found = sdmx1("3.0").get("data", FLOW, agency_id="CONCORD")

    assert found.response.headers["Content-Type"] == "application/vnd.sdmx.data+xml;version=3.0.0"
    assert as_found(sdmx.to_pandas(found)) == expected()


def test_sdmx1_reads_a_csv_file_with_the_structure_beside_it(sdmx1):
    client = sdmx1("3.0")
    told = client.get("dataflow", FLOW, agency_id="CONCORD", params={"references": "all"})
    address = f"{client.source.url}/data/dataflow/CONCORD/{FLOW}/+"
    answer = client.session.get(address, headers={"Accept": "application/vnd.sdmx.data+csv;version=2.0.0"})

    found = CsvReader().convert(io.BytesIO(answer.content), structure=told.structure[FLOW])

    # What has no value it reads as an empty text, of which its data frames cannot make a number.
    values = {
        tuple(each.dimension[id].value for id in [*DIMENSIONS, "TIME_PERIOD"]): float(each.value)
        if each.value
        else None
        for each in found.data[0].obs
    }
    assert values == expected()


@pytest.mark.parametrize(
    ("version", "media_type"),
    [
        (ApiVersion.V1_5_0, StructureFormat.SDMX_ML_2_1),
        (ApiVersion.V2_0_0, StructureFormat.SDMX_ML_3_0),
        (ApiVersion.V2_0_0, StructureFormat.SDMX_JSON_2_0_0),
    ],
)
def test_pysdmx_reads_the_structure(service, version, media_type):
    rest = RestService(service("2.1" if version is ApiVersion.V1_5_0 else "3.0"), version, structure_format=media_type)

    query = StructureQuery(StructureType.DATAFLOW, "CONCORD", FLOW, references=StructureReference.DESCENDANTS)
    message = read_sdmx(rest.structure(query).decode(), validate=True)

    structure = next(each for each in message.structures if isinstance(each, DataStructureDefinition))
    assert [each.id for each in structure.components.dimensions] == [*DIMENSIONS, "TIME_PERIOD"]
    statistics = next(each for each in message.structures if isinstance(each, Codelist) and each.id == "CL_STATISTIC")
    assert [code.id for code in statistics.codes] == list(STATISTICS)


@pytest.mark.parametrize(
    ("version", "media_type"),
    [
        (ApiVersion.V1_5_0, DataFormat.SDMX_ML_2_1_GEN),
        (ApiVersion.V1_5_0, DataFormat.SDMX_ML_2_1_STR),
        (ApiVersion.V1_5_0, DataFormat.SDMX_CSV_1_0_0),
        (ApiVersion.V2_0_0, DataFormat.SDMX_ML_3_0),
        (ApiVersion.V2_0_0, DataFormat.SDMX_CSV_2_0_0),
    ],
)
def test_pysdmx_loads_the_figures_to_the_last_digit(service, version, media_type):
    rest = RestService(service("2.1" if version is ApiVersion.V1_5_0 else "3.0"), version, data_format=media_type)

    content = rest.data(DataQuery(DataContext.DATAFLOW, "CONCORD", FLOW, "1.0.0"))
    frame = read_sdmx(content.decode(), validate=True).data[0].data

    found = {
        tuple(row[id] for id in [*DIMENSIONS, "TIME_PERIOD"]): _number(row["OBS_VALUE"])
        for row in frame.to_dict("records")
    }
    assert found == expected()
    statuses = {_number(row["OBS_VALUE"]) is None: row["OBS_STATUS"] for row in frame.to_dict("records")}
    assert statuses == {True: "Q", False: "A"}


def _number(value):
    if value is None or value == "" or value != value:
        return None
    return float(value)


def test_pysdmx_discovers_the_flow_and_queries_it_with_filters(service):
    connector = SdmxConnector(service("3.0"))

    assert [flow.id for flow in connector.dataflows()] == [FLOW]
    flow = connector.dataflow(f"urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=CONCORD:{FLOW}(1.0.0)")
    assert [each.id for each in flow.structure.components.dimensions] == [*DIMENSIONS, "TIME_PERIOD"]

    rows = list(connector.data(flow, "STATISTIC = 'POOLED' AND PEER_GROUP = 'ALL' AND TIME_PERIOD >= '2026-Q2'"))
    told = {(row["PRODUCT"], row["TIME_PERIOD"]): row["OBS_VALUE"] for row in rows}
    assert len(told) == 4
    assert float(told["_T", "2026-Q3"]) == SHOWN["pooled"] + 2


@pytest.mark.parametrize(
    ("version", "media_type"),
    [
        (ApiVersion.V1_5_0, AvailabilityFormat.SDMX_ML_2_1),
        (ApiVersion.V2_0_0, AvailabilityFormat.SDMX_ML_3_0),
        (ApiVersion.V2_0_0, AvailabilityFormat.SDMX_JSON_2_0_0),
    ],
)
def test_availability_counts_what_the_caller_sees_withheld_included(service, version, media_type):
    rest = RestService(service("2.1" if version is ApiVersion.V1_5_0 else "3.0"), version, avail_format=media_type)

    query = AvailabilityQuery(DataContext.DATAFLOW, "CONCORD", FLOW, "1.0.0")
    constraint = read_sdmx(rest.availability(query).decode(), validate=True).structures[0]

    region = {each.id: [value.value for value in each.values] for each in constraint.cube_region.key_values}
    assert region["PEER_GROUP"] == ["ALL", "size-small"]
    assert region["TIME_PERIOD"] == list(PERIODS)
    assert constraint.obs_count == len(expected())
    assert constraint.series_count == len({key[:-1] for key in expected()})


def test_csv_says_what_is_withheld_and_nothing_of_why(service):
    rest = RestService(service("3.0"), ApiVersion.V2_0_0, data_format=DataFormat.SDMX_CSV_2_0_0)

    text = rest.data(DataQuery(DataContext.DATAFLOW, "CONCORD", FLOW, "1.0.0")).decode()

    withheld = [row for row in csv.DictReader(io.StringIO(text)) if row["PEER_GROUP"] == "size-small"]
    assert {(row["OBS_VALUE"], row["OBS_STATUS"], row["CONF_STATUS"], row["CONTRIBUTORS"]) for row in withheld} == {
        ("", "Q", "C", "")
    }
