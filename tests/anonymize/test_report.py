"""What the officer reads is what leaves, and holds nothing that may not be told."""

from __future__ import annotations

import hashlib
import json
import re
import string
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from anonymize.checks import Finding
from anonymize.counting.bounded import BOUNDED
from anonymize.cube import Cells, write_cube
from anonymize.identifier_kinds import FOREIGN, KINDS
from anonymize.identifiers import INDIRECT, IdentifierFinding
from anonymize.protect import Protected, protect
from anonymize.report import Language, render
from anonymize.reporting.facts import Provenance, Summary, summarize
from anonymize.reporting.words import WORDS
from anonymize.template import Protection, Template, parse
from tests.anonymize.loans import cells_of, random_loans, small_template

TEMPLATE = small_template()
OPEN = Protection("none", TEMPLATE.protection.policy)
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


def rows_of(cells: Cells, result: Protected) -> list[dict[str, object]]:
    """The cells beside what became of them, row by row."""
    left = {tuple(row[each] for each in TEMPLATE.dimension_ids): row for row in result.cube.table.to_pylist()}
    keys = [tuple(row[each] for each in TEMPLATE.dimension_ids) for row in cells.table.to_pylist()]
    return [
        {**row, "published": left[key]["OBS_STATUS"] == "A", "key": key}
        for key, row in zip(keys, cells.table.to_pylist(), strict=True)
    ]


def is_finest(key: tuple[str, ...]) -> bool:
    return all(code in each.code_list.leaves for code, each in zip(key, TEMPLATE.dimensions, strict=True))


def test_borrowers_are_counted_by_how_many_share_their_cell(cells: Cells, result: Protected, summary: Summary) -> None:
    finest = [row for row in rows_of(cells, result) if is_finest(row["key"])]
    for band in summary.group_sizes:
        inside = [row for row in finest if band.least <= row["contributors"] <= (band.most or 10**9)]
        assert band.before == sum(row["contributors"] for row in inside)
        assert band.after == sum(row["contributors"] for row in inside if row["published"])
    assert sum(band.after for band in summary.group_sizes if (band.most or 10) < 10) == 0


def test_loss_is_told_for_every_level_of_detail(cells: Cells, result: Protected, summary: Summary) -> None:
    rows = rows_of(cells, result)
    for level in summary.details:
        here = [row for row in rows if sum(code != "_T" for code in row["key"]) == level.breakdowns]
        assert (level.cells, level.published) == (len(here), sum(row["published"] for row in here))
    assert sum(level.cells for level in summary.details) == len(rows)


def test_loss_is_told_for_every_measure(cells: Cells, result: Protected, summary: Summary) -> None:
    finest = [row for row in rows_of(cells, result) if is_finest(row["key"])]
    for loss in summary.measures:
        hidden = sum(row[loss.measure] for row in finest if not row["published"])
        assert loss.share_withheld == pytest.approx(hidden / sum(row[loss.measure] for row in finest))
        assert (loss.error_total, loss.error_typical, loss.error_largest) == (0, 0, 0)


def test_intervals_of_attacked_cells_are_all_told(summary: Summary) -> None:
    for line in summary.audits:
        assert sum(line.intervals) == line.attacked
        assert line.proven + line.attacked == line.sensitive


METHODS = {
    "merge": {"method": "merge"},
    "round": {"method": "round", "base": {"ACCOUNTS": 10, "BALANCE": 50_000}},
    "noise": {
        "method": "noise",
        "noise": {"epsilon": 2, "bounds": {"ACCOUNTS": 5, "BORROWERS": 1, "BALANCE": 200_000}},
    },
}


def halved(cells: Cells) -> Cells:
    """The cells with what noise is added to: half of what there is, as if bounds had cut off the rest."""
    table = cells.table
    for measure in TEMPLATE.measures:
        units = table.column(measure.id).to_numpy() * 10**measure.decimals // 2
        table = table.append_column(BOUNDED + measure.id, pa.array(units.astype(np.int64)))
    return replace(cells, table=table)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_its_own_promise(method: str, language: Language, cells: Cells) -> None:
    rules = TEMPLATE.source["protection"]
    template = parse({**TEMPLATE.source, "protection": {**rules, **METHODS[method]}})
    if method == "noise":  # what is drawn is not of interest here, and needs a tape whose borrowers were bounded
        error = {each: np.full(TEMPLATE.shape, 2.0) for each in TEMPLATE.measure_ids}
        result = replace(protect(cells, replace(TEMPLATE, protection=OPEN), "ADA"), method="noise", errors=error)
        cells = halved(cells)
    else:
        result = protect(cells, template, "ADA")
    summary = summarize(cells, result, template, [], [])
    text = text_of(render(summary, template, language, AT))
    promise = WORDS[f"promise_{method}"][language].format(least=10, epsilon=2)
    assert promise in text
    assert WORDS[f"method_{method}"][language] in text
    assert not any(
        WORDS[f"promise_{other}"][language][:20] in text for other in ("suppress", *METHODS) if other != method
    )
    blurred = method in ("round", "noise")
    assert any(loss.error_typical > 0 for loss in summary.measures) == blurred
    assert (WORDS["error_total"][language] in text) == blurred
    assert [loss.cut_off > 0.4 for loss in summary.measures if loss.measure != "BORROWERS"] == [method == "noise"] * 2
    assert (WORDS["cut_off"][language] in text) == (method == "noise")


def test_cubes_that_were_protected_together_are_named(summary: Summary) -> None:
    text = text_of(render(replace(summary, together_with=("vintage",)), TEMPLATE, "en", AT))
    assert "together with the cubes of vintage" in text


def test_what_a_cube_was_made_of_is_told(summary: Summary) -> None:
    made_of = Provenance(("loans.parquet",), 1234, ("balance", "customer_no"), "ab" * 32, "cd" * 32, "concord 1")
    text = text_of(render(replace(summary, provenance=made_of), TEMPLATE, "en", AT))
    for fact in ("loans.parquet", "1,234", "balance, customer_no", "ab" * 32, "cd" * 32, "concord 1"):
        assert fact in text


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
    template: Template = replace(TEMPLATE, protection=OPEN)
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
