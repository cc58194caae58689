"""The parents of codes as an SDMX message says them: in its hierarchies, or beside the codes of a code list.

pysdmx reads hierarchies but not the `Parent` of a code, which is what most agencies use, so it is read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pysdmx.model import HierarchicalCode
    from pysdmx.model.message import Message

CodelistKey = tuple[str, str]  # agency and id
Parents = Mapping[CodelistKey, Mapping[str, str]]  # code -> parent, of the codes that have one


def parents_in(text: str, message: Message) -> Parents:
    """What the message says of parents; its hierarchies go before its code lists."""
    from pysdmx.model import Hierarchy

    listed = _in_json(json.loads(text)) if text.lstrip().startswith("{") else _in_xml(text)
    found: dict[CodelistKey, dict[str, str]] = {key: parents for key, parents in listed if parents}
    for each in message.structures or ():
        if isinstance(each, Hierarchy):
            for key, code, parent in _in_hierarchy(each.codes, None):
                found.setdefault(key, {})[code] = parent
    return found


def _in_hierarchy(codes: Sequence[HierarchicalCode], above: str | None) -> Iterator[tuple[CodelistKey, str, str]]:
    from pysdmx.util import parse_item_urn

    for each in codes:
        if above is not None and each.urn:
            item = parse_item_urn(each.urn)
            yield (item.agency, item.id), each.id, above
        yield from _in_hierarchy(each.codes, each.id)


def _in_json(document: Mapping[str, Any]) -> Iterator[tuple[CodelistKey, dict[str, str]]]:
    for each in document.get("data", {}).get("codelists", []):
        codes = each.get("codes", [])
        yield (each["agencyID"], each["id"]), {code["id"]: code["parent"] for code in codes if code.get("parent")}


def _in_xml(text: str) -> Iterator[tuple[CodelistKey, dict[str, str]]]:
    from lxml import etree

    safe = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    for each in etree.fromstring(text.encode(), safe).iterfind(".//{*}Codelists/{*}Codelist"):
        yield (each.get("agencyID", ""), each.get("id", "")), dict(_coded(each.iterfind("{*}Code")))


def _coded(codes: Iterator[Any]) -> Iterator[tuple[str, str]]:
    """Each code with its parent: text in SDMX-ML 3.0, a reference in 2.1."""
    for code in codes:
        parent = code.find("{*}Parent")
        if parent is not None:
            reference = parent.find("{*}Ref")
            reference = parent.find("Ref") if reference is None else reference
            yield code.get("id"), (parent.text or "").strip() if reference is None else reference.get("id")
