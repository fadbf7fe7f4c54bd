"""All rules together: from what the books hold of a period to the signals that are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from pos.domain.conduct_signals import conduct_signals
from pos.domain.correction_signals import correction_signals
from pos.domain.drawer_signals import drawer_signals
from pos.domain.signals import Looked, Signal, SignalCode, SignalPolicy, SignalRow

Rules = Callable[[Looked, SignalPolicy], Iterator[Signal]]
RULES: tuple[Rules, ...] = (correction_signals, conduct_signals, drawer_signals)
_PLACE = {code: place for place, code in enumerate(SignalCode)}


def signals_in(seen: Looked, policy: SignalPolicy) -> list[Signal]:
    """The signals that have enough rows, by code and person, the rows of each as they happened."""
    found = (signal for rules in RULES for signal in rules(seen, policy) if policy.shows(signal))
    told = [replace(signal, rows=tuple(sorted(signal.rows, key=_when))) for signal in found]
    return sorted(told, key=lambda one: (_PLACE[one.code], one.people, one.said))


def _when(row: SignalRow) -> tuple[datetime, str, str, str, str]:
    """Rows of one moment stand in one order too, however the books were read."""
    return (row.at, row.what, row.user, row.note, f"{row.account} {row.amount}")
