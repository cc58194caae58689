"""The mapping file: its published schema says what the reader takes, and its faults are told with their lines."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from anonymize.errors import MappingError
from anonymize.mapping import KEYS, check_columns, load_mapping
from anonymize.mappings.dimensions import BIN_KEYS
from anonymize.mappings.lines import lines_of
from anonymize.mappings.measures import CURRENCY_KEYS, UNITS
from anonymize.template import load

PACKAGE = resources.files("anonymize")
SCHEMA: dict[str, Any] = json.loads((PACKAGE / "mapping.schema.json").read_text(encoding="utf-8"))
EXAMPLES = sorted(each.name for each in (PACKAGE / "examples").iterdir() if each.name.endswith(".toml"))
DELINQUENCY = load("delinquency")

FAULTY = """\
# A comment with [brackets] and "quotes
[period]
column = "date"

[dimensions.PRODUCT]
column = "product"

[dimensions.PRODUCT.codes]
"按揭" = "MORTGAGE"
"a # b" = "MORTAGE"

[dimensions.REGION]
column = ""

[dimensions.RISK_TIER]
colum = "tier"
fixed = "LOW"

[dimensions.DPD_BUCKET]
column = "dpd"
bins = [
    { upto = 0, code = "CURRENT" },
    { upto = -1, code = "D001_029" },
    { code = "D90" },
]

[measures]
BALANCE.sql = '''
(SELECT 1)
'''

[borrower]
id = "customer"
"""


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_of_the_published_form(name: str) -> None:
    document = tomllib.loads((PACKAGE / "examples" / name).read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(document)


def test_the_schema_has_exactly_the_keys_that_the_reader_takes() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    tables = {
        **SCHEMA["properties"],
        "dimensions": SCHEMA["$defs"]["dimension"],
        "measures": SCHEMA["$defs"]["measure"],
    }
    assert {name: set(table["properties"]) for name, table in tables.items()} == {
        name: set(keys) for name, keys in KEYS.items()
    }
    measure, dimension = tables["measures"]["properties"], tables["dimensions"]["properties"]
    assert set(measure["currency"]["oneOf"][1]["properties"]) == set(CURRENCY_KEYS)
    assert set(measure["unit"]["enum"]) == set(UNITS)
    assert set(dimension["bins"]["items"]["properties"]) == set(BIN_KEYS)


def test_every_fault_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(FAULTY, encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        load_mapping(path, DELINQUENCY)
    assert refused.value.sentence.splitlines() == [
        "map.toml, line 10: [dimensions.PRODUCT]: codes names 'MORTAGE', which is no code of PRODUCT. Did you mean 'MORTGAGE'?",
        "map.toml, line 13: [dimensions.REGION]: choose a column of the tape.",
        "map.toml, line 16: [dimensions.RISK_TIER]: 'colum' is not a known key. Did you mean 'column'?",
        "map.toml, line 23: [dimensions.DPD_BUCKET]: bin 2 must reach further than the one before it.",
        "map.toml, line 24: [dimensions.DPD_BUCKET]: bin 3 names 'D90', which is no code of DPD_BUCKET. Did you mean 'D090P'?",
        "map.toml, line 28: [measures.BALANCE]: sql asks a query of its own; an expression reads only the columns of its row.",
    ]


def test_a_table_that_is_missing_has_no_line(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('[period]\nfixed = "2026-10"\n', encoding="utf-8")
    with pytest.raises(
        MappingError, match=r"^map.toml: \[borrower\] is missing\.\nmap.toml: \[dimensions.PRODUCT\] is missing"
    ):
        load_mapping(path, DELINQUENCY)


def test_many_faults_end_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text("".join(f"k{number} = 1\n" for number in range(40)), encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        load_mapping(path, DELINQUENCY)
    assert len(refused.value.sentence.splitlines()) == 21
    assert refused.value.sentence.endswith("more faults of this kind.")


def test_columns_that_the_tape_lacks_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_bytes((PACKAGE / "examples" / "delinquency.toml").read_bytes())
    with pytest.raises(MappingError) as refused:
        check_columns(load_mapping(path, DELINQUENCY), ["report_date", "produkt", "province", "grade", "days_past_due"])
    first, *others = refused.value.sentence.splitlines()
    assert first == "map.toml, line 7: [dimensions.PRODUCT]: the tape has no column 'product'. Did you mean 'produkt'?"
    assert len(others) == 3


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_key_of_an_example_has_its_line(name: str) -> None:
    text = (PACKAGE / "examples" / name).read_text(encoding="utf-8")
    lines, found = lines_of(text), text.splitlines()

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if path:
            assert path[-1] in found[lines[path] - 1] or path[-1].isdigit(), path
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in children:
            if (*path, str(key)) in lines or not isinstance(child, dict):
                walk(child, (*path, str(key)))

    walk(tomllib.loads(text), ())
