"""Which format an answer has: what `Accept` likes best among what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from sharing.sdmx import data_csv, data_json, data_xml
from sharing.sdmx.errors import SYNTAX, SdmxError
from sharing.sdmx.observations import Answer
from sharing.sdmx.structures import StructureFormat

Api = Literal["2.1", "3.0"]
_VENDOR = "application/vnd.sdmx."


@dataclass(frozen=True)
class MediaType:
    """`name` without parameters; `version` is written as a number, and read with or without its last zero."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name};version={self.version}"


DATA: Mapping[MediaType, Callable[[Answer], Iterator[bytes]]] = {
    MediaType(f"{_VENDOR}genericdata+xml", "2.1"): partial(data_xml.write, format="generic-2.1"),
    MediaType(f"{_VENDOR}generictimeseriesdata+xml", "2.1"): partial(data_xml.write, format="generic-2.1"),
    MediaType(f"{_VENDOR}structurespecificdata+xml", "2.1"): partial(data_xml.write, format="specific-2.1"),
    MediaType(f"{_VENDOR}structurespecifictimeseriesdata+xml", "2.1"): partial(data_xml.write, format="specific-2.1"),
    MediaType(f"{_VENDOR}data+xml", "3.0.0"): partial(data_xml.write, format="specific-3.0"),
    MediaType(f"{_VENDOR}data+json", "2.0.0"): partial(data_json.write, format="2.0"),
    MediaType(f"{_VENDOR}data+json", "1.0.0"): partial(data_json.write, format="1.0"),
    MediaType(f"{_VENDOR}draft-sdmx-json+json", "1.0.0"): partial(data_json.write, format="draft"),
    MediaType(f"{_VENDOR}data+csv", "2.0.0"): partial(data_csv.write, version="2.0"),
    MediaType(f"{_VENDOR}data+csv", "1.0.0"): partial(data_csv.write, version="1.0"),
}
STRUCTURE: Mapping[MediaType, StructureFormat] = {
    MediaType(f"{_VENDOR}structure+xml", "2.1"): "xml-2.1",
    MediaType(f"{_VENDOR}structure+xml", "3.0.0"): "xml-3.0",
    MediaType(f"{_VENDOR}structure+json", "2.0.0"): "json-2.0",
}
# What a name without a version, or a common name, means in each version of the interface.
_MEANT: Mapping[Api, Mapping[str, MediaType]] = {
    "2.1": {
        "data:*/*": MediaType(f"{_VENDOR}genericdata+xml", "2.1"),
        "data:xml": MediaType(f"{_VENDOR}genericdata+xml", "2.1"),
        "data:json": MediaType(f"{_VENDOR}data+json", "1.0.0"),
        "data:csv": MediaType(f"{_VENDOR}data+csv", "1.0.0"),
        "structure:*/*": MediaType(f"{_VENDOR}structure+xml", "2.1"),
        "structure:xml": MediaType(f"{_VENDOR}structure+xml", "2.1"),
        "structure:json": MediaType(f"{_VENDOR}structure+json", "2.0.0"),
    },
    "3.0": {
        "data:*/*": MediaType(f"{_VENDOR}data+xml", "3.0.0"),
        "data:xml": MediaType(f"{_VENDOR}data+xml", "3.0.0"),
        "data:json": MediaType(f"{_VENDOR}data+json", "2.0.0"),
        "data:csv": MediaType(f"{_VENDOR}data+csv", "2.0.0"),
        "structure:*/*": MediaType(f"{_VENDOR}structure+xml", "3.0.0"),
        "structure:xml": MediaType(f"{_VENDOR}structure+xml", "3.0.0"),
        "structure:json": MediaType(f"{_VENDOR}structure+json", "2.0.0"),
    },
}
_COMMON = {
    "*/*": "*/*",
    "application/*": "*/*",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/json": "json",
    "text/json": "json",
    "text/csv": "csv",
    "text/*": "csv",
    f"{_VENDOR}data+xml": "xml",
    f"{_VENDOR}data+json": "json",
    f"{_VENDOR}data+csv": "csv",
    f"{_VENDOR}structure+xml": "xml",
    f"{_VENDOR}structure+json": "json",
}


def chosen(accept: str, resource: Literal["data", "structure"], api: Api) -> MediaType:
    """The media type of the answer; SdmxError (406) when there is none that is accepted."""
    known = DATA if resource == "data" else STRUCTURE
    for name, version in _wishes(accept):
        found = _match(name, version, known, resource, api)
        if found is not None:
            return found
    listed = ", ".join(str(each) for each in known)
    raise SdmxError(f"None of the accepted formats is to be had. There are: {listed}.", SYNTAX, 406)


def likes_json(accept: str) -> bool:
    """Whether errors are better told as JSON."""
    return any("json" in name for name, _version in _wishes(accept)[:1])


def _match(name: str, version: str, known: Mapping[MediaType, object], resource: str, api: Api) -> MediaType | None:
    if version:
        same = (each for each in known if each.name == name and _short(each.version) == _short(version))
        return next(same, None)
    meant = _MEANT[api].get(f"{resource}:{_COMMON.get(name, '')}")
    if meant is not None and (name not in {each.name for each in known} or meant.name == name):
        return meant
    return next((each for each in known if each.name == name), None)


def _wishes(accept: str) -> list[tuple[str, str]]:
    """Names and versions, the dearest first; everything where nothing is said."""
    wishes = []
    for part in (accept or "*/*").split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        given = dict(each.partition("=")[::2] for each in parameters)
        quality = _quality(given.get("q", "1"))
        if name and quality > 0:
            wishes.append((quality, name.lower(), given.get("version", "")))
    ordered = sorted(wishes, key=lambda wish: -wish[0])
    return [(name, version) for _quality, name, version in ordered]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _short(version: str) -> str:
    """2.0.0 and 2.0 are one version, and so are 3.0.0 and 3.0."""
    return version.removesuffix(".0") if version.count(".") == 2 else version
