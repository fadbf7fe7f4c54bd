"""Which callbacks central calls: only hosts that the operator named, and no address behind them that it did not.

Without this rule whoever may subscribe could have central post into the operator's own network. A name is looked up
anew at each delivery, and what is checked is what is called. Source: reliability.md section 4.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from pos.domain.errors import Refused
from sync.central.wire.errors import ApiError

CALLBACK_MAX = 500
LOOPBACK_NAMES = frozenset({"localhost"})
_PLAIN = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TO_IPV4 = ipaddress.IPv6Network("64:ff9b::/96")
"""Of a network without IPv4: what is behind its last four bytes (RFC 6052)."""
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerHosts:
    """The host names and the networks that callbacks may be at. Default: this machine only."""

    names: frozenset[str] = LOOPBACK_NAMES
    networks: tuple[Network, ...] = field(default=LOOPBACK)

    def require(self, callback: object) -> str:
        """The callback, if it may be called. Raises ApiError 400 ``bad_field`` or ``listener_not_allowed``."""
        if not isinstance(callback, str) or not 0 < len(callback) <= CALLBACK_MAX:
            raise _bad(f"must be text of up to {CALLBACK_MAX} characters")
        if _PLAIN.fullmatch(callback) is None:
            raise _bad("must be of visible ASCII characters")
        url = _split(callback)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise _bad("must be a whole http or https address")
        if url.username is not None or url.password is not None:
            raise _bad("must hold no user and no password")
        if "?" in callback or "#" in callback:
            raise _bad("must hold no query and no fragment")
        host = url.hostname.lower()
        if not self._names(host):
            raise ApiError(
                400, "listener_not_allowed", "The operator does not let this host listen.", field="callback"
            )
        if url.scheme == "http" and not _is_loopback(host):
            raise _bad("must be an https address")
        return callback

    def allows(self, host: str, address: str) -> bool:
        """Whether ``host``, which was looked up as ``address``, may be called there.

        A private, link-local or other special address only within a named network, whatever the host is called.
        """
        found = _as_address(address)
        if found is None or not self._names(host.lower()):
            return False
        if any(found in network for network in self.networks):
            return True
        return _is_loopback(host.lower()) if found.is_loopback else _is_public(found)

    def _names(self, host: str) -> bool:
        address = _as_address(host)
        if address is not None:
            return any(address in network for network in self.networks) or host in self.names
        return host in self.names


def listener_hosts(given: Iterable[str]) -> ListenerHosts:
    """What the operator named: host names, addresses and networks (``10.20.0.0/16``); nothing: this machine only.

    Raises Refused ``bad_listener_host`` naming the one that is none of these.
    """
    names: set[str] = set()
    networks: list[Network] = []
    for one in given:
        written = one.strip().lower()
        try:
            networks.append(ipaddress.ip_network(written, strict=False))
        except ValueError:
            if _NAME.fullmatch(written) is None:
                raise Refused(
                    "bad_listener_host",
                    f"{one} is no host name, no address and no network.",
                    host=one,
                ) from None
            names.add(written)
    if not names and not networks:
        return ListenerHosts()
    return ListenerHosts(names=frozenset(names), networks=tuple(networks))


def _split(callback: str) -> SplitResult:
    try:
        url = urlsplit(callback)
        _ = url.port
    except ValueError:
        raise _bad("must be a whole http or https address") from None
    return url


def _is_loopback(host: str) -> bool:
    address = _as_address(host)
    return host in LOOPBACK_NAMES if address is None else address.is_loopback


def _is_public(address: Address) -> bool:
    """Not one that a network has for itself, nor one of IPv6 that a gateway takes to such a one of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.sixtofour
        if address in TO_IPV4:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if carried is not None:
            return _is_public(carried)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_reserved and not address.is_multicast


def _as_address(written: str) -> Address | None:
    """The address; one of IPv4 that is written as one of IPv6 is that of IPv4."""
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _bad(why: str) -> ApiError:
    return ApiError(400, "bad_field", f"callback {why}.", field="callback")
