"""Which artefacts a structure query asks for, in the addresses of both versions of the REST interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sharing.sdmx.errors import not_implemented, nothing, syntax
from sharing.sdmx.structures import Artefact, Kind

KINDS: Mapping[str, frozenset[Kind]] = {
    "agencyscheme": frozenset({"agencyscheme"}),
    "codelist": frozenset({"codelist"}),
    "conceptscheme": frozenset({"conceptscheme"}),
    "datastructure": frozenset({"datastructure"}),
    "dataflow": frozenset({"dataflow"}),
}
EVERY_KIND: frozenset[Kind] = frozenset().union(*KINDS.values())
# Of the standard, and here without anything in them: an answer without results, not an error of syntax.
OTHER_KINDS = frozenset(
    {
        "actualconstraint",
        "allowedconstraint",
        "attachmentconstraint",
        "categorisation",
        "categoryscheme",
        "contentconstraint",
        "customtypescheme",
        "dataconstraint",
        "dataconsumerscheme",
        "dataproviderscheme",
        "hierarchicalcodelist",
        "hierarchy",
        "hierarchyassociation",
        "metadataconstraint",
        "metadataflow",
        "metadataprovideragreement",
        "metadataproviderscheme",
        "metadataprovisionagreement",
        "metadatastructure",
        "namepersonalisationscheme",
        "organisationscheme",
        "organisationunitscheme",
        "process",
        "provisionagreement",
        "reportingtaxonomy",
        "representationmap",
        "conceptschememap",
        "categoryschememap",
        "organisationschememap",
        "reportingtaxonomymap",
        "rulesetscheme",
        "structuremap",
        "structureset",
        "structure",
        "transformationscheme",
        "userdefinedoperatorscheme",
        "valuelist",
        "vtlmappingscheme",
    }
)
REFERENCES = frozenset({"none", "parents", "parentsandsiblings", "ancestors", "children", "descendants", "all"})
STUBS = frozenset({"allstubs", "allcompletestubs"})
REFERENCE_STUBS = frozenset({"referencestubs", "referencecompletestubs"})
# A partial list would say which codes have data; the whole list says more and tells nothing.
DETAILS = STUBS | REFERENCE_STUBS | {"full", "raw", "referencepartial"}
_LATEST = frozenset({"latest", "+", "~"})


@dataclass(frozen=True)
class StructureQuery:
    kinds: frozenset[Kind]
    agencies: Sequence[str] | None  # None takes every one
    ids: Sequence[str] | None
    versions: Sequence[str] | None
    references: str = "none"
    detail: str = "full"

    @classmethod
    def read(cls, parts: Sequence[str], options: Mapping[str, str]) -> StructureQuery:
        """`type[/agency[/id[/version]]]`; "all" and "*" are every one, "latest", "+" and "~" the newest version."""
        if not parts or len(parts) > 5:
            raise syntax("A structure is asked for as type/agency/id/version.")
        kinds = _kinds(parts[0])
        if len(parts) == 5 and parts[4] not in {"all", "*"}:
            raise not_implemented("One item of a list cannot be asked for; ask for the list.")
        agency, id, version = [*parts[1:4], *("all", "all", "latest")[len(parts[1:4]) :]]
        references = options.get("references", "none").lower()
        if references not in REFERENCES | KINDS.keys() | OTHER_KINDS:
            raise syntax(f"There is no references={references}; there are {', '.join(sorted(REFERENCES))}.")
        detail = options.get("detail", "full").lower()
        if detail not in DETAILS:
            raise syntax(f"There is no detail={detail}; there are {', '.join(sorted(DETAILS))}.")
        return cls(
            kinds,
            several(agency),
            several(id),
            None if version in {"all", "*"} else version.split(","),
            references,
            detail,
        )

    def choose(self, known: Sequence[Artefact]) -> tuple[list[Artefact], list[Artefact]]:
        """Those asked for, and those that come with them by reference; SdmxError when there are none."""
        found = [
            each
            for each in known
            if each.kind in self.kinds
            and (self.agencies is None or each.agency in self.agencies)
            and (self.ids is None or each.id in self.ids)
        ]
        found = _of_versions(found, self.versions)
        if not found:
            raise nothing("There is no such structure, or not for you.")
        beside = _related(found, known, self.references)
        return found, [each for each in beside if each not in found]


def several(part: str) -> Sequence[str] | None:
    return None if part in {"all", "*"} else part.split(",")


def _kinds(type: str) -> frozenset[Kind]:
    kinds: frozenset[Kind] = frozenset()
    for each in type.lower().split(","):
        if each in {"*", "structure"}:
            kinds |= EVERY_KIND
        elif each == "organisationscheme":
            kinds |= KINDS["agencyscheme"]
        elif each in KINDS:
            kinds |= KINDS[each]
        elif each not in OTHER_KINDS:
            raise syntax(f"There is no type of structure {each}.")
    return kinds


def _of_versions(found: Sequence[Artefact], versions: Sequence[str] | None) -> list[Artefact]:
    """Later in the list is newer."""
    if versions is None:
        return list(found)
    newest = {(each.kind, each.agency, each.id): each for each in found}
    chosen: list[Artefact] = []
    for version in versions:
        if version in _LATEST:
            chosen += newest.values()
        elif "+" in version or "*" in version:
            raise not_implemented("A part of a version cannot be asked for; ask for one version, + or *.")
        else:
            chosen += [each for each in found if each.version == version]
    return list({each.key: each for each in chosen}.values())


def _related(found: Sequence[Artefact], known: Sequence[Artefact], references: str) -> list[Artefact]:
    by_key = {each.key: each for each in known}

    def below(each: Artefact) -> list[Artefact]:
        return [by_key[key] for key in each.refers_to if key in by_key]

    def above(each: Artefact) -> list[Artefact]:
        return [other for other in known if each.key in other.refers_to]

    if references == "none":
        return []
    if references == "children":
        return _step(found, below)
    if references == "descendants":
        return _closure(found, below)
    if references == "parents":
        return _step(found, above)
    if references == "ancestors":
        return _closure(found, above)
    if references == "parentsandsiblings":
        parents = _step(found, above)
        return [*parents, *_step(parents, below)]
    everything = _closure([*found, *_closure(found, above)], below)
    everything = [*_closure(found, above), *everything]
    if references == "all":
        return list({each.key: each for each in everything}.values())
    kinds = KINDS.get(references, frozenset())
    return [each for each in {each.key: each for each in everything}.values() if each.kind in kinds]


def _step(from_: Sequence[Artefact], way: Callable[[Artefact], list[Artefact]]) -> list[Artefact]:
    return list({each.key: each for start in from_ for each in way(start)}.values())


def _closure(from_: Sequence[Artefact], way: Callable[[Artefact], list[Artefact]]) -> list[Artefact]:
    reached: dict[object, Artefact] = {}
    ahead = list(from_)
    while ahead:
        ahead = [each for each in _step(ahead, way) if each.key not in reached]
        reached |= {each.key: each for each in ahead}
    return list(reached.values())
