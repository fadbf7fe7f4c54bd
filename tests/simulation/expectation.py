"""What must come of a payment order, worked out from what the screen shows: the rules once more, by another hand.

It is small because it knows only what the simulated cashier asks for. Amounts are minor units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind, Purpose
from pos.till.payment_order import AllocateOrder, PaymentOrder
from tests.simulation.shop import CASH_ONLY, PRICES, SUSPENSE, WALK_IN

COIN = 5
"""The smallest coin, in minor units."""

BANK_MODES = ("bank_cash", "bank_cheque")
VOUCHER_MODES = ("internal_voucher", "external_voucher")

Target = tuple[str, str | None]
"""An account and, unless the money is its credit, a bill's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBill:
    """A bill as the screen shows it."""

    bill_no: str
    account: str
    open_minor: int
    state: str
    due_date: str


Screen = Mapping[str, ShownBill]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The money by target, by item sold, by account and by tender (mode, net of change), and the change."""

    allocations: Mapping[Target, int]
    sold: Mapping[str, int]
    accounts: Mapping[str, int]
    tenders: tuple[tuple[str, int], ...]
    change_minor: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The till must refuse with this code."""

    code: str


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def minor_of(text: str) -> int:
    """``"12.500"`` as 12500: every amount of the simulation is written with all its digits."""
    return int(text.replace(".", ""))


def text_of(minor: int) -> str:
    """12500 as ``"12.500"``."""
    return f"{minor // 1000}.{minor % 1000:03}"


def expected(
    order: PaymentOrder, screen: Screen, *, vouchers_held: bool = True, blocked: bool = False
) -> Taken | Refusal:
    """What the till must answer to ``order``. ``vouchers_held``: central holds the vouchers in it for it.

    ``blocked``: a bank receipt of this payer stands rejected.
    """
    if not vouchers_held and any(tender.mode in VOUCHER_MODES for tender in order.tenders):
        return Refusal("voucher_not_checked")
    try:
        taken = _taken(order, screen)
    except _Refused as refused:
        return Refusal(refused.code)
    if blocked and any(tender.mode in BANK_MODES for tender in order.tenders):
        return Refusal("dealer_blocked")
    return taken


def _taken(order: PaymentOrder, screen: Screen) -> Taken:
    payer = order.payer_account or WALK_IN
    tenders = [(tender.mode, minor_of(tender.amount)) for tender in order.tenders]
    cash = sum(minor for mode, minor in tenders if mode == "cash")
    sold = _sold(order)
    tendered = sum(minor for _, minor in tenders)
    left = tendered + _lacking_in_coins(cash, tendered, _wants(order, payer, screen, sum(sold.values())))
    if sum(sold.values()) > left:
        raise _Refused("not_enough_tendered")
    allocations, left = _allocated(order, payer, screen, left - sum(sold.values()))
    if (
        not allocations
        and not sold
        and order.payer_kind is PayerKind.SUBSCRIBER
        and order.overpayment is None
    ):
        raise _Refused("nothing_to_pay")
    back = _change(order.overpayment, left, cash)
    if left > back:
        allocations.append(((payer, None), left - back))
    if not allocations and not sold:
        raise _Refused("nothing_to_pay")
    paid = sum(minor for _, minor in allocations) + sum(sold.values())
    wanted = paid - (tendered - cash)
    change = _in_coins(cash, wanted)
    if change and change == cash:
        raise _Refused("tender_not_needed")
    touched = (payer, *(account for (account, _), _ in allocations))
    if CASH_ONLY in touched and any(mode == "cheque" for mode, _ in tenders):
        raise _Refused("cheque_account_cash_only")
    by_target: Counter[Target] = Counter()
    by_account: Counter[str] = Counter({payer: sum(sold.values())} if sold else {})
    for target, minor in allocations:
        by_target[target] += minor
        by_account[target[0]] += minor
    nets = sorted((mode, wanted if mode == "cash" else minor) for mode, minor in tenders)
    return Taken(
        allocations=by_target, sold=sold, accounts=by_account, tenders=tuple(nets), change_minor=change
    )


def _nearest_coins(minor: int) -> int:
    return (2 * minor + COIN) // (2 * COIN) * COIN


def _in_coins(cash: int, wanted: int) -> int:
    """What goes back of ``cash`` where ``wanted`` was to be paid with it."""
    if wanted <= 0 or cash <= wanted:
        return cash if wanted <= 0 else 0
    return max(0, cash - _nearest_coins(wanted) if cash % COIN == 0 else _nearest_coins(cash - wanted))


def _wants(order: PaymentOrder, payer: str, screen: Screen, sold: int) -> list[int]:
    """What is to be paid, part by part."""
    if order.allocate:
        parts = [_wished(wish, screen) for wish in order.allocate]
    elif order.lines or order.payer_kind is PayerKind.DEALER:
        parts = []
    else:
        own = [bill for bill in screen.values() if bill.account == payer and bill.state != "onHold"]
        parts = [bill.open_minor for bill in sorted(own, key=lambda bill: bill.due_date)]
    return [sold, *parts]


def _wished(wish: AllocateOrder, screen: Screen) -> int:
    if wish.amount is not None:
        return minor_of(wish.amount)
    bill = screen.get(wish.bill or "")
    return 0 if bill is None else bill.open_minor


def _lacking_in_coins(cash: int, tendered: int, wants: list[int]) -> int:
    """What no coin is small enough for, where the cash is all that coins can make."""
    for wanted in accumulate(wants):
        missing = wanted - tendered
        if missing > 0 and cash and cash >= _nearest_coins(cash + missing):
            return missing
    return 0


def _sold(order: PaymentOrder) -> Counter[str]:
    sold: Counter[str] = Counter()
    for line in order.lines:
        sold[line.item] += PRICES[line.item] * line.quantity
    return sold


def _allocated(
    order: PaymentOrder, payer: str, screen: Screen, left: int
) -> tuple[list[tuple[Target, int]], int]:
    if order.allocate:
        return _as_wished(order.allocate, payer, screen, left)
    if order.lines:
        return [], left
    if order.payer_kind is PayerKind.DEALER:
        return [((payer, None), left)], 0
    allocations: list[tuple[Target, int]] = []
    own = [bill for bill in screen.values() if bill.account == payer and bill.state != "onHold"]
    for bill in sorted(own, key=lambda bill: bill.due_date):
        part = min(left, bill.open_minor)
        if part:
            allocations.append(((bill.account, bill.bill_no), part))
            left -= part
    return allocations, left


def _as_wished(
    wishes: Sequence[AllocateOrder], payer: str, screen: Screen, left: int
) -> tuple[list[tuple[Target, int]], int]:
    allocations: list[tuple[Target, int]] = []
    for wish in wishes:
        wanted = None if wish.amount is None else minor_of(wish.amount)
        if wish.bill is None:
            assert wanted is not None, "an account is credited with an amount"
            kept = SUSPENSE if wish.keep_as is Purpose.SUSPENSE else wish.account or payer
            target: Target = (kept, None)
        else:
            bill = screen.get(wish.bill)
            if bill is None:
                raise _Refused("unknown_bill")
            if bill.state == "onHold":
                raise _Refused("bill_on_hold")
            if bill.open_minor == 0:
                raise _Refused("bill_settled")
            wanted = min(left, bill.open_minor) if wanted is None else wanted
            if wanted > bill.open_minor:
                raise _Refused("more_than_open")
            target = (bill.account, bill.bill_no)
        if wanted > left:
            raise _Refused("not_enough_tendered")
        if wanted:
            allocations.append((target, wanted))
            left -= wanted
    return allocations, left


def _change(asked: Overpayment | None, left: int, cash: int) -> int:
    if asked is Overpayment.CREDIT:
        return 0
    if asked is Overpayment.CHANGE and left > cash:
        raise _Refused("change_not_possible")
    return min(left, cash)
