"""What a walk-in buyer owes for a cheque that bounced, paid at the counter by whatever pays for items.

Walk-in buyers share one account: what one of them owes is found by the charge's number, the cheque's or its drawer's name.
"""

from __future__ import annotations

from dataclasses import replace

from pos.domain.allocation import allocate_oldest_first
from pos.domain.errors import Refused
from pos.store.cache import bill_by_number
from pos.till.basket import Basket, walk_in_basket
from pos.till.charge_bills import charge_of
from pos.till.desk import Desk
from pos.till.enquiries import PayPlan
from pos.till.open_bills import open_bills


def charge_basket(desk: Desk, bill_no: str, payment_event_id: str) -> Basket:
    """What a walk-in buyer owes for a cheque that bounced. Raises Refused ``nothing_open`` where it is paid."""
    basket = walk_in_basket(desk, payment_event_id)
    with desk.till.read() as books, desk.cache.read() as cache:
        told = bill_by_number(cache, bill_no) or charge_of(books, bill_no)
        found = [] if told is None else open_bills(books, [told])
    if not found or found[0].open.minor <= 0 or found[0].bill.account != basket.payer.account:
        raise Refused("nothing_open", f"Nothing is open of {bill_no}.", bill=bill_no)
    parts, _ = allocate_oldest_first(found[0].open, found)
    return replace(basket, plan=PayPlan(parts=tuple(parts), to_pay=found[0].open))
