"""The board report: typeset in both languages, for a member with its own figures and for the association without."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from django.utils import translation

from consortium.people.models import Person
from sharing.models import Release, Statement
from sharing.models.release import FIGURES
from sharing.reports import board
from sharing.reports.content import content
from sharing.states import SubmissionState
from tests.browser.seed import seed

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def seeded(db):
    return seed()


@pytest.fixture
def release(seeded):
    return Release.objects.published().order_by("-round__period").first()


@pytest.fixture
def anna(seeded):
    return Person.objects.get(institution=seeded.institution, roles__contains=["analyst"])


@pytest.fixture
def stella(seeded):
    return Person.objects.get(email="stella@example.org")


def told(release, reader, language="en"):
    with translation.override(language):
        return content(release, reader)


def test_the_report_is_a_tagged_pdf_and_the_same_to_the_last_byte(release, anna):
    first = board.pdf(release, anna, "en")
    assert first.startswith(b"%PDF-")
    assert b"pdfuaid:part" in first
    assert b"/StructTreeRoot" in first
    assert board.pdf(release, anna, "en") == first
    assert board.pdf(release, anna, "zh-hans") != first


def test_every_language_has_five_to_eight_pages(release, anna):
    for language in board.LANGUAGES:
        pages = board.typeset(told(release, anna, language), release.published_at, "png")
        assert 5 <= len(pages) <= 8


def test_a_member_reads_its_own_figures_and_the_association_none(release, anna, stella):
    ours, theirs = told(release, anna), told(release, stella)
    assert ours["own"]["rows"]
    assert theirs["own"] is None
    own = [cell["text"] for row in ours["own"]["rows"] for cell in row if cell.get("own")]
    assert own
    assert not any(cell.get("own") or cell.get("below") for cell in cells_of(theirs))
    assert "Harbour Bank" not in json.dumps(theirs)


def cells_of(document):
    tables = [*document["tables"], *document["breakdowns"], *filter(None, [document["own"], document["heat"]])]
    return [cell for table in tables for row in table["rows"] for cell in row]


def test_a_withheld_cell_is_marked_and_says_no_more(release, anna):
    release.cells_of_release.filter(key__contains="CAR").update(
        **dict.fromkeys((*FIGURES, "contributors")), withheld=True, reason="G"
    )
    withheld = [cell for cell in cells_of(told(release, anna)) if cell.get("withheld")]
    assert withheld
    assert {cell["text"] for cell in withheld} == {"withheld"}


def test_who_did_not_answer_the_round_reads_the_headlines_alone_and_what_would_show_the_rest(release, anna):
    release.round.submissions.filter(institution=anna.institution).update(state=SubmissionState.WITHDRAWN)
    Statement.objects.filter(release=release, institution=anna.institution).delete()
    document = told(release, anna)
    assert document["breakdowns"] == []
    assert document["heat"] is None
    assert "did not answer this round" in document["only_headlines"]


def test_nothing_of_the_document_is_markup_to_the_typesetter(release, anna):
    document = told(release, anna)
    document["cover"]["institution"] = '#panic("not data") *bold* $x$ </w> \\ "'
    assert board.typeset(document, release.published_at).startswith(b"%PDF-")


def test_the_font_has_a_glyph_for_every_character_of_the_report(release, anna):
    ttf = pytest.importorskip("fontTools.ttLib")
    folder = Path(str(resources.files("justmytype_intl_cjk"))) / "fonts" / "ofl" / "notosanssc"
    known = ttf.TTFont(next(folder.glob("*.ttf"))).getBestCmap()
    for language in board.LANGUAGES:
        document = told(release, anna, language)
        text = json.dumps(document, ensure_ascii=False)
        assert {letter for letter in text if ord(letter) not in known and letter.isprintable()} == set()


def test_the_report_in_chinese_has_no_sentence_in_english(release, anna):
    document = told(release, anna, "zh-hans")
    sentences = [*document["methods"], *document["labels"].values(), *(each["text"] for each in document["summary"])]
    assert all(HAN.search(each) for each in sentences)


def test_the_page_gives_the_pdf_of_a_release_in_force_alone(client, release, anna, seeded):
    client.force_login(anna)
    answer = client.get(f"/releases/{release.public_id}/report.pdf?lang=zh-hans")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert "no-store" in answer["Cache-Control"]
    assert client.get(f"/releases/{release.public_id}/report.pdf?lang=fr").status_code == 404
    assert client.get(f"/releases/{seeded.draft.public_id}/report.pdf").status_code == 404


def test_the_statement_page_says_where_we_stand_in_total_and_by_every_dimension(client, release, anna):
    client.force_login(anna)
    page = client.get(f"/statements/{release.public_id}/?indicator=DPD90_RATE").content.decode()
    assert "Harbour Bank beside its peers" in page
    for heading in ("In total", "Product", "Region", "Risk tier"):
        assert f">{heading}</h2>" in page
    assert "indicator=DPD90_RATE" in page
    assert client.get("/statements/").content.decode().count(f"/statements/{release.public_id}/") == 1


def test_nobody_reads_a_statement_page_of_another_institution(client, release, stella):
    client.force_login(stella)
    assert client.get(f"/statements/{release.public_id}/").status_code == 404
