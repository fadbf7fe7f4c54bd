"""Telling a payment anew whose number another store of the same terminal has used: a copy of the till, or the till itself.

Both stores went on from one number, so each has booked payments of numbers that the other has too. Whichever comes second
is refused, and is enrolled anew; what it booked before is then told in its new epoch. The new number follows from the old
one alone: told twice it is the same, and no payment of the new epoch itself ever has it.
Source: reliability.md, invariants 1, 11 and 25.
"""

from __future__ import annotations

from sync.wire_json import dumps, loads

RETOLD_FROM = 1_000_000_000
"""No till books so many payments in one epoch."""


def retold(body: bytes, epoch: int) -> bytes | None:
    """The frozen ``body`` of a payment with a number of ``epoch``; None where it has none, or is of that epoch already."""
    told = loads(body)
    booked_in, sequence = told.get("epoch"), told.get("sequence")
    if type(booked_in) is not int or type(sequence) is not int or booked_in >= epoch:
        return None
    return dumps({**told, "epoch": epoch, "sequence": booked_in * RETOLD_FROM + sequence})
