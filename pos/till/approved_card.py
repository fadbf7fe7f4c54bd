"""The card behind a tender that a terminal approved: only its own payment may use it, and only for the whole amount."""

from __future__ import annotations

from collections.abc import Mapping

from pos.domain.card import CardState
from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.payment_mode import PaymentMode
from pos.domain.text_guard import clean_reference
from pos.store.cards import CardAttempt, attempt_by_id, under_way
from pos.till.desk import Deed


def refuse_second_card(deed: Deed, event_id: str) -> None:
    """Raises Refused ``card_outcome_unknown`` while an attempt for this payment may have charged a card (rule 45)."""
    waiting = under_way(deed.unit.connection, event_id)
    if waiting is not None:
        raise card_outcome_unknown(waiting)


def card_outcome_unknown(attempt: CardAttempt) -> Refused:
    """Nobody knows whether the card was charged; it must be settled before another is asked for."""
    return Refused(
        "card_outcome_unknown",
        f"It is not known whether {attempt.amount.plain()} was charged to the card. Ask the card terminal again.",
        attempt=attempt.attempt_id,
        amount=attempt.amount.plain(),
        currency=attempt.amount.currency.code,
    )


def approved_slip(
    deed: Deed, event_id: str, attempt_id: str, mode: PaymentMode, amount: Money
) -> Mapping[str, str]:
    """What the terminal told of an approved attempt, as the tender's details.

    Raises Refused ``card_outcome_unknown``, or ``card_not_approved`` where it is another payment's, amount's or mode's.
    """
    attempt = attempt_by_id(deed.unit.connection, clean_reference(attempt_id, field="Attempt", limit=40))
    if attempt is not None and attempt.payment_event_id == event_id:
        if attempt.is_under_way:
            raise card_outcome_unknown(attempt)
        asked_for = (attempt.mode, attempt.amount)
        if attempt.state is CardState.APPROVED and not attempt.abandoned and asked_for == (mode.code, amount):
            assert attempt.slip is not None, "the store has a slip of whatever was approved"
            return attempt.slip.details()
    raise Refused(
        "card_not_approved", "The card terminal has not approved this amount for this payment. Ask it again."
    )
