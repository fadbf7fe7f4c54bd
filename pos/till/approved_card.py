"""The card behind a tender that a terminal approved: only its own payment may use it, and only for the whole amount.

A slip keyed by hand may be that of such a charge: it is the same money, whether it stands or was given back.
"""

from __future__ import annotations

from collections.abc import Mapping

from pos.domain.card import CardApproved, CardState
from pos.domain.errors import Refused
from pos.domain.ids import check_id
from pos.domain.money import Money
from pos.domain.payment_mode import PaymentMode
from pos.domain.tender import instrument_of
from pos.store.cards import CardAttempt, attempt_by_id, attempt_of_slip, mark_approved, under_way
from pos.store.unit_of_work import UnitOfWork
from pos.till.desk import Deed, Desk


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
    attempt = attempt_by_id(deed.unit.connection, check_id(attempt_id, field="Attempt"))
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


def attempt_behind(
    deed: Deed, event_id: str, mode: PaymentMode, amount: Money, instrument: str | None
) -> str | None:
    """The approval for this very payment that a keyed slip is of; None: the slip is of none of its own.

    Raises Refused ``slip_reversed`` where the charge was given back, or is about to be, and ``card_approved_otherwise``.
    """
    attempt = None if instrument is None else attempt_of_slip(deed.unit.connection, instrument, event_id)
    if attempt is None:
        return None
    refuse_reversed(attempt)
    if attempt.state is not CardState.APPROVED or attempt.payment_event_id != event_id:
        return None
    if (attempt.mode, attempt.amount) != (mode.code, amount):
        raise approved_otherwise(deed.desk, attempt)
    return attempt.attempt_id


def refuse_reversed(attempt: CardAttempt) -> None:
    """Raises Refused ``slip_reversed`` where the charge of ``attempt`` was given back, or is about to be."""
    if attempt.state in (CardState.REVERSING, CardState.REVERSED):
        raise Refused(
            "slip_reversed", "This card was given back; charge it anew.", attempt=attempt.attempt_id
        )


def approved_otherwise(desk: Desk, attempt: CardAttempt) -> Refused:
    """The terminal approved something else for this payment."""
    told, label = attempt.amount, desk.modes[attempt.mode].label
    return Refused(
        "card_approved_otherwise",
        f"{told.plain()} by {label} was approved for this payment already. Take exactly that.",
        attempt=attempt.attempt_id,
        amount=told.plain(),
        currency=told.currency.code,
        mode=attempt.mode,
    )


def write_approved(
    unit: UnitOfWork, desk: Desk, attempt: CardAttempt, told: CardApproved, *, settled_by: str | None = None
) -> None:
    """Write down that the card was charged, with what its slip is known by."""
    mode = desk.modes.by_code.get(attempt.mode)
    instrument = None if mode is None else instrument_of(mode, told.slip.details(), told.amount)
    mark_approved(
        unit.connection,
        attempt.attempt_id,
        told,
        instrument=instrument,
        at=desk.clock.now(),
        settled_by=settled_by,
    )
