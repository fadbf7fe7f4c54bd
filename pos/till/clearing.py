"""Cheques that cleared: the bank credited them, and so long ago, or by its own word, that they can't come back any more.

Their money is sure from then on: service is restored, goods are no open order, and after the shop's hold days it may be
paid back. No entry is booked: the money was credited before. Source: domain.md 3.3, rules 16 and 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pos.domain.cheque import ChequeState
from pos.domain.deposit import BankedCheque
from pos.domain.errors import Refused
from pos.domain.money import Money, total
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store.cheque_clearing import (
    CreditedAtBank,
    credited_cheques,
    has_cleared,
)
from pos.store.deposits import named_cheques, steps_gone
from pos.store.times import utc_text
from pos.till.cheque_told import tell_of_cheque
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.what_to_bank import lies_in

ACT = "clear_cheque"
AT_ONCE_MAX = 500
DAYS_MAX = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearOrder:
    """Which cheques cleared: those named by id or receipt, or (None) all that the bank credited ``older_than_days`` days ago
    or before, but not those in ``left_out``. Without a number of days the shop's own is meant.
    """

    cheques: Sequence[str] | None = None
    older_than_days: int | None = None
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequesCleared:
    """The cheques whose money is sure now, and their sum."""

    cheques: tuple[BankedCheque, ...]
    amount: Money


def cheques_to_clear(desk: Desk, person: Person, *, limit: int = AT_ONCE_MAX) -> list[CreditedAtBank]:
    """What the bank has credited and nobody cleared yet, the longest ago first. Raises NotAuthorised."""
    require_enquiry(desk, person)
    if person.only_account is not None:
        return []
    with desk.till.read() as connection:
        return credited_cheques(connection, lies_in(desk), limit=limit)


def clear_cheques(
    desk: Desk, person: Person, order: ClearOrder, *, memo: Memo | None = None
) -> ChequesCleared:
    """Say that cheques cleared. Central is told of each leg.

    Raises NotAuthorised, or Refused ``unknown_cheque``, ``cheque_not_credited``, ``cheque_named_twice``, ``bad_days`` or
    ``no_cheques_to_clear``.
    """

    def work(deed: Deed) -> ChequesCleared:
        # The back office works beside whatever shift is open: its deed is no part of that.
        deed.shift = None
        chosen = _named(deed, order.cheques) if order.cheques is not None else _old_enough(deed, order)
        if not chosen:
            raise Refused("no_cheques_to_clear", "No cheque that the bank credited is old enough yet.")
        gone = steps_gone(deed.unit.connection, chosen)
        for cheque in chosen:
            _clear(deed, cheque, gone[cheque.cheque_id] + 1)
        return ChequesCleared(
            cheques=tuple(replace(cheque, state=ChequeState.CLEARED) for cheque in chosen),
            amount=total((cheque.amount for cheque in chosen), chosen[0].amount.currency),
        )

    return perform(desk, person, ACT, work, memo=memo)


def _named(deed: Deed, names: Sequence[str]) -> list[BankedCheque]:
    found: list[BankedCheque] = []
    for name in names:
        cleaned = clean_reference(name, field="Cheque", limit=80)
        named = named_cheques(deed.unit.connection, cleaned, lies_in(deed.desk))
        if not named:
            raise Refused(
                "unknown_cheque", "There is no such cheque, and no receipt with one.", cheque=cleaned
            )
        for cheque in named:
            if cheque.state is not ChequeState.CREDITED:
                raise Refused(
                    "cheque_not_credited",
                    f"Cheque {cheque.serial} is {cheque.state}: the bank has to credit it first.",
                    cheque=cheque.cheque_id,
                    state=str(cheque.state),
                )
        found += named
    if len({cheque.cheque_id for cheque in found}) < len(found):
        raise Refused("cheque_named_twice", "A cheque is named twice.")
    return found


def _old_enough(deed: Deed, order: ClearOrder) -> list[BankedCheque]:
    days = order.older_than_days
    if days is None:
        days = deed.desk.policy.cheques.clear_after_days
    if not 0 <= days <= DAYS_MAX:
        raise Refused("bad_days", f"Say a number of days from 0 to {DAYS_MAX}.", field="older_than_days")
    before = deed.at.date() - timedelta(days=days)
    credited = credited_cheques(deed.unit.connection, lies_in(deed.desk), limit=AT_ONCE_MAX)
    left_out = {clean_reference(name, field="Cheque", limit=80) for name in order.left_out}
    unknown = left_out - {one.cheque.cheque_id for one in credited} - {one.cheque.receipt for one in credited}
    if unknown:
        raise Refused(
            "unknown_cheque",
            "A cheque to be left out is none that the bank credited.",
            cheque=min(unknown),
        )
    return [
        one.cheque
        for one in credited
        if one.credited_on <= before and not {one.cheque.cheque_id, one.cheque.receipt} & left_out
    ]


def _clear(deed: Deed, cheque: BankedCheque, number: int) -> None:
    deed.unit.insert(
        "cheque_event",
        {
            "cheque_id": cheque.cheque_id,
            "number": number,
            "state": str(ChequeState.CLEARED),
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "reason": None,
        },
    )
    # One that bounced since it cleared may clear once more.
    again = f"-{number}" if has_cleared(deed.unit.connection, cheque.cheque_id, before=number) else ""
    tell_of_cheque(deed, cheque.cheque_id, number, f"{ChequeState.CLEARED}{again}")
