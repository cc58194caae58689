"""What the officer reads is what leaves, and holds nothing that may not be told."""

from __future__ import annotations

import hashlib
import json
import re
import string
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from anonymize.checks import Finding
from anonymize.cube import Cells, write_cube
from anonymize.identifier_kinds import FOREIGN, KINDS
from anonymize.identifiers import INDIRECT, IdentifierFinding
from anonymize.protect import Protected, protect
from anonymize.report import Language, Summary, render, summarize
from anonymize.report_words import WORDS
from anonymize.template import Protection, Template
from tests.anonymize.loans import cells_of, random_loans, small_template

TEMPLATE = small_template()
AT = datetime(2026, 11, 23, 17, 5, tzinfo=UTC)
LANGUAGES: tuple[Language, ...] = ("en", "zh-Hans")


@pytest.fixture(scope="module")
def cells() -> Cells:
    return cells_of(random_loans(TEMPLATE, 300, seed=3), TEMPLATE)


@pytest.fixture(scope="module")
def result(cells: Cells) -> Protected:
    return protect(cells, TEMPLATE, "ADA")


@pytest.fixture(scope="module")
def summary(cells: Cells, result: Protected) -> Summary:
    return summarize(cells, result, TEMPLATE, [], [])


def text_of(html: str) -> str:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(html.partition("<body>")[2])
    return " ".join(" ".join(found).split())


def test_the_report_counts_what_is_in_the_cube(summary: Summary, result: Protected) -> None:
    assert summary.published + summary.withheld == summary.cells == result.cube.table.num_rows
    assert summary.small_count + summary.dominance + summary.secondary == summary.withheld > 0
    assert summary.digest == hashlib.sha256(write_cube(result.cube)).hexdigest()
    assert summary.smallest_before < 10 <= (summary.smallest_after or 0)
    assert summary.unique_after == 0
    assert all(line.ok and line.narrowest is not None and line.narrowest >= 1 for line in summary.audits)


def test_loss_is_told_for_every_code_with_cells(summary: Summary, result: Protected) -> None:
    regions = {loss.code: loss for loss in summary.dimensions["REGION"]}
    assert sum(loss.cells for loss in regions.values()) == summary.cells
    assert sum(loss.withheld for loss in regions.values()) == summary.withheld
    assert regions["N1"].depth == 2
    assert regions["_T"].total_published == (result.reasons[0, 0, 0] == "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_needs_nothing_else(summary: Summary, language: Language) -> None:
    html = render(summary, TEMPLATE, language, AT)
    assert not re.search(r"https?:|<script|<link|<img|url\(|@import|\ssrc=|\shref=", html)
    assert f'<html lang="{language}">' in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_what_the_officer_signs(summary: Summary, language: Language) -> None:
    text = text_of(render(summary, TEMPLATE, language, AT))
    for fact in (summary.digest, "2026-10", "ADA", "2026-11-23 17:05 UTC", WORDS["release"][language]):
        assert fact in text
    assert WORDS["may_leave"][language] in text
    assert "{" not in text


def test_no_amount_is_in_the_report(summary: Summary, cells: Cells) -> None:
    text = text_of(render(summary, TEMPLATE, "en", AT)).replace(",", "")
    amounts = {f"{value:.0f}" for value in cells.table.column("BALANCE").to_pylist()}
    assert not amounts & set(re.findall(r"\d+", text))


def test_an_error_forbids_the_release(summary: Summary) -> None:
    broken = replace(summary, findings=(Finding("totals-add-up", "error", "The parts do not add up.", {}),))
    text = text_of(render(broken, TEMPLATE, "en", AT))
    assert not broken.may_leave
    assert WORDS["must_not_leave"]["en"] in text
    assert WORDS["may_leave"]["en"] not in text
    assert "The parts do not add up." in text


def test_a_failed_audit_forbids_the_release(summary: Summary) -> None:
    failed = replace(summary, audits=(replace(summary.audits[0], ok=False, narrowest=0.0),))
    assert not failed.may_leave
    assert WORDS["failed"]["en"] in text_of(render(failed, TEMPLATE, "en", AT))


def test_names_from_the_tape_are_text_and_not_markup(summary: Summary) -> None:
    hostile = IdentifierFinding("<script>alert(1)</script>", "phone", "phone numbers", "values")
    html = render(replace(summary, institution="<b>", identifiers=(hostile,)), TEMPLATE, "zh-Hans", AT)
    assert "<script" not in html
    assert "<b>" not in html
    assert WORDS["kind_phone"]["zh-Hans"] in html


def test_a_collection_without_protection_is_told_apart(cells: Cells) -> None:
    template: Template = replace(TEMPLATE, protection=Protection("none", TEMPLATE.protection.policy))
    summary = summarize(cells, protect(cells, template, "ADA"), template, [], [])
    text = text_of(render(summary, template, "en", AT))
    assert WORDS["unprotected"]["en"] in text
    assert WORDS["no_audit"]["en"] in text
    assert WORDS["may_leave"]["en"] not in text


def test_the_facts_are_json_as_well(summary: Summary) -> None:
    document = json.loads(json.dumps(summary.to_dict()))
    assert document["may_leave"] is True
    assert document["digest"] == summary.digest


def test_every_sentence_is_there_in_both_languages_with_the_same_gaps() -> None:
    for name, texts in WORDS.items():
        assert set(texts) == set(LANGUAGES), name
        gaps = [{gap for _, gap, _, _ in string.Formatter().parse(text) if gap} for text in texts.values()]
        assert gaps[0] == gaps[1], name


def test_every_kind_of_identifier_has_its_words() -> None:
    slugs = {kind.slug for kind in (*KINDS, FOREIGN)} | INDIRECT
    assert {f"kind_{slug}" for slug in slugs} <= set(WORDS)
