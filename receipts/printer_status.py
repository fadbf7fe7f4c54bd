"""How a receipt printer is asked how it is (ESC/POS), and what its answers mean at the counter."""

from __future__ import annotations

ASK_PRINTER, ASK_CAUSE, ASK_ROLL = b"\x10\x04\x01", b"\x10\x04\x02", b"\x10\x04\x04"
"""Answered at once, even by a printer that cannot print: is it online, if not why, is there paper."""

ASK_WHEN_PRINTED = b"\x1dr\x01"
"""Answered in its turn, after all that was sent before it has been printed."""

PULSE_BY_PIN = {2: b"\x1bp\x00\x19\xfa", 5: b"\x1bp\x01\x19\xfa"}
"""Lets a drawer on this pin of the printer's socket spring open: 50 ms on, 500 ms off."""

NO_PAPER = "The printer has no paper."

_OFFLINE = 0x08
_COVER_OPEN, _STOPPED_BY_PAPER_END, _ERROR = 0x04, 0x20, 0x40
_ROLL_END = 0x60
_ROLL_END_IN_TURN = 0x0C


def is_status(answer: int) -> bool:
    """Whether this byte answers one of the first three questions; printers say other things unasked."""
    return answer & 0x93 == 0x12


def is_printed(answer: int) -> bool:
    """Whether this byte answers ASK_WHEN_PRINTED."""
    return answer & 0x90 == 0


def has_paper_left(printed: int) -> bool:
    """By the answer to ASK_WHEN_PRINTED."""
    return printed & _ROLL_END_IN_TURN == 0


def trouble(*, printer: int, cause: int, roll: int) -> str | None:
    """What keeps the printer from printing, for a cashier; None: nothing does. Takes the three answers."""
    if roll & _ROLL_END or cause & _STOPPED_BY_PAPER_END:
        return NO_PAPER
    if cause & _COVER_OPEN:
        return "The printer's cover is open."
    if cause & _ERROR:
        return "The printer reports an error. Switch it off and on again."
    if printer & _OFFLINE:
        return "The printer is offline."
    return None
