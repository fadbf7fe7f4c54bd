"""Trust money: what subscribers pay for their bills at a dealer's till is the operator's from the moment it is taken.

It is posted and counted apart from the dealer's own cash, is in no payment with the dealer's sales, and is never set off.
Source: domain.md rule 60.
"""

from __future__ import annotations

from dataclasses import replace

from pos.domain.errors import Refused
from pos.domain.payment_event import PaymentEvent, TenderTaken
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentMode, Purpose
from pos.domain.posting import Ledger
from pos.domain.role import Person
from pos.till.desk import Desk


def holds_trust(desk: Desk, person: Person) -> bool:
    """Whether this person's till is a dealer's, so that bill money in it is the operator's."""
    return person.dealer is not None and desk.policy.dealers.trust_apart


def purse_of(desk: Desk, person: Person, payer: PayerKind, mode: PaymentMode, *, sells: bool) -> PaymentMode:
    """The mode as it is posted: a subscriber's cash at a dealer's till goes to the operator's purse.

    Items (``sells``) are the dealer's own sale; ``require_apart`` keeps both out of one payment.
    """
    bill_money = payer is PayerKind.SUBSCRIBER and not sells
    if mode.kind is ModeKind.CASH and bill_money and holds_trust(desk, person):
        return replace(mode, ledger_account=str(Ledger.TRUST_MONEY))
    return mode


def refuse_foreign(desk: Desk, person: Person, payer: PayerKind, mode: PaymentMode, *, sells: bool) -> None:
    """Raises Refused ``trust_money_foreign`` where foreign notes are bill money: they have no purse of the operator's."""
    if is_purse(purse_of(desk, person, payer, mode, sells=sells)):
        shop = desk.identity.currency
        raise Refused(
            "trust_money_foreign",
            f"Bill money is the operator's, and is kept apart in {shop} alone. Take {shop} for it, or another way to pay.",
            mode=mode.code,
            currency=shop.code,
        )


def is_purse(mode: PaymentMode) -> bool:
    """Whether cash in this mode lies in the operator's purse."""
    return mode.kind is ModeKind.CASH and mode.ledger_account == Ledger.TRUST_MONEY


def is_trust(tender: TenderTaken) -> bool:
    """Whether a tender's cash lies in the operator's purse."""
    return is_purse(tender.mode)


def require_apart(desk: Desk, person: Person, event: PaymentEvent) -> None:
    """Raises Refused ``trust_money_apart`` where a dealer's own sale and the operator's bill money are in one payment."""
    purposes = {part.purpose for part in event.allocations}
    if holds_trust(desk, person) and Purpose.ITEMS in purposes and purposes != {Purpose.ITEMS}:
        if event.payer_kind is PayerKind.DEALER:
            return
        raise Refused(
            "trust_money_apart",
            "Bill money is the operator's, items are the dealer's sale. Take them in two payments.",
        )
