"""An open bill with the things that make it more than a sum: a disputed part, a promised instalment.

owed("1", "10", disputed="4")               # 10.000 open, 6.000 of it may be asked for
owed("2", "20", promised=(3, "5"))          # 5.000 of it promised in three days
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pos.domain.allocation import Wish
from pos.domain.bill import BillState, OpenBill, Promise
from tests.builders.tills import TODAY, bill, money


def owed(
    bill_no: str,
    amount: str,
    *,
    disputed: str | None = None,
    promised: tuple[int, str] | None = None,
    due: int = 0,
    of: str = "BA-1",
    state: BillState = BillState.SENT,
) -> OpenBill:
    """A bill, due so many days from today; an instalment is (days from today, amount)."""
    told = replace(
        bill(bill_no, money(amount), of=of, due=TODAY + timedelta(days=due), state=state),
        disputed=None if disputed is None else money(disputed),
    )
    if promised is None:
        return OpenBill(bill=told, open=money(amount))
    day, instalment = promised
    promise = Promise(on=TODAY + timedelta(days=day), amount=money(instalment))
    return OpenBill(bill=replace(told, promise=promise), open=money(amount), instalment=money(instalment))


def wish(bill_no: str | None = None, amount: str | None = None, **named: object) -> Wish:
    """What a payer asks for; without a bill, money on an account."""
    return Wish(bill_no=bill_no, amount=None if amount is None else money(amount), **named)  # type: ignore[arg-type]
