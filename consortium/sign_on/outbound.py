"""Asking an institution's directory: over https, at public addresses, briefly, and never elsewhere.

An administrator of a member enters these addresses, so they must not lead into the association's own network.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Final

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from consortium.notifications.outside import is_public

SECONDS: Final = 10  # to connect, and between two pieces of an answer
LARGEST: Final = 1024 * 1024  # bytes of an answer


class NotOutside(requests.ConnectionError):
    """The address is no public one, or not https. Nothing was sent."""


class Outside(requests.Session):
    """No redirect, no proxy of the environment, no long answer."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.mount("https://", _ToPublicAddresses())
        self.mount("http://", _ToPublicAddresses() if settings.CONCORD_SIGN_ON_LOCAL else _Never())

    def request(self, method: Any, url: Any, **how: Any) -> requests.Response:  # type: ignore[override]
        how |= {"timeout": SECONDS, "allow_redirects": False, "stream": True}
        response = super().request(method, url, **how)
        content = response.raw.read(LARGEST + 1, decode_content=True)
        if len(content) > LARGEST:
            raise requests.ConnectionError("the answer is too long")
        if response.is_redirect:
            raise requests.ConnectionError("the directory redirects")
        response._content = content  # noqa: SLF001  read here, with a bound, instead of by the library
        return response


def _check(addresses: Iterable[str]) -> None:
    found = [ip_address(each.partition("%")[0]) for each in addresses]
    if not settings.CONCORD_SIGN_ON_LOCAL and not all(map(is_public, found)):
        raise NotOutside("the address is private, local or reserved")


class _Judged(HTTPConnection):
    """Looks at what the name means before connecting, and at whom it is connected to afterwards."""

    def _new_conn(self) -> socket.socket:
        found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        _check(str(entry[4][0]) for entry in found)
        connected: socket.socket = super()._new_conn()
        try:
            _check([connected.getpeername()[0]])
        except NotOutside:
            connected.close()
            raise
        return connected


class _JudgedTLS(_Judged, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Judged


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _JudgedTLS


class _ToPublicAddresses(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}


class _Never(HTTPAdapter):
    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        raise NotOutside("only https")
