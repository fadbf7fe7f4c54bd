"""Ids that sort by time: UUID version 7 (RFC 9562), made from the clock and randomness that are handed in."""

from __future__ import annotations

import re
from datetime import datetime

from pos.domain.errors import Refused
from pos.domain.ports import Clock, Randomness

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def time_ordered_id(at: datetime, random: bytes) -> str:
    """A UUIDv7 of ``at`` (aware) with ten bytes of randomness."""
    milliseconds = int(at.timestamp() * 1000)
    value = bytearray(milliseconds.to_bytes(6, "big") + random[:10])
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_id(clock: Clock, randomness: Randomness) -> str:
    """A new id of this moment."""
    return time_ordered_id(clock.now(), randomness.token_bytes(10))


def check_id(text: str, *, field: str) -> str:
    """An id as we write them. Raises Refused ``bad_reference``."""
    if _UUID.fullmatch(text) is None:
        raise Refused("bad_reference", f"{field} is not an id.", field=field)
    return text
