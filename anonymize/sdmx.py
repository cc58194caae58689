"""A collection template as SDMX structures, written as SDMX-ML 3.0 or SDMX-JSON 2.0.

What SDMX has is said in SDMX: a data structure definition, its concepts, a code list for each dimension, a hierarchy
over each code list, and a dataflow. What SDMX lacks, indicators and protection above all, and what pysdmx does not carry,
texts in further languages, travels as annotations: `concord:member` holds one member of the template's JSON,
`concord:component` what is left of a dimension or measure, `concord:name` and `concord:description` one text in the
language of the annotation's title. `sdmx_import` reads all of it back.

Needs the extra `sdmx`; pysdmx is imported only when structures are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from anonymize.cube_structure import (
    CONF_STATUS,
    CONFIDENTIAL,
    FREE,
    NORMAL,
    OBS_STATUS,
    SUPPRESSED,
    TIME_PERIOD,
)
from anonymize.errors import TemplateError
from anonymize.template import Template

if TYPE_CHECKING:
    from pysdmx.model import (
        Annotation,
        Codelist,
        Component,
        ConceptScheme,
        Dataflow,
        DataStructureDefinition,
        HierarchicalCode,
        Hierarchy,
        Role,
    )

    Artefact = Codelist | Hierarchy | ConceptScheme | DataStructureDefinition | Dataflow

AGENCY = "CONCORD"
ENGLISH = "en"
MEMBER, COMPONENT, TEXT = "concord:member", "concord:component", "concord:{}"
TEXTS = ("name", "description")

# What each document says in SDMX's own words; every other member becomes an annotation.
OF_TEMPLATE = frozenset({"id", "version", "name", "description", "dimensions", "measures"})
OF_DIMENSION = frozenset({"id", "name", "codes"})
OF_MEASURE = frozenset({"id", "name"})
OF_CODE = frozenset({"id", "name", "parent"})

STATUS_CODES: Mapping[str, Mapping[str, str]] = {
    OBS_STATUS: {NORMAL: "Normal value", SUPPRESSED: "Missing value; suppressed"},
    CONF_STATUS: {FREE: "Free", CONFIDENTIAL: "Confidential statistical information"},
}
_OTHER_CONCEPTS = {TIME_PERIOD: "Time period", OBS_STATUS: "Observation status", CONF_STATUS: "Confidentiality status"}

Format = Literal["sdmx-ml", "sdmx-json"]
Document = Mapping[str, Any]


def to_structures(template: Template, agency: str = AGENCY) -> list[Artefact]:
    """The template as a concept scheme, code lists, hierarchies, a data structure and a dataflow."""
    model = require_pysdmx()
    source, name = template.source, sdmx_id(template.id)
    scheme = _concept_scheme(model, source, name, agency)
    lists = [_codelist(model, source, each, name, agency) for each in source["dimensions"]]
    hierarchies = [_hierarchy(model, *each, agency) for each in zip(source["dimensions"], lists, strict=True)]
    statuses = [_status_list(model, id, name, source["version"], agency) for id in STATUS_CODES]
    structure = model.DataStructureDefinition(
        **_maintained(source, name, agency),
        description=source["description"][ENGLISH],
        annotations=(*_annotations(model, source, OF_TEMPLATE), *_of_components(model, source)),
        components=model.Components([*_components(model, source, scheme, [*lists, *statuses])]),
    )
    flow = model.Dataflow(**_maintained(source, name, agency), structure=structure)
    return [scheme, *lists, *statuses, *hierarchies, structure, flow]


def write_structures(template: Template, format: Format = "sdmx-ml", agency: str = AGENCY) -> bytes:
    """The structures as one message, SDMX-ML 3.0 or SDMX-JSON 2.0; SDMX-ML 2.1 has no room for several measures."""
    structures = to_structures(template, agency)
    from pysdmx.io import write_sdmx
    from pysdmx.io.format import Format as Known
    from pysdmx.model.message import Header

    known = {"sdmx-ml": Known.STRUCTURE_SDMX_ML_3_0, "sdmx-json": Known.STRUCTURE_SDMX_JSON_2_0_0}
    if format not in known:
        raise TemplateError(f"Structures are written as {' or '.join(known)}, not as {format}.", rule="format")
    header = Header(sender=require_pysdmx().Organisation(id=agency))
    message = str(write_sdmx(structures, known[format], header=header))
    return (message if format == "sdmx-ml" else _without_empty_groups(message)).encode()


def _without_empty_groups(message: str) -> str:
    """pysdmx 1.20 writes an empty list of groups, which the schema of SDMX-JSON forbids."""
    document = json.loads(message)
    for each in document["data"]["dataStructures"]:
        if not each["dataStructureComponents"].get("groups"):
            each["dataStructureComponents"].pop("groups", None)
    return json.dumps(document, ensure_ascii=False, indent=2)


def sdmx_id(collection: str) -> str:
    """The id of a collection among SDMX artefacts, such as RISK_MODEL for risk-model."""
    return collection.upper().replace("-", "_")


def require_pysdmx() -> ModuleType:
    """pysdmx's model; TemplateError with the way to install it where it is not."""
    try:
        import pysdmx.model
    except ImportError as absent:
        raise TemplateError(
            "SDMX structures need one more package: pip install 'concord[sdmx]'.", rule="missing-extra"
        ) from absent
    return pysdmx.model


def _maintained(source: Document, id: str, agency: str, name: str | None = None) -> dict[str, str]:
    return {"id": id, "agency": agency, "version": source["version"], "name": name or source["name"][ENGLISH]}


def _annotations(model: ModuleType, document: Document, native: frozenset[str]) -> tuple[Annotation, ...]:
    """Texts in other languages than English, then every member that has no place in SDMX."""
    texts = [
        model.Annotation(type=TEXT.format(member), title=language, text=text)
        for member in TEXTS
        if member in native
        for language, text in document.get(member, {}).items()
        if language != ENGLISH
    ]
    members = [
        model.Annotation(type=MEMBER, title=member, text=json.dumps(value, ensure_ascii=False))
        for member, value in document.items()
        if member not in native
    ]
    return (*texts, *members)


def _of_components(model: ModuleType, source: Document) -> Iterator[Annotation]:
    """What SDMX lacks of each dimension and measure; pysdmx loses the annotations of concepts and components."""
    for documents, native in ((source["dimensions"], OF_DIMENSION), (source["measures"], OF_MEASURE)):
        for each in documents:
            names = {language: text for language, text in each["name"].items() if language != ENGLISH}
            left = {"name": names, **{member: value for member, value in each.items() if member not in native}}
            yield model.Annotation(type=COMPONENT, title=each["id"], text=json.dumps(left, ensure_ascii=False))


def _concept_scheme(model: ModuleType, source: Document, name: str, agency: str) -> ConceptScheme:
    """A concept for each dimension and measure, for time and for the two statuses."""
    id = f"CS_{name}"
    stem = f"urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept={agency}:{id}({source['version']})."

    names = {each["id"]: each["name"][ENGLISH] for each in [*source["dimensions"], *source["measures"]]}
    concepts = [model.Concept(id=each, name=text, urn=stem + each) for each, text in (names | _OTHER_CONCEPTS).items()]
    scheme: ConceptScheme = model.ConceptScheme(**_maintained(source, id, agency), items=concepts)
    return scheme


def _codelist(model: ModuleType, source: Document, dimension: Document, name: str, agency: str) -> Codelist:
    codes = [
        model.Code(id=each["id"], name=each["name"][ENGLISH], annotations=_annotations(model, each, OF_CODE))
        for each in dimension["codes"]
    ]
    about = _maintained(source, f"CL_{name}_{dimension['id']}", agency, dimension["name"][ENGLISH])
    made: Codelist = model.Codelist(**about, items=codes)
    return made


def _status_list(model: ModuleType, id: str, name: str, version: str, agency: str) -> Codelist:
    """The codes of SDMX's own cross-domain list that a cube uses."""
    codes = [model.Code(id=code, name=text) for code, text in STATUS_CODES[id].items()]
    made: Codelist = model.Codelist(
        id=f"CL_{name}_{id}", agency=agency, version=version, name=_OTHER_CONCEPTS[id], items=codes
    )
    return made


def _hierarchy(model: ModuleType, dimension: Document, codes: Codelist, agency: str) -> Hierarchy:
    """Which codes make which total: the parents, which a pysdmx code list cannot hold."""
    stem = f"urn:sdmx:org.sdmx.infomodel.codelist.Code={agency}:{codes.id}({codes.version})."

    def below(parent: str | None) -> tuple[HierarchicalCode, ...]:
        return tuple(
            model.HierarchicalCode(
                id=each["id"], name=each["name"][ENGLISH], urn=stem + each["id"], codes=below(each["id"])
            )
            for each in dimension["codes"]
            if each.get("parent") == parent
        )

    made: Hierarchy = model.Hierarchy(
        id=codes.id.replace("CL_", "H_", 1),
        agency=agency,
        version=codes.version,
        name=codes.name,
        codes=below(None),
        has_formal_levels=False,
    )
    return made


def _components(
    model: ModuleType, source: Document, scheme: ConceptScheme, lists: Sequence[Codelist]
) -> Iterator[Component]:
    """Dimensions, time, measures and the two statuses, in the order of a cube's columns."""
    concepts = {each.id: each for each in scheme.items}
    codes = dict(zip([*(each["id"] for each in source["dimensions"]), *STATUS_CODES], lists, strict=True))

    def component(id: str, role: Role, *, required: bool = True, **more: Any) -> Component:
        made: Component = model.Component(id=id, required=required, role=role, concept=concepts[id], **more)
        return made

    for each in source["dimensions"]:
        yield component(each["id"], model.Role.DIMENSION, **_coded(codes[each["id"]]))
    yield component(TIME_PERIOD, model.Role.DIMENSION, local_dtype=model.DataType.PERIOD)
    for each in source["measures"]:
        kind = model.DataType.LONG if each["type"] == "count" else model.DataType.DOUBLE
        # Not required: a withheld cell has no value.
        yield component(each["id"], model.Role.MEASURE, required=False, local_dtype=kind)
    for id in STATUS_CODES:
        yield component(id, model.Role.ATTRIBUTE, attachment_level="O", **_coded(codes[id]))


def _coded(codes: Codelist) -> dict[str, Any]:
    """The representation by a code list: SDMX-ML is written from the list, SDMX-JSON from the reference."""
    return {"local_codes": codes, "local_enum_ref": f"urn:sdmx:org.sdmx.infomodel.codelist.{codes.short_urn}"}
