"""Settling by hand what a card terminal cannot tell: a person reads its slip or its journal. The act ``resolve_card``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pos.domain.card import CardApproved, CardSlip, CardState
from pos.domain.errors import Refused
from pos.domain.role import Person
from pos.domain.tender import instrument_of, read_details
from pos.domain.text_guard import clean_entry
from pos.store.cards import (
    CardAttempt,
    abandon_attempt,
    attempt_by_id,
    attempt_of_slip,
    mark_reversed,
    mark_unsure,
)
from pos.store.payments import event_receipt
from pos.till.approved_card import refuse_reversed, write_approved
from pos.till.cards import RESOLVE, attempt_for
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.tendered import refuse_taken_before

REASON_MAX = 200


class Verdict(StrEnum):
    """What the slip or the journal of the terminal says. ``declined`` also: it was reversed there."""

    APPROVED = "approved"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleOrder:
    """What a person found: the slip's fields as typed for ``approved``, the reason for ``declined``."""

    attempt_id: str
    verdict: Verdict
    details: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def settle_by_hand(
    desk: Desk, person: Person, order: SettleOrder, *, memo: Memo | None = None
) -> CardAttempt:
    """Settle an attempt by what a person read; as it stands then.

    Approved without a payment that waits for it is reversed. Raises NotAuthorised, or Refused ``unknown_card_attempt``,
    ``card_settled_already``, ``reason_missing``, ``taken_before``, ``slip_reversed`` or what ``read_details`` raises.
    """

    def work(deed: Deed) -> CardAttempt:
        attempt_for(desk, person, order.attempt_id)
        attempt = attempt_by_id(deed.unit.connection, order.attempt_id)
        assert attempt is not None, "attempts stay"
        deed.subject = attempt.attempt_id
        if order.verdict is Verdict.APPROVED:
            _approve(deed, attempt, order)
        else:
            _decline(deed, attempt, order)
        after = attempt_by_id(deed.unit.connection, attempt.attempt_id)
        assert after is not None
        return after

    return perform(desk, person, RESOLVE, work, memo=memo)


def _approve(deed: Deed, attempt: CardAttempt, order: SettleOrder) -> None:
    if not attempt.is_under_way and attempt.state is not CardState.DECLINED:
        raise _settled_already(attempt)
    connection, mode = deed.unit.connection, deed.desk.modes[attempt.mode]
    given = {"card_terminal": attempt.card_terminal, **order.details}
    details = read_details(mode, given)
    instrument = instrument_of(mode, details, attempt.amount)
    if instrument is not None:
        refuse_taken_before(deed, mode, instrument)
        behind = attempt_of_slip(connection, instrument, attempt.payment_event_id)
        if behind is not None:
            refuse_reversed(behind)
    told = CardApproved(slip=_slip(details), amount=attempt.amount, reference=None)
    write_approved(deed.unit, deed.desk, attempt, told, settled_by=deed.person.user)
    if attempt.abandoned or event_receipt(connection, attempt.payment_event_id) is not None:
        abandon_attempt(connection, attempt.attempt_id, reason="No payment waits for it.", at=deed.at)


def _slip(details: Mapping[str, str]) -> CardSlip:
    """The fields that every card slip has; a shop may have more in its settings."""
    return CardSlip(
        card_terminal=details.get("card_terminal", ""),
        auth_code=details.get("auth_code"),
        rrn=details.get("rrn"),
        last4=details.get("last4"),
        brand=details.get("brand"),
        expires=details.get("expires"),
    )


def _decline(deed: Deed, attempt: CardAttempt, order: SettleOrder) -> None:
    reason = clean_entry(order.reason, field="Reason", limit=REASON_MAX)
    if not reason:
        raise Refused("reason_missing", "Say by what it was found that the card is not charged.")
    deed.reason_code = reason
    connection, who = deed.unit.connection, deed.person.user
    if attempt.is_under_way:
        mark_unsure(
            connection, attempt.attempt_id, CardState.DECLINED, reason=reason, at=deed.at, settled_by=who
        )
    elif attempt.state is CardState.APPROVED:
        abandon_attempt(connection, attempt.attempt_id, reason=reason, at=deed.at)
    elif attempt.state is CardState.REVERSING:
        mark_reversed(connection, attempt.attempt_id, at=deed.at, reason=reason, settled_by=who)
    else:
        raise _settled_already(attempt)


def _settled_already(attempt: CardAttempt) -> Refused:
    return Refused(
        "card_settled_already",
        f"This card payment of {attempt.amount.plain()} is settled already: it is {attempt.state}.",
        attempt=attempt.attempt_id,
        state=str(attempt.state),
    )
