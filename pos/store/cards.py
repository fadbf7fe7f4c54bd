"""Cards asked for at a terminal: written down before they are asked for, answered, used by a tender or reversed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.card import CardApproved, CardAsked, CardSlip, CardState, TerminalReference
from pos.domain.money import Money, currency
from pos.store.times import local, utc_text

UNDER_WAY = "('asked', 'unknown')"
CARED_FOR_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAttempt:
    """An attempt as it stands. ``slip`` None: not approved. ``abandoned``: no payment waits for it."""

    attempt_id: str
    payment_event_id: str
    shift_id: str
    operator: str
    account: str
    mode: str
    amount: Money
    card_terminal: str
    asked_at: datetime
    state: CardState
    abandoned: bool
    reason: str
    slip: CardSlip | None
    reference: TerminalReference | None
    reversal_tries: int
    reversals_sent: int
    card_number_wiped: bool

    @property
    def asked(self) -> CardAsked:
        """The attempt as the terminal knows it."""
        return CardAsked(attempt_id=self.attempt_id, amount=self.amount, asked_at=self.asked_at)

    @property
    def is_under_way(self) -> bool:
        """Nobody knows yet whether the card was charged."""
        return self.state in (CardState.ASKED, CardState.UNKNOWN)


_SELECT = (
    "SELECT attempt_id, payment_event_id, shift_id, operator, account, mode, amount_minor, currency, card_terminal, "
    "asked_at_utc, utc_offset_min, state, abandoned, reason, slip_json, terminal_transaction, terminal_time, "
    "reversal_tries, reversals_sent, card_number_wiped FROM card_attempt "
)
_ORDER = " ORDER BY asked_at_utc, attempt_id LIMIT ?"


def attempt_by_id(connection: Connection, attempt_id: str) -> CardAttempt | None:
    """The attempt of this id."""
    row = connection.exec_driver_sql(_SELECT + "WHERE attempt_id = ?", (attempt_id,)).first()
    return None if row is None else _attempt(tuple(row))


def attempts_of(connection: Connection, payment_event_id: str) -> list[CardAttempt]:
    """All attempts for one payment, oldest first."""
    rows = connection.exec_driver_sql(
        _SELECT + "WHERE payment_event_id = ?" + _ORDER, (payment_event_id, 200)
    )
    return [_attempt(tuple(row)) for row in rows]


def attempt_of_slip(connection: Connection, instrument: str, payment_event_id: str) -> CardAttempt | None:
    """The charge behind a slip: one that stands before one that went back, and this payment's own before another's."""
    row = connection.exec_driver_sql(
        f"{_SELECT} WHERE instrument = ? ORDER BY state IN ('reversing', 'reversed'), payment_event_id <> ? LIMIT 1",
        (instrument, payment_event_id),
    ).first()
    return None if row is None else _attempt(tuple(row))


def under_way(connection: Connection, payment_event_id: str) -> CardAttempt | None:
    """The attempt of this payment of which nobody knows the outcome."""
    row = connection.exec_driver_sql(
        f"{_SELECT} WHERE payment_event_id = ? AND state IN {UNDER_WAY}", (payment_event_id,)
    ).first()
    return None if row is None else _attempt(tuple(row))


def event_of_ref(connection: Connection, script_ref: str) -> str | None:
    """The payment for which a script's line of this ref asked a terminal before."""
    row = connection.exec_driver_sql(
        "SELECT payment_event_id FROM card_attempt WHERE script_ref = ? ORDER BY asked_at_utc DESC LIMIT 1",
        (script_ref,),
    ).first()
    return None if row is None else str(row[0])


def open_attempts(connection: Connection, limit: int = 200) -> list[CardAttempt]:
    """What somebody must look at: not known, or money to go back, or approved without a payment; oldest first."""
    rows = connection.exec_driver_sql(
        f"{_SELECT} WHERE state IN ('asked', 'unknown', 'approved', 'reversing'){_ORDER}", (limit,)
    )
    return [_attempt(tuple(row)) for row in rows]


def count_open(connection: Connection) -> int:
    """How many attempts are not known, or have money to go back. What a customer stands at now is neither."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(*) FROM card_attempt WHERE state IN ('unknown', 'reversing')"
        ).scalar_one()
    )


def unsettled_in_shift(connection: Connection, shift_id: str) -> int:
    """How many attempts of the shift have no outcome that the books could hold."""
    return int(
        connection.exec_driver_sql(
            f"SELECT count(*) FROM card_attempt WHERE shift_id = ? AND (state IN {UNDER_WAY} OR state = 'approved')",
            (shift_id,),
        ).scalar_one()
    )


def to_care_for(connection: Connection, card_terminal: str, refused_before: datetime) -> list[CardAttempt]:
    """What only the terminal can finish: reversals, unknown outcomes that nobody waits for, and refusals of before
    ``refused_before`` that were not looked at once more. Those that were tried least come first.
    """
    rows = connection.exec_driver_sql(
        f"{_SELECT} WHERE card_terminal = ? AND (state = 'reversing' OR (state = 'unknown' AND abandoned = 1) "
        "OR (state = 'declined' AND looked_again = 0 AND changed_at_utc < ?)) "
        "ORDER BY reversal_tries, asked_at_utc LIMIT ?",
        (card_terminal, utc_text(refused_before), CARED_FOR_MAX),
    )
    return [_attempt(tuple(row)) for row in rows]


def mark_approved(
    connection: Connection,
    attempt_id: str,
    told: CardApproved,
    *,
    instrument: str | None,
    at: datetime,
    settled_by: str | None = None,
) -> None:
    """The card was charged; ``instrument`` is what its slip is known by. Nothing changes for one approved before.

    Where its slip was keyed and booked before, it is used.
    """
    reference = told.reference
    connection.exec_driver_sql(
        "UPDATE card_attempt SET state = 'approved', slip_json = ?, instrument = ?, terminal_transaction = ?, "
        "terminal_time = ?, card_number_wiped = max(card_number_wiped, ?), reason = NULL, settled_by = ?, "
        "changed_at_utc = ? WHERE attempt_id = ? AND state IN ('asked', 'unknown', 'declined')",
        (
            json.dumps(told.slip.details()),
            instrument,
            None if reference is None else reference.transaction,
            None if reference is None else reference.at,
            int(told.wiped),
            settled_by,
            utc_text(at),
            attempt_id,
        ),
    )
    _use_booked(connection, at=at)


def mark_unsure(
    connection: Connection,
    attempt_id: str,
    state: CardState,
    *,
    reason: str,
    at: datetime,
    wiped: bool = False,
    settled_by: str | None = None,
) -> None:
    """``declined``, or still ``unknown``. Nothing changes for an attempt with an outcome."""
    connection.exec_driver_sql(
        f"UPDATE card_attempt SET state = ?, reason = ?, card_number_wiped = max(card_number_wiped, ?), "
        f"settled_by = ?, changed_at_utc = ? WHERE attempt_id = ? AND state IN {UNDER_WAY}",
        (str(state), reason, int(wiped), settled_by, utc_text(at), attempt_id),
    )


def mark_not_sent(connection: Connection, attempt_id: str, *, reason: str, at: datetime) -> None:
    """The terminal never heard of it, so nobody needs to ask it again."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET state = 'declined', looked_again = 1, reason = ?, changed_at_utc = ? "
        "WHERE attempt_id = ? AND state = 'asked'",
        (reason, utc_text(at), attempt_id),
    )


def mark_looked_again(connection: Connection, attempt_id: str) -> None:
    """A refusal was asked about once more."""
    connection.exec_driver_sql("UPDATE card_attempt SET looked_again = 1 WHERE attempt_id = ?", (attempt_id,))


def abandon_attempts(connection: Connection, *, at: datetime, payment_event_id: str | None = None) -> None:
    """No payment comes (None: none of any), or it came without them: what was approved is to be reversed."""
    where, values = (
        ("", ()) if payment_event_id is None else (" AND payment_event_id = ?", (payment_event_id,))
    )
    connection.exec_driver_sql(
        "UPDATE card_attempt SET abandoned = 1 WHERE state IN ('asked', 'unknown', 'declined', 'approved') "
        f"AND abandoned = 0{where}",
        values,
    )
    _reverse_abandoned(connection, at=at)


def abandon_attempt(connection: Connection, attempt_id: str, *, reason: str, at: datetime) -> None:
    """This one serves no payment: what it took, or will be found to have taken, goes back."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET abandoned = 1, reason = ? WHERE attempt_id = ? AND state NOT IN ('used', 'reversed')",
        (reason, attempt_id),
    )
    _reverse_abandoned(connection, at=at)


def reverse_used(connection: Connection, tender_id: str, *, at: datetime) -> None:
    """The payment that used it is undone: the terminal is told to reverse it, until it says yes."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET state = 'reversing', abandoned = 1, reason = 'its payment is undone', changed_at_utc = ? "
        "WHERE state = 'used' AND attempt_id = (SELECT card_attempt FROM tender WHERE tender_id = ?)",
        (utc_text(at), tender_id),
    )


def _use_booked(connection: Connection, *, at: datetime) -> None:
    """What a slip keyed by hand has paid is used: it is the same money, and is not given back."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET state = 'used', reason = NULL, changed_at_utc = ? WHERE state = 'approved' "
        "AND instrument IN (SELECT instrument FROM living_instrument JOIN tender USING (tender_id) "
        "WHERE tender.card_attempt IS NULL) "
        "AND instrument NOT IN (SELECT instrument FROM card_attempt WHERE state = 'used' AND instrument IS NOT NULL)",
        (utc_text(at),),
    )


def _reverse_abandoned(connection: Connection, *, at: datetime) -> None:
    _use_booked(connection, at=at)
    connection.exec_driver_sql(
        "UPDATE card_attempt SET state = 'reversing', changed_at_utc = ? WHERE state = 'approved' AND abandoned = 1",
        (utc_text(at),),
    )


def forget_waiting(connection: Connection, *, at: datetime) -> None:
    """At a start nobody waits for an answer any more: what was asked for is not known."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET state = 'unknown', reason = 'The till stopped meanwhile.', changed_at_utc = ? "
        "WHERE state = 'asked'",
        (utc_text(at),),
    )
    abandon_attempts(connection, at=at)


def has_loose_ends(connection: Connection) -> bool:
    """Whether a start has anything to give up."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM card_attempt WHERE state IN ('asked', 'unknown', 'declined', 'approved') "
        "AND (abandoned = 0 OR state = 'asked') LIMIT 1"
    ).first()
    return row is not None


def count_reversal(connection: Connection, attempt_id: str) -> int | None:
    """One more try to reverse it; how many reversals were sent before, or None where nothing is to reverse."""
    row = connection.exec_driver_sql(
        "UPDATE card_attempt SET reversal_tries = reversal_tries + 1 WHERE attempt_id = ? AND state = 'reversing' "
        "RETURNING reversals_sent",
        (attempt_id,),
    ).first()
    return None if row is None else int(row[0])


def count_sent(connection: Connection, attempt_id: str, sent: int) -> int | None:
    """A reversal is about to be sent after ``sent`` others; its number, or None where another was quicker."""
    row = connection.exec_driver_sql(
        "UPDATE card_attempt SET reversals_sent = reversals_sent + 1 WHERE attempt_id = ? AND state = 'reversing' "
        "AND reversals_sent = ? RETURNING reversals_sent",
        (attempt_id, sent),
    ).first()
    return None if row is None else int(row[0])


def mark_reversal_not_sent(connection: Connection, attempt_id: str, number: int) -> None:
    """The reversal of this number did not leave the till: the one before is still the last that the terminal may know."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET reversals_sent = reversals_sent - 1 WHERE attempt_id = ? AND reversals_sent = ?",
        (attempt_id, number),
    )


def mark_reversed(
    connection: Connection,
    attempt_id: str,
    *,
    at: datetime,
    reason: str | None = None,
    settled_by: str | None = None,
) -> None:
    """The terminal has undone it, or somebody has seen to it there."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET state = 'reversed', reason = coalesce(?, reason), settled_by = ?, changed_at_utc = ? "
        "WHERE attempt_id = ? AND state = 'reversing'",
        (reason, settled_by, utc_text(at), attempt_id),
    )


def note_reason(connection: Connection, attempt_id: str, reason: str) -> None:
    """Why it still stands where it stands."""
    connection.exec_driver_sql(
        "UPDATE card_attempt SET reason = ? WHERE attempt_id = ? AND state IN ('asked', 'unknown', 'reversing')",
        (reason, attempt_id),
    )


def _attempt(row: tuple[object, ...]) -> CardAttempt:
    (attempt, event, shift, operator, account, mode, minor, code, terminal, asked_at, offset) = row[:11]
    state, abandoned, reason, slip, transaction, terminal_time, tries, sent, wiped = row[11:]
    assert isinstance(minor, int)
    assert isinstance(offset, int)
    assert isinstance(tries, int)
    assert isinstance(sent, int)
    return CardAttempt(
        attempt_id=str(attempt),
        payment_event_id=str(event),
        shift_id=str(shift),
        operator=str(operator),
        account=str(account),
        mode=str(mode),
        amount=Money(minor, currency(str(code))),
        card_terminal=str(terminal),
        asked_at=local(str(asked_at), offset),
        state=CardState(str(state)),
        abandoned=bool(abandoned),
        reason="" if reason is None else str(reason),
        slip=None if slip is None else _slip(str(slip)),
        reference=None
        if transaction is None
        else TerminalReference(transaction=str(transaction), at=str(terminal_time)),
        reversal_tries=tries,
        reversals_sent=sent,
        card_number_wiped=bool(wiped),
    )


def _slip(text: str) -> CardSlip:
    details: dict[str, str] = json.loads(text)
    return CardSlip(**details)
