"""A collection that asks for rounding: rounded cubes are accepted, exact ones are not."""

from __future__ import annotations

import json

import pytest

from anonymize.protect import protect
from anonymize.template import load
from sharing.models import Collection
from sharing.services import checking, submissions
from sharing.states import SubmissionState
from tests.anonymize.loans import cells_of, random_loans
from tests.cast import call_report, sealed

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection(db, harbour):
    """The call report, rounded."""
    document = json.loads(json.dumps(dict(load("call-report").source)))
    document["protection"] = {
        "method": "round",
        "rules": {"min_contributors": 7, "p_percent": 15, "coalition": 0},
        "base": {"LOANS": 7, "BALANCE": 300_000},
    }
    collection = Collection.objects.create(code=document["id"], version=document["version"], document=document)
    collection.contributors.add(harbour.institution)
    return collection


def opened(harbour, round, cube, by):
    submission = submissions.receive(round, sealed(harbour, round, cube), by=by).submission
    checking.open_sealed(str(submission.pk))
    submission.refresh_from_db()
    return submission


@pytest.mark.parametrize("loans", [3, 200, 2000])
def test_a_cube_that_the_method_made_is_accepted(harbour, open_round, ada, loans):
    template = open_round.collection.template
    cells = cells_of(random_loans(template, loans), template, open_round.period)
    cube = protect(cells, template, "HARBOUR", secret=b"a secret of the bank for tests.").cube

    submission = opened(harbour, open_round, cube, ada)

    assert submission.state == SubmissionState.ACCEPTED, list(submission.findings.values_list("sentence", flat=True))


def test_an_exact_cube_is_rejected_with_the_cells(harbour, open_round, ada):
    submission = opened(harbour, open_round, call_report("HARBOUR", open_round.period), ada)

    assert submission.state == SubmissionState.REJECTED
    finding = submission.findings.filter(rule="not-rounded").first()
    assert "is not rounded to a multiple of" in finding.sentence
