"""How much of central one client may take: requests in a time, bytes and members of a body, time to send it.

The rate is a bucket a client: ``burst`` requests at once, filled again with ``per_s``. The usual values are far above what a
shop sends that was a day without a network. Source: reliability.md sections 4 and 5.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from pos.domain.ports import Clock
from sync.central.wire.errors import ApiError

CLIENTS_MAX = 10_000
BODY_MEMBERS_MAX = 10_000
"""Keys and entries of lists in one body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``per_s`` requests a second of one client on average, ``burst`` at once; ``body_bytes`` of one body, which must be
    here within ``body_s`` seconds.
    """

    per_s: int = 100
    burst: int = 3_000
    body_bytes: int = 1_000_000
    body_s: int = 30


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
    address = scope["client"][0] if scope["client"] else ""
    wait_s = buckets.take(f"address {address}" if client is None else f"client {client}")
    if wait_s:
        raise ApiError(
            429,
            "too_many_requests",
            "Too many requests. Nothing was done; try again later.",
            headers={"Retry-After": str(wait_s)},
        )


class Buckets:
    """What each client has left. A client that was quiet long enough is like a new one, and is forgotten."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._left)

    def take(self, client: str) -> int:
        """Take one request from the client's bucket: 0, or the whole seconds to wait where it is empty."""
        now = self._clock.monotonic_s()
        left, at = self._left.pop(client, (float(self._limits.burst), now))
        left = min(left + (now - at) * self._limits.per_s, self._limits.burst)
        wait_s = 0 if left >= 1 else math.ceil((1 - left) / self._limits.per_s)
        # Put in again at the end: the first is the one that was quiet longest.
        self._left[client] = (left if wait_s else left - 1, now)
        if len(self._left) > CLIENTS_MAX:
            del self._left[next(iter(self._left))]
        return wait_s
