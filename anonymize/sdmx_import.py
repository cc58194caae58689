"""A collection template from SDMX structures: our own read back exactly, anybody else's as a skeleton to complete.

Members that travel as annotations (see `sdmx`) are taken from there. Where a message does not have them, the template
gets a sensible default, and `Imported.to_complete` says so, one sentence each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymize.cube_structure import TIME_PERIOD
from anonymize.errors import TemplateError
from anonymize.sdmx import COMPONENT, ENGLISH, MEMBER, TEXT, require_pysdmx
from anonymize.sdmx_parents import Parents, parents_in
from anonymize.template import TOTAL, Template, parse

if TYPE_CHECKING:
    from pysdmx.model import Annotation, Code, Codelist, Component, DataStructureDefinition
    from pysdmx.model.message import Message

Document = dict[str, Any]
Say = Callable[[str], None]

FREQUENCY = "FREQ"  # a dimension of most structures; a template has one frequency instead
DEFAULTS: Mapping[str, tuple[Any, str]] = {
    "frequency": ("M", "frequency is set to M; say Q or A where it is collected less often."),
    "confidentiality": ("sealed", "confidentiality is set to sealed."),
    "indicators": ([], "indicators are missing: name the ratios that releases will show."),
    "checks": (
        [{"id": "totals-add-up", "kind": "sum", "severity": "error", "tolerance": 0.01}],
        "checks hold only that parts add up to their totals.",
    ),
    "protection": (
        {"method": "suppress", "rules": {"min_contributors": 10, "p_percent": 15, "coalition": 0}},
        "protection is suppression with 10 contributors a cell and p = 15 %; add count_measure, which counts them.",
    ),
    "disclosure": (
        {"min_contributors": 5, "p_percent": 10, "max_share": 0.25},
        "disclosure asks for 5 contributors a figure and p = 10 %.",
    ),
}
_COUNTS = {"BigInteger", "Integer", "Long", "Short", "Count"}


@dataclass(frozen=True)
class Imported:
    """A template, and what a person must add or confirm before it is used; nothing when it was exported by Concord."""

    template: Template
    to_complete: tuple[str, ...]


def from_structures(source: str | bytes | Path, structure: str | None = None) -> Imported:
    """The template of a data structure in an SDMX-ML 2.1 or 3.x or SDMX-JSON 2.x message.

    `structure` is its id, needed where the message has several. TemplateError when there is no template in it.
    """
    require_pysdmx()
    text = _text(source)
    message = _message(text)
    definition = _chosen(message, structure)
    to_complete: list[str] = []
    document = _document(definition, parents_in(text, message), to_complete.append)
    return Imported(parse(document), tuple(to_complete))


def _text(source: str | bytes | Path) -> str:
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        return content.decode("utf-8-sig") if isinstance(content, bytes) else content
    except OSError as error:
        raise TemplateError(f"The SDMX message cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise TemplateError("The SDMX message is not UTF-8 text.") from None


def _message(text: str) -> Message:
    from msgspec import MsgspecError
    from pysdmx.errors import PysdmxError
    from pysdmx.io import read_sdmx

    try:
        # As bytes: pysdmx would take a text for the name of a file or for an address to fetch.
        return read_sdmx(BytesIO(text.encode()), validate=True)
    # ImportError: data messages need more of pysdmx than we ask for. SyntaxError: lxml's, of XML that is none.
    except (PysdmxError, MsgspecError, ImportError, LookupError, SyntaxError, TypeError, ValueError) as error:
        raise TemplateError(
            "The file is no valid SDMX structure message. Ask its agency for SDMX-ML 2.1 or 3.0 or SDMX-JSON 2.0, "
            "with all references.",
            rule="sdmx",
        ) from error


def _chosen(message: Message, structure: str | None) -> DataStructureDefinition:
    from pysdmx.model import DataStructureDefinition

    found = [each for each in message.structures or () if isinstance(each, DataStructureDefinition)]
    chosen = [each for each in found if structure in (None, each.id)]
    if len(chosen) == 1:
        return chosen[0]
    known = ", ".join(sorted({each.id for each in found})) or "none"
    raise TemplateError(f"One data structure makes a template. Name one of those in the message: {known}.", rule="sdmx")


def _document(definition: DataStructureDefinition, parents: Parents, say: Say) -> Document:
    members = _members(definition.annotations)
    left = _members(definition.annotations, COMPONENT)
    for member, (_, sentence) in DEFAULTS.items():
        if member not in members:
            say(sentence)
    if not definition.components.measures:
        raise TemplateError("The data structure has no measure. A template needs one.", rule="sdmx")
    name = definition.name or definition.id
    return {
        "id": _collection(definition.id),
        "version": _semantic(definition.version),
        "name": _texts(name, definition.annotations, "name"),
        "description": _texts(definition.description or name, definition.annotations, "description"),
        **{member: default for member, (default, _) in DEFAULTS.items()},
        **members,
        "dimensions": _dimensions(definition.components.dimensions, left, parents, say),
        "measures": [_measure(each, left, say) for each in definition.components.measures],
    }


def _members(annotations: Iterable[Annotation], type: str = MEMBER) -> Document:
    """The JSON of each annotation of a type, by title; TemplateError when one is no JSON."""
    try:
        return {str(each.title): json.loads(each.text or "") for each in annotations if each.type == type}
    except ValueError:
        raise TemplateError("An annotation that holds a member of the template is no JSON.", rule="sdmx") from None


def _texts(english: str, annotations: Iterable[Annotation], member: str) -> dict[str, str]:
    others = {str(each.title): str(each.text) for each in annotations if each.type == TEXT.format(member)}
    return {ENGLISH: english, **others}


def _dimensions(components: Iterable[Component], left: Document, parents: Parents, say: Say) -> list[Document]:
    from pysdmx.model import Codelist

    found = []
    for each in components:
        if each.id.upper() == FREQUENCY:
            say(f"Dimension {FREQUENCY} was left out: a template has one frequency.")
        elif isinstance(each.enumeration, Codelist):
            found.append({**_dimension(each.id, each.enumeration, parents, say), **_left(each, left)})
        elif each.id != TIME_PERIOD:
            say(f"Dimension {each.id} was left out: the message does not hold its code list.")
    if not found:
        raise TemplateError(
            "No dimension has a code list in this message. Ask for it with all references.", rule="sdmx"
        )
    return found


def _dimension(id: str, codes: Codelist, parents: Parents, say: Say) -> Document:
    agency = codes.agency if isinstance(codes.agency, str) else codes.agency.id
    listed = {each.id: each for each in codes}
    if TOTAL not in listed:
        say(f"Dimension {id}: the total {TOTAL} was put above all codes that have no parent.")
    return {
        "id": _concept_id(id),
        "codes": _codes(listed, parents.get((agency, codes.id), {}), id),
    }


def _codes(listed: Mapping[str, Code], parents: Mapping[str, str], dimension: str) -> list[Document]:
    """The codes in the list's order, but each after its parent; the total first where it was missing."""
    ordered: dict[str, Document] = {} if TOTAL in listed else {TOTAL: {"id": TOTAL, "name": {ENGLISH: "Total"}}}

    def place(id: str, below: tuple[str, ...]) -> None:
        if id in below:
            raise TemplateError(f"Dimension {dimension}: the code {id} is its own ancestor.", rule="sdmx")
        parent = parents.get(id) if parents.get(id) in listed else TOTAL
        if id != TOTAL and parent not in ordered:
            place(str(parent), (*below, id))
        ordered[id] = _code(listed[id], None if id == TOTAL else parent)

    for each in listed:
        if each not in ordered:
            place(each, ())
    return list(ordered.values())


def _code(code: Code, parent: str | None) -> Document:
    made = {"id": code.id, "name": _texts(code.name or code.id, code.annotations, "name"), **_members(code.annotations)}
    return made if parent is None else {**made, "parent": parent}


def _measure(component: Component, left: Document, say: Say) -> Document:
    if component.id in left:
        return {"id": component.id, **_left(component, left)}
    kind = "count" if str(component.dtype.value) in _COUNTS else "amount"
    say(f"Measure {component.id} is taken as an additive {kind}: say its type, unit, decimals and additivity.")
    id = _concept_id(component.id)
    return {"id": id, **_left(component, left), "type": kind, "unit": "1", "decimals": 0 if kind == "count" else 2}


def _left(component: Component, left: Document) -> Document:
    """The name of a dimension or measure, and what else was left of it for its annotation."""
    name = component.name or getattr(component.concept, "name", None) or component.id
    more = left.get(component.id, {})
    return {**more, "name": {ENGLISH: name, **more.get("name", {})}}


def _collection(id: str) -> str:
    return re.sub(r"[^a-z0-9-]", "-", id.lower())


def _concept_id(id: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", id.upper())


def _semantic(version: str) -> str:
    """Three numbers, as a template's version has them."""
    numbers = re.findall(r"\d+", version)[:3]
    return ".".join(str(int(each)) for each in [*numbers, *["0"] * (3 - len(numbers))])
