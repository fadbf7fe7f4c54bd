"""Setting money against bills: the payer's own choice first, else oldest due first; nothing created, nothing lost.

Source: domain.md rules 6, 10 to 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pos.domain.bill import BillState, OpenBill
from pos.domain.errors import Refused
from pos.domain.money import Money, total, zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the payer asked for: a bill (or, without one, credit on an account) and, if said, how much of it.

    ``account`` None stands for the payer's own.
    """

    bill_no: str | None = None
    amount: Money | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A part of the money set against one bill of an account, or kept as its credit (``bill_no`` None)."""

    account: str
    bill_no: str | None
    bill_id: str | None
    amount: Money
    open_before: Money | None = None

    @property
    def open_after(self) -> Money | None:
        """What stays open on the bill after this allocation; None on account."""
        return None if self.open_before is None else self.open_before - self.amount


def due_order(bill: OpenBill) -> tuple[object, ...]:
    """The default order: by due date, so overdue bills come first, then bill date, then number (rule 11)."""
    return (bill.bill.due_date, bill.bill.bill_date, len(bill.bill.bill_no), bill.bill.bill_no)


def may_be_paid(bill: OpenBill) -> bool:
    """Whether the default order touches this bill: something is open and central does not hold it back."""
    return bill.is_open and bill.bill.state is not BillState.ON_HOLD


def allocate_oldest_first(paid: Money, bills: Iterable[OpenBill]) -> tuple[list[Allocation], Money]:
    """Pay the open bills in due order as far as ``paid`` goes; the second value is what is left over.

    Bills on hold are left out. Raises nothing: no open bill leaves all of ``paid`` over.
    """
    left = paid
    made: list[Allocation] = []
    for bill in sorted(filter(may_be_paid, bills), key=due_order):
        if left.minor == 0:
            break
        part = min(left, bill.open)
        made.append(_of_bill(bill, part))
        left = left - part
    return made, left


def allocate_as_asked(
    paid: Money, wishes: Sequence[Wish], *, payer_account: str, bills: Mapping[str, OpenBill]
) -> tuple[list[Allocation], Money]:
    """Follow the payer's choice exactly; the second value is what is left over.

    ``bills`` holds every named bill by number. A wish without an amount takes what is open, as far as the money goes.
    Raises Refused ``bill_named_twice``, ``unknown_bill``, ``bill_of_other_account``, ``bill_on_hold``, ``bill_settled``,
    ``more_than_open``, ``amount_missing`` or ``not_enough_tendered``.
    """
    left = paid
    made: list[Allocation] = []
    seen: set[str] = set()
    for wish in wishes:
        if wish.bill_no is None:
            made_part = _on_account(wish, payer_account)
        else:
            if wish.bill_no in seen:
                raise Refused("bill_named_twice", f"Bill {wish.bill_no} is named twice.", bill=wish.bill_no)
            seen.add(wish.bill_no)
            made_part = _as_asked(wish, _payable(wish, bills), left)
        if made_part.amount > left:
            asked = total((part.amount for part in made), paid.currency) + made_part.amount
            raise Refused(
                "not_enough_tendered",
                f"{asked.plain()} is asked for, {paid.plain()} was handed over. Add a tender or pay a part.",
                asked=asked.plain(),
                tendered=paid.plain(),
                currency=paid.currency.code,
            )
        if made_part.amount.minor > 0:
            made.append(made_part)
        left = left - made_part.amount
    return made, left


def _payable(wish: Wish, bills: Mapping[str, OpenBill]) -> OpenBill:
    bill = bills.get(wish.bill_no or "")
    if bill is None:
        raise Refused(
            "unknown_bill", f"Bill {wish.bill_no} is not known here. Check the number.", bill=wish.bill_no
        )
    if wish.account is not None and wish.account != bill.bill.account:
        raise Refused(
            "bill_of_other_account",
            f"Bill {wish.bill_no} belongs to account {bill.bill.account}.",
            bill=wish.bill_no,
            account=bill.bill.account,
        )
    if bill.bill.state is BillState.ON_HOLD:
        raise Refused(
            "bill_on_hold", f"Bill {wish.bill_no} is on hold and cannot be paid now.", bill=wish.bill_no
        )
    if not bill.is_open:
        raise Refused("bill_settled", f"Bill {wish.bill_no} is paid already.", bill=wish.bill_no)
    return bill


def _as_asked(wish: Wish, bill: OpenBill, left: Money) -> Allocation:
    amount = wish.amount if wish.amount is not None else min(left, bill.open)
    if amount > bill.open:
        raise Refused(
            "more_than_open",
            f"Only {bill.open.plain()} is open on bill {bill.bill.bill_no}.",
            bill=bill.bill.bill_no,
            open=bill.open.plain(),
            currency=bill.open.currency.code,
        )
    return _of_bill(bill, amount)


def _on_account(wish: Wish, payer_account: str) -> Allocation:
    if wish.amount is None:
        raise Refused("amount_missing", "Say how much goes on the account.")
    return Allocation(account=wish.account or payer_account, bill_no=None, bill_id=None, amount=wish.amount)


def _of_bill(bill: OpenBill, amount: Money) -> Allocation:
    return Allocation(
        account=bill.bill.account,
        bill_no=bill.bill.bill_no,
        bill_id=bill.bill.bill_id,
        amount=amount,
        open_before=bill.open,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """Which tender (by its place in the event) pays how much of which allocation (by its place)."""

    tender: int
    allocation: int
    amount: Money


def fund(tenders: Sequence[Money], allocations: Sequence[Money]) -> list[Funding]:
    """Let the tenders pay the allocations, both in their order, so that a bounce can later be undone exactly (rule 14).

    The sums must be equal; raises ValueError otherwise.
    """
    if not tenders or total(tenders, tenders[0].currency) != total(allocations, tenders[0].currency):
        raise ValueError("tenders and allocations do not balance")
    made: list[Funding] = []
    place, left = 0, zero(tenders[0].currency)
    supply = iter(enumerate(tenders))
    for index, wanted in enumerate(allocations):
        need = wanted
        while need.minor > 0:
            while left.minor == 0:
                place, left = next(supply)
            part = min(need, left)
            made.append(Funding(tender=place, allocation=index, amount=part))
            need, left = need - part, left - part
    return made
