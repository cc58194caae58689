"""What else goes on in a consortium in mid-crisis: somebody tries first, one has nothing to send, one needs more time, the
statistician asks, an applicant waits. Each step looks first, so that it can be interrupted, and is done once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from consortium.demo import founding, people
from consortium.demo.banks import Bank, Preparation
from consortium.demo.cycle import wait_for
from consortium.demo.programme import End, Planned
from consortium.institutions.models import Application, Institution, InstitutionKind, SizeBand
from consortium.institutions.services import applications
from sharing.models import Alert, AlertHandling, Extension, NoData, PeerGroup, Query, Release, Round
from sharing.models.no_data import NoDataReason
from sharing.services import alerts, deadlines, no_data, peer_groups, queries, releases
from sharing.states import ReleaseState, RoundState

_OWN_GROUP = "Yangtze delta"
_OF_OWN_GROUP = ("QIANTANG", "SUNAN", "YONGJIANG", "PUJIANG-R", "OUYUE", "TAIHU-R", "KUOCANG-U", "HUAIHE-U")
_APPLICANT = "Tuojiang Rural Commercial Bank"


def go_on(banks: Sequence[Bank], programme: Sequence[Planned], preparation: Preparation) -> None:
    """`banks` are those of the rounds, largest first; what they send is prepared meanwhile."""
    # The other half has submitted: see Cycle.
    silent = banks[::2]
    for planned in programme:
        round = Round.objects.select_related("collection").get(public_id=planned.round_id)
        if planned.end == End.OPEN and round.state == RoundState.OPEN:
            _try_first(round, silent[-1], preparation)
            _have_nothing(round, silent[-2])
            _need_time(round, silent[-3])
    _ask()
    _discuss()
    _heed()
    define_own_group()
    _apply()


def _discuss() -> None:
    """What the reviewers of the draft say to each other."""
    draft = Release.objects.filter(state=ReleaseState.IN_REVIEW, comments=None).order_by("round__period").first()
    if draft is None:
        return
    for post, words in (
        (
            people.REVIEWER,
            "The rise is in many regions at once, and no single member drives it. I see no reason to wait.",
        ),
        (people.PUBLISHER, "我核对了撤下的单元格，规则执行一致。请先确认苏南银行的覆盖率，再批准。"),
    ):
        releases.comment(draft, text=words, by=people.at_association(post))


def _heed() -> None:
    """One of the wave's warnings is looked into, by the association and by a bank, neither of which sees the other's."""
    bank = people.at(Institution.objects.get(code=founding.FOUR_EYES), people.ANALYST)
    due = timezone.localdate() + timedelta(days=10)
    for person, owner, note in (
        (people.at_association(people.REVIEWER), "Béla Kovács", "Ask the regional offices what changed."),
        (bank, bank.name, "Compare with our own book by product."),
    ):
        if AlertHandling.objects.of_party(person.institution_id).exists():
            continue
        alert = Alert.objects.visible_to(person).unattended(person).order_by("pk").first()
        if alert is not None:
            alerts.follow_up(alert, owner=owner, due=due, by=person, note=note)


def _try_first(round: Round, bank: Bank, preparation: Preparation) -> None:
    """A package that is checked and counts for nothing."""
    if not round.submissions.filter(institution__code=bank.code, is_trial=True).exists():
        cube = bank.cube(round.public_id)
        wait_for(cube.exists, f"the cube of {bank.code}", preparation.check)
        bank.submit(round.public_id, cube, is_trial=True)


def _have_nothing(round: Round, bank: Bank) -> None:
    institution = Institution.objects.get(code=bank.code)
    if not NoData.objects.filter(round=round, institution=institution).exists():
        no_data.declare(round, NoDataReason.MIGRATION, by=people.at(institution, people.SUBMITTER))


def _need_time(round: Round, bank: Bank) -> None:
    institution = Institution.objects.get(code=bank.code)
    if not Extension.objects.filter(round=round, institution=institution).exists():
        deadlines.extend(
            round,
            institution,
            until=max(round.due_at, timezone.now()) + timedelta(days=7),
            reason="The core banking system was replaced this month.",
            by=people.at_association(people.COLLECTION_MANAGER),
        )


def _ask() -> None:
    """About what was found last, whoever's it is."""
    statistician = people.at_association(people.REVIEWER)
    round = Round.objects.filter(submissions__findings__isnull=False).order_by("-due_at").first()
    if round is None or Query.objects.exists():
        return
    first = queries.found_in(round, statistician)[0]
    text = "This moved far more than a month usually does. Is it the portfolio, or how it was counted?"
    queries.ask(round, first.handle, first.rule, text, by=statistician)


def define_own_group() -> None:
    """What an analyst wants to be compared with from the next round on, beside the association's own groups."""
    analyst = people.at(Institution.objects.get(code=founding.FOUR_EYES), people.ANALYST)
    if not PeerGroup.objects.custom().filter(owner=analyst.institution).exists():
        peer_groups.define(founding.collection(), _OWN_GROUP, attributes={}, institutions=_OF_OWN_GROUP, by=analyst)


def _apply() -> None:
    """An application whose contact has confirmed the address."""
    if Application.objects.filter(name=_APPLICANT).exists():
        return
    applications.submit(
        {
            "name": _APPLICANT,
            "name_zh": "沱江农村商业银行",
            "kind": InstitutionKind.RURAL_BANK,
            "size_band": SizeBand.SMALL,
            "home_region": "CN-SC",
            "registration_number": "91511000MA62K4NE2L",
            "contact_name": "林志远",
            "contact_position": "风险管理部总经理",
            "contact_email": "lin.zhiyuan@tuojiang.example",
            "reason": "三季度以来小微贷款逾期明显上升，我们想知道这是我行自身的问题，还是整个行业都在经历。",
        },
        language="zh-hans",
        address="198.51.100.7",
    )
    applications.confirm(Application.objects.get(name=_APPLICANT))
