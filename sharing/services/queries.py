"""What the association asks about findings without knowing whose they are. docs/decisions/anonymous-questions.md."""

from __future__ import annotations

from base64 import b32encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions.models import ApiClient
from consortium.people.models import Person
from sharing import rules, texts
from sharing.models import Finding, Query, QueryMessage, Round, Submission
from sharing.services import telling
from sharing.states import QueryState, RoundState

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CELLS: Final = 20
_SALT: Final = "sharing.services.queries.handle"


@dataclass(frozen=True)
class Found:
    """How often a rule warned at one contributor; `query` is what was asked last about it."""

    handle: str
    rule: str
    severity: str
    count: int
    query: Query | None

    def get_severity_display(self) -> str:
        return str(Finding.Severity(self.severity).label)


def handle_of(round_id: int, institution_id: int) -> str:
    """By what the association knows a contributor within one round; another one in every other round.

    Whoever does not hold the platform's secret key can neither compute it nor tell two rounds' handles together.
    """
    digest = salted_hmac(_SALT, f"{round_id}/{institution_id}", algorithm="sha256").digest()
    text = b32encode(digest[:5]).decode()
    return f"{text[:4]}-{text[4:]}"


def found_in(round: Round, person: Person) -> list[Found]:
    """What was found in the submissions that count, by handle and rule; Refused while too few count."""
    counted = _counted(round)
    rules.check_can_see_findings(person, len(counted))
    asked = _asked(round)
    rows = Finding.objects.filter(submission__in=counted.values())
    lines = rows.values_list("submission__institution", "rule", "severity").order_by().annotate(Count("pk"))
    found = [
        Found(handle := handle_of(round.pk, institution), rule, severity, count, asked.get((handle, rule)))
        for institution, rule, severity, count in lines
    ]
    return sorted(found, key=lambda each: (each.handle, each.rule))


@transaction.atomic
def ask(round: Round, handle: str, rule: str, text: str, *, by: Person) -> Query:
    """A question about one rule to whoever has the handle in this round."""
    counted = _counted(round)
    rules.check_can_see_findings(by, len(counted))
    texts.check_has_message(text)
    submission = _of_handle(round, handle, counted)
    findings = submission.findings.filter(rule=rule)
    if not findings:
        raise Refused(_("Nothing of this kind was found there."), rule="no-such-finding")
    try:
        with transaction.atomic():
            query = Query.objects.create(
                submission=submission,
                handle=handle,
                rule=rule,
                severity=findings[0].severity,
                findings_count=len(findings),
            )
    except IntegrityError as taken:
        raise Refused(_("There is an open question about this rule already."), rule="asked-already") from taken
    _write(query, text, by, is_answer=False)
    record("query.asked", by=by, about=query, round=round.public_id)
    telling.asked(query)
    return query


@transaction.atomic
def ask_again(query: Query, text: str, *, by: Person) -> Query:
    """Another question in the same thread."""
    query = _locked(query)
    rules.check_can_ask_again(by, query)
    texts.check_has_message(text)
    if query.state == QueryState.ANSWERED:
        query.move_to(QueryState.OPEN)
        query.save(update_fields=["state"])
    _write(query, text, by, is_answer=False)
    record("query.asked", by=by, about=query)
    telling.asked(query)
    return query


@transaction.atomic
def answer(query: Query, text: str, *, by: Person | ApiClient, show_cells: bool = False) -> Query:
    """The contributor's answer; where the findings are is told only where it chooses to."""
    query = _locked(query)
    rules.check_can_answer(by, query)
    texts.check_has_message(text)
    if query.state == QueryState.OPEN:
        query.move_to(QueryState.ANSWERED)
        query.save(update_fields=["state"])
    _write(query, text, by, is_answer=True, cells=_cells(query) if show_cells else [])
    record("query.answered", by=by, about=query)
    telling.answered(query)
    return query


@transaction.atomic
def close(query: Query, *, by: Person) -> Query:
    """Nothing more is asked or answered in this thread."""
    query = _locked(query)
    rules.check_can_close_query(by, query)
    query.move_to(QueryState.CLOSED)
    query.save(update_fields=["state"])
    record("query.closed", by=by, about=query)
    telling.closed(query)
    return query


def _counted(round: Round) -> dict[int, Submission]:
    """The submission that counts of each contributor.

    While packages come in, they are added five at a time: one by one, whoever watches the board would see which handle
    came with which name.
    """
    accepted = Submission.objects.accepted().filter(round=round).only("institution_id", "round_id")
    rows = list(accepted.order_by("decided_at", "pk"))
    if round.state == RoundState.OPEN or round.extensions.running().exists():
        del rows[len(rows) - len(rows) % rules.FEWEST_TO_ASK_AMONG :]
    return {submission.institution_id: submission for submission in rows}


def _of_handle(round: Round, handle: str, counted: Mapping[int, Submission]) -> Submission:
    for institution, submission in counted.items():
        if handle_of(round.pk, institution) == handle:
            found = Submission.objects.select_related("round__collection", "institution")
            return found.get(pk=submission.pk)
    raise Refused(_("Nothing of this kind was found there."), rule="no-such-finding")


def _asked(round: Round) -> dict[tuple[str, str], Query]:
    asked = Query.objects.filter(submission__round=round).order_by("asked_at")
    return {(query.handle, query.rule): query for query in asked}


def _cells(query: Query) -> list[dict[str, str]]:
    findings = query.submission.findings.filter(rule=query.rule)
    return list(findings.values_list("cell", flat=True)[:MOST_CELLS])


def _write(
    query: Query,
    text: str,
    by: Person | ApiClient,
    *,
    is_answer: bool,
    cells: list[dict[str, str]] | None = None,
) -> None:
    writer = by if isinstance(by, Person) else None
    QueryMessage.objects.create(query=query, is_answer=is_answer, text=text.strip(), cells=cells or [], by=writer)


def _locked(query: Query) -> Query:
    rows = Query.objects.select_for_update(of=("self",)).select_related("submission__round__collection")
    return rows.get(pk=query.pk)
