"""A mapping file says what is wrong with it: the table, the key and the nearest right word."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anonymize.errors import MappingError
from anonymize.mapping import check_columns, load_mapping, parse_mapping
from anonymize.simulate import mapping_for_simulated
from anonymize.template import load, parse

SHIPPED = load("delinquency").source
DELINQUENCY = parse(
    {
        **SHIPPED,
        "measures": [
            *SHIPPED["measures"],
            {"id": "PAST_DUE", "name": {"en": "Amount past due"}, "type": "amount", "unit": "CNY", "decimals": 2},
        ],
    }
)
Document = dict[str, Any]

GOOD: Document = {
    "tape": {"encoding": "gb18030", "delimiter": ";"},
    "period": {"column": "date"},
    "dimensions": {
        "PRODUCT": {"column": "product", "codes": {"按揭": "MORTGAGE"}, "default": "CONSUMER"},
        "REGION": {"fixed": "CN-ZJ"},
        "RISK_TIER": {"sql": "upper(tier)"},
        "DPD_BUCKET": {"column": "dpd", "bins": [{"upto": 0, "code": "CURRENT"}, {"code": "D001_029"}]},
    },
    "measures": {"BALANCE": {"column": "balance"}, "PAST_DUE": {"sql": "overdue * 1000", "scale": 0.001}},
    "borrower": {"id": "customer", "group": "owner"},
}


def changed(change: Callable[[Document], object]) -> Document:
    document = copy.deepcopy(GOOD)
    change(document)
    return document


def test_a_good_mapping_is_read() -> None:
    mapping = parse_mapping(GOOD, DELINQUENCY)
    assert (mapping.reading.encoding, mapping.reading.delimiter) == ("gb18030", ";")
    assert [rule.dimension for rule in mapping.dimensions] == list(DELINQUENCY.dimension_ids)
    assert [rule.measure for rule in mapping.measures] == list(DELINQUENCY.measure_ids)
    assert [source.label for source in mapping.sources()][:2] == ["column 'date'", "column 'product'"]


def test_counts_need_no_table() -> None:
    rules = {rule.measure: rule for rule in parse_mapping(GOOD, DELINQUENCY).measures}
    assert rules["ACCOUNTS"].source is None
    assert rules["BORROWERS"].distinct
    assert rules["BORROWERS"].source is not None
    assert rules["BORROWERS"].source.column == "customer"


def test_without_codes_the_tape_has_the_leaf_codes_of_the_template() -> None:
    tier = parse_mapping(GOOD, DELINQUENCY).dimensions[2]
    assert dict(tier.codes) == {"LOW": "LOW", "MID": "MID", "HIGH": "HIGH"}


def test_the_shipped_example_fits_its_template() -> None:
    assert mapping_for_simulated().template == "delinquency"


WRONG: list[tuple[Callable[[Document], object], str]] = [
    (lambda d: d.update(measurse={}), "the mapping file: 'measurse' is not a known key. Did you mean 'measures'?"),
    (lambda d: d["tape"].update(encodin="x"), "[tape]: 'encodin' is not a known key. Did you mean 'encoding'?"),
    (lambda d: d["tape"].update(encoding=8), "[tape]: encoding is a text in quotes."),
    (lambda d: d.update(period={}), '[period]: give one of column = "report_date", sql = "..." or fixed = "2026-10".'),
    (lambda d: d["period"].update(fixed="2026-10"), "[period]: give one of"),
    (lambda d: d.update(period={"fixed": "2026-13"}), "[period]: Period '2026-13' does not fit collection delinquency"),
    (lambda d: d["dimensions"].pop("REGION"), "[dimensions.REGION] is missing: the template needs every dimension."),
    (lambda d: d["dimensions"].update(PRODUKT={}), "[dimensions.PRODUKT]: template delinquency has nothing of that name. Did you mean 'PRODUCT'?"),
    (lambda d: d["dimensions"]["PRODUCT"].update(sql="x"), "[dimensions.PRODUCT]: give exactly one of column, sql or fixed."),
    (lambda d: d["dimensions"]["PRODUCT"].update(bins=[]), "[dimensions.PRODUCT]: codes and bins exclude each other."),
    (lambda d: d["dimensions"]["PRODUCT"].update(codes={"x": "MORTGAG"}), "[dimensions.PRODUCT]: codes names 'MORTGAG', which is no code of PRODUCT. Did you mean 'MORTGAGE'?"),
    (lambda d: d["dimensions"]["PRODUCT"].update(codes={"x": "RETAIL"}), "[dimensions.PRODUCT]: codes names 'RETAIL', which is a total; loans go to the codes below it."),
    (lambda d: d["dimensions"]["PRODUCT"].update(codes=[]), "[dimensions.PRODUCT]: codes is a table"),
    (lambda d: d["dimensions"]["PRODUCT"].update(default="_T"), "[dimensions.PRODUCT]: default names '_T', which is a total"),
    (lambda d: d["dimensions"]["DPD_BUCKET"].update(bins=[{"upto": 9, "code": "CURRENT"}, {"upto": 9, "code": "D090P"}]), "[dimensions.DPD_BUCKET]: bin 2 must reach further"),
    (lambda d: d["dimensions"]["DPD_BUCKET"].update(bins=[{"upto": "9", "code": "CURRENT"}]), "[dimensions.DPD_BUCKET]: upto of bin 1 is a number."),
    (lambda d: d["dimensions"]["DPD_BUCKET"].update(bins=[{"up_to": 9, "code": "CURRENT"}]), "[dimensions.DPD_BUCKET]: bin 1: 'up_to' is not a known key. Did you mean 'upto'?"),
    (lambda d: d["dimensions"]["DPD_BUCKET"].update(bins="x"), "[dimensions.DPD_BUCKET]: bins is a list"),
    (lambda d: d["measures"].pop("BALANCE"), "[measures.BALANCE] is missing: the template needs every amount."),
    (lambda d: d["measures"].update(BALANCE={}), "[measures.BALANCE]: name the column"),
    (lambda d: d["measures"]["BALANCE"].update(sql="x"), "[measures.BALANCE]: give one of column, sql or distinct, not column and sql."),
    (lambda d: d["measures"].update(BALANCE={"distinct": "x"}), "[measures.BALANCE]: an amount is added up, not counted"),
    (lambda d: d["measures"].update(BORROWERS={"column": "x"}), "[measures.BORROWERS]: a distinct count cannot be added up"),
    (lambda d: d["measures"]["BALANCE"].update(scale=0), "[measures.BALANCE]: scale is a number above zero"),
    (lambda d: d["measures"].update(ACCOUNTS={"column": "n", "scale": 10}), "[measures.ACCOUNTS]: a count has no scale."),
    (lambda d: d["measures"].update(BALANCES={}), "[measures.BALANCES]: template delinquency has nothing of that name. Did you mean 'BALANCE'?"),
    (lambda d: d.pop("borrower"), "[borrower] is missing."),
    (lambda d: d["borrower"].pop("id"), "[borrower]: id is missing."),
    (lambda d: d.update(borrower="customer"), "[borrower] must be a table."),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence[:50] for _, sentence in WRONG])
def test_what_is_wrong_is_named(change: Callable[[Document], object], sentence: str) -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(changed(change), DELINQUENCY)
    assert refused.value.sentence.startswith(sentence)


def test_a_mapped_column_must_be_on_the_tape() -> None:
    mapping = parse_mapping(GOOD, DELINQUENCY)
    columns = ["date", "Product", "tier", "dpd", "balanse", "overdue", "customer", "owner"]
    with pytest.raises(MappingError) as refused:
        check_columns(mapping, columns)
    assert refused.value.sentence == "[measures.BALANCE]: the tape has no column 'balance'. Did you mean 'balanse'?"
    check_columns(mapping, [*columns, "BALANCE"])


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    with pytest.raises(MappingError, match="cannot be read"):
        load_mapping(path, DELINQUENCY)
    path.write_text("[dimensions\n", encoding="utf-8")
    with pytest.raises(MappingError, match=r"not valid TOML.*line 1"):
        load_mapping(path, DELINQUENCY)
    path.write_bytes('period = "按揭"'.encode("gb18030"))
    with pytest.raises(MappingError, match="not UTF-8"):
        load_mapping(path, DELINQUENCY)
    path.write_text("[a]\nx = 1\nx = 2\n", encoding="utf-8")
    with pytest.raises(MappingError, match="not valid TOML"):
        load_mapping(path, DELINQUENCY)
