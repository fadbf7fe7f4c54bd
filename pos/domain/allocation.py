"""Setting money against bills: the payer's own choice first, else oldest due first; nothing created, nothing lost.

Source: domain.md rules 6, 10 to 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pos.domain.bill import BillState, OpenBill
from pos.domain.errors import Refused
from pos.domain.money import Money, total
from pos.domain.payment_mode import Purpose


class Chooser(StrEnum):
    """Who chose what a part of the money is for; the payer's own choice wins (rule 12)."""

    PAYER = "payer"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPolicy:
    """The shop's own rules of setting money against bills, in minor units of its currency.

    ``tolerance_minor``: a rest up to this is cleared with the payment. ``pay_disputed``: a payer who asks for it may pay the
    disputed part of a bill. ``resolve_alone_up_to_minor``: so much one person takes out of suspense without another.
    ``tax_parts``: the rates, as text, whose tax has a ledger account of its own.
    """

    tolerance_minor: int = 0
    pay_disputed: bool = False
    resolve_alone_up_to_minor: int = 0
    tax_parts: frozenset[str] = frozenset()


NO_TOLERANCE = PaymentPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the payer asked for: a bill (or, without one, money on an account) and, if said, how much of it.

    ``account`` None stands for the payer's own. ``keep`` says as what money on an account is kept; in suspense it goes by
    its ``reference``, and without an amount it is all that is left.
    """

    bill_no: str | None = None
    amount: Money | None = None
    account: str | None = None
    keep: Purpose = Purpose.ACCOUNT
    reference: str | None = None
    chosen_by: Chooser = Chooser.PAYER


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A part of the money set against one bill of an account, or paying a line of a sale, or kept on the account.

    ``sale_line`` is the line's place in the sale; where it and ``bill_no`` are None the part is on the account, as ``keep``
    says. ``written_off`` is the rest of the bill that is cleared with it, ``disputed`` the part of the bill left out of it.
    """

    account: str
    bill_no: str | None
    bill_id: str | None
    amount: Money
    open_before: Money | None = None
    sale_line: int | None = None
    keep: Purpose = Purpose.ACCOUNT
    reference: str | None = None
    chosen_by: Chooser = Chooser.DEFAULT
    written_off: Money | None = None
    disputed: Money | None = None

    @property
    def purpose(self) -> Purpose:
        """What this part of the money is for."""
        if self.bill_no is not None:
            return Purpose.BILLS
        return self.keep if self.sale_line is None else Purpose.ITEMS

    @property
    def open_after(self) -> Money | None:
        """What stays open on the bill after this allocation; None on account."""
        if self.open_before is None:
            return None
        left = self.open_before - self.amount
        return left if self.written_off is None else left - self.written_off


def due_order(bill: OpenBill) -> tuple[object, ...]:
    """The default order: by due date, so overdue bills come first, then bill date, then number (rule 11)."""
    return (bill.bill.due_date, bill.bill.bill_date, len(bill.bill.bill_no), bill.bill.bill_no)


def may_be_paid(bill: OpenBill) -> bool:
    """Whether the default order touches this bill: something undisputed is open and central does not hold it back."""
    return bill.payable.minor > 0 and bill.bill.state is not BillState.ON_HOLD


def due_parts(bills: Iterable[OpenBill]) -> list[tuple[OpenBill, Money]]:
    """The default order, part by part: promised instalments by their day, then the rest by due date (rule 11).

    Bills on hold and disputed parts are no part of it.
    """
    payable = sorted(filter(may_be_paid, bills), key=due_order)
    promised = sorted(
        (
            (bill.bill.promise.on, place, bill, min(bill.instalment, bill.payable))
            for place, bill in enumerate(payable)
            if bill.bill.promise is not None and bill.instalment is not None and bill.instalment.minor > 0
        ),
        key=lambda found: found[:2],
    )
    parts = [(bill, instalment) for _, _, bill, instalment in promised]
    first = {bill.bill.bill_no: instalment for bill, instalment in parts}
    for bill in payable:
        rest = bill.payable - first[bill.bill.bill_no] if bill.bill.bill_no in first else bill.payable
        if rest.minor > 0:
            parts.append((bill, rest))
    return parts


def allocate_oldest_first(paid: Money, bills: Iterable[OpenBill]) -> tuple[list[Allocation], Money]:
    """Pay the open bills in the default order as far as ``paid`` goes; the second value is what is left over.

    Raises nothing: no open bill leaves all of ``paid`` over.
    """
    left = paid
    made: dict[str, tuple[OpenBill, Money]] = {}
    for bill, wanted in due_parts(bills):
        if left.minor == 0:
            break
        part = min(left, wanted)
        before = made.get(bill.bill.bill_no)
        made[bill.bill.bill_no] = (bill, part if before is None else before[1] + part)
        left = left - part
    return [_of_bill(bill, part, Chooser.DEFAULT) for bill, part in made.values()], left


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What of a bill was open and was not asked for; ``reason`` is ``disputed`` or ``on_hold``."""

    bill_no: str
    reason: str
    amount: Money


def left_out(bills: Iterable[OpenBill], paid: Iterable[Allocation]) -> list[LeftOut]:
    """What of ``bills`` is left out because it is disputed or on hold, in due order; but not what was ``paid`` of it."""
    over = {part.bill_no: part.open_before - part.amount for part in paid if part.open_before is not None}
    found: list[LeftOut] = []
    for bill in sorted(bills, key=due_order):
        number = bill.bill.bill_no
        held = bill.bill.state is BillState.ON_HOLD
        amount = bill.open if held else min(bill.disputed, over.get(number, bill.open))
        if amount.minor > 0:
            found.append(LeftOut(bill_no=number, reason="on_hold" if held else "disputed", amount=amount))
    return found


def allocate_as_asked(
    paid: Money,
    wishes: Sequence[Wish],
    *,
    payer_account: str,
    bills: Mapping[str, OpenBill],
    pay_disputed: bool = False,
) -> tuple[list[Allocation], Money]:
    """Follow the payer's choice exactly; the second value is what is left over.

    ``bills`` holds every named bill by number. A wish without an amount takes what is open without the disputed part, as
    far as the money goes; one with an amount may reach into that part with ``pay_disputed``.
    Raises Refused ``bill_named_twice``, ``unknown_bill``, ``bill_of_other_account``, ``bill_on_hold``, ``bill_settled``,
    ``bill_disputed``, ``more_than_open``, ``amount_missing`` or ``not_enough_tendered``.
    """
    left = paid
    made: list[Allocation] = []
    seen: set[str] = set()
    for wish in wishes:
        if wish.bill_no is None:
            made_part = _on_account(wish, payer_account, left)
        else:
            if wish.bill_no in seen:
                raise Refused("bill_named_twice", f"Bill {wish.bill_no} is named twice.", bill=wish.bill_no)
            seen.add(wish.bill_no)
            made_part = _as_asked(wish, _payable(wish, bills), left, pay_disputed=pay_disputed)
        if made_part.amount > left:
            asked = total((part.amount for part in made), paid.currency) + made_part.amount
            raise Refused(
                "not_enough_tendered",
                f"{asked.plain()} is asked for, {paid.plain()} was handed over. Add a tender or pay a part.",
                asked=asked.plain(),
                tendered=paid.plain(),
                currency=paid.currency.code,
            )
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


def _as_asked(wish: Wish, bill: OpenBill, left: Money, *, pay_disputed: bool) -> Allocation:
    reach = bill.open if pay_disputed and wish.amount is not None else bill.payable
    if reach < bill.open and (
        reach.minor == 0 or (wish.amount is not None and reach < wish.amount <= bill.open)
    ):
        raise Refused(
            "bill_disputed",
            f"{bill.disputed.plain()} of bill {bill.bill.bill_no} is disputed and left out: "
            + (f"{reach.plain()} may be paid now." if reach else "nothing of it may be paid now."),
            bill=bill.bill.bill_no,
            disputed=bill.disputed.plain(),
            payable=reach.plain(),
            currency=bill.open.currency.code,
        )
    amount = wish.amount if wish.amount is not None else min(left, reach)
    if amount.minor == 0:
        raise Refused(
            "not_enough_tendered",
            f"Nothing is left for bill {bill.bill.bill_no}. Add a tender, or leave the bill out.",
            bill=bill.bill.bill_no,
            currency=bill.open.currency.code,
        )
    if amount > bill.open:
        raise Refused(
            "more_than_open",
            f"Only {bill.open.plain()} is open on bill {bill.bill.bill_no}.",
            bill=bill.bill.bill_no,
            open=bill.open.plain(),
            currency=bill.open.currency.code,
        )
    return _of_bill(bill, amount, wish.chosen_by)


def _on_account(wish: Wish, payer_account: str, left: Money) -> Allocation:
    amount = left if wish.amount is None and wish.keep is Purpose.SUSPENSE else wish.amount
    if amount is None or amount.minor == 0:
        raise Refused("amount_missing", "Say how much goes on the account.")
    return Allocation(
        account=wish.account or payer_account,
        bill_no=None,
        bill_id=None,
        amount=amount,
        keep=wish.keep,
        reference=wish.reference,
        chosen_by=wish.chosen_by,
    )


def _of_bill(bill: OpenBill, amount: Money, chosen_by: Chooser) -> Allocation:
    return Allocation(
        account=bill.bill.account,
        bill_no=bill.bill.bill_no,
        bill_id=bill.bill.bill_id,
        amount=amount,
        open_before=bill.open,
        chosen_by=chosen_by,
        disputed=bill.disputed or None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """Which tender (by its place in the event) pays how much of which allocation (by its place)."""

    tender: int
    allocation: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one tender brings (net of change), and what it may be used for."""

    amount: Money
    purposes: frozenset[Purpose]


def fund(sources: Sequence[Source], allocations: Sequence[Allocation]) -> list[Funding]:
    """Let the tenders pay the allocations, so that a bounce can later be undone exactly (rule 14).

    Both go in their order as far as each tender pays only what it may be used for; wherever such a way exists it is found.
    What no tender may pay is paid all the same, by what is left, and the caller refuses it. Sums must be equal, else
    ValueError.
    """
    in_currency = sources[0].amount.currency if sources else None
    if in_currency is None or total((one.amount for one in sources), in_currency) != total(
        (part.amount for part in allocations), in_currency
    ):
        raise ValueError("tenders and allocations do not balance")
    shares = _shares(sources, allocations)
    need = [part.amount.minor for part in allocations]
    made: list[Funding] = []

    def pay(tender: int, minor: int, places: Iterable[int]) -> None:
        for place in places:
            part = min(minor, need[place])
            if part > 0:
                made.append(Funding(tender=tender, allocation=place, amount=Money(part, in_currency)))
                need[place] -= part
                minor -= part

    for tender, by_purpose in enumerate(shares):
        for purpose, minor in by_purpose.items():
            pay(tender, minor, [place for place, part in enumerate(allocations) if part.purpose is purpose])
    for tender, by_purpose in enumerate(shares):
        unused = sources[tender].amount.minor - sum(by_purpose.values())
        pay(tender, unused, range(len(allocations)))
    return sorted(made, key=lambda part: (part.tender, part.allocation))


def _shares(sources: Sequence[Source], allocations: Sequence[Allocation]) -> list[dict[Purpose, int]]:
    """How much of each purpose each tender pays (minor units): as much as can be paid by the acceptance matrix.

    In order, and where a later tender is left without a purpose, earlier ones make room for it along a chain of swaps. A
    tender makes no room for itself: swapping a small bill for much credit, it would go on minor unit by minor unit.
    """
    purposes = list(dict.fromkeys(part.purpose for part in allocations))
    need = {
        purpose: sum(part.amount.minor for part in allocations if part.purpose is purpose)
        for purpose in purposes
    }
    shares: list[dict[Purpose, int]] = []

    def find_room(purpose: Purpose, wanted: int, seen: frozenset[Purpose]) -> int:
        """Make up to ``wanted`` of ``purpose`` free; how much became so."""
        if need[purpose] > 0:
            return min(wanted, need[purpose])
        for tender, share in enumerate(shares):
            for other in purposes:
                movable = min(wanted, share[purpose])
                if movable <= 0 or other in seen or other not in sources[tender].purposes:
                    continue
                room = find_room(other, movable, seen | {other})
                if room > 0:
                    share[purpose] -= room
                    share[other] += room
                    need[purpose] += room
                    need[other] -= room
                    return room
        return 0

    for one in sources:
        minor = one.amount.minor
        own = dict.fromkeys(purposes, 0)
        for purpose in purposes:
            while minor > 0 and purpose in one.purposes:
                room = find_room(purpose, minor, frozenset({purpose}))
                if room == 0:
                    break
                own[purpose] += room
                need[purpose] -= room
                minor -= room
        shares.append(own)
    return shares
