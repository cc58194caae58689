"""Collections as dataflows of published figures: their ids, dimensions and code lists.

A release is structured otherwise than the table that members send: its dimensions are the frequency, the indicator, the
peer group, the cut of the indicator, and the statistic; see docs/decisions/sdmx-releases.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Prefetch

from anonymize.cube_structure import CONF_STATUS, CONFIDENTIAL, FREE, NORMAL, OBS_STATUS, SUPPRESSED, TIME_PERIOD
from anonymize.sdmx import AGENCY, STATUS_CODES, sdmx_id
from anonymize.template import Code
from consortium.people.roles import Actor, Permission, may
from sharing.benchmarks.peer_groups import ALL
from sharing.models import Collection, PeerGroup
from sharing.models.release import FIGURES

Names = Mapping[str, str]

FREQ, INDICATOR, PEER_GROUP, STATISTIC = "FREQ", "INDICATOR", "PEER_GROUP", "STATISTIC"
OBS_VALUE, CONTRIBUTORS = "OBS_VALUE", "CONTRIBUTORS"
ATTRIBUTES = (OBS_STATUS, CONF_STATUS, CONTRIBUTORS)
# Of the lists that every dataflow shares; another one whenever a code is added.
SHARED_VERSION = "1.0.0"
SHOWN, WITHHELD = (NORMAL, FREE), (SUPPRESSED, CONFIDENTIAL)

STATISTICS: Mapping[str, str] = {figure.upper(): figure for figure in FIGURES}  # code -> column of a cell

_STATISTIC_NAMES: Mapping[str, tuple[str, str]] = {
    "POOLED": ("Pooled rate", "汇总比率"),
    "MEAN": ("Unweighted mean", "简单平均值"),
    "TRIMMED_MEAN": ("Trimmed mean", "截尾平均值"),
    "P25": ("First quartile", "第一四分位数"),
    "MEDIAN": ("Median", "中位数"),
    "P75": ("Third quartile", "第三四分位数"),
    "WEIGHT": ("Share of the denominator of all members", "占全体成员分母的份额"),
    "ERROR": ("Standard error that protection adds", "保护措施带来的标准误差"),
}
_ORDINALS = {"1": "First", "2": "Second", "3": "Third", "4": "Fourth", "6": "Sixth", "7": "Seventh", "8": "Eighth"}
_FREQUENCIES: Mapping[str, tuple[str, str]] = {
    "A": ("Annual", "年度"),
    "Q": ("Quarterly", "季度"),
    "M": ("Monthly", "月度"),
}
_STATUS_NAMES: Mapping[str, str] = {
    NORMAL: "正常值",
    SUPPRESSED: "缺失值；已屏蔽",
    FREE: "公开",
    CONFIDENTIAL: "保密统计信息",
}
CONCEPTS: Mapping[str, tuple[str, str]] = {
    FREQ: ("Frequency", "频率"),
    INDICATOR: ("Indicator", "指标"),
    PEER_GROUP: ("Peer group", "同业组"),
    STATISTIC: ("Statistic", "统计量"),
    TIME_PERIOD: ("Time period", "时期"),
    OBS_VALUE: ("Observation value", "观测值"),
    OBS_STATUS: ("Observation status", "观测状态"),
    CONF_STATUS: ("Confidentiality status", "保密状态"),
    CONTRIBUTORS: ("Number of contributors", "贡献机构数"),
}


def both(english: str, chinese: str) -> Names:
    return {"en": english, "zh-Hans": chinese}


@dataclass(frozen=True)
class CodeList:
    id: str
    version: str
    names: Names
    codes: tuple[Code, ...]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(code.id for code in self.codes)


@dataclass(frozen=True)
class Flow:
    """One version of a collection as a dataflow, with the peer groups that the caller may compare with."""

    collection: Collection
    peer_groups: tuple[PeerGroup, ...]

    @property
    def agency(self) -> str:
        return AGENCY

    @property
    def id(self) -> str:
        return f"{sdmx_id(self.collection.code)}_RELEASE"

    @property
    def version(self) -> str:
        return self.collection.version

    @property
    def names(self) -> Names:
        return dict(self.collection.template.names)

    @cached_property
    def lists(self) -> Mapping[str, CodeList]:
        """The code list of each dimension in the order of a key, then those of the statuses."""
        template = self.collection.template
        own = {
            INDICATOR: (both(*CONCEPTS[INDICATOR]), [Code(each.id, each.names) for each in template.indicators]),
            PEER_GROUP: (both(*CONCEPTS[PEER_GROUP]), _groups(self.peer_groups)),
        } | {each.id: (each.names, list(each.code_list.codes)) for each in template.cut(template.indicators[0])}
        return {
            FREQ: shared_list(FREQ),
            **{id: CodeList(f"CL_{self.id}_{id}", self.version, *_fixed(each)) for id, each in own.items()},
            STATISTIC: shared_list(STATISTIC),
            OBS_STATUS: shared_list(OBS_STATUS),
            CONF_STATUS: shared_list(CONF_STATUS),
        }

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions of a series key, in its order."""
        return tuple(id for id in self.lists if id not in ATTRIBUTES)

    @property
    def cut(self) -> tuple[str, ...]:
        """The dimensions of a cell's own key."""
        return self.dimensions[3:-1]

    @property
    def frequency(self) -> str:
        return self.collection.template.frequency

    def concept_names(self, id: str) -> Names:
        return both(*CONCEPTS[id]) if id in CONCEPTS else self.lists[id].names


def flows_of(actor: Actor) -> list[Flow]:
    """A flow for each collection whose releases the actor may see, versions in the order they were made."""
    if not may(actor, Permission.RELEASE_VIEW):
        return []
    collections = Collection.objects.visible_to(actor).order_by("code", "created_at", "pk")
    compared = Prefetch("peer_groups", PeerGroup.objects.visible_to(actor))
    return [Flow(each, tuple(each.peer_groups.all())) for each in collections.prefetch_related(compared)]


def shared_list(id: str) -> CodeList:
    """A list that is the same in every dataflow; the statuses have the codes of SDMX's own lists."""
    if id == STATISTIC:
        codes = [Code(code, both(*_statistic_names(code))) for code in STATISTICS]
    elif id == FREQ:
        codes = [Code(code, both(*names)) for code, names in _FREQUENCIES.items()]
    else:
        codes = [Code(code, both(name, _STATUS_NAMES[code])) for code, name in STATUS_CODES[id].items()]
    return CodeList(f"CL_{id}", SHARED_VERSION, both(*CONCEPTS[id]), tuple(codes))


def _statistic_names(code: str) -> tuple[str, str]:
    if code in _STATISTIC_NAMES:
        return _STATISTIC_NAMES[code]
    number = code[1]
    return f"{_ORDINALS.get(number, 'Ninth')} decile", f"第{'一二三四五六七八九'[int(number) - 1]}十分位数"


def _groups(groups: tuple[PeerGroup, ...]) -> list[Code]:
    return [Code(ALL, both("All members", "全体成员")), *(Code(each.code, each.names) for each in groups)]


def _fixed(names_and_codes: tuple[Names, list[Code]]) -> tuple[Names, tuple[Code, ...]]:
    names, codes = names_and_codes
    return names, tuple(codes)
