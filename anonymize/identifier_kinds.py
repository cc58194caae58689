"""The kinds of direct identifiers: what their values look like, what their columns are called, how one is confirmed.

Check digits come from python-stdnum. A pattern alone finds candidates; where a bank's own keys could look the same, a
kind asks for a larger share of the values, for many different ones, or for the column's name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from stdnum import iban, luhn
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

Verify = Callable[[str], bool]

# The commonest family names of China: nine in ten people.
SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧肖蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢"
    "傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎闫薛尹雷段黎史龙陶贺顾毛郝龚邵万钱严覃武莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹"
)
DOUBLE_SURNAMES = frozenset(
    [
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "司徒",
        "东方",
        "皇甫",
        "尉迟",
        "公孙",
        "慕容",
        "令狐",
        "宇文",
        "长孙",
        "夏侯",
        "轩辕",
        "端木",
        "百里",
        "呼延",
        "南宫",
        "西门",
        "独孤",
        "澹台",
    ]
)


@dataclass(frozen=True)
class Kind:
    """One kind of identifier.

    `pattern` (RE2) finds candidates and `verify` confirms one; the column is taken to hold this kind from `share` of
    its values on. Without a pattern only the name tells. With a name that matches `title` it is enough that half the
    values look like `shape`. `many` asks for many different values: a code list of branches holds no persons.
    """

    slug: str
    label: str
    title: str
    shape: str
    pattern: str = ""
    verify: Verify | None = None
    share: float = 1.0
    many: bool = False


def is_name(text: str) -> bool:
    """Whether a text of name-like form begins with a family name, or is western, or joined by a middle dot."""
    text = text.strip()
    return text[0] in SURNAMES or text[:2] in DOUBLE_SURNAMES or "·" in text or text.isascii()


def foreign_scheme(values: Sequence[str]) -> str:
    """The national numbering scheme that nine in ten of these different values obey, or "".

    One value obeys some scheme by chance; two dozen do not.
    """
    for scheme in _FOREIGN:
        valid = _validator(scheme)
        if _obeyed(values[:20], valid) and _obeyed(values, valid):
            return scheme
    return ""


# Schemes with a date, letters or two check digits: a bank's own keys with a single one do not pass for them.
_FOREIGN = (
    "be.nn", "bg.egn", "br.cpf", "ch.ssn", "cz.rc", "de.idnr", "dk.cpr", "ee.ik", "es.dni", "es.nie", "fi.hetu", "fr.nir",
    "gr.amka", "hr.oib", "id.nik", "in_.aadhaar", "in_.pan", "it.codicefiscale", "kr.rrn", "lt.asmens", "mx.curp",
    "my.nric", "no.fodselsnummer", "pl.pesel", "ro.cnp", "se.personnummer", "si.emso", "th.pin", "tr.tckimlik", "za.idnr",
)  # fmt: skip


@cache
def _validator(scheme: str) -> Verify:
    valid: Verify = import_module(f"stdnum.{scheme}").is_valid
    return valid


def _obeyed(values: Sequence[str], valid: Verify) -> bool:
    return len(values) >= 20 and sum(map(valid, values)) >= 0.9 * len(values)


def _is_national_id(text: str) -> bool:
    number = re.sub(r"\D*(\d{17}[\dXx]).*", r"\1", text, flags=re.DOTALL).upper()
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return ric.calc_check_digit(number) == number[-1]


def _is_old_national_id(text: str) -> bool:
    """Fifteen digits have no check digit, but a birth date of the twentieth century."""
    try:
        ric.get_birth_date(text.strip()[:6] + "19" + text.strip()[6:] + "0")
    except ValidationError:
        return False
    return True


def _is_company(text: str) -> bool:
    return bool(uscc.is_valid(text))


def _is_card(text: str) -> bool:
    number = re.sub(r"\D", "", text)
    return number.startswith(("62", "4", "51", "52", "53", "54", "55", "34", "37", "35")) and luhn.is_valid(number)


def _is_iban(text: str) -> bool:
    return bool(iban.is_valid(text))


def _is_address_of_network(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    return True


_BEFORE, _AFTER = r"(?:^|[^0-9.])", r"(?:$|[^0-9.])"
_PLACES_OF_PLATES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_COMPANY_ENDS = r"有限公司|有限责任公司|股份公司|合作社|合伙企业|事务所|个体工商户|经营部|商行|加工厂|养殖场"

KINDS = (
    Kind(
        slug="national-id",
        label="national identity numbers",
        title=r"身份证|证件号|id_?card|id_?no$|identity|national_?id|(?:^|_)(?:sfzh?|zjhm|zjh)(?:$|_)|(?:^|_)(?:ssn|nino)(?:$|_)",
        shape=r"^[0-9A-Z*-]{6,}[0-9Xx]$",
        pattern=rf"{_BEFORE}[1-9]\d{{5}}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d\d{{3}}[\dXx]{_AFTER}",
        verify=_is_national_id,
        share=0.002,
    ),
    Kind(
        slug="national-id-old",
        label="national identity numbers of fifteen digits",
        title=r"老?身份证15",
        shape=r"^\d{15}$",
        pattern=r"^\s*[1-8]\d{5}\d\d(?:0[1-9]|1[0-2])[0-3]\d\d{3}\s*$",
        verify=_is_old_national_id,
        share=0.5,
    ),
    Kind(
        slug="travel-document",
        label="passport or travel permit numbers",
        title=r"passport|护照|通行证|居留证|(?:^|_)hzh?m?(?:$|_)|permit_?no",
        shape=r"^[A-Za-z0-9*]{6,12}$",
        pattern=r"^\s*[A-Z]{1,2}\d{6}\([0-9A]\)\s*$",  # Hong Kong; other numbers look like any bank's own keys
        share=0.2,
    ),
    Kind(
        slug="company-id",
        label="registration numbers of companies",
        title=r"信用代码|营业执照|组织机构代码|工商注册号|uscc|business_?licen[cs]e|(?:^|_)(?:xydm|yyzz|zzjgdm)(?:$|_)",
        shape=r"^[0-9A-Za-z*-]{8,20}$",
        pattern=r"^\s*[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}\s*$",
        verify=_is_company,
        share=0.3,
        many=True,
    ),
    Kind(
        slug="bank-card",
        label="bank card numbers",
        title=r"卡号|card_?(?:no|num)|(?:^|_)(?:pan|kh|yhkh)(?:$|_)",
        shape=r"^[0-9* -]{12,}$",
        pattern=r"^\s*\d(?:[ -]?\d){12,18}\s*$",
        verify=_is_card,
        share=0.3,  # one random number in ten has the check digit by chance
    ),
    Kind(
        slug="iban",
        label="account numbers (IBAN)",
        title=r"(?:^|_)iban(?:$|_)",
        shape=r"^[A-Z]{2}\d\d",
        pattern=r"^\s*[A-Z]{2}\d\d[ A-Z0-9]{11,32}\s*$",
        verify=_is_iban,
        share=0.002,
    ),
    Kind(
        slug="phone",
        label="phone numbers",
        title=r"手机|电话|联系方式|phone|mobile|(?:^|_)(?:tel|sjh|sjhm|dhhm|lxdh|lxfs)(?:$|_)",
        shape=r"^[0-9*+ ()-]{7,}$",
        pattern=rf"{_BEFORE}(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_AFTER}"
        r"|^\s*\(?0\d{2,3}[)-] ?\d{7,8}(?:-\d+)?\s*$|^\s*\+\d{1,3}[ -]\(?\d[\d ()-]{5,}$",
        share=0.2,  # customer numbers of eleven digits may begin like one
    ),
    Kind(
        slug="e-mail",
        label="e-mail addresses",
        title=r"邮箱|e_?-?mail|(?:^|_)dzyx(?:$|_)",
        shape=r"@",
        pattern=r"[\w.+-]+@[\w-]+\.[\w.]+",
        share=0.002,
    ),
    Kind(
        slug="messenger",
        label="messenger accounts",
        title=r"微信|we_?chat|weixin|wxid|open_?id|(?:^|_)(?:qq|wxh|line|whatsapp|telegram)(?:_?(?:no|id|号))?(?:$|_)",
        shape=r"^[\w.+@-]{5,}$",
        pattern=r"^\s*wxid_\w{10,}\s*$",
        share=0.05,
    ),
    Kind(
        slug="vehicle",
        label="vehicle plates or chassis numbers",
        title=r"车牌|车架|(?:^|_)(?:cph|vin|plate)(?:_?no)?(?:$|_)|licen[cs]e_?plate",
        shape=r"^\S{5,17}$",
        pattern=rf"^\s*[{_PLACES_OF_PLATES}][A-Z][·• -]?[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳]\s*$",
        share=0.2,
    ),
    Kind(
        slug="device",
        label="network addresses or device numbers",
        title=r"(?:^|_)(?:imei|imsi|idfa|oaid|mac_?addr(?:ess)?|device_?id|ip(?:_?addr(?:ess)?)?)(?:$|_)|设备号",
        shape=r"^[0-9A-Fa-f.:-]{7,}$",
        pattern=r"^\s*(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,7})\s*$",
        verify=_is_address_of_network,
        share=0.2,
        many=True,
    ),
    Kind(
        slug="position",
        label="coordinates of a place",
        title=r"经度|纬度|坐标|(?:^|_)(?:lat|lng|lon|latitude|longitude|gps)(?:$|_)",
        shape=r"^[+-]?\d{1,3}\.\d{3,}",
        pattern=r"^\s*[+-]?\d{1,3}\.\d{4,}\s*[,， ]\s*[+-]?\d{1,3}\.\d{4,}\s*$",
        share=0.2,
    ),
    Kind(
        slug="birth-date",
        label="dates of birth",
        title=r"出生|生日|birth|(?:^|_)(?:dob|csrq|csny)(?:$|_)",
        shape=r"^(?:18|19|20)\d\d[-/.年]?(?:0?[1-9]|1[0-2])|^[0-3]?\d[-/.][01]?\d[-/.](?:19|20)\d\d",
        many=True,
    ),
    Kind(
        slug="name",
        label="names of people",
        title=r"姓名|户名|持卡人|法人代表|法定代表人|联系人|(?:^|_)(?:xm|khxm|jkrxm|khmc|jkrmc|fddbr|lxr)(?:$|_)|^name$"
        r"|(?:customer|cust|client|borrower|full|first|last|person|contact|holder)_?name|surname|(?:客户|借款人)名",
        shape=r"^[^0-9]{2,60}$",
        pattern=r"^\s*(?:\p{Han}{2,4}|\p{Han}{1,8}[·•．]\p{Han}{1,8}|[A-Z][a-z]+(?: [A-Z]\.?)? [A-Z][a-z]+"
        r"|[A-Z][a-z]+, [A-Z][a-z]+)\s*$",
        verify=is_name,
        share=0.6,
        many=True,
    ),
    Kind(
        slug="company",
        label="names of companies",
        title=r"(?:企业|公司|单位|雇主)(?:名称|全称)|employer|company_?name|(?:^|_)(?:qymc|gsmc|dwmc|gzdw)(?:$|_)|工作单位",
        shape=r"^\D{4,80}$",
        pattern=rf"(?:{_COMPANY_ENDS})\s*$|\b(?:Ltd|Limited|LLC|Inc|GmbH|AG|S\.A\.|B\.V\.|Pty|Co\.,)\b",
        share=0.05,
        many=True,
    ),
    Kind(
        slug="address",
        label="postal addresses",
        title=r"地址|住址|(?:^|_)(?:addr(?:ess)?|street|dz|zz|jtzz|txdz|lxdz)(?:$|_)",
        shape=r"^.{8,}$",
        pattern=r"\p{Han}{2,}(?:路|街|巷|弄|村|道|里)\p{Han}*\d+\s*(?:号|弄|幢|栋|室)"
        r"|^\s*\d+[A-Za-z]? (?:[A-Z][a-z]+ ){1,3}(?:St(?:reet)?|R(?:oa)?d|Ave(?:nue)?|Lane|Ln|Drive|Dr|Blvd|Court|Ct)\b",
        share=0.05,
        many=True,
    ),
)
FOREIGN = Kind(slug="foreign-id", label="national identity numbers of another country", title="", shape="")
