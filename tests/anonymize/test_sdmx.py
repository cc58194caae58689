"""Templates travel as SDMX structures: ours come back exactly, others' become skeletons that say what they lack."""

from __future__ import annotations

import copy
import json
import sys
import tarfile
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from jsonschema import Draft202012Validator

from anonymize.errors import TemplateError
from anonymize.sdmx import sdmx_id, to_structures, write_structures
from anonymize.sdmx_import import from_structures
from anonymize.template import Template, load, parse, shipped

SCHEMA = json.loads(resources.files("anonymize").joinpath("template.schema.json").read_text("utf-8"))
FORMATS = ("sdmx-ml", "sdmx-json")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("collection", shipped())
def test_a_shipped_template_comes_back_exactly_from_valid_structures(collection: str, format_: Any) -> None:
    template = load(collection)
    imported = from_structures(write_structures(template, format_))  # reads with validation on
    assert imported.template.source == template.source
    assert imported.template == template
    assert imported.to_complete == ()


@pytest.mark.parametrize("format_", FORMATS)
def test_texts_with_marks_of_their_own_come_back(format_: Any) -> None:
    document = copy.deepcopy(dict(load("delinquency").source))
    document["name"]["en"] = 'Owner\'s "late" loans, < 30 & > 5 days'
    document["measures"][0]["name"] = {"en": "It's <a> & 'b'", "zh-Hans": "“引号”与<标签>"}
    document["dimensions"][2]["codes"][1]["name"]["en"] = "Low's & <lowest>"
    template = parse(document)
    assert from_structures(write_structures(template, format_)).template.source == document


def test_structures_have_what_a_registry_asks_for() -> None:
    kinds = [type(each).__name__ for each in to_structures(load("risk-model"))]
    dimensions = len(load("risk-model").dimensions)
    assert kinds.count("Codelist") == dimensions + 2  # and the two statuses
    assert kinds.count("Hierarchy") == dimensions
    assert [kinds.count(each) for each in ("ConceptScheme", "DataStructureDefinition", "Dataflow")] == [1, 1, 1]
    assert sdmx_id("risk-model") == "RISK_MODEL"


def test_a_stock_client_reads_components_code_lists_and_parents() -> None:
    from pysdmx.io import read_sdmx

    message = read_sdmx(write_structures(load("outreach")).decode(), validate=True)
    structure = message.get_data_structure_definitions()[0]
    assert [each.id for each in structure.components.measures] == ["ATTEMPTS", "BORROWERS"]
    assert {each.id for each in structure.components.attributes} == {"OBS_STATUS", "CONF_STATUS"}
    channel = next(each for each in structure.components if each.id == "CHANNEL")
    assert [code.id for code in channel.enumeration][:2] == ["_T", "DIGITAL"]
    hierarchy = next(each for each in message.get_hierarchies() if each.id.endswith("CHANNEL"))
    assert [code.id for code in hierarchy.codes[0].codes] == ["DIGITAL", "CALL", "LETTER", "VISIT"]


def as_another_agency_writes(template: Template) -> dict[str, Any]:
    """The SDMX-JSON of a template without annotations and hierarchies, with parents beside the codes and no total."""
    message: dict[str, Any] = json.loads(write_structures(template, "sdmx-json"))
    data = message["data"]
    del data["hierarchies"]
    for artefact in [*data["codelists"], *data["conceptSchemes"], *data["dataStructures"]]:
        artefact.pop("annotations", None)
    for dimension, listed in zip(template.dimensions, data["codelists"], strict=False):
        for code in listed["codes"]:
            code.pop("annotations", None)
            parent = dimension.code_list.by_id[code["id"]].parent
            if parent not in (None, "_T"):
                code["parent"] = parent
        listed["codes"] = [each for each in reversed(listed["codes"]) if each["id"] != "_T"]
    return message


def test_a_foreign_structure_becomes_a_skeleton_that_says_what_it_lacks() -> None:
    ours = load("delinquency")
    imported = from_structures(json.dumps(as_another_agency_writes(ours)))
    made = imported.template
    assert list(Draft202012Validator(SCHEMA).iter_errors(dict(made.source))) == []
    assert made.dimension_ids == ours.dimension_ids
    for dimension in ours.dimensions:
        found = made.dimension(dimension.id).code_list
        assert {each.id: each.parent for each in found.codes} == {
            each.id: each.parent for each in dimension.code_list.codes
        }
    assert [(each.id, each.type) for each in made.measures] == [(each.id, each.type) for each in ours.measures]
    said = "\n".join(imported.to_complete)
    assert all(word in said for word in ("frequency", "indicators", "protection", "ACCOUNTS", "_T"))


def test_parents_are_read_from_code_lists_in_xml_too() -> None:
    text = write_structures(load("outreach")).decode()
    start, end = text.index("<str:Hierarchies>"), text.index("</str:Hierarchies>") + len("</str:Hierarchies>")
    code = text.index('<str:Code id="SMS"')
    close = text.index("</str:Code>", code)
    changed = text[:close] + "<str:Parent>DIGITAL</str:Parent>" + text[close:start] + text[end:]
    channel = from_structures(changed).template.dimension("CHANNEL").code_list
    assert channel.by_id["SMS"].parent == "DIGITAL"
    assert channel.by_id["WECHAT"].parent == "_T"


def test_a_message_that_names_a_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "structures.xml"
    other.write_bytes(write_structures(load("outreach")))
    with pytest.raises(TemplateError):
        from_structures(str(other).encode())


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "no message at all",
        "<?xml version='1.0'?><a/>",
        "<?xml version='1.0'?><a>",
        '{"data": {}}',
        '{"meta": {}, "data": {"dataStructures": []}}',
    ],
)
def test_what_is_no_structure_message_is_refused(damaged: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        from_structures(damaged)
    assert refusal.value.rule == "sdmx"


def test_a_code_that_is_its_own_ancestor_is_refused() -> None:
    message = as_another_agency_writes(load("delinquency"))
    products = {each["id"]: each for each in message["data"]["codelists"][0]["codes"]}
    products["RETAIL"]["parent"] = "MORTGAGE"
    with pytest.raises(TemplateError, match="its own ancestor"):
        from_structures(json.dumps(message))


def test_an_external_entity_in_a_message_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("CONFIDENTIAL-WORD")
    text = write_structures(load("outreach")).decode()
    entity = f'<!DOCTYPE x [<!ENTITY leak SYSTEM "file://{secret}">]>'
    head, body = text.split("?>", 1)
    attack = f"{head}?>{entity}{body.replace('>Call<', '>&leak;<').replace('>Telephone call<', '>&leak;<')}"
    try:
        made = json.dumps(from_structures(attack).template.source)
    except TemplateError as refusal:
        made = refusal.sentence
    assert "CONFIDENTIAL-WORD" not in made


def test_several_structures_in_a_message_must_be_told_apart() -> None:
    first, second = (json.loads(write_structures(load(each), "sdmx-json")) for each in ("outreach", "service"))
    for kind, artefacts in second["data"].items():
        first["data"][kind] += artefacts
    text = json.dumps(first)
    with pytest.raises(TemplateError, match="OUTREACH, SERVICE"):
        from_structures(text)
    assert from_structures(text, "SERVICE").template == load("service")


def test_without_the_extra_the_refusal_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysdmx.model", None)
    with pytest.raises(TemplateError, match=r"pip install 'concord\[sdmx\]'"):
        write_structures(load("outreach"))


@pytest.mark.parametrize(
    ("ending", "dimensions"),
    [
        ("ECB_EXR/1/structure-full.xml", ["CURRENCY", "CURRENCY_DENOM", "EXR_TYPE", "EXR_SUFFIX"]),
        ("ESTAT/apro_mk_cola-structure.xml", ["PRODMILK", "UNIT", "GEO"]),
    ],
)
def test_real_structures_of_statistical_offices_become_skeletons(
    ending: str, dimensions: list[str], shared_data: Path
) -> None:
    imported = from_structures(sample(shared_data / "sdmx_samples" / "khaeru_sdmx-test-data.tar.zst", ending))
    assert list(imported.template.dimension_ids) == dimensions
    assert imported.template.measure_ids == ("OBS_VALUE",)
    assert list(Draft202012Validator(SCHEMA).iter_errors(dict(imported.template.source))) == []
    assert any(each.startswith("Dimension FREQ was left out") for each in imported.to_complete)


def sample(archive: Path, ending: str) -> bytes:
    if not archive.exists():
        pytest.skip("the SDMX samples are not among the shared data")
    unpacked = pa.input_stream(str(archive), compression="zstd")
    with unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
        for member in tar:
            if member.name.endswith(ending) and (content := tar.extractfile(member)):
                return content.read()
    raise AssertionError(f"{ending} is not among the samples")
