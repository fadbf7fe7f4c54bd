"""The keyboard in front of the screens: twins of function keys, bursts of a scanner, keys typed ahead.

All input passes here before a screen sees it, so that a scan is one thing wherever the cursor is, and a key typed while
a screen is still being opened reaches that screen and no other. Source: tui.md, Keys, Barcode wedge, Latency budget.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pos.domain.micr import looks_like_micr
from pos.domain.ports import Clock

SCAN_GAP_S = 0.03
"""No hand types two keys within this time; a scanner does."""

BURST_OVER_S = 0.06
"""So long after its last character a burst without an Enter was no scan."""

_LEADS_ON = frozenset({"full_stop", "space", "plus", "v", "V", "w", "W"})
"""Keys that write something and may still lead to another screen."""

SCAN_LENGTH_MIN = 6
"""Shorter bursts are keys that a slow line brought together."""

HELD_MAX = 1000
"""More keys than this are not typed ahead (20 quick scans are some 400); something lies on the keyboard."""


@dataclass(frozen=True, slots=True)
class Press:
    """A key under the framework's name, with the character it writes, if any.

    ``in_burst``: it came too soon after the last character for a hand.
    """

    key: str
    character: str | None = None
    in_burst: bool = field(default=False, compare=False)

    @property
    def is_barrier(self) -> bool:
        """Whether a screen may be another one after this key, so that the next must wait for it."""
        return self.character is None or not self.character.isprintable() or self.key in _LEADS_ON


@dataclass(frozen=True, slots=True)
class Scan:
    """A whole text that came at once, by scanner or by paste."""

    text: str


Arrival = Press | Scan


@dataclass(slots=True)
class Keyboard:
    """Sorts what arrives. It holds keys back while ``held`` is set; whoever sets it fetches them with ``next``.

    ``loose`` are characters of a burst that came where nothing is typed into: commands if they are keys, nothing if they
    turn out to be a scan.
    """

    clock: Clock
    held: bool = False
    escape_waits: bool = False
    loose: list[Press] = field(default_factory=list)
    last_key_s: float = 0.0
    _burst: str = ""
    _waiting: deque[Arrival] = field(default_factory=deque)

    def sort(self, press: Press) -> None:
        """Take in one key; what it means lies in the queue afterwards."""
        now_s = self.clock.monotonic_s()
        quick = now_s - self.last_key_s < SCAN_GAP_S
        self.last_key_s = now_s
        for arrival in self._twins(press):
            self._put(self._scanned(arrival, quick=quick))

    def paste(self, text: str) -> None:
        """Take in a pasted text: its first line, as a scan."""
        self.last_key_s = self.clock.monotonic_s()
        lines = text.strip().splitlines()
        if lines:
            self._put(Scan(lines[0]))

    def escape_alone(self) -> None:
        """No digit followed in time: the escape key meant itself."""
        if self.escape_waits:
            self.escape_waits = False
            self._put(Press("escape"))

    def next(self) -> Arrival | None:
        """What comes next, if keys are not held back."""
        if self.held or not self._waiting:
            return None
        return self._waiting.popleft()

    def drop_to_escape(self) -> bool:
        """Whether an Esc was typed ahead; it is gone then, with all that was typed ahead before and after it."""
        there = Press("escape") in self._waiting
        if there:
            self._waiting.clear()
        return there

    def keep_loose(self, press: Press) -> bool:
        """Whether this key must wait until it is known if it belongs to a scan."""
        if press.in_burst and press.character is not None:
            self.loose.append(press)
            return True
        return False

    def give_back(self, last: Press | None = None) -> None:
        """The loose characters were keys after all: they come next, in their order, and then ``last``."""
        keys = [Press(press.key, press.character) for press in self.loose]
        self.loose.clear()
        self._waiting.extendleft(reversed(keys if last is None else [*keys, last]))

    def _put(self, arrival: Arrival) -> None:
        if len(self._waiting) < HELD_MAX:
            self._waiting.append(arrival)

    def _twins(self, press: Press) -> list[Press]:
        """Esc then 5 is F5, and so is Alt-5, which is what some terminals make of it."""
        digit = press.key.removeprefix("alt+")
        if digit in set("123456789") and (self.escape_waits or digit != press.key):
            self.escape_waits = False
            return [Press(f"f{digit}")]
        if press.key == "escape":
            if self.escape_waits:
                self.escape_waits = False
                return [press]
            self.escape_waits = True
            return []
        if self.escape_waits:
            self.escape_waits = False
            return [Press("escape"), press]
        return [press]

    def _scanned(self, press: Press, *, quick: bool) -> Arrival:
        """The Enter or Tab that ends a burst belongs to the scan: it must never confirm anything."""
        burst, self._burst = self._burst, ""
        if press.key in {"enter", "tab"}:
            return Scan(burst) if quick and _is_scan(burst) else press
        if press.character is not None and press.character.isprintable():
            self._burst = burst + press.character if quick else press.character
            return Press(press.key, press.character, in_burst=quick and bool(burst))
        return press


def _is_scan(burst: str) -> bool:
    """Codes have no decimal mark and no blank; amounts and sentences that a program types do. A cheque's line has blanks."""
    plain = len(burst) >= SCAN_LENGTH_MIN and not set(burst) & set("., ")
    return plain or looks_like_micr(burst)
