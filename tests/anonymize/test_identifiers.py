"""Direct identifiers of people are found, refused where they are mapped, and never repeated. All numbers are made up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
import stdnum.pl.pesel
from stdnum import luhn
from stdnum.cn import ric, uscc

from anonymize.errors import IdentifierError
from anonymize.identifier_kinds import FOREIGN, KINDS
from anonymize.identifiers import INDIRECT, ROW_KEY, IdentifierFinding, refuse_mapped, scan
from anonymize.mapping import TapeMapping, parse_mapping
from anonymize.simulate import SCENARIOS, demo_institutions, mapping_for_simulated, simulate_tapes
from anonymize.tape import open_tape
from anonymize.template import load

ROWS = 200
RANDOM = random.Random(5)


def national_id() -> str:
    number = f"330106{RANDOM.randint(1950, 2004)}{RANDOM.randint(1, 12):02}{RANDOM.randint(1, 28):02}{RANDOM.randint(0, 999):03}"
    return number + ric.calc_check_digit(number + "0")


def card() -> str:
    number = "622848" + "".join(str(RANDOM.randint(0, 9)) for _ in range(9))
    return number + luhn.calc_check_digit(number)


def phone() -> str:
    return f"13{RANDOM.randint(10**8, 10**9 - 1)}"


def name() -> str:
    return RANDOM.choice("王李张刘陈") + "".join(
        RANDOM.choice("建国芳敏静强磊军洋勇艳杰涛明超") for _ in range(RANDOM.randint(1, 2))
    )


def english_name() -> str:
    return (
        RANDOM.choice(["Ada", "Bela", "Olga", "Carl"])
        + " "
        + RANDOM.choice("ABCDEFGH")
        + RANDOM.choice(["inder", "ovak", "mith"]) * 2
    )


def address() -> str:
    return f"杭州市西湖区文三路{RANDOM.randint(1, 999)}号"


def company() -> str:
    return (
        f"{RANDOM.choice(['杭州', '宁波', '温州'])}{RANDOM.choice('宏远达信华泰')}{RANDOM.randint(1, 99)}贸易有限公司"
    )


def company_id() -> str:
    number = f"91330106{RANDOM.randint(10**8, 10**9 - 1)}"
    return number + uscc.calc_check_digit(number)


def pesel() -> str:
    number = f"{RANDOM.randint(50, 99)}{RANDOM.randint(1, 12):02}{RANDOM.randint(1, 28):02}{RANDOM.randint(0, 9999):04}"
    return number + stdnum.pl.pesel.calc_check_digit(number)


def found_in(**columns: Sequence[Any]) -> dict[str, tuple[str, str]]:
    with open_tape(pa.table(columns)) as tape:
        return {each.column: (each.kind, each.evidence) for each in scan(tape) if each.kind != ROW_KEY}


MAKERS = {
    "national-id": national_id,
    "bank-card": card,
    "phone": phone,
    "e-mail": lambda: f"user{RANDOM.randint(1, 999)}@example.org",
    "iban": lambda: RANDOM.choice(["DE89370400440532013000", "GB29NWBK60161331926819"]),
    "name": name,
    "address": address,
    "national-id-old": lambda: (
        f"330106{RANDOM.randint(50, 99)}{RANDOM.randint(1, 12):02}{RANDOM.randint(10, 28)}{RANDOM.randint(0, 999):03}"
    ),
    "travel-document": lambda: f"A{RANDOM.randint(100000, 999999)}(3)",
    "company-id": company_id,
    "company": company,
    "messenger": lambda: f"wxid_{RANDOM.randint(10**12, 10**13)}",
    "vehicle": lambda: f"浙A{RANDOM.randint(10000, 99999)}",
    "device": lambda: f"10.{RANDOM.randint(0, 255)}.{RANDOM.randint(0, 255)}.{RANDOM.randint(1, 254)}",
    "position": lambda: f"{30 + RANDOM.random():.5f},{120 + RANDOM.random():.5f}",
    "foreign-id": pesel,
    "free-text": lambda: (
        f"客户表示{RANDOM.choice('一二三四五六七八九十')}月底前还款，已约定第{RANDOM.randint(1, 999)}次回访；暂缓上门"
    ),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_each_kind_is_found_by_its_values_alone(kind: str) -> None:
    assert found_in(x=[MAKERS[kind]() for _ in range(ROWS)]) == {"x": (kind, "values")}


def test_every_kind_that_values_can_tell_is_tried_here() -> None:
    assert set(MAKERS) | {"birth-date", ROW_KEY} == {kind.slug for kind in (*KINDS, FOREIGN)} | INDIRECT


@pytest.mark.parametrize("title", ["xm", "khxm", "sfzh", "sjh", "lxdz", "csrq", "wxh", "cph", "dz", "yhkh"])
def test_the_abbreviations_of_chinese_core_systems_are_known(title: str) -> None:
    shapes = {
        "xm": "某某甲",
        "khxm": "某某甲",
        "sfzh": "33010619**********{:04}X",
        "sjh": "139****{:04}",
        "lxdz": "某省某市某区第{:04}组团",
        "csrq": "1980-01-{:02}",
        "wxh": "abc_{:04}",
        "cph": "浙A**{:04}",
        "dz": "某省某市某区第{:04}组团",
        "yhkh": "6228 **** **** {:04}",
    }
    values = [shapes[title].format(number) for number in range(1, 28)]
    values = [
        f"{value}{chr(0x4E00 + number)}" if title.endswith("xm") else value for number, value in enumerate(values)
    ]
    assert [evidence for _, evidence in found_in(**{title: values}).values()] == ["name"]


def test_western_names_are_found() -> None:
    assert found_in(x=[english_name() for _ in range(ROWS)]) == {"x": ("name", "values")}


def test_numbers_are_found_in_numeric_columns_and_inside_text() -> None:
    found = found_in(
        number=[int(phone()) for _ in range(ROWS)], remark=[f"身份证{national_id()}，已核实" for _ in range(ROWS)]
    )
    assert found == {"number": ("phone", "values"), "remark": ("national-id", "values")}


def test_a_few_national_identity_numbers_among_keys_are_enough() -> None:
    keys = [f"C{number:08}" for number in range(ROWS)]
    keys[50] = national_id()
    assert found_in(key=keys) == {"key": ("national-id", "values")}


def test_masked_values_are_found_by_the_name_of_their_column() -> None:
    found = found_in(
        mobile=[f"139****{number:04}" for number in range(ROWS)],
        卡号=[f"6228 **** **** {number:04}" for number in range(ROWS)],
        姓名=[f"{chr(0x4E00 + number)}某某某某" for number in range(ROWS)],
    )
    assert found == {"mobile": ("phone", "name"), "卡号": ("bank-card", "name"), "姓名": ("name", "name")}


def test_keys_codes_amounts_and_dates_are_not_identifiers() -> None:
    assert (
        found_in(
            customer_no=[f"C{number:08}" for number in range(ROWS)],
            sequence=[10_000_000_000 + number for number in range(ROWS)],
            card_key=[6_228_480_000_000_000 + number * 7 for number in range(ROWS)],
            balance=[RANDOM.lognormvariate(20, 1) for _ in range(ROWS)],
            product_name=[RANDOM.choice(["住房按揭", "信用卡", "经营贷"]) for _ in range(ROWS)],
            province=[RANDOM.choice(["江苏", "江西", "云南", "浙江"]) for _ in range(ROWS)],
            report_date=["2026-10-31"] * ROWS,
            phone_banking=["yes"] * ROWS,
            blank=pa.nulls(ROWS),
        )
        == {}
    )


def test_a_simulated_tape_has_no_identifiers() -> None:
    for _, table in simulate_tapes(demo_institutions()[12], ["2026-10"], SCENARIOS["wave"], 7):
        with open_tape(table) as tape:
            assert scan(tape, mapping_for_simulated()) == ()


def mapping_with(**changes: Any) -> TapeMapping:
    document: dict[str, Any] = {
        "period": {"fixed": "2026-10"},
        "dimensions": {
            "PRODUCT": {"column": "product", "default": "CONSUMER"},
            "REGION": {"fixed": "CN-ZJ"},
            "RISK_TIER": {"fixed": "LOW"},
            "DPD_BUCKET": {"fixed": "CURRENT"},
        },
        "measures": {"BALANCE": {"column": "balance"}},
        "borrower": {"id": "customer"},
    }
    return parse_mapping({**document, **changes}, load("delinquency"))


def refusal(mapping: TapeMapping, **columns: Sequence[Any]) -> IdentifierError | None:
    table = {"product": ["CARD"] * ROWS, "balance": [1.0] * ROWS, "customer": [f"C{n}" for n in range(ROWS)], **columns}
    with open_tape(pa.table(table)) as tape:
        findings = scan(tape, mapping)
        try:
            refuse_mapped(findings, mapping)
        except IdentifierError as error:
            return error
    return None


@pytest.mark.parametrize("column", ["product", "balance", "customer"])
@pytest.mark.parametrize("kind", ["national-id", "bank-card", "phone", "name"])
def test_a_mapped_column_with_identifiers_is_refused_without_a_value(kind: str, column: str) -> None:
    values = [MAKERS[kind]() for _ in range(ROWS)]
    error = refusal(mapping_with(), **{column: values})
    assert error is not None
    assert error.rule == f"identifier-{kind}"
    assert f"column '{column}' holds" in error.sentence
    assert error.sentence.endswith("Nothing was aggregated.")
    assert not any(value in error.sentence for value in values)


def test_the_group_of_affiliates_may_not_be_an_identifier_either() -> None:
    mapping = mapping_with(borrower={"id": "customer", "group": "owner"})
    error = refusal(mapping, owner=[national_id() for _ in range(ROWS)])
    assert error is not None
    assert "[borrower]: column 'owner' holds national identity numbers" in error.sentence


def test_what_an_expression_gives_is_looked_at_too() -> None:
    numbers = {"id_card": [national_id() for _ in range(ROWS)]}
    dimensions = {**{each: {"fixed": code} for each, code in (("RISK_TIER", "LOW"), ("DPD_BUCKET", "CURRENT"))}}
    product = {"PRODUCT": {"sql": "'no ' || id_card", "default": "CARD"}, "REGION": {"fixed": "CN-ZJ"}, **dimensions}
    error = refusal(mapping_with(dimensions=product), **numbers)
    assert error is not None
    assert error.sentence.startswith("[dimensions.PRODUCT]: the SQL expression holds national identity numbers")
    province = {
        "PRODUCT": {"fixed": "CARD"},
        "REGION": {"sql": "left(id_card, 2)", "codes": {"33": "CN-ZJ"}},
        **dimensions,
    }
    assert refusal(mapping_with(dimensions=province), **numbers) is None


def test_a_column_that_is_not_mapped_is_only_reported() -> None:
    assert refusal(mapping_with(), id_card=[national_id() for _ in range(ROWS)]) is None


def dimension(column: str) -> dict[str, Any]:
    fixed = {
        each: {"fixed": code} for each, code in (("REGION", "CN-ZJ"), ("RISK_TIER", "LOW"), ("DPD_BUCKET", "CURRENT"))
    }
    return {"PRODUCT": {"column": column, "default": "CARD"}, **fixed}


@pytest.mark.parametrize(
    ("kind", "value"), [("near-unique", "K{:06}"), ("free-text", "paid {:06} in part, will call again")]
)
def test_loans_are_not_broken_down_by_keys_or_free_text(kind: str, value: str) -> None:
    values = [value.format(number) for number in range(ROWS)]
    error = refusal(mapping_with(dimensions=dimension("note")), note=values)
    assert error is not None
    assert error.rule == f"identifier-{kind}"
    assert refusal(mapping_with(), note=values) is None


def test_a_key_of_rows_is_shown_before_anything_is_mapped() -> None:
    with open_tape(
        pa.table({"loan_no": [f"L{number:06}" for number in range(ROWS)], "balance": [n / 7 for n in range(ROWS)]})
    ) as tape:
        assert [(each.column, each.kind) for each in scan(tape)] == [("loan_no", ROW_KEY)]


def test_a_finding_holds_no_value() -> None:
    assert set(IdentifierFinding.__dataclass_fields__) == {"column", "kind", "label", "evidence"}
