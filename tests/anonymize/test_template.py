"""A template is read whole or refused with the place that is wrong."""

from __future__ import annotations

import copy
import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.errors import TemplateError
from anonymize.template import CODE_LISTS, load, parse, shipped

Document = dict[str, Any]
SCHEMA: Document = json.loads(resources.files("anonymize").joinpath("template.schema.json").read_text("utf-8"))


@pytest.fixture
def reference(shared_data: Path) -> Path:
    folder = shared_data / "cn_reference"
    if not folder.is_dir():
        pytest.skip("the national code lists are not among the shared data")
    return folder


@pytest.fixture
def document() -> Document:
    return copy.deepcopy(dict(load("delinquency").source))


def _unknown_code(document: Document) -> None:
    document["indicators"][0]["numerator"]["where"]["DPD_BUCKET"] = "D031P"


def _unknown_measure(document: Document) -> None:
    document["indicators"][0]["numerator"]["measure"] = "BALANCES"


def _uneven_parts(document: Document) -> None:
    document["indicators"][0]["denominator"]["where"] = {}


def _doubled_code(document: Document) -> None:
    document["dimensions"][2]["codes"].append(document["dimensions"][2]["codes"][-1])


def _child_first(document: Document) -> None:
    document["dimensions"][0]["codes"].reverse()


def _two_roots(document: Document) -> None:
    del document["dimensions"][2]["codes"][1]["parent"]


def _no_total(document: Document) -> None:
    document["dimensions"][2]["codes"] = []


def _missing_member(document: Document) -> None:
    del document["measures"]


def _unknown_rule(document: Document) -> None:
    document["protection"]["rules"]["minimum"] = 3


def _useless_rule(document: Document) -> None:
    document["disclosure"]["min_contributors"] = 0


def _unknown_count(document: Document) -> None:
    document["protection"]["count_measure"] = "PEOPLE"


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (_unknown_code, "DPD30_RATE: DPD_BUCKET has no code 'D031P'"),
        (_unknown_measure, "no measure 'BALANCES'"),
        (_uneven_parts, "both parts must fix the same dimensions"),
        (_doubled_code, "RISK_TIER: code 'HIGH' is there twice"),
        (_child_first, "must come before it"),
        (_two_roots, "only _T has no parent"),
        (_no_total, "RISK_TIER: there is no total _T"),
        (_missing_member, "lacks the member 'measures'"),
        (_unknown_rule, "unknown disclosure rule: minimum"),
        (_useless_rule, "min_contributors is at least 1"),
        (_unknown_count, "no measure 'PEOPLE'"),
    ],
)
def test_a_damaged_template_is_refused_at_its_place(
    document: Document, damage: Callable[[Document], None], place: str
) -> None:
    damage(document)
    with pytest.raises(TemplateError) as refusal:
        parse(document)
    assert place in refusal.value.sentence


@pytest.mark.parametrize("collection", shipped())
def test_a_shipped_template_is_of_the_published_schema(collection: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    errors = list(Draft202012Validator(SCHEMA).iter_errors(dict(load(collection).source)))
    assert errors == []


@pytest.mark.parametrize("damage", [_missing_member, _unknown_rule, _useless_rule, _two_roots, _no_total])
def test_the_schema_refuses_what_a_schema_can_tell(document: Document, damage: Callable[[Document], None]) -> None:
    damage(document)
    assert not Draft202012Validator(SCHEMA).is_valid(document)


def test_the_schema_knows_every_disclosure_rule() -> None:
    assert set(SCHEMA["$defs"]["rules"]["properties"]) == {field.name for field in fields(DisclosurePolicy)}


@pytest.mark.parametrize("collection", shipped())
def test_every_name_of_a_shipped_template_is_there_in_both_languages(collection: str) -> None:
    template = load(collection)
    named = [template.names, template.descriptions]
    named += [each.names for each in (*template.dimensions, *template.measures, *template.indicators)]
    named += [code.names for dimension in template.dimensions for code in dimension.code_list.codes]
    assert all(set(names) == {"en", "zh-Hans"} for names in named)


def test_shared_code_lists_leave_the_published_document_as_it_was() -> None:
    published = json.dumps(load("delinquency").source, ensure_ascii=False)
    # A change of this document is a new version of the template.
    assert hashlib.sha256(published.encode()).hexdigest()[:16] == "528b97ab6c44ff91"


def _shared_list(name: str) -> list[Document]:
    codes: list[Document] = json.loads((resources.files(CODE_LISTS) / f"{name}.json").read_text("utf-8"))
    return codes


def test_provinces_are_those_of_the_national_standard_under_their_greater_regions(reference: Path) -> None:
    codes = {each["id"]: each for each in _shared_list("REGION")}
    with (reference / "gb2260_provinces_201904.csv").open(encoding="utf-8-sig") as file:
        standard = {row["iso3166_2_added"]: row for row in csv.DictReader(file)}
    provinces = {code for code in codes if code.startswith("CN-")}
    # Banks of the mainland: Hong Kong, Macao and Taiwan have regulators of their own.
    assert provinces == {code for code, row in standard.items() if row["greater_region_zh_added"] != "港澳台"}
    for code in provinces:
        assert standard[code]["name_zh"].startswith(codes[code]["name"]["zh-Hans"])
        assert codes[codes[code]["parent"]]["name"]["zh-Hans"] == standard[code]["greater_region_zh_added"]


def test_the_five_classes_are_the_regulators_and_the_last_three_are_non_performing(reference: Path) -> None:
    standard = json.loads((reference / "five_category_reference.json").read_text("utf-8"))
    classes = [each for each in _shared_list("RISK_CLASS") if each["id"] not in ("_T", "NPL")]
    assert [each["name"]["zh-Hans"] for each in classes] == [each["zh"] for each in standard["categories"]]
    assert [each["name"]["zh-Hans"] for each in classes if each["parent"] == "NPL"] == standard["npl"]


def test_an_unknown_collection_is_refused_with_those_that_ship() -> None:
    with pytest.raises(TemplateError, match=r"there are: .*delinquency"):
        load("mortgages")


@pytest.mark.parametrize(
    ("collection", "period"), [("delinquency", "2026-13"), ("delinquency", "2026-Q3"), ("call-report", "2026-10")]
)
def test_a_period_of_another_frequency_is_refused(collection: str, period: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        load(collection).check_period(period)
    assert refusal.value.rule == "wrong-period"


def test_the_cut_of_an_indicator_is_what_it_leaves_open() -> None:
    template = load("delinquency")
    cut = template.cut(template.indicator("DPD30_RATE"))
    assert [dimension.id for dimension in cut] == ["PRODUCT", "REGION", "RISK_TIER"]
    assert template.shape == (10, 38, 4, 7)


def test_ancestors_lead_from_a_code_to_the_total() -> None:
    codes = load("delinquency").dimension("DPD_BUCKET").code_list
    assert codes.ancestors("D090P") == ("D090P", "D030P", "_T")
    assert codes.parents[codes.index["D090P"]] == codes.index["D030P"]
    assert "D030P" not in codes.leaves
