"""What a bounce charges, as a bill of its account: there at once, also while central does not answer.

Central makes the same bill, of the same number and id, when it hears of it; what it tells takes this one's place.
"""

from __future__ import annotations

from sqlalchemy import Connection

from pos.domain.bill import BillSnapshot
from pos.domain.money import Money, zero
from pos.store import cache as cached
from pos.store.dishonours import StandingDishonour, charge_bills
from pos.till.desk import Deed
from pos.till.open_bills import charge_snapshot, open_bills


def charge_of(connection: Connection, bill_no: str) -> BillSnapshot | None:
    """The charge with this bill's number, before central tells it; None where it is no charge."""
    found = charge_bills(connection, bill_no)
    return charge_snapshot(found[0]) if found else None


def open_charge(deed: Deed, bounce: StandingDishonour) -> tuple[Money, Money] | None:
    """What is open of a bounce's charge, and what of it was paid; a dealer's, on the account, is open. None: it charged
    nothing.
    """
    if bounce.charge_id is None:
        return None
    amount = bounce.recovered + bounce.fee
    if bounce.bill_no is None:
        return amount, zero(amount.currency)
    with deed.desk.cache.read() as connection:
        told = cached.bill_by_number(connection, bounce.bill_no)
    told = told or charge_of(deed.unit.connection, bounce.bill_no)
    assert told is not None, "the books have the charge"
    (current,) = open_bills(deed.unit.connection, [told])
    still = min(current.open, amount)
    return still, amount - still
