"""Arranging cheques at the bank: taken, counted, lodged, credited, cleared; then bounced, sent again, or bounced by mistake.

desk = make_till(cheques=with_fee("5"))
receipt = at_bank(desk, cheque("41.750"))                      # credited
bounced(desk, receipt)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from pos.domain.cheque import ChequePolicy
from pos.domain.dishonour_policy import DishonourPolicy
from pos.domain.money import Money
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.desk import Desk
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import Bounced, bounce_cheque
from pos.till.open_bills import catch_up
from pos.till.payment_order import TenderOrder
from pos.till.representments import CountsAgain, represent_cheque, undo_bounce
from tests.builders.tills import (
    BACK_OFFICE,
    clock_of,
    closed,
    count,
    money,
    opened,
    pay,
)
from tests.builders.undoing import approved


def with_fee(fee: str = "5", **policy: Any) -> ChequePolicy:
    """The rules of a shop that charges ``fee``."""
    dishonour = DishonourPolicy(fee=money(fee), **policy)
    return ChequePolicy(stale_after_days=180, max_amount=None, dishonour=dishonour)


def taken(desk: Desk, *tenders: TenderOrder, account: str | None = "BA-1", cheques: str, **more: Any) -> str:
    """The receipt of a payment with one cheque over ``cheques``, in a shift that is counted since."""
    opened(desk)
    receipt = pay(desk, *tenders, account=account, **more).receipt.receipt_number
    rest = count_of_cash(desk)
    count(desk, rest, cheques=cheques, cheque_count=1)
    closed(desk)
    catch_up(desk)
    return receipt


def count_of_cash(desk: Desk) -> str:
    """What lies in the drawer by the books."""
    with desk.till.read() as connection:
        minor = connection.exec_driver_sql(
            "SELECT sum(debit_minor - credit_minor) FROM journal_line WHERE ledger_account = 'cash_in_till'"
        ).scalar_one()
    return Money(int(minor), desk.identity.currency).plain()


def lodged(desk: Desk, receipt: str) -> str:
    """The slip by which the bank has the cheque of this receipt."""
    slip = deposit_cheques(desk, BACK_OFFICE, [receipt]).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 7781/3")
    return slip


def credited(desk: Desk, receipt: str, amount: str) -> str:
    """The slip by which the bank credited it."""
    slip = lodged(desk, receipt)
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount=amount))
    return slip


def cleared(desk: Desk, receipt: str, amount: str) -> None:
    """The bank credited it, and it cleared."""
    credited(desk, receipt, amount)
    clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=[receipt]))


def bounced(desk: Desk, receipt: str, reason: str = "insufficient_funds", **more: Any) -> Bounced:
    done = bounce_cheque(desk, BACK_OFFICE, BounceOrder(cheque=receipt, reason=reason, **more))
    catch_up(desk)
    return done


def bounced_by_two(desk: Desk, receipt: str, reason: str = "insufficient_funds", **more: Any) -> Bounced:
    """A cheque that had cleared: another looks at it."""
    order = BounceOrder(cheque=receipt, reason=reason, **more)
    return approved(desk, lambda: bounce_cheque(desk, BACK_OFFICE, order))


def sent_again(desk: Desk, receipt: str) -> CountsAgain:
    done = represent_cheque(desk, BACK_OFFICE, receipt)
    catch_up(desk)
    return done


def by_mistake(desk: Desk, receipt: str) -> CountsAgain:
    """The bank had been wrong."""
    return approved(desk, lambda: undo_bounce(desk, BACK_OFFICE, receipt))


def days_later(desk: Desk, days: float) -> None:
    clock_of(desk).advance(seconds=timedelta(days=days).total_seconds())


def terms(desk: Desk, **policy: Any) -> None:
    """Other rules for cheques that bounce."""
    cheques = desk.policy.cheques
    desk.policy = replace(
        desk.policy, cheques=replace(cheques, dishonour=replace(cheques.dishonour, **policy))
    )
