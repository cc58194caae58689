"""Which code of a template a value on a tape means: by its id, its names, words in common use, or a province's number."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from anonymize.template import CODE_LISTS, Dimension

_PROVINCE_ENDS = re.compile(r"(?:壮族|回族|维吾尔)?(?:自治区|省|市)$")
_BOUNDS = re.compile(r"^(?:[A-Z]+?)(\d+)_(\d+)$")
_OPEN = re.compile(r"^[A-Z]+?(\d+)P$")
_BASIS_POINTS = 10_000  # PD050_100 is 0.5% to 1%


@cache
def words() -> Mapping[str, Any]:
    """What columns, codes and provinces are called besides their names in a template."""
    found: Mapping[str, Any] = json.loads(
        (resources.files("anonymize.mappings") / "proposal_words.json").read_text("utf-8")
    )
    return found


def plain(text: str) -> str:
    """Letters and digits only, narrow and in lower case."""
    return "".join(each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum())


def meanings(dimension: Dimension) -> Mapping[str, str]:
    """Plain word -> leaf code; a word that could mean two codes is left out."""
    found: dict[str, set[str]] = {}
    for code in dimension.code_list.leaves:
        names = dimension.code_list.by_id[code].names.values()
        for word in (
            code,
            *_digits(code),
            *names,
            *words()["codes"].get(code, ()),
            *_province(code),
            *_provinces_of(code),
        ):
            found.setdefault(plain(word), set()).add(code)
    return {word: codes.pop() for word, codes in found.items() if len(codes) == 1}


def code_for(value: str, known: Mapping[str, str]) -> str | None:
    """The code that a value means, if it means one."""
    for form in (value, _PROVINCE_ENDS.sub("", value.strip())):
        if plain(form) in known:
            return known[plain(form)]
    return None


def graded(values: Iterable[str], dimension: Dimension) -> dict[str, str]:
    """Letters from A on over three tiers: two in five are low, one is middle, the rest high; nothing for other values."""
    letters, leaves = sorted(values), dimension.code_list.leaves
    if leaves != ("LOW", "MID", "HIGH") or len(letters) < 3 or letters != [chr(65 + at) for at in range(len(letters))]:
        return {}
    low, middle = round(len(letters) * 0.4), max(1, round(len(letters) * 0.2))
    return {
        letter: leaves[0 if place < low else 1 if place < low + middle else 2] for place, letter in enumerate(letters)
    }


def bins_of(dimension: Dimension) -> list[tuple[float | None, str]]:
    """The upper bound of each code where the codes themselves say it; nothing where one does not."""
    found: list[tuple[float | None, str]] = []
    for code in dimension.code_list.leaves:
        if code == "CURRENT":
            found.append((0, code))
        elif code.startswith("NEVER") and code[5:].isdigit():
            found.append((int(code[5:]) - 1, code))
        elif bounds := _BOUNDS.match(code):
            upper = int(bounds[2])
            found.append((upper / _BASIS_POINTS if code.startswith("PD") else upper, code))
        elif _OPEN.match(code):
            found.append((None, code))
        else:
            return []
    uppers = [upper for upper, _ in found[:-1]]
    rising = all(upper is not None for upper in uppers) and uppers == sorted(set(uppers), key=float)  # type: ignore[arg-type]
    return found if len(found) > 1 and rising and found[-1][0] is None else []


def _digits(code: str) -> list[str]:
    """D001_029 is often written 001_029."""
    found = _BOUNDS.match(code)
    return [f"{found[1]}_{found[2]}"] if found else []


def _province(code: str) -> list[str]:
    number = words()["provinces"].get(code)
    return [] if number is None else [number, f"{number}0000"]


def _provinces_of(region: str) -> list[str]:
    """The provinces of a larger region, as the shared code list has them."""
    return [
        word
        for each in _regions()
        if each.get("parent") == region
        for word in (each["id"], *each["name"].values(), *_province(each["id"]))
    ]


@cache
def _regions() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((resources.files(CODE_LISTS) / "REGION.json").read_text("utf-8"))
    return found
