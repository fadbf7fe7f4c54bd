"""Putting a dealer's commission on the account: its figures are read from this register, and central is told of it."""

from __future__ import annotations

from pos.domain.money import Money
from pos.store.account_credits import leg_of_sale
from pos.store.outbox import COMMISSION, queue_of_leg
from pos.store.times import utc_text
from pos.till.desk import Deed


def credit_commission(
    deed: Deed, payment_event_id: str, account: str, amount: Money, *, settlement_id: str | None = None
) -> None:
    """``amount`` of what a booked sale earned goes to its dealer's ``account``; nothing where it is nothing.

    ``settlement_id`` None: it was earned with the sale.
    """
    if not amount:
        return
    books = deed.unit.connection
    leg = leg_of_sale(books, payment_event_id)
    credit_id = f"{payment_event_id}-{leg}-{settlement_id or 'commission'}"
    at_utc = utc_text(deed.at)
    deed.unit.insert(
        "account_credit",
        {
            "credit_id": credit_id,
            "payment_event_id": payment_event_id,
            "leg": leg,
            "settlement_id": settlement_id,
            "account": account,
            "amount_minor": amount.minor,
            "currency": amount.currency.code,
            "at_utc": at_utc,
        },
    )
    deed.unit.insert(
        "outbox",
        {
            "payment_event_id": payment_event_id,
            "leg": leg,
            "correlator_id": credit_id,
            "kind": COMMISSION,
            "source_id": credit_id,
            "account": account,
            "queue": queue_of_leg(books, payment_event_id, leg),
            "state": "waiting",
            "changed_at_utc": at_utc,
        },
    )
