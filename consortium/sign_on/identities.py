"""Which account of its directory a person comes with: kept at the first sign-in, asked for at every later one.

An e-mail address alone is not enough: a directory may give a leaver's address to somebody else, or let people write their
own.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from consortium.audit.services import record
from consortium.people.models import Person
from consortium.sign_on import rules
from consortium.sign_on.models import Identity


def is_the_same(sign_on_id: int, person: Person, subject: str) -> bool:
    """Whether this account of the directory is the person's; the first one that comes is."""
    try:
        with transaction.atomic():
            known, _new = Identity.objects.get_or_create(
                sign_on_id=sign_on_id, person=person, defaults={"subject": subject}
            )
    except IntegrityError:  # the account is a colleague's
        known = None
    if known is not None and known.subject == subject:
        return True
    record("person.other_directory_account", by="the directory", about=person, institution=person.institution)
    return False


@transaction.atomic
def forget(person: Person, *, by: Person) -> None:
    """The next account with the person's address is taken for theirs: the directory has made a new one."""
    rules.check_can_forget_identity(by, person)
    Identity.objects.filter(person=person).delete()
    record("person.directory_account_forgotten", by=by, about=person, institution=person.institution)
