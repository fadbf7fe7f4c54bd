"""How much of central one client may take: requests in a time, bytes and members of a body, time to send it.

The rate is a bucket a client: ``burst`` requests at once, filled again with ``per_s``. The usual values are far above what a
shop sends that was a day without a network. Source: reliability.md sections 4 and 5.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.types import Scope

from pos.domain.ports import Clock
from sync.central.http.watch import CLIENT
from sync.central.wire.errors import ApiError

CLIENTS_MAX = 10_000
BODY_MEMBERS_MAX = 10_000
"""Keys and entries of lists in one body."""
BODY_DIGIT_GROUPS_MAX = 20_000
"""Each is held against the shapes of cards; the largest payment, with an id of each of its items, has half as many."""
BYTES_A_REQUEST = 4_096
"""A body of no more is a request; each 1,024 bytes beyond count as one more."""
COMPARISONS_A_REQUEST = 100
"""So many rows that are compared one by one count as a request more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``per_s`` requests a second of one client on average, ``burst`` at once; ``body_bytes`` of one body, which must be
    here within ``body_s`` seconds; ``connections`` at a time from one address.
    """

    per_s: int = 100
    burst: int = 3_000
    body_bytes: int = 200_000
    body_s: int = 30
    connections: int = 250


def limits_of(request: Request) -> Limits:
    """Those of the app that answers this request."""
    limits: Limits = request.app.state.limits
    return limits


def charge(scope: Scope, client: str | None) -> None:
    """Take one request from this client's bucket; None: it is known by its address alone, which is kept nowhere else.

    Raises ApiError 429 where the bucket is empty.
    """
    buckets: Buckets | None = scope["app"].state.buckets
    if buckets is None:
        return
    wait_s = buckets.take(_bucket(scope, client))
    if wait_s:
        raise ApiError(
            429,
            "too_many_requests",
            "Too many requests. Nothing was done; try again later.",
            headers={"Retry-After": str(wait_s)},
        )


def charge_stray(scope: Scope) -> None:
    """As ``charge``, for a request that is refused before any gate is asked; where there are none it was charged at once."""
    charged: Callable[[Scope], None] | None = scope["app"].state.charge_stray
    if charged is not None:
        charged(scope)


def charge_comparisons(scope: Scope, compared: int) -> None:
    """Take what reading rows one by one is worth from the bucket of whoever asks: it is answered still, and waits then."""
    _spend(scope, compared / COMPARISONS_A_REQUEST)


def charge_bytes(scope: Scope, size: int) -> None:
    """As ``charge_comparisons``, for a body."""
    if size > BYTES_A_REQUEST:
        _spend(scope, (size - BYTES_A_REQUEST) / 1_024)


def _spend(scope: Scope, requests: float) -> None:
    buckets: Buckets | None = scope["app"].state.buckets
    if buckets is not None:
        buckets.spend(who_asks(scope), requests)


def who_asks(scope: Scope) -> str:
    """Whose bucket the request is charged to: the authenticated client's, or its address's."""
    return _bucket(scope, scope.get(CLIENT))


def _bucket(scope: Scope, client: str | None) -> str:
    address = scope["client"][0] if scope["client"] else ""
    return f"address {address}" if client is None else f"client {client}"


Bucket = tuple[float, float]
"""The requests that are left, and when that was so in seconds of the machine's monotonic clock."""


class Shelf(Protocol):
    """Where buckets stand."""

    def change(self, client: str, changed: Callable[[Bucket | None], Bucket]) -> None:
        """Put there what ``changed`` makes of the client's bucket, None where there is none; nobody comes between."""


class Buckets:
    """What each client has left. A client that was quiet long enough is like a new one, and is forgotten."""

    def __init__(self, limits: Limits, clock: Clock, shelf: Shelf | None = None) -> None:
        self._limits = limits
        self._clock = clock
        self._shelf = OwnShelf() if shelf is None else shelf

    def take(self, client: str) -> int:
        """Take one request from the client's bucket: 0, or the whole seconds to wait where it is empty."""
        wait_s = 0

        def one_less(bucket: Bucket | None) -> Bucket:
            nonlocal wait_s
            left, now = self._filled(bucket)
            wait_s = 0 if left >= 1 else math.ceil((1 - left) / self._limits.per_s)
            return (left if wait_s else left - 1), now

        self._shelf.change(client, one_less)
        return wait_s

    def spend(self, client: str, requests: float) -> None:
        """Take what is worth so many requests, also more than is there: the client waits the longer afterwards."""

        def less(bucket: Bucket | None) -> Bucket:
            left, now = self._filled(bucket)
            return left - requests, now

        self._shelf.change(client, less)

    def _filled(self, bucket: Bucket | None) -> Bucket:
        now = self._clock.monotonic_s()
        left, at = bucket or (float(self._limits.burst), now)
        return min(left + (now - at) * self._limits.per_s, self._limits.burst), now


class OwnShelf:
    """In the memory of this process; the client that was quiet longest makes room."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def change(self, client: str, changed: Callable[[Bucket | None], Bucket]) -> None:
        bucket = changed(self._buckets.pop(client, None))
        # Put in again at the end: the first is the one that was quiet longest.
        self._buckets[client] = bucket
        if len(self._buckets) > CLIENTS_MAX:
            del self._buckets[next(iter(self._buckets))]
