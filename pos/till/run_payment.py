"""Posting what a bank's file tells of: a payment as any other, counted in the file's run and in no shift.

The money is there, so it is never refused for what it pays: bills first, the rest is credit, and what nobody owns is in
suspense. Source: domain.md 3.10, rules 6, 49 and 50.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from pos.domain.allocation import due_parts
from pos.domain.bill import BillSnapshot, OpenBill
from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.payment_event import Overpayment, TenderOffered
from pos.domain.payment_mode import PayerKind, PaymentMode, Purpose
from pos.domain.tender import instrument_of
from pos.store import cache as cached
from pos.till.desk import Deed, Desk
from pos.till.open_bills import open_bills
from pos.till.payment_order import AllocateOrder, PaymentOrder
from pos.till.take_payment import PaymentTaken, book_weighed, weigh
from pos.till.tendered import TenderRead


def post_record(
    deed: Deed,
    record_id: str,
    mode: PaymentMode,
    amount: Money,
    details: Mapping[str, str],
    *,
    account: str | None,
    bill_no: str | None,
    known_as: str,
) -> PaymentTaken:
    """Book the waiting record ``record_id`` as a payment that goes by the record's id. ``known_as``: for suspense.

    Raises Refused where its account may not pay so.
    """
    assert deed.run is not None, "a record is posted by the run of its file"
    payer_kind = PayerKind.SUBSCRIBER
    if account is not None:
        with deed.desk.cache.read() as connection:
            known = cached.account_by_id(connection, account)
        if known is None:
            account = None
        else:
            payer_kind = known.kind
            if payer_kind not in mode.accepts:
                raise Refused("mode_not_for_payer", f"{mode.label} is not taken from a {payer_kind}.")
    order = PaymentOrder(
        payment_event_id=record_id,
        payer_kind=payer_kind,
        payer_account=account,
        tenders=(),
        allocate=_wishes(deed, account, bill_no, amount, known_as),
        overpayment=Overpayment.CREDIT,
    )
    tender = TenderRead(
        offered=TenderOffered(
            mode=_as_a_fact(mode),
            amount=amount,
            details=details,
            instrument=instrument_of(mode, details, amount),
        )
    )
    weighed = weigh(deed, order, read=[tender])
    taken = book_weighed(deed, order, weighed)
    deed.touched_bills.extend(part.bill_no for part in taken.receipt.allocations if part.bill_no is not None)
    deed.touched_accounts.extend(dict.fromkeys(part.account for part in taken.receipt.allocations))
    return taken


def _as_a_fact(mode: PaymentMode) -> PaymentMode:
    """The mode for money that is there: final, and what no bill takes stays on the account, or in suspense."""
    kept = frozenset({Purpose.ACCOUNT, Purpose.SUSPENSE})
    return replace(
        mode,
        accepts={payer: purposes | kept for payer, purposes in mode.accepts.items()},
        final_when="",
        available=True,
    )


def _wishes(
    deed: Deed, account: str | None, bill_no: str | None, amount: Money, known_as: str
) -> list[AllocateOrder]:
    """As ``shares_of``; empty where nothing is open: it is credit."""
    if account is None:
        return [AllocateOrder(amount=amount.plain(), keep_as=Purpose.SUSPENSE, reference=known_as)]

    def opened(told: list[BillSnapshot]) -> list[OpenBill]:
        return open_bills(deed.unit.connection, told)

    return [
        AllocateOrder(bill=number, amount=part.plain(), by_default=number != bill_no)
        for number, part in shares_of(deed.desk, account, bill_no, amount, opened=opened).items()
    ]


def shares_of(
    desk: Desk,
    account: str,
    bill_no: str | None,
    amount: Money,
    *,
    opened: Callable[[list[BillSnapshot]], list[OpenBill]],
) -> dict[str, Money]:
    """What of ``amount`` each bill gets: the one that the bank names first, then the oldest due. ``opened`` says what is
    open on bills.
    """
    with desk.cache.read() as connection:
        told = cached.bills_of_account(connection, account, open_only=True)
        named = None if bill_no is None else cached.bill_by_number(connection, bill_no)
    if named is not None and named.account == account and all(bill.bill_no != bill_no for bill in told):
        # It was paid when the cache was last brought up, and may be open again since.
        told = [*told, named]
    bills = opened([bill for bill in told if bill.remaining.currency == amount.currency])
    parts: dict[str, Money] = {}
    left = amount
    due = due_parts(bills)
    for bill, wanted in sorted(due, key=lambda part: part[0].bill.bill_no != bill_no):
        part = min(left, wanted)
        if part:
            number = bill.bill.bill_no
            parts[number] = parts[number] + part if number in parts else part
            left = left - part
    return parts
