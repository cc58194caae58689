"""Which addresses outside the platform may be called, and calling exactly the one that was looked at.

Whoever registers a webhook chooses where our server connects to. It must never be a machine behind our own firewall: the
name is resolved, every answer is judged, and the connection goes to the judged address, so that a name that changes its
mind in between gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpx
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from consortium.errors import Refused

KEPT_OF_AN_ANSWER: Final = 1024  # bytes
SECONDS: Final = 15.0  # for everything together: resolving, connecting, sending, the answer's head and start

_NAT64: Final = IPv6Network("64:ff9b::/96")
_HTTPS_PORT: Final = 443
_FIRST_FREE_PORT: Final = 1024  # below it listen mail, names and remote shells, which a stranger's words may confuse


class NotOutside(Exception):
    """The address is private, local or reserved; nothing was sent."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: str  # its start
    retry_after: str


@dataclass(frozen=True)
class Target:
    """An address of the web, its name still unresolved."""

    url: httpx.URL

    @property
    def host(self) -> str:
        """As it is resolved and as certificates name it: in ASCII."""
        return self.url.raw_host.decode("ascii")

    @property
    def port(self) -> int:
        return self.url.port or (_HTTPS_PORT if self.url.scheme == "https" else 80)


def check_address(text: str) -> Target:
    """The address as a target; Refused with what is wrong with it. The name is not resolved here."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError, ValueError) as wrong:
        raise Refused(_("This is no address of the web."), rule="webhook-address") from wrong
    if (
        not url.host
        or not 0 < (url.port or _HTTPS_PORT) < 65_536
        or any(letter.isspace() or not letter.isprintable() for letter in text)
    ):
        raise Refused(_("This is no address of the web."), rule="webhook-address")
    if url.userinfo or url.fragment:
        raise Refused(_("The address holds no password and no fragment."), rule="webhook-address")
    if url.scheme != "https" and not _is_allowed_local(url):
        raise Refused(_("Webhooks are called over https only."), rule="webhook-not-https")
    if (url.port or _HTTPS_PORT) < _FIRST_FREE_PORT and url.port not in {None, _HTTPS_PORT}:
        raise Refused(_("Webhooks are called at port 443, or at one from 1024 on."), rule="webhook-port")
    literal = _literal(url.host)
    if literal is not None and not _may_connect(literal):
        raise Refused(_("This address is private or local; webhooks reach public ones only."), rule="webhook-private")
    if literal is None and not _is_allowed_local(url) and "." not in url.host.strip("."):
        raise Refused(_("This address is private or local; webhooks reach public ones only."), rule="webhook-private")
    return Target(url)


def check_resolves(target: Target) -> None:
    """Refused when the name leads nowhere, or anywhere that is not public."""
    try:
        found = _judge(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
    except NotOutside as private:
        raise Refused(
            _("This address is private or local; webhooks reach public ones only."), rule="webhook-private"
        ) from private
    except (OSError, UnicodeError) as unknown:
        raise Refused(_("The name in this address cannot be resolved."), rule="webhook-unresolved") from unknown
    if not found:
        raise Refused(_("The name in this address cannot be resolved."), rule="webhook-unresolved")


async def post(client: httpx.AsyncClient, text: str, body: bytes, headers: dict[str, str]) -> Answer:
    """What the address answered; NotOutside, TimeoutError, OSError or httpx.HTTPError otherwise."""
    async with asyncio.timeout(SECONDS):
        target = Target(httpx.URL(text))
        address = await _address_of(target)
        url = target.url.copy_with(host=str(address))
        # The certificate is checked against the name, the connection goes to the address that was judged.
        named = {"host": target.url.netloc.decode("ascii"), **headers}
        request = client.build_request(
            "POST", url, content=body, headers=named, extensions={"sni_hostname": target.host}
        )
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            return Answer(response.status_code, await _start_of(response), response.headers.get("retry-after", ""))
        finally:
            await response.aclose()


def new_client() -> httpx.AsyncClient:
    """No proxy of the environment, no redirect, and no connection that is used for a second name."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=SECONDS, limits=limits, trust_env=False, follow_redirects=False)


async def _address_of(target: Target) -> IPv4Address | IPv6Address:
    loop = asyncio.get_running_loop()
    return _judge(await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))[0]


def _judge(found: Sequence[tuple[Any, ...]]) -> list[IPv4Address | IPv6Address]:
    """The addresses in the resolver's order. One that is not public spoils all: who mixes them means harm."""
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not all(_may_connect(address) for address in addresses):
        raise NotOutside
    return addresses


def _may_connect(address: IPv4Address | IPv6Address) -> bool:
    return is_public(address) or (settings.CONCORD_WEBHOOKS_TO_LOCALHOST and address.is_loopback)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is on the public internet, also where an IPv6 address wraps another one."""
    if isinstance(address, IPv6Address):
        if address in _NAT64 or address.sixtofour or address.teredo:
            return False
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _is_allowed_local(url: httpx.URL) -> bool:
    """Where a developer's own machine may be called: over http too."""
    if not settings.CONCORD_WEBHOOKS_TO_LOCALHOST:
        return False
    literal = _literal(url.host)
    is_here = url.host == "localhost" or (literal is not None and literal.is_loopback)
    return is_here and url.scheme in {"http", "https"}


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


async def _start_of(response: httpx.Response) -> str:
    """The first kilobyte, as it came: nothing is decompressed."""
    kept = b""
    async for chunk in response.aiter_raw():
        kept += chunk
        if len(kept) >= KEPT_OF_AN_ANSWER:
            break
    return kept[:KEPT_OF_AN_ANSWER].decode("utf-8", "replace").replace("\x00", "\ufffd")[:KEPT_OF_AN_ANSWER]
