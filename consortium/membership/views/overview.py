"""The own institution at a glance."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consortium.institutions.models import Institution
from consortium.people.models import Person
from consortium.people.roles import MEMBER_ROLES, Permission, Role, require
from consortium.people.session import signed_in


@require_safe
def own_institution(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.INSTITUTION_VIEW)
    institution = Institution.objects.visible_to(person).get(pk=person.institution_id)
    context = {"institution": institution, "duties_of": _who_does_what(person)}
    return render(request, "membership/overview.html", context)


def _who_does_what(person: Person) -> list[tuple[str, list[Person]]]:
    """Every role of a member with the people who have it."""
    people = list(Person.objects.visible_to(person).filter(is_active=True))
    members = (role for role in Role if role in MEMBER_ROLES)
    return [(str(role.label), [each for each in people if role in each.roles]) for role in members]
