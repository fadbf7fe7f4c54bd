"""Where the money of a cheque goes that counts again: each share stays the money of the leg that brought it.

Source: domain.md 3.3 and rules 11, 14, 35.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pos.domain.allocation import allocate_oldest_first
from pos.domain.bill import OpenBill
from pos.domain.correction import TakenPart
from pos.domain.money import Money, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.store import cache as cached
from pos.store.dishonours import StandingDishonour
from pos.store.refunds_across import kept_as_stored
from pos.till.charge_bills import charge_of
from pos.till.desk import Deed
from pos.till.dishonour_plan import Found
from pos.till.open_bills import open_bills

Undone = Sequence[tuple[TakenPart, Money]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedAgain:
    """A share of a leg's money, and where it counts again."""

    leg: int
    account: str
    purpose: Purpose
    amount: Money
    bill_no: str | None = None
    bill_id: str | None = None

    def row(self, found: Found) -> Mapping[str, object]:
        """As the books keep it."""
        return {
            "payment_event_id": found.taken.payment_event_id,
            "leg": self.leg,
            "tender_id": found.tender.tender_id,
            "account": self.account,
            "bill_no": self.bill_no,
            "bill_id": self.bill_id,
            "kept_as": kept_as_stored(self.purpose),
            "amount_minor": self.amount.minor,
            "currency": self.amount.currency.code,
            "chosen_by": "default",
        }


class _Owed:
    """What bills still want, less what this deed has put on them already."""

    def __init__(self, deed: Deed, found: Found) -> None:
        self._deed, self._found = deed, found
        self._bills: dict[str, OpenBill | None] = {}
        self._given: dict[str, Money] = {}

    def bill(self, bill_no: str) -> OpenBill | None:
        """The bill of this number as it stands in the books; None where central has not told it."""
        if bill_no not in self._bills:
            with self._deed.desk.cache.read() as connection:
                told = cached.bill_by_number(connection, bill_no)
            told = told or charge_of(self._deed.unit.connection, bill_no)
            found = [] if told is None else open_bills(self._deed.unit.connection, [told])
            self._bills[bill_no] = next(iter(found), None)
        return self._bills[bill_no]

    def wanted(self, bill_no: str) -> Money:
        none = zero(self._found.tender.paid.currency)
        bill = self.bill(bill_no)
        return none if bill is None else bill.open - self._given.get(bill_no, none)

    def give(self, bill_no: str, amount: Money) -> None:
        self._given[bill_no] = self._given.get(bill_no, zero(amount.currency)) + amount

    def open_of(self, account: str) -> list[OpenBill]:
        """What an account owes, less what was put on it here; oldest first is the caller's."""
        in_currency = self._found.tender.paid.currency
        with self._deed.desk.cache.read() as connection:
            told = cached.bills_of_account(connection, account, open_only=False)
        mine = [bill for bill in told if bill.remaining.currency == in_currency]
        bills = open_bills(self._deed.unit.connection, mine)
        for bill in bills:
            self._bills[bill.bill.bill_no] = bill
        return [
            OpenBill(bill=bill.bill, open=self.wanted(bill.bill.bill_no), instalment=bill.instalment)
            for bill in bills
        ]


def again_as_owed(deed: Deed, found: Found, bounce: StandingDishonour, undone: Undone) -> list[PlacedAgain]:
    """All of the cheque's money by what is owed now: the bills that the bounce opened, what it charged for money that had
    left, the oldest due, and credit.
    """
    owed, placed = _Owed(deed, found), list[PlacedAgain]()
    rests: dict[tuple[int, str], Money] = {}

    def rest(leg: int, account: str, amount: Money) -> None:
        if amount:
            rests[(leg, account)] = rests.get((leg, account), zero(amount.currency)) + amount

    for part, amount in undone:
        if part.bill_no is not None:
            share = _on_bill(owed, placed, part.leg, part.bill_no, part.account, amount)
            rest(part.leg, part.account, amount - share)
        elif part.purpose is Purpose.ITEMS:
            rest(part.leg, bounce.charge_account or part.account, amount)
        else:
            placed.append(
                PlacedAgain(leg=part.leg, account=part.account, purpose=part.purpose, amount=amount)
            )
    for leg, (account, amount) in _legs(found).items():
        back = zero(amount.currency)
        for part, share in undone:
            back = back + share if part.leg == leg else back
        rest(leg, account, amount - back)
    for (leg, account), amount in rests.items():
        _spread(
            owed, placed, bounce, leg, account, amount, has_bills=found.taken.payer_kind != PayerKind.DEALER
        )
    return placed


def again_as_before(deed: Deed, found: Found, undone: Undone) -> list[PlacedAgain]:
    """Everything where it was; a bill that was paid meanwhile takes what it still wants, the rest is credit."""
    owed, placed = _Owed(deed, found), list[PlacedAgain]()
    for part, amount in undone:
        left = amount
        if part.bill_no is not None:
            left = amount - _on_bill(
                owed, placed, part.leg, part.bill_no, part.account, amount, bill_id=part.bill_id
            )
        purpose = Purpose.ACCOUNT if part.bill_no is not None else part.purpose
        if left:
            placed.append(PlacedAgain(leg=part.leg, account=part.account, purpose=purpose, amount=left))
    return placed


def left_open(
    deed: Deed, found: Found, placed: Sequence[PlacedAgain], bill_nos: Sequence[str]
) -> dict[str, Money]:
    """What stays open of each of these bills where money is ``placed`` so."""
    owed = _Owed(deed, found)
    for one in placed:
        if one.bill_no is not None:
            owed.give(one.bill_no, one.amount)
    return {bill_no: owed.wanted(bill_no) for bill_no in bill_nos}


def _on_bill(
    owed: _Owed,
    placed: list[PlacedAgain],
    leg: int,
    bill_no: str,
    account: str,
    amount: Money,
    *,
    bill_id: str | None = None,
) -> Money:
    """What the bill takes of ``amount``."""
    share = min(amount, owed.wanted(bill_no))
    bill = owed.bill(bill_no)
    if share:
        owed.give(bill_no, share)
        placed.append(
            PlacedAgain(
                leg=leg,
                account=account,
                purpose=Purpose.BILLS,
                amount=share,
                bill_no=bill_no,
                bill_id=bill_id if bill is None else bill.bill.bill_id,
            )
        )
    return share


def _spread(
    owed: _Owed,
    placed: list[PlacedAgain],
    bounce: StandingDishonour,
    leg: int,
    account: str,
    amount: Money,
    *,
    has_bills: bool,
) -> None:
    """What has no bill of its own any more: the charge for money that had left, the oldest due, credit."""
    left = amount
    if bounce.bill_no is not None and bounce.charge_account == account:
        left = left - _on_bill(owed, placed, leg, bounce.bill_no, account, min(left, bounce.recovered))
    if has_bills and left:
        parts, _ = allocate_oldest_first(left, owed.open_of(account))
        for part in parts:
            assert part.bill_no is not None, "bills are paid"
            left = left - _on_bill(owed, placed, leg, part.bill_no, account, part.amount)
    if left:
        placed.append(PlacedAgain(leg=leg, account=account, purpose=Purpose.ACCOUNT, amount=left))


def _legs(found: Found) -> dict[int, tuple[str, Money]]:
    """What the cheque gave each of its legs, with the account of each."""
    legs: dict[int, tuple[str, Money]] = {}
    for part in found.taken.parts:
        if part.tender_id == found.tender.tender_id and not part.placed:
            before = legs.get(part.leg, (part.account, zero(part.amount.currency)))
            legs[part.leg] = (before[0], before[1] + part.amount)
    return legs
