"""The made-up market behind `simulate`: products, provinces, how loans fall behind, and where a wave hits first.

Figures are monthly and chosen so that 30+ days past due stands at one to three per cent of balances in calm times and
reaches six to nine per cent in the segments that a wave hits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRODUCTS = ("MORTGAGE", "AUTO", "CARD", "CONSUMER", "MICRO", "SME", "AGRI")
TIERS = ("LOW", "MID", "HIGH")
GRADES = ("A", "B", "C", "D", "E")  # a bank's own grades: two low, one mid, two high
TIER_OF_GRADE = (0, 0, 1, 2, 2)  # the place of each grade's tier in TIERS


@dataclass(frozen=True)
class Product:
    """`entry` is the share of current loans that falls behind in a month (medium risk, calm times).

    `instalment` is the share of the balance that falls due each month; `onset` the months until a wave reaches the
    product, `exposure` how hard (0 to 1).
    """

    label: str  # as a Chinese bank's system writes it
    median_balance_cny: float
    spread: float  # standard deviation of the logarithm
    entry: float
    instalment: float
    onset: int
    exposure: float
    business: bool = False


@dataclass(frozen=True)
class Province:
    label: str
    level: float  # relative entry into arrears in calm times
    onset: int
    exposure: float


MARKET: Mapping[str, Product] = {
    "MORTGAGE": Product("住房按揭", 620_000, 0.55, 0.0060, 0.006, 5, 0.35),
    "AUTO": Product("汽车贷款", 92_000, 0.50, 0.0110, 0.032, 3, 0.45),
    "CARD": Product("信用卡", 9_000, 0.95, 0.0190, 0.100, 2, 0.70),
    "CONSUMER": Product("消费贷款", 28_000, 0.80, 0.0200, 0.060, 1, 1.00),
    "MICRO": Product("个体经营贷款", 180_000, 0.75, 0.0180, 0.050, 0, 1.00, business=True),
    "SME": Product("小微企业贷款", 1_600_000, 0.95, 0.0150, 0.040, 0, 0.90, business=True),
    "AGRI": Product("涉农贷款", 60_000, 0.70, 0.0170, 0.050, 3, 0.50, business=True),
}

PROVINCES: Mapping[str, Province] = {
    "CN-BJ": Province("北京", 0.80, 5, 0.45),
    "CN-TJ": Province("天津", 1.00, 4, 0.50),
    "CN-HE": Province("河北", 1.05, 4, 0.50),
    "CN-SX": Province("山西", 1.10, 5, 0.45),
    "CN-NM": Province("内蒙古", 1.15, 6, 0.40),
    "CN-LN": Province("辽宁", 1.20, 5, 0.50),
    "CN-JL": Province("吉林", 1.15, 6, 0.40),
    "CN-HL": Province("黑龙江", 1.15, 6, 0.40),
    "CN-SH": Province("上海", 0.80, 2, 0.70),
    "CN-JS": Province("江苏", 0.90, 0, 1.00),
    "CN-ZJ": Province("浙江", 0.85, 0, 1.00),
    "CN-AH": Province("安徽", 1.00, 2, 0.75),
    "CN-FJ": Province("福建", 0.95, 1, 0.90),
    "CN-JX": Province("江西", 1.00, 3, 0.65),
    "CN-SD": Province("山东", 1.05, 2, 0.75),
    "CN-HA": Province("河南", 1.10, 4, 0.60),
    "CN-HB": Province("湖北", 1.00, 4, 0.55),
    "CN-HN": Province("湖南", 1.00, 3, 0.60),
    "CN-GD": Province("广东", 0.90, 0, 0.95),
    "CN-GX": Province("广西", 1.10, 4, 0.50),
    "CN-HI": Province("海南", 1.05, 5, 0.45),
    "CN-CQ": Province("重庆", 1.00, 4, 0.55),
    "CN-SC": Province("四川", 1.00, 4, 0.55),
    "CN-GZ": Province("贵州", 1.15, 5, 0.50),
    "CN-YN": Province("云南", 1.10, 5, 0.45),
    "CN-XZ": Province("西藏", 0.95, 6, 0.25),
    "CN-SN": Province("陕西", 1.00, 5, 0.45),
    "CN-GS": Province("甘肃", 1.15, 6, 0.40),
    "CN-QH": Province("青海", 1.15, 6, 0.35),
    "CN-NX": Province("宁夏", 1.15, 6, 0.40),
    "CN-XJ": Province("新疆", 1.05, 6, 0.35),
}

# How much likelier a loan of this tier is to fall behind.
TIER_LEVEL: Mapping[str, float] = {"LOW": 0.45, "MID": 1.0, "HIGH": 2.4}
TIER_SHARE: Mapping[str, float] = {"LOW": 0.42, "MID": 0.40, "HIGH": 0.18}
# Months behind: 0 current, 1 for 1-29 days, ... 6 for 150-179 days, 7 for 180 and more.
BEHIND = 8
DEFAULTED = 4  # months behind: 90 days past due
ROLL = (0.0, 0.20, 0.52, 0.70, 0.82, 0.85, 0.86, 0.0)  # pays nothing: one month further behind
CURE = (0.0, 0.60, 0.26, 0.13, 0.06, 0.04, 0.03, 0.02)  # pays everything: current again
WRITTEN_OFF = 0.22  # of the loans 180 days or more behind, each month
PREPAID = 0.015  # of the current loans, each month; a new loan takes the place
