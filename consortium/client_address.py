"""From which address a request comes, also behind proxies. Everything that limits or allows by address asks here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def of(request: HttpRequest) -> str:
    """The caller's address as text, `unknown` where the server names none (a Unix socket without a proxy's word)."""
    return of_environment(request.META)


def of_environment(environment: Mapping[str, Any]) -> str:
    """The same, from the WSGI environment of a request.

    `X-Forwarded-For` is read from the right, as far as each hop before it is one of `CONCORD_TRUSTED_PROXIES`: what
    stands left of the first other address was written by whoever called, and is not believed.
    """
    hop = _read(str(environment.get("REMOTE_ADDR", "")))
    trusted = networks(tuple(settings.CONCORD_TRUSTED_PROXIES))
    forwarded = str(environment.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    while hop is not None and is_within(hop, trusted) and forwarded:
        before = _read(forwarded.pop())
        if before is None:
            break
        hop = before
    return str(hop) if hop else "unknown"


def is_within(address: Address, wanted: Iterable[Network]) -> bool:
    return any(address in network for network in wanted)


def is_allowed(address: str, wanted: Iterable[str]) -> bool:
    """Whether an address as `of` gives it lies in one of the networks; an unknown one lies in none."""
    read = _read(address)
    return read is not None and is_within(read, networks(tuple(wanted)))


def subscriber(address: str) -> str:
    """Whom an address stands for when requests are counted: itself, or the /64 of an IPv6 subscriber."""
    read = _read(address)
    return str(ip_network((read, 64), strict=False)) if isinstance(read, IPv6Address) else address


@lru_cache(maxsize=1024)
def networks(written: tuple[str, ...]) -> tuple[Network, ...]:
    """Networks from CIDR notation; ValueError when one is none."""
    return tuple(_network(each.strip()) for each in written)


def _network(text: str) -> Network:
    """What is written as ::ffff:203.0.113.0/120 is the IPv4 network, as `_read` has its addresses."""
    found = ip_network(text)
    mapped = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) and found.prefixlen >= 96 else None
    return IPv4Network((mapped, found.prefixlen - 96)) if mapped else found


def _read(text: str) -> Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):  # an IPv6 address with a port, as some proxies write it
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # ::ffff:192.0.2.1 is what a dual-stack socket calls 192.0.2.1.
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
