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
            60_000,
            0.85,
            "Haiyue National Bank",
            "海岳银行",
            "CN-BJ CN-GD CN-JS CN-ZJ CN-SH CN-SD CN-SC CN-HB CN-HA CN-FJ CN-LN CN-SN",
        ),
        _institution(
            "ZHENGHE",
            NATIONAL,
            42_000,
            0.90,
            "Zhenghe Joint-Stock Bank",
            "正和银行",
            "CN-SH CN-GD CN-ZJ CN-JS CN-BJ CN-FJ CN-SD CN-HN CN-CQ CN-TJ CN-AH CN-HE",
        ),
        _institution("LINGNAN", CITY, 24_000, 0.95, "Lingnan City Bank", "岭南城市银行", "CN-GD CN-GX CN-HI"),
        _institution(
            "YUNFAN",
            CONSUMER,
            21_000,
            1.30,
            "Yunfan Consumer Finance",
            "云帆消费金融",
            "CN-ZJ CN-GD CN-JS CN-SC CN-HA CN-HB CN-SD CN-HN",
        ),
        _institution("QIANTANG", CITY, 18_500, 0.80, "Bank of Qiantang", "钱塘银行", "CN-ZJ CN-SH CN-JS"),
        _institution("SUNAN", CITY, 16_000, 0.90, "Sunan Commercial Bank", "苏南商业银行", "CN-JS CN-SH CN-AH"),
        _institution("QILU-BAY", CITY, 13_000, 1.05, "Qilu Bay Bank", "齐鲁湾银行", "CN-SD CN-HE"),
        _institution(
            "XINGHUO",
            PRIVATE,
            11_500,
            1.15,
            "Xinghuo Internet Bank",
            "星火网络银行",
            "CN-ZJ CN-GD CN-FJ CN-HN CN-SC CN-AH",
        ),
        _institution("JIALING", CITY, 10_000, 1.00, "Jialing Bank", "嘉陵银行", "CN-CQ CN-SC CN-GZ"),
        _institution("MINHAI", CITY, 8_800, 1.00, "Minhai Bank", "闽海银行", "CN-FJ CN-JX"),
        _institution("CHUHAN", CITY, 7_600, 1.05, "Chuhan City Bank", "楚汉城市银行", "CN-HB CN-HN"),
        _institution(
            "BOHAI-RIM", CITY, 6_400, 1.10, "Bohai Rim Commercial Bank", "环渤海商业银行", "CN-TJ CN-LN CN-HE"
        ),
        _institution(
            "LELE", CONSUMER, 5_600, 1.40, "Lele Consumer Finance", "乐乐消费金融", "CN-SH CN-JS CN-ZJ CN-AH CN-JX"
        ),
        _institution("ZHONGYUAN-R", RURAL, 4_800, 1.15, "Zhongyuan Rural Commercial Bank", "中原农村商业银行", "CN-HA"),
        _institution("WENZHOU-BAY", PRIVATE, 4_100, 1.20, "Ouyue Private Bank", "瓯越民营银行", "CN-ZJ CN-FJ"),
        _institution(
            "SHUNDE-R", RURAL, 3_500, 0.95, "Foshan Waters Rural Commercial Bank", "岭水农村商业银行", "CN-GD"
        ),
        _institution("TAIHU-R", RURAL, 2_900, 0.90, "Taihu Rural Commercial Bank", "太湖农村商业银行", "CN-JS CN-ZJ"),
        _institution("GUANZHONG", CITY, 2_400, 1.05, "Guanzhong Bank", "关中银行", "CN-SN CN-GS"),
        _institution("HEITU-R", RURAL, 1_900, 1.25, "Black Soil Rural Bank", "黑土农村银行", "CN-HL CN-JL"),
        _institution("DIANCHI", RURAL, 1_500, 1.20, "Dianchi Rural Cooperative Bank", "滇池农村合作银行", "CN-YN"),
        _institution("GANJIANG-U", UNION, 1_100, 1.15, "Ganjiang Credit Union", "赣江信用合作社", "CN-JX"),
        _institution("HELAN-U", UNION, 800, 1.25, "Helan Credit Union", "贺兰信用合作社", "CN-NX CN-NM"),
        _institution("TIANCHI-U", UNION, 500, 1.20, "Tianchi Credit Union", "天池信用合作社", "CN-XJ"),
        _institution("SHEXIAN-U", UNION, 300, 1.10, "Huizhou Hills Credit Union", "徽山信用合作社", "CN-AH"),
    )


def _institution(
    code: str, kind: str, loans: int, quality: float, name: str, name_zh: str, provinces: str
) -> InstitutionProfile:
    return InstitutionProfile(code, loans, tuple(provinces.split()), PRODUCT_MIX[kind], quality, name, name_zh, kind)
