"""Figures and periods as people read them."""

from __future__ import annotations

import pytest
from django.utils import translation

from consortium.web import formats


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.0312, "3.12%"), (0.0, "0.00%"), (-0.0005, "−0.05%"), (-0.00001, "0.00%"), (None, "–")]
)
def test_a_fraction_reads_as_a_percentage(fraction, text):
    assert formats.percent(fraction) == text


def test_a_difference_always_has_its_sign():
    assert formats.points(0.008) == "+0.80 pp"
    assert formats.points(-0.008) == "−0.80 pp"
    assert formats.points(0.0) == "0.00 pp"


@pytest.mark.parametrize(
    ("period", "english", "chinese"),
    [
        ("2026-10", "October 2026", "2026年10月"),
        ("2025-Q4", "Q4 2025", "2025年第4季度"),
        ("2026", "2026", "2026"),
    ],
)
def test_a_period_reads_in_the_language_of_the_page(period, english, chinese):
    assert formats.period(period) == english
    with translation.override("zh-hans"):
        assert formats.period(period) == chinese
