"""What a dealer may take before the money is sure: asked of the books inside the payment's own transaction.

Source: domain.md 3.4 and rules 47, 58.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from pos.domain.bank_receipt import is_near, value_date
from pos.domain.dealer import DealerStanding, Release
from pos.domain.errors import Refused
from pos.domain.money import total, zero
from pos.domain.payment_event import PaymentEvent
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentModes, Purpose
from pos.domain.tender import plain_reference
from pos.domain.write_off import FundedAllocation
from pos.store.bank_receipts import (
    Neighbour,
    is_rejected,
    own_unverified,
    receipts_like,
    released_since,
)
from pos.store.cache import CachedAccount, credit_of, since_told
from pos.store.payments import own_credits
from pos.store.unsure_money import goods_on_unsure_money
from pos.till.desk import Deed, Desk


def dealer_standing(desk: Desk, books: Connection, dealer: CachedAccount) -> DealerStanding:
    """How a dealer stands by central's figures and this till's own books."""
    none = zero(dealer.currency)
    terms = desk.policy.dealers.terms(dealer.dealer_class)
    cap = terms.unverified_cap if terms.unverified_cap is not None else dealer.credit_limit
    unverified = since_told(
        dealer.unverified_told or none, dealer, own_unverified(books, dealer.account, dealer.currency)
    )
    credit = credit_of(dealer, own_credits(books, dealer.account).get(dealer.account, []))
    # Central's word is of before what was decided here since then; a rejected receipt of this till counts in any case.
    told = dealer.blocked and not released_since(books, dealer.account, dealer.seen_change)
    blocked = told or is_rejected(books, dealer.account)
    return DealerStanding(
        cap=cap if cap is not None and cap.currency == dealer.currency else none,
        unverified=unverified,
        open_orders=goods_on_unsure_money(books, dealer.account, dealer.currency, desk.modes.not_final),
        owed=max(-credit, none),
        blocked=blocked and desk.policy.dealers.block_after_rejection,
    )


def require_dealer_terms(deed: Deed, event: PaymentEvent, dealer: CachedAccount) -> None:
    """A dealer's bank receipts are taken, and goods leave on money that is not sure yet, only as far as the terms go.

    Raises Refused ``dealer_blocked``, ``goods_held`` or ``over_unverified_cap``.
    """
    if dealer.kind is PayerKind.DEALER and any(not tender.mode.final_at_once for tender in event.tenders):
        refuse_beyond_terms(
            deed.desk, event, dealer, dealer_standing(deed.desk, deed.unit.connection, dealer)
        )


def refuse_beyond_terms(
    desk: Desk, event: PaymentEvent, dealer: CachedAccount, standing: DealerStanding
) -> None:
    """As ``require_dealer_terms``, of a standing that is known."""
    unsure = [tender for tender in event.tenders if not tender.mode.final_at_once]
    if standing.blocked and any(tender.mode.kind is ModeKind.BANK_RECEIPT for tender in unsure):
        raise Refused(
            "dealer_blocked",
            "The bank did not bear out a receipt of this dealer. No other one is taken until the back office settles it.",
            account=dealer.account,
        )
    goods = [
        part
        for part in event.funded
        if part.allocation.purpose is Purpose.ITEMS and not event.tenders[part.tender].mode.final_at_once
    ]
    if not goods:
        return
    if desk.policy.dealers.terms(dealer.dealer_class).release is Release.HOLD:
        _refuse_held(event, goods)
    _require_cap(event, goods, standing)


def _refuse_held(event: PaymentEvent, goods: Sequence[FundedAllocation]) -> None:
    """A piece with a serial number waits for the bank's word on the receipt that pays for it."""
    for part in goods:
        line = part.allocation.sale_line
        item = None if line is None else event.sale[line].item
        if item is None or item.serial is None:
            continue
        if event.tenders[part.tender].mode.kind is ModeKind.BANK_RECEIPT:
            raise Refused(
                "goods_held",
                f"{item.name} leaves when the bank has confirmed the receipt, not before. Take another way to pay, or "
                "the receipt without goods.",
                item=item.item,
            )


def _require_cap(event: PaymentEvent, goods: Sequence[FundedAllocation], standing: DealerStanding) -> None:
    """Bank receipts count whole, of other money that is not sure the part that pays for goods."""
    receipts = [tender.net for tender in event.tenders if tender.mode.kind is ModeKind.BANK_RECEIPT]
    others = [
        part.amount for part in goods if event.tenders[part.tender].mode.kind is not ModeKind.BANK_RECEIPT
    ]
    unverified = standing.used + total([*receipts, *others], event.currency)
    if unverified > standing.cap:
        raise Refused(
            "over_unverified_cap",
            f"{unverified.plain()} of this dealer is not confirmed yet, and goods leave on {standing.cap.plain()} at most. "
            "Take another way to pay, or the money without goods.",
            unverified=unverified.plain(),
            cap=standing.cap.plain(),
            left=standing.left.plain(),
            currency=event.currency.code,
        )


def near_duplicate(deed: Deed, event: PaymentEvent) -> Neighbour | None:
    """A bank receipt, taken before or in this very payment, that one of this event's may be the same as (rule 47)."""
    earlier: list[Neighbour] = []
    for tender in event.tenders:
        if tender.mode.kind is not ModeKind.BANK_RECEIPT:
            continue
        this = Neighbour(
            receipt_number="",
            mode=tender.mode.code,
            dealer=event.payer_account,
            amount=tender.amount,
            details=dict(tender.details),
        )
        known = receipts_like(deed.unit.connection, tender.amount, _plain(this, "reference"))
        found = next((other for other in [*known, *earlier] if _is_near(deed.desk.modes, this, other)), None)
        if found is not None:
            return found
        earlier.append(this)
    return None


def _is_near(modes: PaymentModes, this: Neighbour, other: Neighbour) -> bool:
    mode, other_mode = modes.by_code.get(this.mode), modes.by_code.get(other.mode)
    if mode is None or other_mode is None:
        return False
    reference, other_reference = _plain(this, "reference"), _plain(other, "reference")
    same_bank = _plain(this, "bank") == _plain(other, "bank")
    same_number = reference == other_reference
    if same_bank and same_number:
        # A bank gives a number once: another branch, date or amount beside it was keyed wrongly, or altered.
        return bool(reference)
    return (
        this.amount == other.amount
        and value_date(mode, this.details) == value_date(other_mode, other.details)
        and (same_bank or this.dealer == other.dealer)
        and (same_number or is_near(reference, other_reference))
    )


def _plain(receipt: Neighbour, field: str) -> str:
    return plain_reference(receipt.details.get(field, ""))
