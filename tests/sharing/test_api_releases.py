"""Releases over the API: who sees which, every format of their cells, filters, and the own statement beside them."""

from __future__ import annotations

import csv
import io

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from anonymize.package import PARQUET, XLSX
from sharing.benchmarks import export
from sharing.benchmarks.comparison import OwnRates
from sharing.models import NoData, PeerGroup, Release, ReleaseCell
from sharing.services import statements
from sharing.states import NoDataState, ReleaseState
from tests.cast import PERIOD
from tests.sharing.conftest import bearer

NAME = f"call-report-{PERIOD}-r1"
CELLS = f"/releases/{NAME}/cells"
FIGURES = (*export.MEASURES, "CONTRIBUTORS")
COLUMNS = ["TIME_PERIOD", "INDICATOR", "PEER_GROUP", "PRODUCT", *FIGURES, "OBS_STATUS", "CONF_STATUS"]
PUBLISHED = ("DPD60_RATE", "ALL", "_T")
WITHHELD = ("DPD60_RATE", "size-small", "_T")


@pytest.fixture
def api(client, token):
    """A function: GET as Harbour Bank's nightly job."""

    def get(path, **headers):
        return client.get(f"/api/v1{path}", headers={"authorization": token, **headers})

    return get


@pytest.fixture
def product(collection):
    return collection.template.dimension("PRODUCT").code_list.leaves[0]


@pytest.fixture
def release(planned_round, stella, product, harbour):
    """Published and answered by Harbour Bank: two cells with figures, one withheld, and the bank's statement."""
    release = Release.objects.create(
        round=planned_round,
        public_id=NAME,
        revision=1,
        state=ReleaseState.PUBLISHED,
        prepared_by=stella,
        audit_passed=True,
        audit={"rule_set": "1", "measures": []},
        inputs_digest="0" * 64,
        computed_at=timezone.now(),
        published_at=timezone.now(),
        contributors=9,
        expected=12,
        cells=3,
        withheld=1,
    )
    shown = {"pooled": 0.03, "mean": 0.04, "p25": 0.01, "median": 0.02, "p75": 0.05, "contributors": 9}
    ReleaseCell.objects.bulk_create(
        [
            _cell(release, PUBLISHED, withheld=False, **shown),
            _cell(release, ("DPD60_LOAN_RATE", "ALL", product), withheld=False, **{**shown, "p25": None, "p75": None}),
            _cell(release, WITHHELD, withheld=True, reason="A"),
        ]
    )
    rates = OwnRates(("ALL", "size-small"), {"DPD60_RATE": (np.array([0]), np.array([0.06]))})
    statements.seal_all(release, {"HARBOUR": harbour.institution}, [("HARBOUR", rates)])
    NoData.objects.create(round=planned_round, institution=harbour.institution, reason="no-such-portfolio")
    return release


def _cell(release, place, **figures):
    indicator, peer_group, key = place
    return ReleaseCell(release=release, indicator=indicator, peer_group=peer_group, key=key, **figures)


def of_json(answer):
    return answer.json()["results"]


def of_csv(answer):
    return [{name: value or None for name, value in row.items()} for row in csv.DictReader(io.StringIO(_text(answer)))]


def of_parquet(answer):
    return pq.read_table(io.BytesIO(answer.content)).to_pylist()


def of_xlsx(answer):
    names, *rows = openpyxl.load_workbook(io.BytesIO(answer.content)).active.iter_rows(values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _text(answer):
    return answer.content.decode()


FORMATS = {"application/json": of_json, "text/csv": of_csv, PARQUET: of_parquet, XLSX: of_xlsx}


def places(rows):
    return {(row["INDICATOR"], row["PEER_GROUP"], row["PRODUCT"]) for row in rows}


def as_person(client, person, path):
    client.force_login(person)
    return client.get(f"/api/v1{path}")


@pytest.mark.parametrize("media_type", FORMATS)
def test_every_format_has_every_cell_and_marks_what_is_withheld(api, release, product, media_type):
    answer = api(CELLS, accept=media_type)

    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (200, media_type)
    rows = {(row["INDICATOR"], row["PEER_GROUP"], row["PRODUCT"]): row for row in FORMATS[media_type](answer)}
    assert rows.keys() == {PUBLISHED, WITHHELD, ("DPD60_LOAN_RATE", "ALL", product)}
    shown, withheld = rows[PUBLISHED], rows[WITHHELD]
    assert list(shown) == COLUMNS
    assert (float(shown["POOLED"]), int(shown["CONTRIBUTORS"])) == (0.03, 9)
    assert (shown["TIME_PERIOD"], shown["OBS_STATUS"], shown["CONF_STATUS"]) == (PERIOD, "A", "F")
    assert [withheld[name] for name in FIGURES] == [None] * len(FIGURES)
    assert (withheld["OBS_STATUS"], withheld["CONF_STATUS"]) == ("Q", "C")


def test_the_reason_why_a_cell_is_withheld_is_in_no_answer(api, release):
    before = {media_type: FORMATS[media_type](api(CELLS, accept=media_type)) for media_type in FORMATS}

    ReleaseCell.objects.filter(withheld=True).update(reason="D")

    assert {media_type: FORMATS[media_type](api(CELLS, accept=media_type)) for media_type in FORMATS} == before


def test_json_is_the_answer_to_whoever_names_no_format(api, release):
    assert api(CELLS)["Content-Type"] == "application/json"
    assert "Accept" in api(CELLS)["Vary"]


def test_a_format_that_there_is_not_is_refused(api, release):
    answer = api(CELLS, accept="application/pdf")

    assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")


def test_cells_are_chosen_by_indicator_peer_group_and_dimension(api, release, product):
    loans = ("DPD60_LOAN_RATE", "ALL", product)
    assert places(of_json(api(f"{CELLS}?indicator=DPD60_RATE"))) == {PUBLISHED, WITHHELD}
    assert places(of_json(api(f"{CELLS}?peer_group=ALL"))) == {PUBLISHED, loans}
    assert places(of_json(api(f"{CELLS}?PRODUCT={product}"))) == {loans}
    assert places(of_json(api(f"{CELLS}?PRODUCT={product}&PRODUCT=_T&PEER_GROUP=ALL"))) == {PUBLISHED, loans}
    assert of_json(api(f"{CELLS}?INDICATOR=DPD60_RATE&PRODUCT={product}")) == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("REGOIN=CN-ZJ", "Cells cannot be chosen by REGOIN."),
        ("indicator=NPL", "INDICATOR has no code NPL."),
        ("PRODUCT=", "PRODUCT has no code ."),
        ("peer_group=size-huge", "PEER_GROUP has no code size-huge."),
    ],
)
@pytest.mark.parametrize("what", ["cells", "statement"])
def test_a_mistyped_filter_does_not_give_the_whole_release(api, release, what, query, sentence):
    answer = api(f"/releases/{NAME}/{what}?{query}")

    assert (answer.status_code, answer.json()["rule"], answer.json()["detail"]) == (400, "unknown-filter", sentence)


@pytest.mark.parametrize("media_type", FORMATS)
def test_cells_that_are_known_already_are_not_sent_again(api, release, media_type):
    tag = api(CELLS, accept=media_type)["ETag"]

    again = api(CELLS, accept=media_type, **{"if-none-match": tag})
    another = api(f"{CELLS}?indicator=DPD60_RATE", accept=media_type, **{"if-none-match": tag})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert another.status_code == 200


def test_each_format_has_a_tag_of_its_own(api, release):
    assert len({api(CELLS, accept=media_type)["ETag"] for media_type in FORMATS}) == len(FORMATS)


def test_who_answers_a_round_later_is_sent_the_cells_beyond_the_headlines(api, release):
    declared = NoData.objects.filter(round=release.round)
    declared.update(state=NoDataState.AWAITING_APPROVAL)
    before = api(CELLS)
    declared.update(state=NoDataState.DECLARED)

    after = api(CELLS, **{"if-none-match": before["ETag"]})

    assert after.status_code == 200
    assert len(of_json(after)) > len(of_json(before))


def test_a_release_is_described(api, release):
    document = api(f"/releases/{NAME}").json()

    assert {name: document[name] for name in ("id", "collection", "period", "revision", "state")} == {
        "id": NAME,
        "collection": "call-report",
        "period": PERIOD,
        "revision": 1,
        "state": "published",
    }
    assert (document["contributors"], document["expected"], document["cells"], document["withheld"]) == (9, 12, 3, 1)
    assert not document.keys() & {"audit", "inputs_digest", "prepared_by"}


def test_a_release_that_was_withdrawn_says_so_and_is_sent_again(api, release):
    tag = api(f"/releases/{NAME}")["ETag"]
    assert api(f"/releases/{NAME}", **{"if-none-match": tag}).status_code == 304

    Release.objects.update(
        state=ReleaseState.WITHDRAWN, withdrawn_at=timezone.now(), reason="A bank sent last year's tape."
    )

    document = api(f"/releases/{NAME}", **{"if-none-match": tag}).json()
    assert (document["state"], document["reason"]) == ("withdrawn", "A bank sent last year's tape.")


def test_releases_are_listed_by_period_in_pages(api, release, collection, stella):
    for period in ("2025-Q2", "2025-Q3"):
        _published(collection, period, stella)

    seen, address = [], "/releases?limit=1"
    while address:
        answer = api(address)
        seen += [each["period"] for each in of_json(answer)]
        following = [link for link in answer.get("Link", "").split(", ") if link.endswith('rel="next"')]
        address = following and following[0].partition(">")[0].removeprefix("<http://testserver/api/v1")

    assert seen == [PERIOD, "2025-Q3", "2025-Q2"]


def test_releases_are_filtered(api, release, collection, stella):
    _published(collection, "2025-Q3", stella)

    assert [each["id"] for each in of_json(api(f"/releases?period={PERIOD}"))] == [NAME]
    assert len(of_json(api("/releases?collection=call-report&state=published"))) == 2
    assert of_json(api("/releases?collection=another")) == []


def _published(collection, period, by):
    now = timezone.now()
    round = collection.rounds.create(
        public_id=f"call-report-{period}", period=period, opens_at=now, due_at=now + timezone.timedelta(days=1)
    )
    Release.objects.create(
        round=round,
        public_id=f"{round.public_id}-r1",
        revision=1,
        state=ReleaseState.PUBLISHED,
        prepared_by=by,
        audit_passed=True,
    )


@pytest.mark.parametrize("path", [f"/releases/{NAME}", CELLS, f"/releases/{NAME}/audit", f"/releases/{NAME}/statement"])
def test_an_outsider_finds_nothing(client, release, olga, path):
    answer = as_person(client, olga, path)

    assert (answer.status_code, answer.json()["rule"]) == (404, "not-found")
    assert of_json(as_person(client, olga, "/releases")) == []


def test_a_draft_is_for_its_reviewers_alone(client, api, release, stella):
    Release.objects.update(state=ReleaseState.IN_REVIEW, published_at=None)

    assert [api(path).status_code for path in (f"/releases/{NAME}", CELLS, f"/releases/{NAME}/statement")] == [404] * 3
    assert of_json(api("/releases")) == []
    assert places(of_json(as_person(client, stella, CELLS))) >= {PUBLISHED, WITHHELD}


def test_the_audit_is_for_reviewers_alone(client, api, release, stella, sven, aldo):
    path = f"/releases/{NAME}/audit"
    statuses = [api(path).status_code, *(as_person(client, each, path).status_code for each in (sven, aldo))]
    document = as_person(client, stella, path).json()

    assert statuses == [404, 404, 404]
    assert (document["id"], document["audit_passed"], document["record"]["rule_set"]) == (NAME, True, "1")


def test_the_own_statement_has_the_own_figures_beside_each_peer_group(api, release):
    document = api(f"/releases/{NAME}/statement").json()

    cell = {"TIME_PERIOD": PERIOD, "INDICATOR": "DPD60_RATE", "PRODUCT": "_T", "OWN": 0.06}
    to = {"TO_MEDIAN": pytest.approx(0.04), "TO_POOLED": pytest.approx(0.03)}
    beside_all = {"PEER_GROUP": "ALL", "BAND": "highest-quarter", **to, "PERCENTILE_FROM": 75, "PERCENTILE_TO": 100}
    nothing = dict.fromkeys(("BAND", "TO_MEDIAN", "TO_POOLED", "PERCENTILE_FROM", "PERCENTILE_TO"))
    beside_withheld = {"PEER_GROUP": "size-small", **nothing}
    assert document == {
        "release": NAME,
        "institution": "HARBOUR",
        "proof": None,  # nothing was ever sent for this one
        "results": [{**cell, **beside_all}, {**cell, **beside_withheld}],
    }


def test_the_own_statement_is_chosen_from_as_the_cells_are(api, release, product):
    path = f"/releases/{NAME}/statement"

    assert [each["PEER_GROUP"] for each in of_json(api(f"{path}?peer_group=size-small"))] == ["size-small"]
    assert of_json(api(f"{path}?PRODUCT={product}")) == []
    assert of_json(api(f"{path}?indicator=DPD60_LOAN_RATE")) == []


def test_another_contributors_statement_is_not_there(client, release, collection, outsiders_bank, stella):
    collection.contributors.add(outsiders_bank.institution)
    authorization = {"authorization": bearer(client, outsiders_bank)}

    assert client.get(f"/api/v1{CELLS}", headers=authorization).status_code == 200
    assert client.get(f"/api/v1/releases/{NAME}/statement", headers=authorization).status_code == 404
    assert as_person(client, stella, f"/releases/{NAME}/statement").status_code == 404


def test_peer_groups_are_those_of_the_own_collections(client, api, collection, olga):
    small, medium, other = (
        PeerGroup.objects.create(
            code=f"size-{band}", family="size", names={"en": band}, criteria={"size_band": [band]}, position=place
        )
        for place, band in enumerate(("small", "medium", "other"))
    )
    collection.peer_groups.set([medium, small])

    assert of_json(api("/peer-groups?collection=call-report")) == of_json(api("/peer-groups"))
    first, second = of_json(api("/peer-groups"))
    assert first == {
        "id": "size-small",
        "family": "size",
        "name": {"en": "small"},
        "criteria": {"size_band": ["small"]},
        "collections": ["call-report"],
        "defined_at": None,
        "retired_at": None,
    }
    assert second["id"] == "size-medium"
    assert of_json(api("/peer-groups?collection=another")) == []
    assert of_json(as_person(client, olga, "/peer-groups")) == []
    assert other.collections.count() == 0
