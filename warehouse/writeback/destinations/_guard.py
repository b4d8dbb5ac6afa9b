"""Where a webhook may not go: addresses of this machine and of private networks, unless they are allowed by name.

Whoever may set the address of a webhook must not thereby reach what only this machine can reach. The name is looked up
here, every address that it has is judged, and the connection goes to the address that was judged: looking it up a
second time could give another one.
"""

import ipaddress
import socket
from collections.abc import Sequence

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses of IPv4 as IPv6-only networks write them (RFC 6052)."""
MOST_ADDRESSES = 3
"""Of a host, that are tried one after another at a request; each may take as long as a connection may."""


class RefusedAddressError(httpx.TransportError):
    """A host has an address that webhooks must not go to."""


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, whatever way it is written."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def addresses_of(host: str, port: int) -> list[Address]:
    """Look a host up.

    Raises
    ------
    httpx.ConnectError
        If it has no address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"the host has no address: {error}") from error
    # A scope (fe80::1%eth0) is part of the text alone.
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


class GuardedTransport(httpx.BaseTransport):
    """Sends requests to the address that a host has, if that address is public or allowed.

    Parameters
    ----------
    allowed
        Networks that are allowed although they are not public.
    """

    def __init__(self, allowed: Sequence[Network], inner: httpx.BaseTransport) -> None:
        self._allowed, self._inner = tuple(allowed), inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its Host header and the name in its certificate stay those of the URL."""
        host = request.url.host
        addresses = addresses_of(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        for address in addresses:
            if not self._may_go_to(address):
                raise RefusedAddressError(f"{address} is no public address, and not in an allowed network")
        request.extensions = {**request.extensions, "sni_hostname": host}
        *others, last = list(dict.fromkeys(addresses))[:MOST_ADDRESSES]
        for address in others:
            request.url = request.url.copy_with(host=str(address))
            try:
                return self._inner.handle_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent; a host of two addresses is there as long as one of them answers
        request.url = request.url.copy_with(host=str(last))
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Let go of all connections."""
        self._inner.close()

    def _may_go_to(self, address: Address) -> bool:
        return is_public(address) or any(
            address in network for network in self._allowed if network.version == address.version
        )
