"""Every cheque of a till, post-dated or taken, wherever it stands: how old it is, and what became of it.

Source: domain.md 3.3 and rule 38.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from pos.domain.cheque import IN_HAND, WENT_BACK, ChequePolicy, ChequeState
from pos.domain.money import Money, total
from pos.domain.post_dated import PostDatedState

OVER = frozenset(map(str, (ChequeState.CLEARED, *WENT_BACK, PostDatedState.WITHDRAWN)))
"""Nothing is expected of a cheque in these states any more."""
LIES_HERE = frozenset({*map(str, IN_HAND), str(ChequeState.BATCHED)})
"""Its money lies in the shop."""
IN_CLEARING = frozenset({str(ChequeState.LODGED)})
"""The bank has the paper and has not credited it."""
AGES = (7, 30, 90)
"""The ageing of cheques, in days since their date: up to so many each, and what is older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeLine:
    """A cheque of the register. ``key`` is its id, ``paper`` its receipt (of one that is post-dated: its note).

    ``state`` is one of ``ChequeState`` or, until it is paid in, of ``PostDatedState``; ``slip`` is the deposit slip that
    it is on. ``drawer`` is empty where the name is not kept any more.
    """

    key: str
    paper: str
    account: str
    bank: str
    branch: str
    bank_account: str
    serial: str
    drawer: str
    dated: date
    amount: Money
    mode: str
    state: str
    slip: str | None

    @property
    def is_over(self) -> bool:
        """Whether nothing is expected of it any more."""
        return self.state in OVER

    def age(self, *, today: date) -> int:
        """Days since its date; below zero: it is post-dated."""
        return (today - self.dated).days

    def warning(self, policy: ChequePolicy, *, today: date) -> str:
        """What is to be known of the age of a cheque that the bank has not paid; empty: nothing."""
        if self.is_over or self.state == ChequeState.CREDITED:
            return ""
        left = policy.stale_after_days - self.age(today=today)
        if left < 0:
            return "TOO OLD"
        return f"{left} days left" if left <= policy.warn_before_stale_days else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeStep:
    """One step of a cheque: where it went, when, by whom, and the paper or reason with it."""

    state: str
    at: datetime
    operator: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingLine:
    """So many cheques in one state and currency, by their age: post-dated, then up to each of ``AGES``, then older."""

    state: str
    count: int
    amount: Money
    by_age: tuple[Money, ...]


def ageing(cheques: Iterable[ChequeLine], *, today: date) -> list[AgeingLine]:
    """The sums by state and age, in order of first sight."""
    groups: dict[tuple[str, str], list[ChequeLine]] = {}
    for cheque in cheques:
        groups.setdefault((cheque.state, cheque.amount.currency.code), []).append(cheque)
    return [_line(state, found, today) for (state, _), found in groups.items()]


def _line(state: str, cheques: list[ChequeLine], today: date) -> AgeingLine:
    in_currency = cheques[0].amount.currency
    by_age = [
        total((one.amount for one in cheques if _place(one.age(today=today)) == place), in_currency)
        for place in range(len(AGES) + 2)
    ]
    return AgeingLine(
        state=state,
        count=len(cheques),
        amount=total((one.amount for one in cheques), in_currency),
        by_age=tuple(by_age),
    )


def _place(age: int) -> int:
    if age < 0:
        return 0
    return next((place for place, days in enumerate(AGES, start=1) if age <= days), len(AGES) + 1)
