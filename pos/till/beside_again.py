"""What a cheque that counts again does to debt beside its money, as it did before its bounce undid it.

Source: domain.md rules 6, 18, 35.
"""

from __future__ import annotations

from collections.abc import Sequence

from pos.domain.debt_beside import DebtBeside, done_anew
from pos.domain.money import Money, zero
from pos.domain.payment_mode import Purpose
from pos.store import cache as cached
from pos.store.cache import written_off_of
from pos.store.debt_beside import undone_beside
from pos.store.dishonours import StandingDishonour
from pos.store.payments import own_recoveries
from pos.till.desk import Deed
from pos.till.dishonour_plan import Found
from pos.till.places_again import PlacedAgain, left_open


def beside_again(
    deed: Deed, found: Found, bounce: StandingDishonour, placed: Sequence[PlacedAgain]
) -> DebtBeside:
    """What is written off and brought back again, where the cheque's money is ``placed``."""
    in_currency = found.tender.paid.currency
    undone = undone_beside(deed.unit.connection, bounce.correction_id, in_currency)
    on_bills: dict[tuple[int, str], Money] = {}
    for one in placed:
        if one.purpose is Purpose.BILLS:
            key = (one.leg, one.account)
            on_bills[key] = on_bills.get(key, zero(in_currency)) + one.amount
    return done_anew(
        undone,
        open_on=left_open(deed, found, placed, [rest.bill_no for rest in undone.rests]),
        on_bills=on_bills,
        written_off={back.account: _written_off(deed, back.account, back.amount) for back in undone.back},
    )


def _written_off(deed: Deed, account_id: str, undone: Money) -> Money:
    """What is given up of an account's debt now; of one that the cache does not know, what the bounce gave up."""
    with deed.desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None:
        return undone
    return written_off_of(account, own_recoveries(deed.unit.connection, account_id))


def write_beside_again(deed: Deed, found: Found, correction_id: str, again: DebtBeside) -> None:
    """Write both registers, behind the row that says what counts again."""
    of_payment = {
        "correction_id": correction_id,
        "payment_event_id": found.taken.payment_event_id,
        "currency": found.tender.paid.currency.code,
    }
    deed.unit.insert_all(
        "write_off_again",
        [
            {
                **of_payment,
                "leg": rest.leg,
                "account": rest.account,
                "bill_no": rest.bill_no,
                "bill_id": rest.bill_id,
                "amount_minor": rest.amount.minor,
            }
            for rest in again.rests
        ],
    )
    deed.unit.insert_all(
        "recovery_again",
        [
            {**of_payment, "leg": back.leg, "account": back.account, "amount_minor": back.amount.minor}
            for back in again.back
        ],
    )
