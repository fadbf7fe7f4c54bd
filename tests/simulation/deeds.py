"""What a cashier does at the counter, as a table: one row a deed, drawn by weight. A new deed is one more row."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pos.bootstrap.paper import StorePrintJobs, renderings
from pos.domain.bank_receipt import BankReceiptState
from pos.domain.errors import Refused
from pos.domain.ids import new_id
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import Purpose
from pos.machine import InlineRunner
from pos.store.shifts import Shift
from pos.till.bank_receipts import (
    bank_receipts,
    reject_bank_receipt,
    unblock_dealer,
    verify_bank_receipt,
)
from pos.till.open_bills import catch_up
from pos.till.papers import reprint
from pos.till.payment_order import AllocateOrder, PaymentOrder, TenderOrder
from pos.till.selling import SaleOrder
from pos.till.suspense import ResolveOrder, resolve_suspense, suspense_items
from pos.till.take_payment import take_payment
from pos.till.vouchers import let_go, reserve_vouchers
from receipts.queue import print_waiting
from sync.vouchers import CentralVouchers
from tests.builders.tills import iccid
from tests.simulation.drawer import close_with_count
from tests.simulation.expectation import Screen, ShownBill, minor_of, text_of
from tests.simulation.paying import pay, screen_of
from tests.simulation.shop import (
    BACK_OFFICE,
    CASH_ONLY,
    DEALERS,
    GIFT_ISSUER,
    GIFTS,
    ON_HOLD,
    PRICES,
    SUBSCRIBERS,
    SUPERVISOR,
    VOUCHERS,
)
from tests.simulation.tenders import (
    ACCOUNT,
    BILLS,
    ITEMS,
    TENDERS,
    paper_number,
    payer_kind,
    split,
    tender_of,
)
from tests.simulation.terminals import Terminal
from tests.simulation.violation import require

NOTES_MINOR = (1_000, 5_000, 10_000, 20_000)


def _order(
    terminal: Terminal,
    account: str | None,
    tenders: list[TenderOrder],
    wishes: list[AllocateOrder] | None = None,
    overpayment: Overpayment | None = None,
) -> PaymentOrder:
    desk = terminal.till.desk
    return PaymentOrder(
        payment_event_id=new_id(desk.clock, desk.randomness),
        payer_kind=payer_kind(account),
        payer_account=account,
        tenders=tuple(tenders),
        allocate=tuple(wishes or ()),
        overpayment=overpayment,
        # The plan pays the same again on purpose, and the papers' numbers follow one another: the cashier says so.
        confirmed=("possible_double", "near_duplicate"),
    )


def _payable(screen: Screen, account: str | None = None) -> list[ShownBill]:
    return [
        bill
        for bill in screen.values()
        if bill.open_minor and bill.state != "onHold" and account in (None, bill.account)
    ]


def _pay_one_bill(terminal: Terminal, _shift: Shift) -> None:
    """The oldest bill with notes, change given back."""
    drawn, account = terminal.drawn, terminal.drawn.choice(SUBSCRIBERS)
    bills = _payable(screen_of(terminal.till.desk), account)
    due = min(bills, key=lambda bill: bill.due_date).open_minor if bills else 2_000
    note = drawn.choice([0, *NOTES_MINOR])
    handed = due + (note - due % note if note else 0)
    order = _order(terminal, account, [tender_of(terminal, TENDERS[0], handed)])
    first = [AllocateOrder(bill=min(bills, key=lambda bill: bill.due_date).bill_no)] if bills else []
    pay(terminal, replace(order, allocate=tuple(first)))


def _pay_oldest_first(terminal: Terminal, _shift: Shift) -> None:
    """A sum in any tenders, over as many bills as it goes; what is over is change or credit."""
    drawn, account = terminal.drawn, terminal.drawn.choice(SUBSCRIBERS)
    minor = drawn.choice((500, 3_250, 9_999, 25_000))
    overpayment = drawn.choice((None, Overpayment.CREDIT, Overpayment.CHANGE))
    pay(
        terminal,
        _order(terminal, account, split(terminal, account, minor, (BILLS, ACCOUNT)), overpayment=overpayment),
    )


def _pay_part(terminal: Terminal, _shift: Shift) -> None:
    """A part of one bill, which other tills may pay at the same time."""
    bills = _payable(screen_of(terminal.till.desk))
    if not bills:
        _pay_on_account(terminal, _shift)
        return
    bill = terminal.drawn.choice(bills)
    minor = terminal.drawn.randint(1, bill.open_minor)
    wish = AllocateOrder(bill=bill.bill_no, amount=text_of(minor))
    pay(terminal, _order(terminal, bill.account, split(terminal, bill.account, minor, (BILLS,)), [wish]))


def _pay_many_bills(terminal: Terminal, _shift: Shift) -> None:
    """Marked bills, perhaps of several accounts, and a little on account; in two or three tenders."""
    drawn = terminal.drawn
    bills = _payable(screen_of(terminal.till.desk))
    if not bills:
        _pay_on_account(terminal, _shift)
        return
    marked = drawn.sample(bills, min(len(bills), drawn.randint(1, 4)))
    wishes: list[AllocateOrder] = []
    for bill in marked:
        minor = drawn.choice((bill.open_minor, drawn.randint(1, bill.open_minor)))
        wishes.append(AllocateOrder(bill=bill.bill_no, amount=text_of(minor)))
    if drawn.random() < 0.3:
        wishes.append(AllocateOrder(account=drawn.choice(SUBSCRIBERS), amount=text_of(drawn.randint(1, 900))))
    over = drawn.choice((0, 0, 777))
    minor = sum(minor_of(wish.amount) for wish in wishes if wish.amount is not None) + over
    payer = marked[0].account
    if any(_account_of(wish, marked, payer) == CASH_ONLY for wish in wishes):
        payer = CASH_ONLY
    overpayment = Overpayment.CREDIT if over else None
    purposes = {ACCOUNT if wish.bill is None else BILLS for wish in wishes} | ({ACCOUNT} if over else set())
    pay(terminal, _order(terminal, payer, split(terminal, payer, minor, purposes), wishes, overpayment))


def _account_of(wish: AllocateOrder, bills: list[ShownBill], payer: str) -> str:
    found = [bill.account for bill in bills if bill.bill_no == wish.bill]
    return found[0] if found else wish.account or payer


def _pay_on_account(terminal: Terminal, _shift: Shift) -> None:
    """Money in advance."""
    account = terminal.drawn.choice(SUBSCRIBERS)
    minor = terminal.drawn.randint(1, 4_000)
    wish = AllocateOrder(account=account, amount=text_of(minor))
    pay(terminal, _order(terminal, account, split(terminal, account, minor, (ACCOUNT,)), [wish]))


def _leave_in_suspense(terminal: Terminal, _shift: Shift) -> None:
    """Somebody leaves money for a customer whom nobody knows yet."""
    minor = terminal.drawn.randint(1, 12_000)
    payer = terminal.drawn.choice(SUBSCRIBERS)
    wish = AllocateOrder(amount=text_of(minor), keep_as=Purpose.SUSPENSE, reference="Letter without a number")
    pay(terminal, _order(terminal, payer, [tender_of(terminal, TENDERS[0], minor)], [wish]))


def _find_an_owner(terminal: Terminal, shift: Shift) -> None:
    """Money in suspense is sent to its owner, whole or in part; his bills may be paid at another till by now."""
    drawn, desk = terminal.drawn, terminal.till.desk
    waiting = suspense_items(desk, SUPERVISOR)
    if not waiting:
        _leave_in_suspense(terminal, shift)
        return
    found = drawn.choice(waiting)
    minor = drawn.choice((found.left.minor, drawn.randint(1, found.left.minor)))
    account = drawn.choice((*SUBSCRIBERS, *DEALERS))
    resolved = resolve_suspense(
        desk,
        SUPERVISOR,
        ResolveOrder(receipt=found.receipt_number, account=account, item=found.number, amount=text_of(minor)),
    )
    terminal.world.trace.met("suspense", "credit" if resolved.parts[-1].bill_no is None else "bills")
    terminal.world.trace.note(terminal.name, f"moves {minor} of {found.receipt_number} to {account}")
    catch_up(desk)


def _top_up_dealer(terminal: Terminal, _shift: Shift) -> None:
    """A dealer has no bills: the money tops up the account."""
    account = terminal.drawn.choice(DEALERS)
    minor = terminal.drawn.randint(1, 90_000)
    pay(terminal, _order(terminal, account, split(terminal, account, minor, (ACCOUNT,))))


def _sell(terminal: Terminal, _shift: Shift) -> None:
    """Things over the counter, to anybody; a subscriber may pay a bill in the same breath."""
    drawn = terminal.drawn
    buyer = drawn.choice((None, None, *SUBSCRIBERS[:2], *DEALERS))
    lines = [SaleOrder(item="PPD-05", quantity=drawn.randint(1, 3))]
    if drawn.random() < 0.5:
        lines.append(SaleOrder(item="SIM-01", serials=(iccid(int(paper_number(terminal))),)))
    price = sum(PRICES[line.item] * line.quantity for line in lines)
    bills = _payable(screen_of(terminal.till.desk), buyer) if buyer in SUBSCRIBERS else []
    if bills and drawn.random() < 0.4:
        bill = drawn.choice(bills)
        tenders = split(terminal, buyer, price + bill.open_minor, (ITEMS, BILLS))
        order = _order(terminal, buyer, tenders, [AllocateOrder(bill=bill.bill_no)])
    elif drawn.random() < 0.5:
        order = _order(
            terminal, buyer, [tender_of(terminal, TENDERS[0], price + drawn.choice((0, 500, 4_999)))]
        )
    else:
        order = _order(terminal, buyer, split(terminal, buyer, price, (ITEMS,)))
    pay(terminal, replace(order, lines=tuple(lines)))


async def _pay_by_voucher(terminal: Terminal, _shift: Shift) -> None:
    """Central holds the voucher first; several tills may be shown the same one."""
    drawn, desk = terminal.drawn, terminal.till.desk
    external = drawn.random() < 0.3
    code, value = drawn.choice(list((GIFTS if external else VOUCHERS).items()))
    mode = "external_voucher" if external else "internal_voucher"
    details = {"code": code, "issuer": GIFT_ISSUER} if external else {"code": code}
    bills = _payable(screen_of(desk))
    if bills and drawn.random() < 0.6:
        bill = drawn.choice(bills)
        tender = TenderOrder(mode=mode, amount=text_of(min(value, bill.open_minor)), details=details)
        order = _order(
            terminal, bill.account, [tender], [AllocateOrder(bill=bill.bill_no, amount=tender.amount)]
        )
    else:
        tender = TenderOrder(mode=mode, amount=text_of(value), details=details)
        order = _order(terminal, drawn.choice(DEALERS), [tender])
    checker, runner = CentralVouchers(terminal.client), InlineRunner()
    try:
        await reserve_vouchers(desk, terminal.person, order, checker, runner)
    except Refused as refusal:
        terminal.world.trace.met("voucher", refusal.code)
        terminal.world.trace.note(terminal.name, f"voucher {code}: {refusal.code}")
        terminal.memory.refused.add(order.payment_event_id)
        return
    terminal.world.trace.met("voucher", "held")
    if drawn.random() < 0.2 or not pay(terminal, order):
        terminal.world.trace.met("voucher", "let go")
        terminal.memory.refused.add(order.payment_event_id)
        await let_go(desk, order.payment_event_id, checker, runner)


def _hear_from_the_bank(terminal: Terminal, _shift: Shift) -> None:
    """The back office decides on a bank receipt that waits for the bank, or on one that stands rejected."""
    drawn, desk = terminal.drawn, terminal.till.desk
    waiting = bank_receipts(desk, BACK_OFFICE)
    if not waiting:
        _top_up_dealer(terminal, _shift)
        return
    rejected = [one for one in waiting if one.state is BankReceiptState.REJECTED]
    receipt = drawn.choice(rejected if rejected and drawn.random() < 0.5 else waiting)
    number, tender = receipt.receipt_number, receipt.place
    if receipt.state is BankReceiptState.REJECTED and drawn.random() < 0.6:
        unblock_dealer(desk, BACK_OFFICE, receipt.dealer, "settled at the head office")
        met = "settled"
    elif receipt.state is BankReceiptState.REJECTED or drawn.random() < 0.5:
        verify_bank_receipt(desk, BACK_OFFICE, number, tender=tender)
        met = "verified"
    else:
        reject_bank_receipt(desk, BACK_OFFICE, number, "not_found", tender=tender)
        met = "rejected"
    terminal.world.trace.met("bank receipt", met)
    terminal.world.trace.note(terminal.name, f"bank receipt {number}/{tender}: {met}")
    catch_up(desk)


def _press_enter_twice(terminal: Terminal, _shift: Shift) -> None:
    """The last payment once more under its own id, as a double Enter or a nervous cashier does."""
    if not terminal.memory.booked:
        _pay_on_account(terminal, _shift)
        return
    desk = terminal.till.desk
    event_id = terminal.drawn.choice(list(terminal.memory.booked))
    booked = terminal.memory.booked[event_id]
    again = take_payment(desk, terminal.person, booked.order)
    require(
        again.replayed and again.receipt.receipt_number == booked.receipt_number,
        "26 crashed_sale_complete_or_absent",
        f"{event_id} was booked once more as {again.receipt.receipt_number}",
    )
    catch_up(desk)


def _ask_the_impossible(terminal: Terminal, _shift: Shift) -> None:
    """An order that the till must refuse, for one reason or another."""
    drawn = terminal.drawn
    bills = _payable(screen_of(terminal.till.desk)) or list(screen_of(terminal.till.desk).values())
    bill = drawn.choice(bills)
    cash = [tender_of(terminal, TENDERS[0], 1_000)]
    orders = (
        _order(terminal, "BA-4", cash, [AllocateOrder(bill=ON_HOLD)]),
        _order(terminal, bill.account, cash, [AllocateOrder(bill="99-9")]),
        _order(
            terminal,
            bill.account,
            [tender_of(terminal, TENDERS[0], bill.open_minor + 1)],
            [AllocateOrder(bill=bill.bill_no, amount=text_of(bill.open_minor + 1))],
        ),
        _order(terminal, bill.account, cash, [AllocateOrder(account=bill.account, amount="1.001")]),
        _order(terminal, CASH_ONLY, [tender_of(terminal, TENDERS[1], 1_000)], overpayment=Overpayment.CREDIT),
        _order(
            terminal,
            "BA-1",
            [tender_of(terminal, TENDERS[1], 900_000)],
            overpayment=Overpayment.CHANGE,
        ),
    )
    pay(terminal, drawn.choice(orders))


def _print(terminal: Terminal, _shift: Shift) -> None:
    """The print queue has its turn."""
    print_queue(terminal)


def print_queue(terminal: Terminal) -> None:
    """Print what waits, as text."""
    till = terminal.till
    forms = {"txt": renderings(till.settings)["txt"]}
    report = print_waiting(StorePrintJobs(desk=till.desk), terminal.printer, forms, till.desk.clock)
    terminal.world.trace.met("printed", "jam" if report.printer_fault else "well")
    terminal.world.trace.note(terminal.name, f"prints {report.printed}, fault: {report.printer_fault}")
    require(
        report.failed == 0, "26 crashed_sale_complete_or_absent", f"{terminal.name}: a paper cannot be made"
    )


def _reprint(terminal: Terminal, _shift: Shift) -> None:
    """A customer wants a copy, of whatever shift: a supervisor makes it."""
    if terminal.memory.booked:
        event_id = terminal.drawn.choice(list(terminal.memory.booked))
        reprint(terminal.till.desk, SUPERVISOR, terminal.memory.booked[event_id].receipt_number)


def _close_shift(terminal: Terminal, shift: Shift) -> None:
    """Count and close; sometimes the cashier counts too much."""
    close_with_count(terminal, shift, miscounted=terminal.drawn.choice((0, 0, 250)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedKind:
    """A row of the table."""

    name: str
    weight: int
    do: Callable[[Terminal, Shift], Awaitable[None] | None]


DEEDS: tuple[DeedKind, ...] = (
    DeedKind(name="pay one bill in cash", weight=5, do=_pay_one_bill),
    DeedKind(name="pay oldest first", weight=4, do=_pay_oldest_first),
    DeedKind(name="pay a part", weight=5, do=_pay_part),
    DeedKind(name="pay many bills", weight=5, do=_pay_many_bills),
    DeedKind(name="pay on account", weight=3, do=_pay_on_account),
    DeedKind(name="leave money in suspense", weight=2, do=_leave_in_suspense),
    DeedKind(name="find an owner", weight=3, do=_find_an_owner),
    DeedKind(name="top up a dealer", weight=2, do=_top_up_dealer),
    DeedKind(name="sell", weight=4, do=_sell),
    DeedKind(name="pay by voucher", weight=4, do=_pay_by_voucher),
    DeedKind(name="hear from the bank", weight=3, do=_hear_from_the_bank),
    DeedKind(name="press Enter twice", weight=2, do=_press_enter_twice),
    DeedKind(name="ask the impossible", weight=3, do=_ask_the_impossible),
    DeedKind(name="print", weight=3, do=_print),
    DeedKind(name="reprint", weight=1, do=_reprint),
    DeedKind(name="close the shift", weight=2, do=_close_shift),
)

FAVOURITES = 2
FAVOURED = 6


def weights_for(seed: int) -> list[int]:
    """Each seed has deeds that are done far more often than the others."""
    favourites = random.Random(f"{seed} favourites").sample([kind.name for kind in DEEDS], FAVOURITES)
    return [kind.weight * (FAVOURED if kind.name in favourites else 1) for kind in DEEDS]
