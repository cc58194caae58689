"""An institution's receipts and audit trail: its evidence, also while it is suspended and for a time after it left."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from consortium.audit.models import Entry
from consortium.institutions import rules
from consortium.institutions.states import InstitutionState
from consortium.people.models import Person
from consortium.people.session import signed_in
from sharing.models import Submission

A_PAGE = 50


@require_safe
def records(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    rules.check_can_read_records(person)
    institution = person.institution
    left_at = institution.left_at if institution else None
    is_member = institution is not None and institution.state == InstitutionState.ACTIVE
    entries = Entry.objects.filter(institution=person.institution_id).exclude(institution=None)
    context = {
        "frame": "web/institution_base.html" if is_member else "membership/records_frame.html",
        "submissions": Paginator(_submissions(person), A_PAGE).get_page(request.GET.get("submissions")),
        "page": Paginator(entries, A_PAGE).get_page(request.GET.get("page")),
        "until": left_at + rules.RECORDS_FOR if left_at else None,
    }
    return render(request, "membership/records.html", context)


@require_safe
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The signed receipt as `concord verify` reads it."""
    person = signed_in(request)
    rules.check_can_read_records(person)
    submission = get_object_or_404(_submissions(person), pk=pk)
    return HttpResponse(
        submission.receipt,
        content_type="application/jose",
        headers={"Content-Disposition": f'attachment; filename="receipt-{submission.pk}.jws"'},
    )


def _submissions(person: Person) -> QuerySet[Submission]:
    """Not `visible_to`: that ends with the membership, and receipts outlive it."""
    own = Submission.objects.filter(institution=person.institution_id).exclude(institution=None)
    return own.select_related("round__collection").order_by("-received_at")
