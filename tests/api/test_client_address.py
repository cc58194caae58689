"""From which address a request is said to come."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from consortium import client_address


def _of(peer, forwarded=None):
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return client_address.of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


@pytest.fixture(autouse=True)
def proxies(settings):
    settings.CONCORD_TRUSTED_PROXIES = ["10.0.0.0/8", "::1"]


def test_nobody_but_a_trusted_proxy_names_another_address():
    assert _of("203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert _of("10.1.2.3", "198.51.100.1") == "198.51.100.1"
    assert _of("::1", "198.51.100.1") == "198.51.100.1"


def test_what_a_caller_wrote_before_the_proxy_is_not_believed():
    assert _of("10.1.2.3", "192.0.2.99, 203.0.113.7") == "203.0.113.7"
    assert _of("10.1.2.3", "192.0.2.99, 203.0.113.7, 10.9.9.9") == "203.0.113.7"


@pytest.mark.parametrize("garbage", ["", "nonsense", "1.2.3.4.5", "\x00", ",,,", "203.0.113.7, ", "unknown"])
def test_garbage_leaves_the_last_hop_that_is_known(garbage):
    assert _of("10.1.2.3", garbage) == "10.1.2.3"


def test_addresses_are_written_one_way():
    assert _of("10.1.2.3", "[2001:DB8::1]:4711") == "2001:db8::1"
    assert _of("10.1.2.3", "203.0.113.7:4711") == "203.0.113.7"
    assert _of("::ffff:203.0.113.7") == "203.0.113.7"
    assert _of("") == "unknown"


def test_an_allow_list_holds_addresses_and_networks_of_both_families():
    assert client_address.is_allowed("203.0.113.7", ["203.0.113.0/24"])
    assert client_address.is_allowed("2001:db8::1", ["2001:db8::/32"])
    assert not client_address.is_allowed("203.0.114.7", ["203.0.113.0/24", "2001:db8::/32"])
    assert not client_address.is_allowed("unknown", ["0.0.0.0/0", "::/0"])


def test_a_subscriber_of_ipv6_is_counted_once_whichever_address_it_uses():
    assert client_address.subscriber("2001:db8::1") == client_address.subscriber("2001:db8::ffff") == "2001:db8::/64"
    assert client_address.subscriber("203.0.113.7") == "203.0.113.7"


@pytest.mark.parametrize("written", ["::ffff:203.0.113.0/120", "::FFFF:203.0.113.9", "203.0.113.0/24"])
def test_a_network_that_is_written_as_a_dual_stack_socket_does_means_the_same(written):
    assert client_address.is_allowed("203.0.113.9", [written])
    assert client_address.is_allowed("::ffff:203.0.113.9", [written])
    assert not client_address.is_allowed("203.0.114.9", [written])
