"""The regions that an institution can be at home in, by their ISO 3166 codes."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

from django.utils.translation import get_language

PATTERN = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"


def suggestions() -> list[tuple[str, str]]:
    """Codes and names, in the language of the page, of the provinces that the shipped collections ask for."""
    language = "zh-Hans" if (get_language() or "").startswith("zh") else "en"
    return [(code, names[language]) for code, names in _provinces()]


@lru_cache(maxsize=1)
def _provinces() -> list[tuple[str, dict[str, str]]]:
    text = resources.files("anonymize.templates").joinpath("code_lists/REGION.json").read_text(encoding="utf-8")
    return [(code["id"], code["name"]) for code in json.loads(text) if code["id"].startswith("CN-")]
