"""Twenty-four made-up institutions of very unequal size: the cast of the demonstration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class InstitutionProfile:
    """What an institution lends, where, and how well; `quality` below 1 means fewer loans in arrears."""

    code: str
    loans: int
    provinces: tuple[str, ...]
    product_mix: Mapping[str, float]
    quality: float = 1.0
    name: str = ""
    name_zh: str = ""
    kind: str = ""


NATIONAL, CITY, RURAL, CONSUMER, UNION, PRIVATE = (
    "national-bank",
    "city-commercial-bank",
    "rural-bank",
    "consumer-finance",
    "credit-union",
    "private-bank",
)

PRODUCT_MIX: Mapping[str, Mapping[str, float]] = {
    NATIONAL: {"MORTGAGE": 30, "AUTO": 8, "CARD": 30, "CONSUMER": 12, "MICRO": 9, "SME": 7, "AGRI": 4},
    CITY: {"MORTGAGE": 22, "AUTO": 6, "CARD": 18, "CONSUMER": 20, "MICRO": 17, "SME": 14, "AGRI": 3},
    RURAL: {"MORTGAGE": 10, "AUTO": 4, "CARD": 6, "CONSUMER": 14, "MICRO": 22, "SME": 12, "AGRI": 32},
    CONSUMER: {"AUTO": 18, "CARD": 22, "CONSUMER": 60},
    UNION: {"MORTGAGE": 12, "AUTO": 10, "CONSUMER": 26, "MICRO": 20, "AGRI": 32},
    PRIVATE: {"CARD": 10, "CONSUMER": 38, "MICRO": 32, "SME": 20},
}


def demo_institutions() -> tuple[InstitutionProfile, ...]:
    """The institutions of the demonstration, largest first."""
    return (
        _institution(
            "HAIYUE",
            NATIONAL,
            120_000,
            0.85,
            "Haiyue National Bank",
            "海岳银行",
            "CN-ZJ CN-JS CN-SH CN-AH CN-GD CN-HB CN-SC CN-CQ",
        ),
        _institution(
            "ZHENGHE",
            NATIONAL,
            84_000,
            0.90,
            "Zhenghe Joint-Stock Bank",
            "正和银行",
            "CN-SH CN-GD CN-ZJ CN-JS CN-HB CN-CQ CN-AH",
        ),
        _institution("LINGNAN", CITY, 48_000, 0.95, "Lingnan City Bank", "岭南城市银行", "CN-GD CN-HB"),
        _institution(
            "YUNFAN",
            CONSUMER,
            42_000,
            1.30,
            "Yunfan Consumer Finance",
            "云帆消费金融",
            "CN-ZJ CN-GD CN-JS CN-SC CN-HB CN-AH",
        ),
        _institution("QIANTANG", CITY, 37_000, 0.80, "Bank of Qiantang", "钱塘银行", "CN-ZJ CN-SH CN-JS"),
        _institution("SUNAN", CITY, 32_000, 0.90, "Sunan Commercial Bank", "苏南商业银行", "CN-JS CN-SH CN-AH"),
        _institution("SHUDU", CITY, 26_000, 1.05, "Bank of Shudu", "蜀都银行", "CN-SC CN-CQ"),
        _institution(
            "XINGHUO", PRIVATE, 23_000, 1.15, "Xinghuo Internet Bank", "星火网络银行", "CN-ZJ CN-GD CN-SC CN-AH CN-JS"
        ),
        _institution("JIALING", CITY, 20_000, 1.00, "Jialing Bank", "嘉陵银行", "CN-CQ CN-SC CN-HB"),
        _institution("YONGJIANG", CITY, 17_500, 1.00, "Yongjiang Bank", "甬江银行", "CN-ZJ CN-SH"),
        _institution("CHUHAN", CITY, 15_000, 1.05, "Chuhan City Bank", "楚汉城市银行", "CN-HB CN-AH"),
        _institution("WANJIANG", CITY, 13_000, 1.10, "Wanjiang Commercial Bank", "皖江商业银行", "CN-AH CN-JS"),
        _institution(
            "LELE", CONSUMER, 11_000, 1.40, "Lele Consumer Finance", "乐乐消费金融", "CN-SH CN-JS CN-ZJ CN-AH CN-CQ"
        ),
        _institution("PUJIANG-R", RURAL, 9_500, 0.95, "Pujiang Rural Commercial Bank", "浦江农村商业银行", "CN-SH"),
        _institution("OUYUE", PRIVATE, 8_000, 1.20, "Ouyue Private Bank", "瓯越民营银行", "CN-ZJ CN-GD"),
        _institution(
            "LINGSHUI-R", RURAL, 7_000, 0.95, "Foshan Waters Rural Commercial Bank", "岭水农村商业银行", "CN-GD"
        ),
        _institution("TAIHU-R", RURAL, 6_000, 0.90, "Taihu Rural Commercial Bank", "太湖农村商业银行", "CN-JS CN-ZJ"),
        _institution("BAYU-R", RURAL, 5_000, 1.05, "Bayu Rural Commercial Bank", "巴渝农村商业银行", "CN-CQ"),
        _institution("JINGCHU-R", RURAL, 4_000, 1.25, "Jingchu Rural Bank", "荆楚农村银行", "CN-HB"),
        _institution("MINJIANG-R", RURAL, 3_200, 1.20, "Minjiang Rural Cooperative Bank", "岷江农村合作银行", "CN-SC"),
        _institution("CHAOSHAN-U", UNION, 2_500, 1.15, "Chaoshan Credit Union", "潮汕信用合作社", "CN-GD"),
        _institution("KUOCANG-U", UNION, 2_000, 1.25, "Kuocang Credit Union", "括苍信用合作社", "CN-ZJ"),
        _institution("HUAIHE-U", UNION, 1_600, 1.20, "Huaihe Credit Union", "淮河信用合作社", "CN-AH CN-JS"),
        _institution("HUIZHOU-U", UNION, 1_200, 1.10, "Huizhou Hills Credit Union", "徽山信用合作社", "CN-AH"),
    )


def _institution(
    code: str, kind: str, loans: int, quality: float, name: str, name_zh: str, provinces: str
) -> InstitutionProfile:
    return InstitutionProfile(code, loans, tuple(provinces.split()), PRODUCT_MIX[kind], quality, name, name_zh, kind)
