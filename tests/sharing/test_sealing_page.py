"""What the sealing page offers to whom; the sealing itself is tested in a browser (tests/browser/sealing)."""

from __future__ import annotations

import json
import re

import pytest

from consortium.people.roles import Role
from sharing.sealing_words import FINDINGS, WORDS
from tests.cast import person


def facts(answer):
    text = re.search(r'<script id="sealing-facts" type="application/json">(.*?)</script>', answer.content.decode())
    return json.loads(text[1])


@pytest.fixture
def page(client, open_round):
    def get(who):
        client.force_login(who)
        return client.get(f"/rounds/{open_round.public_id}/seal/")

    return get


def test_the_script_is_told_which_keys_are_in_force(page, ada, harbour):
    told = facts(page(ada))
    assert told["inForce"] == told["registered"] == [harbour.key.kid]
    assert (told["institution"], told["audience"], told["isOpen"]) == ("HARBOUR", "concord-test", True)


def test_who_may_not_send_reads_why(page, anna):
    answer = page(anna)
    assert facts(answer)["isOpen"] is False
    assert answer.context["why_not"]
    assert b'action="/rounds/' not in answer.content


def test_it_names_the_approvers_but_not_the_sender(page, ada, bela, harbour):
    assert page(ada).context["approvers"] is None
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    assert page(ada).context["approvers"] == [str(bela)]
    bela.is_active = False
    bela.save()
    answer = page(ada)
    assert answer.context["approvers"] == []
    assert "nobody else is an approver" in answer.content.decode()


def test_only_an_administrator_is_offered_to_register(page, ada, harbour):
    assert b'data-key="register"' not in page(ada).content
    both = person("Dana", harbour.institution, Role.SUBMITTER, Role.ADMINISTRATOR)
    assert b'data-key="register"' in page(both).content


def test_the_scripts_sentences_say_what_they_are_asked_for():
    """Every name in braces is one that the script fills in."""
    known = {
        "collection", "version", "period", "institution", "dimension", "total", "left", "right", "measure", "minimum", "base", "row",
        "number", "name", "cells", "withheld", "columns", "kid", "rule", "detail", "at",
    }  # fmt: skip
    for name, sentence in WORDS.items():
        assert set(re.findall(r"\{(\w+)\}", str(sentence))) <= known, name
    assert set(FINDINGS) < set(WORDS)


def test_every_sentence_is_there_in_chinese(page, ada):
    ada.language = "zh-hans"
    ada.save()
    for name, sentence in facts(page(ada))["words"].items():
        assert re.search(r"[\u4e00-\u9fff]", sentence), name
