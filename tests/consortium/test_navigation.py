"""The side navigation is short; what belongs together is reached by tabs, and the entry above stays the current one."""

from __future__ import annotations

import re

import pytest

CURRENT = re.compile(r'href="([^"]+)"\s+aria-current="page"')


@pytest.mark.parametrize(
    ("address", "entry"), [("/peer-groups/", "/benchmarks/"), ("/statements/", "/releases/"), ("/alerts/", "/alerts/")]
)
def test_a_tab_keeps_the_entry_above_it_current(client, anna, address, entry):
    client.force_login(anna)
    page = client.get(address).content.decode()
    navigation = page.partition("sidenav__list")[2].partition("</ul>")[0]
    assert CURRENT.findall(navigation) == [entry]
    assert f'href="{address}"' in page


def test_a_member_has_no_more_than_seven_entries(client, anna):
    client.force_login(anna)
    page = client.get("/").content.decode()
    assert page.partition("sidenav__list")[2].partition("</ul>")[0].count("<li>") <= 7


def test_whoever_has_no_statements_has_no_tab_for_them(client, stella):
    client.force_login(stella)
    assert 'href="/statements/"' not in client.get("/releases/").content.decode()
