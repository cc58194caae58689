"""The artefacts that the caller sees, what refers to what among them, and the messages that hold them.

pysdmx models and writes the structures. It knows one language and no parents of codes, so both are added to what it
wrote: as further names and `Parent` elements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from anonymize.cube_structure import CONF_STATUS, OBS_STATUS, TIME_PERIOD
from anonymize.sdmx import AGENCY, require_pysdmx
from anonymize.template import Code
from sharing.sdmx.flows import ATTRIBUTES, CONTRIBUTORS, OBS_VALUE, CodeList, Flow, Names, both

if TYPE_CHECKING:
    from lxml import etree

ENGLISH = "en"
Kind = Literal["agencyscheme", "codelist", "conceptscheme", "datastructure", "dataflow", "availability"]
StructureFormat = Literal["xml-2.1", "xml-3.0", "json-2.0"]

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_JSON_ITEMS = {"codelists": "codes", "conceptSchemes": "concepts", "agencySchemes": "agencies"}
_URN = {
    "codelist": "codelist.Codelist",
    "conceptscheme": "conceptscheme.ConceptScheme",
    "datastructure": "datastructure.DataStructure",
    "dataflow": "datastructure.Dataflow",
}


@dataclass(frozen=True)
class Artefact:
    """What a structure message may hold. `items` are the codes of a list or the concepts of a scheme."""

    kind: Kind
    id: str
    version: str
    names: Names
    agency: str = AGENCY
    items: tuple[Code, ...] = ()
    flow: Flow | None = field(default=None, compare=False)
    refers_to: tuple[tuple[Kind, str, str], ...] = ()

    @property
    def key(self) -> tuple[Kind, str, str]:
        return self.kind, self.id, self.version

    @property
    def urn(self) -> str:
        return f"urn:sdmx:org.sdmx.infomodel.{_URN[self.kind]}={self.agency}:{self.id}({self.version})"


def artefacts(flows: Iterable[Flow]) -> list[Artefact]:
    """Everything that these flows are made of, each once; the agency's scheme comes first."""
    agency = Code(AGENCY, both("Consortium of lenders", "贷款机构联盟"))
    found = [Artefact("agencyscheme", "AGENCIES", "1.0", both("Agencies", "机构"), "SDMX", (agency,))]
    for flow in flows:
        found += _of_flow(flow)
    return list({each.key: each for each in found}.values())


def _of_flow(flow: Flow) -> Iterator[Artefact]:
    lists = [Artefact("codelist", each.id, each.version, each.names, items=each.codes) for each in flow.lists.values()]
    names = (*flow.dimensions, TIME_PERIOD, OBS_VALUE, *ATTRIBUTES)
    concepts = tuple(Code(id, flow.concept_names(id)) for id in names)
    scheme = Artefact("conceptscheme", f"CS_{flow.id}", flow.version, flow.names, items=concepts)
    structure = Artefact(
        "datastructure",
        flow.id,
        flow.version,
        flow.names,
        flow=flow,
        refers_to=(scheme.key, *(each.key for each in lists)),
    )
    yield from lists
    yield scheme
    yield structure
    yield Artefact("dataflow", flow.id, flow.version, flow.names, flow=flow, refers_to=(structure.key,))


def write(
    chosen: Sequence[Artefact],
    format: StructureFormat,
    stubs: Sequence[Artefact] = (),
    availability: Any = None,
    **about: Any,
) -> bytes:
    """One structure message. `stubs` say only who they are; `availability` is one more artefact, pysdmx's own.

    `about` is what the message says of itself, `id` and `prepared`; by default anew each time.
    """
    from pysdmx.io import write_sdmx
    from pysdmx.io.format import Format
    from pysdmx.model.message import Header

    model = require_pysdmx()
    known = {
        "xml-2.1": Format.STRUCTURE_SDMX_ML_2_1,
        "xml-3.0": Format.STRUCTURE_SDMX_ML_3_0,
        "json-2.0": Format.STRUCTURE_SDMX_JSON_2_0_0,
    }
    made = [_modelled(model, each) for each in chosen] + [_stub(model, each) for each in stubs]
    made += [availability] if availability is not None else []
    header = Header(sender=model.Organisation(id=AGENCY), **about)
    message = str(write_sdmx(made, known[format], header=header, prettyprint=False))
    written = {(each.agency, each.id, each.version): each for each in (*chosen, *stubs)}
    if format == "json-2.0":
        return _completed_json(message, [*chosen, *stubs])
    return _completed_xml(message, [*chosen, *stubs], format) if written else message.encode()


def _about(each: Artefact) -> dict[str, Any]:
    return {"id": each.id, "agency": each.agency, "version": each.version, "name": each.names[ENGLISH]}


def _modelled(model: Any, each: Artefact) -> Any:
    if each.kind == "agencyscheme":
        items = [model.Agency(id=item.id, name=item.names[ENGLISH]) for item in each.items]
        return model.AgencyScheme(agency=each.agency, items=items)
    if each.kind == "codelist":
        codes = [model.Code(id=code.id, name=code.names[ENGLISH]) for code in each.items]
        return model.Codelist(**_about(each), items=codes)
    if each.kind == "conceptscheme":
        return model.ConceptScheme(**_about(each), items=_concepts(model, each))
    structure = _structure(model, each)
    return structure if each.kind == "datastructure" else model.Dataflow(**_about(each), structure=structure)


def _stub(model: Any, each: Artefact) -> Any:
    """pysdmx's dataflow cannot be without its structure, and so is written whole: it says little more."""
    if each.kind in {"dataflow", "agencyscheme"}:
        return _modelled(model, each)
    kinds = {
        "codelist": model.Codelist,
        "conceptscheme": model.ConceptScheme,
        "datastructure": model.DataStructureDefinition,
    }
    more = {"components": model.Components([])} if each.kind == "datastructure" else {}
    return kinds[each.kind](**_about(each), is_external_reference=True, **more)


def _concepts(model: Any, scheme: Artefact) -> list[Any]:
    stem = f"urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept={scheme.agency}:{scheme.id}({scheme.version})."
    return [model.Concept(id=each.id, name=each.names[ENGLISH], urn=stem + each.id) for each in scheme.items]


def _structure(model: Any, each: Artefact) -> Any:
    assert each.flow is not None  # noqa: S101  only structures and flows come here
    flow = each.flow
    scheme = next(found for found in _of_flow(flow) if found.kind == "conceptscheme")
    concepts = {concept.id: concept for concept in _concepts(model, scheme)}

    def component(id: str, role: Any, **more: Any) -> Any:
        required = id not in {OBS_VALUE, CONTRIBUTORS}  # a withheld observation has neither
        return model.Component(id=id, required=required, role=role, concept=concepts[id], **more)

    def coded(id: str) -> dict[str, Any]:
        listed = flow.lists[id]
        codes = model.Codelist(id=listed.id, agency=AGENCY, version=listed.version, name=listed.names[ENGLISH])
        return {"local_codes": codes, "local_enum_ref": _urn_of(listed)}

    dimensions = [component(id, model.Role.DIMENSION, **coded(id)) for id in flow.dimensions]
    time = component(TIME_PERIOD, model.Role.DIMENSION, local_dtype=model.DataType.PERIOD)
    measure = component(OBS_VALUE, model.Role.MEASURE, local_dtype=model.DataType.DOUBLE)
    statuses = [
        component(id, model.Role.ATTRIBUTE, attachment_level="O", **coded(id)) for id in (OBS_STATUS, CONF_STATUS)
    ]
    count = component(CONTRIBUTORS, model.Role.ATTRIBUTE, attachment_level="O", local_dtype=model.DataType.INTEGER)
    about = _about(each) | {"name": flow.names[ENGLISH]}
    return model.DataStructureDefinition(
        **about, components=model.Components([*dimensions, time, measure, *statuses, count])
    )


def _urn_of(listed: CodeList) -> str:
    return f"urn:sdmx:org.sdmx.infomodel.codelist.Codelist={AGENCY}:{listed.id}({listed.version})"


# What pysdmx leaves out.


def _completed_json(message: str, written: Sequence[Artefact]) -> bytes:
    document = json.loads(message)
    data = document["data"]
    known = {(each.id, each.version): each for each in written}
    by_type: Mapping[str, str] = {"codelists": "codelist", "conceptSchemes": "conceptscheme"}
    kinds = {(str(each.kind), each.id, each.version): each for each in written}
    for structure in data.get("dataStructures", ()):
        # The schema of SDMX-JSON forbids the empty list of groups that pysdmx writes.
        if not structure["dataStructureComponents"].get("groups"):
            structure["dataStructureComponents"].pop("groups", None)
        if structure.get("isExternalReference"):
            del structure["dataStructureComponents"]
    for name, listed in data.items():
        for each in listed:
            artefact = kinds.get((by_type.get(name, ""), each["id"], each["version"])) or known.get(
                (each["id"], each["version"])
            )
            if artefact is None:
                continue
            each["names"] = dict(artefact.names)
            items = {item.id: item for item in artefact.items}
            for item in each.get(_JSON_ITEMS.get(name, ""), ()):
                item["names"] = dict(items[item["id"]].names)
                if items[item["id"]].parent is not None:
                    item["parent"] = items[item["id"]].parent
    return json.dumps(document, ensure_ascii=False).encode()


def _completed_xml(message: str, written: Sequence[Artefact], format: StructureFormat) -> bytes:
    from lxml import etree

    root = etree.fromstring(message.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    known = {(each.kind, each.id): each for each in written}
    by_version = {each.key: each for each in written}
    for element in root.iter("{*}Codelist", "{*}ConceptScheme", "{*}DataStructure", "{*}Dataflow", "{*}AgencyScheme"):
        kind = etree.QName(element).localname.lower()
        key = (kind, element.get("id"), element.get("version"))
        artefact = by_version.get(key) or known.get(key[:2])
        if artefact is None:
            continue
        _add_names(element, artefact.names)
        if element.get("isExternalReference") == "true":
            for components in element.findall("{*}DataStructureComponents"):
                element.remove(components)
        items = {item.id: item for item in artefact.items}
        for item in element.iterchildren("{*}Code", "{*}Concept", "{*}Agency"):
            _add_names(item, items[item.get("id")].names)
            _add_parent(item, items[item.get("id")].parent, format)
    # That attributes are about the only measure goes without saying, and sdmx1 stops at it.
    for each in list(root.iter("{*}MeasureRelationship")):
        each.getparent().remove(each)
    found: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return found


def _add_names(element: etree._Element, names: Names) -> None:
    first = element.find("{*}Name")
    if first is None:
        return
    for language, text in names.items():
        if language != ENGLISH:
            more = element.makeelement(first.tag, {_XML_LANG: language})
            more.text = text
            first.addnext(more)


def _add_parent(element: etree._Element, parent: str | None, format: StructureFormat) -> None:
    """A reference in SDMX-ML 2.1, text in 3.0, whose schema takes no parent that begins like `_T`."""
    if parent is None or (format == "xml-3.0" and not parent[0].isalpha()):
        return
    namespace = element.tag[: element.tag.index("}") + 1]
    made = element.makeelement(f"{namespace}Parent")
    if format == "xml-2.1":
        made.append(made.makeelement("Ref", {"id": parent}))
    else:
        made.text = parent
    element.append(made)
