"""A member's own peer groups: defined within rules, published for all, retired and never changed."""

from __future__ import annotations

import pytest
from django.utils import timezone

from consortium.errors import Forbidden, Refused
from consortium.institutions.models import SizeBand
from consortium.people.roles import Role
from sharing.models import PeerGroup, Release
from sharing.services import inputs, peer_groups
from tests.cast import found_bank, person
from tests.sharing.releasing import collect, found_panel, open_round_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def banks():
    """Three large, six medium and seven small banks, and eight more small ones."""
    return [*found_panel(), *(found_bank(f"TINY{number}", size_band=SizeBand.SMALL) for number in range(8))]


@pytest.fixture
def collection(banks):
    return collect(banks)


@pytest.fixture
def ana(banks):
    return person("ana", banks[0].institution, Role.ANALYST)


def codes(banks, *names):
    return [bank.institution.code for bank in banks if bank.institution.code.startswith(names)]


def define(collection, by, *names, name="Ours", **attributes):
    return peer_groups.define(collection, name, attributes=attributes, institutions=names, by=by)


def rule_of(act, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.rule, str(refused.value)


def test_a_group_by_attributes_holds_whoever_has_them_when_it_is_defined(collection, ana, banks):
    collection.peer_groups.clear()
    group = define(collection, ana, size_band=["large", "medium"])
    assert sorted(group.institutions) == sorted(codes(banks, "LARGE", "MEDIUM"))
    assert (group.code, group.family) == ("custom-1", "custom-1")
    assert not group.includes(found_bank("LATER", size_band=SizeBand.LARGE).institution)


def test_a_group_that_is_too_small_is_told_how_many_are_missing(collection, ana, banks):
    rule, sentence = rule_of(define, collection, ana, *codes(banks, "MEDIUM"))
    assert rule == "group-too-small"
    assert "choose 2 more" in sentence


def test_a_group_of_nearly_everybody_is_told_how_many_are_too_many(collection, ana, banks):
    rule, sentence = rule_of(define, collection, ana, *codes(banks, "MEDIUM", "SMALL", "TINY"))
    assert rule == "too-few-outside"
    assert "choose 5 fewer" in sentence


def test_affiliates_count_once_and_come_along(collection, ana, banks):
    members = codes(banks, "MEDIUM", "LARGE")
    for bank in banks[:3]:
        bank.institution.affiliate_group = "FAMILY"
        bank.institution.save()
    rule, sentence = rule_of(define, collection, ana, *members)
    assert rule == "group-too-small"
    assert "choose 1 more" in sentence
    choice = peer_groups.choose(collection, {}, ["LARGE0"])
    assert {each.code for each in choice.institutions} == set(codes(banks, "LARGE"))


def test_a_group_that_differs_by_few_from_another_is_refused(collection, ana, banks):
    rule, sentence = rule_of(define, collection, ana, *codes(banks, "SMALL", "TINY"), *codes(banks, "MEDIUM0"))
    assert rule in ("too-few-outside", "too-near-another-group")
    assert "5" not in sentence  # the parameter is for staff


def test_the_same_institutions_as_another_group_are_no_difference(collection, ana, banks):
    assert define(collection, ana, *codes(banks, "SMALL", "TINY")).names["en"] == "Ours"


def test_a_member_has_two_groups_in_a_collection_at_most(collection, ana, banks):
    for _number in range(2):
        define(collection, ana, *codes(banks, "SMALL", "TINY"))
    assert rule_of(define, collection, ana, *codes(banks, "SMALL", "TINY"))[0] == "two-groups-already"


def test_a_collection_has_eight_custom_groups_at_most(collection, banks):
    for number in range(4):
        member = person(f"member{number}", banks[number].institution, Role.ANALYST)
        for _number in range(2):
            define(collection, member, *codes(banks, "SMALL", "TINY"))
    last = person("last", banks[5].institution, Role.ANALYST)
    assert rule_of(define, collection, last, *codes(banks, "SMALL", "TINY"))[0] == "eight-groups-already"


def test_who_is_no_contributor_cannot_be_chosen(collection, ana):
    found_bank("STRANGE")
    assert rule_of(define, collection, ana, "STRANGE")[0] == "no-contributor"


def test_a_group_is_compared_with_from_the_next_round_until_it_is_retired(collection, ana, banks):
    round = open_round_of(collection)
    release = Release.objects.create(round=round, public_id="r1", revision=1, prepared_by=ana)
    group = define(collection, ana, *codes(banks, "SMALL", "TINY"))
    assert group not in inputs.peer_groups(round)
    release.delete()
    assert group in inputs.peer_groups(round)
    Release.objects.create(round=round, public_id="r1", revision=1, prepared_by=ana)
    peer_groups.retire(group, by=ana)
    assert group in inputs.peer_groups(round)  # this round's releases are alike
    assert group not in inputs.peer_groups(open_round_of(collection, "2026-Q1"))


def test_only_its_owner_or_a_collection_manager_retires_a_group_and_once(collection, ana, banks, carl):
    group = define(collection, ana, *codes(banks, "SMALL", "TINY"))
    other = person("other", banks[4].institution, Role.ANALYST)
    with pytest.raises(Forbidden):
        peer_groups.retire(group, by=other)
    peer_groups.retire(group, by=carl)
    assert rule_of(peer_groups.retire, group, by=ana)[0] == "retired-already"
    assert rule_of(peer_groups.retire, PeerGroup.objects.get(code="size-small"), by=carl)[0] == "not-custom"


def test_the_page_counts_at_every_change_and_says_which_rule_is_in_the_way(collection, ana, banks, client):
    client.force_login(ana)
    assert client.get("/peer-groups/").status_code == 200
    few = {"collection": "call-report", "size_band": ["large"]}
    answer = client.post("/peer-groups/", few, headers={"hx-request": "true"})
    assert "3 institutions" in answer.content.decode()
    assert "choose 5 more" in answer.content.decode()
    fits = {"collection": "call-report", "size_band": ["small"]}
    answer = client.post("/peer-groups/", fits, headers={"hx-request": "true"})
    assert "15 institutions" in answer.content.decode()
    assert "This fits the rules." in answer.content.decode()


def test_the_page_defines_and_retires_a_group(collection, ana, client):
    client.force_login(ana)
    sent = {"collection": "call-report", "name": "Near us", "size_band": ["small"], "define": "1"}
    assert client.post("/peer-groups/", sent).status_code == 302
    group = PeerGroup.objects.get(owner=ana.institution)
    assert "Near us" in client.get("/peer-groups/").content.decode()
    assert client.post(f"/peer-groups/{group.code}/retire/").status_code == 302
    group.refresh_from_db()
    assert group.retired_at <= timezone.now()
    assert "Near us" not in client.get("/peer-groups/").content.decode()


def test_the_page_keeps_what_was_chosen_when_a_rule_refuses(collection, ana, client):
    client.force_login(ana)
    sent = {"collection": "call-report", "name": "Few", "size_band": ["large"], "define": "1"}
    answer = client.post("/peer-groups/", sent)
    assert answer.status_code == 422
    assert "choose 5 more" in answer.content.decode()
    assert not PeerGroup.objects.custom().exists()


def test_a_person_defines_and_retires_a_group_by_the_api(collection, ana, client):
    client.force_login(ana)
    asked = {"collection": "call-report", "name": "Near us", "size_band": ["small"]}
    answer = client.post("/api/v1/peer-groups", asked, content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["collections"] == ["call-report"]
    code = answer.json()["id"]
    assert client.delete(f"/api/v1/peer-groups/{code}").json()["retired_at"]
    refused = client.post("/api/v1/peer-groups", {**asked, "size_band": ["large"]}, content_type="application/json")
    assert refused.status_code == 409
