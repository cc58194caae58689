"""Direct identifiers of people in a loan tape, found by sampled values and by column names.

A bank aggregates by its own keys; it never needs an identity number, a card or a name for that. A mapped column that
holds one is refused, any other is reported. A finding names the column and the kind, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from anonymize.errors import IdentifierError
from anonymize.mapping import TapeMapping
from anonymize.tape import Tape, quoted

SAMPLE_ROWS = 5_000

# The commonest family names of China: nine in ten people.
SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧肖蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢"
    "傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎闫薛尹雷段黎史龙陶贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹"
)


@dataclass(frozen=True)
class Kind:
    """One kind of identifier: what its values and its column names look like.

    `pattern` (RE2) finds candidates and `verify` confirms one; the column is taken to hold this kind from `share` of
    its values on. With a name that matches `title` it is enough that half the values look like `shape`.
    """

    slug: str
    label: str
    pattern: str
    verify: Callable[[str], bool]
    share: float
    title: str
    shape: str
    many: bool = False  # only a column with many different values: a code list of branches holds no persons


@dataclass(frozen=True)
class IdentifierFinding:
    """A column of the tape that seems to hold direct identifiers."""

    column: str
    kind: str
    label: str
    evidence: Literal["values", "name"]


def _is_national_id(text: str) -> bool:
    number = re.sub(r"\D*(\d{17}[\dXx]).*", r"\1", text, flags=re.DOTALL).upper()
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return ric.calc_check_digit(number) == number[-1]


def _is_card(text: str) -> bool:
    number = re.sub(r"\D", "", text)
    return number.startswith(("62", "4", "51", "52", "53", "54", "55", "34", "37", "35")) and luhn.is_valid(number)


def _is_name(text: str) -> bool:
    return text.strip()[0] in SURNAMES or text.isascii()


def _always(_: str) -> bool:
    return True


_EDGE_BEFORE, _EDGE_AFTER = r"(?:^|[^0-9.])", r"(?:$|[^0-9.])"

KINDS = (
    Kind(
        slug="national-id",
        label="national identity numbers",
        pattern=rf"{_EDGE_BEFORE}[1-9]\d{{5}}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d\d{{3}}[\dXx]{_EDGE_AFTER}",
        verify=_is_national_id,
        share=0.002,
        title=r"身份证|证件号|id_?card|id_?no$|identity|national_?id|ssn|passport|护照",
        shape=r"^[0-9A-Z*]{6,}[0-9Xx]$",
    ),
    Kind(
        slug="bank-card",
        label="bank card numbers",
        pattern=r"^\s*\d(?:[ -]?\d){12,18}\s*$",
        verify=_is_card,
        share=0.3,  # one random number in ten has the check digit by chance
        title=r"卡号|card_?(?:no|num)|(?:^|_)pan$",
        shape=r"^[0-9* -]{12,}$",
    ),
    Kind(
        slug="phone",
        label="phone numbers",
        pattern=rf"{_EDGE_BEFORE}(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_EDGE_AFTER}",
        verify=_always,
        share=0.2,  # customer numbers of eleven digits may begin like one
        title=r"手机|电话|联系方式|phone|mobile|(?:^|_)tel(?:$|_)",
        shape=r"^[0-9*+ ()-]{7,}$",
    ),
    Kind(
        slug="e-mail",
        label="e-mail addresses",
        pattern=r"[\w.+-]+@[\w-]+\.[\w.]+",
        verify=_always,
        share=0.002,
        title=r"邮箱|e_?-?mail",
        shape=r"@",
    ),
    Kind(
        slug="iban",
        label="account numbers (IBAN)",
        pattern=r"^\s*[A-Z]{2}\d\d[ A-Z0-9]{11,32}\s*$",
        verify=lambda text: bool(iban.is_valid(text)),
        share=0.002,
        title=r"(?:^|_)iban(?:$|_)",
        shape=r"^[A-Z]{2}\d\d",
    ),
    Kind(
        slug="name",
        label="names of people",
        pattern=r"^\s*(?:\p{Han}{2,4}|[A-Z][a-z]+(?: [A-Z]\.?)? [A-Z][a-z]+)\s*$",
        verify=_is_name,
        share=0.6,
        title=r"姓名|户名|持卡人|法人代表|(?:^|_)xm$|^name$|(?:customer|cust|client|borrower|full|first|last|person)_?name"
        r"|surname|(?:客户|借款人)名",
        shape=r"^[^0-9]{2,60}$",
        many=True,
    ),
    Kind(
        slug="address",
        label="postal addresses",
        pattern=r"\p{Han}{2,}(?:路|街|巷|弄|村)\p{Han}*\d+\s*号",
        verify=_always,
        share=0.05,
        title=r"地址|住址|(?:^|_)addr(?:ess)?(?:$|_)",
        shape=r"^.{8,}$",
        many=True,
    ),
)


def scan(tape: Tape, mapping: TapeMapping | None = None) -> tuple[IdentifierFinding, ...]:
    """What a sample of the tape shows, column by column; SQL expressions of the mapping count as columns."""
    sample = _sample(tape, mapping)
    found: list[IdentifierFinding] = []
    for name in sample.column_names:
        values = pc.drop_null(sample.column(name)).combine_chunks()
        found.extend(_findings(name, values))
    return tuple(found)


def refuse_mapped(findings: Iterable[IdentifierFinding], mapping: TapeMapping) -> None:
    """IdentifierError when the mapping uses a column that holds direct identifiers."""
    places = {(source.column or source.place).casefold(): source.place for source in mapping.sources()}
    for finding in findings:
        place = places.get(finding.column.casefold())
        if place is None:
            continue
        what = f"column {finding.column!r}" if finding.column != place else "the SQL expression"
        seems = "holds" if finding.evidence == "values" else "by its name holds"
        remedy = (
            "Map the bank's own customer key, or a keyed hash of it"
            if place == "[borrower]"
            else "Map a column of codes or amounts"
        )
        raise IdentifierError(
            f"{place}: {what} {seems} {finding.label}. {remedy}. Nothing was aggregated.",
            rule=f"identifier-{finding.kind}",
        )


def looks_personal(text: str) -> bool:
    """Whether a single value could be about a person; what a message may quote must not be."""
    digits = sum(character.isdigit() for character in text)
    han_name = 2 <= len(text) <= 4 and text[0] in SURNAMES and all("\u4e00" <= each <= "\u9fff" for each in text)
    return digits > 4 or len(text) > 16 or "@" in text or han_name or " " in text.strip()


def _sample(tape: Tape, mapping: TapeMapping | None) -> pa.Table:
    sources = mapping.sources() if mapping is not None else ()
    expressions = [f"{quoted(column.name)}::VARCHAR AS {quoted(column.name)}" for column in tape.columns]
    expressions += [f"{each.expression}::VARCHAR AS {quoted(each.place)}" for each in sources if each.sql is not None]
    return tape.arrow(f"SELECT {', '.join(expressions)} FROM (FROM tape USING SAMPLE {SAMPLE_ROWS} ROWS)")


def _findings(name: str, values: pa.StringArray) -> list[IdentifierFinding]:
    if len(values) == 0:
        return []
    different = pc.count_distinct(values).as_py()
    found = []
    for kind in KINDS:
        if kind.many and (different < 20 or different < 0.02 * len(values)):
            continue
        if _share(values, kind.pattern, kind.verify) >= max(kind.share, 1 / len(values)):
            found.append(IdentifierFinding(name, kind.slug, kind.label, "values"))
        elif _titled(name, kind) and _share(values, kind.shape, _always) >= 0.5 and different > 10:
            found.append(IdentifierFinding(name, kind.slug, kind.label, "name"))
    return found


def _titled(name: str, kind: Kind) -> bool:
    return re.search(kind.title, name, re.IGNORECASE) is not None


def _share(values: pa.StringArray, pattern: str, verify: Callable[[str], bool]) -> float:
    candidates = values.filter(pc.match_substring_regex(values, pattern))
    if verify is _always:
        return len(candidates) / len(values)
    counted: Sequence[dict[str, object]] = pc.value_counts(candidates).to_pylist()
    confirmed = sum(int(str(each["counts"])) for each in counted if verify(str(each["values"])))
    return confirmed / len(values)
