"""The privacy report: what a compliance officer reads and signs before a cube leaves, as one self-contained page.

It names the reasons for which cells are withheld, which tell an attacker where to aim: the report stays inside the
institution. The facts are `report_facts`, the sentences `report_words`.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib import resources
from typing import Literal

import jinja2

from anonymize.findings import where
from anonymize.reporting.facts import INTERVALS, Summary
from anonymize.reporting.words import WORDS
from anonymize.template import Names, Template

Language = Literal["en", "zh-Hans"]


def render(summary: Summary, template: Template, language: Language, at: datetime) -> str:
    """The report as one HTML page that needs nothing else: no script, no font, no network."""
    words = {name: texts[language] for name, texts in WORDS.items()}

    def named(names: Names) -> str:
        return names.get(language) or names["en"]

    return _page().render(
        summary=summary,
        template=template,
        policy=template.protection.policy,
        language=language,
        words=words,
        named=named,
        where=where,
        at=f"{at:%Y-%m-%d %H:%M} UTC",
        share=_share,
        intervals=INTERVALS,
        epsilon=_epsilon(template),
    )


def _epsilon(template: Template) -> str:
    noise = template.protection.noise
    return "" if noise is None else f"{noise.epsilon:g}"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "–"


@cache
def _page() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    source = resources.files("anonymize").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(source)
