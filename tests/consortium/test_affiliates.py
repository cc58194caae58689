"""Groups that count as one contributor, with their history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import Affiliation, Institution
from consortium.institutions.services import affiliates, institutions
from consortium.notifications.models import Notice
from sharing.models import Release, Submission
from sharing.services import inputs
from tests.cast import found_bank


@pytest.fixture
def family(mara):
    return affiliates.create("FAMILY", "Family", name_zh="家族", by=mara)


def test_joining_and_leaving_change_who_counts_and_keep_the_history(harbour, dora, family, mara):
    joined = affiliates.join(harbour.institution, family, by=mara)
    assert joined.contributor_id == "FAMILY"
    alone = affiliates.leave(joined, by=mara)

    assert alone.contributor_id == "HARBOUR"
    affiliation = Affiliation.objects.get()
    assert affiliation.since <= affiliation.until
    assert affiliation.recorded_by == mara
    assert Notice.objects.filter(person=dora, kind="affiliation.changed").count() == 2
    assert list(Entry.objects.order_by("pk").values_list("event", flat=True)) == [
        "affiliates.created",
        "affiliates.joined",
        "affiliates.left",
    ]


def test_a_past_grouping_is_found_again(harbour, family, mara):
    before = timezone.now()
    affiliates.join(harbour.institution, family, by=mara)
    during = timezone.now()
    affiliates.leave(harbour.institution, by=mara)

    for at, contributor in ((before, "HARBOUR"), (during, "FAMILY"), (timezone.now(), "HARBOUR")):
        institution = Institution.objects.get(code="HARBOUR")
        affiliates.as_grouped([institution], at)
        assert institution.contributor_id == contributor


def test_a_round_is_grouped_as_when_its_first_release_was_begun(harbour, open_round, family, stella, mara):
    affiliates.join(harbour.institution, family, by=mara)
    first = Release.objects.create(round=open_round, public_id="r1", revision=1, state="refused", prepared_by=stella)
    affiliates.leave(harbour.institution, by=mara)
    second = Release.objects.create(round=open_round, public_id="r2", revision=2, prepared_by=stella)

    for release in (first, second):
        submission = Submission(round=open_round, institution=Institution.objects.get(code="HARBOUR"))
        inputs.group(release.round, [submission])
        assert submission.institution.contributor_id == "FAMILY"


def test_an_institution_is_in_one_group_at_a_time(harbour, family, mara):
    other = affiliates.create("OTHER", "Other", by=mara)
    affiliates.join(harbour.institution, family, by=mara)

    with pytest.raises(Refused, match="belongs to a group already"):
        affiliates.join(harbour.institution, other, by=mara)
    with pytest.raises(IntegrityError, match="one_affiliate_group_at_a_time"):
        Affiliation.objects.create(group=other, institution=harbour.institution, since=timezone.now())


def test_a_group_with_an_institutions_code_has_it_as_its_head_for_good(harbour, mara):
    affiliates.create("HARBOUR", "Harbour Group", by=mara)
    head = Institution.objects.get(code="HARBOUR")
    assert head.affiliate_group == "HARBOUR"

    with pytest.raises(Refused, match="so it stays its head"):
        affiliates.leave(head, by=mara)


def test_a_head_that_is_in_another_group_founds_none(harbour, family, mara):
    affiliates.join(harbour.institution, family, by=mara)

    with pytest.raises(Refused, match="belongs to a group already"):
        affiliates.create("HARBOUR", "Harbour Group", by=mara)


def test_no_institution_takes_the_code_of_a_group(family, mara):
    with pytest.raises(Refused, match="A group of affiliates has this code"):
        institutions.propose("FAMILY", "Impostor", by=mara, kind="other", size_band="small")
    with pytest.raises(Refused, match="Another group has this code"):
        affiliates.create("FAMILY", "Twice", by=mara)


def test_groups_are_member_services_own(harbour, family, dora, carl, aldo):
    for other in (dora, carl, aldo):
        with pytest.raises(Forbidden):
            affiliates.create("NEW", "New", by=other)
        with pytest.raises(Forbidden):
            affiliates.join(harbour.institution, family, by=other)
        with pytest.raises(Forbidden):
            affiliates.rename(family, "Mine", by=other)


def test_nobody_leaves_no_group_and_nobody_who_left_joins(harbour, family, mara):
    with pytest.raises(Refused, match="belongs to no group"):
        affiliates.leave(harbour.institution, by=mara)
    gone = found_bank("GONE", state="left").institution
    with pytest.raises(Refused, match="has left the consortium"):
        affiliates.join(gone, family, by=mara)


def test_the_pages_found_fill_and_empty_a_group(client, harbour, mara, settings):
    settings.CONCORD_MFA = "optional"
    client.force_login(mara)
    client.post("/administration/affiliates/new/", {"code": "FAMILY", "name": "Family", "name_zh": ""})
    address = "/administration/affiliates/FAMILY/"
    client.post(address + "join/", {"institution": harbour.institution.pk})
    assert "HARBOUR" in client.get(address).content.decode()
    client.post(address, {"name": "House", "name_zh": "家"})
    client.post(address + "HARBOUR/leave/")

    assert Institution.objects.get(code="HARBOUR").affiliate_group == ""
    assert "House" in client.get(address).content.decode()
    assert client.post(address + "HARBOUR/leave/").status_code == 404


def test_groups_of_before_became_groups_with_a_history(harbour):
    from importlib import import_module

    from django.apps import apps

    migration = import_module("consortium.institutions.migrations.0004_groups_of_before")
    Institution.objects.filter(code="HARBOUR").update(affiliate_group="OLD")
    daughter = found_bank("DAUGHTER", affiliate_group="OLD").institution
    Institution.objects.filter(pk=daughter.pk).update(admitted_at=None)
    migration.make_groups(apps, None)

    assert {each.institution.code for each in Affiliation.objects.current()} == {"HARBOUR", "DAUGHTER"}
    institution = Institution.objects.get(code="HARBOUR")
    affiliates.as_grouped([institution], institution.admitted_at + timedelta(seconds=1))
    assert institution.contributor_id == "OLD"
