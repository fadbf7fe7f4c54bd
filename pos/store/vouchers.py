"""Vouchers held for payments: asked for, reserved, used by a tender, or let go at central."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from pos.domain.money import Currency, Money, currency
from pos.domain.voucher import Residual, VoucherReserved, VoucherTerms, VoucherWanted
from pos.store.times import from_utc_text, utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineMark:
    """How a voucher that was taken without central is known there: its code's digest, and what its signature said.

    ``issuer`` None: our own, with its ``serial`` and the key that signed it.
    """

    issuer: str | None
    digest: str
    serial: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A voucher for one payment, which takes ``amount`` of it. ``offline`` None: central reserved it."""

    hold_id: str
    mode: str
    amount: Money
    terms: VoucherTerms
    approval: str | None = None
    offline: OfflineMark | None = None

    @property
    def value(self) -> Money:
        return self.terms.value

    @property
    def left(self) -> Money:
        """What the voucher is worth beyond what this payment takes of it."""
        return self.terms.left_of(self.amount)

    @property
    def kept(self) -> Money | None:
        """What comes in with the payment and stays on the payer's account, by the voucher's own rule; None: nothing."""
        return self.left if self.left and self.terms.residual is Residual.CREDIT else None

    @property
    def booked(self) -> Money:
        """What the tender brings."""
        return self.amount if self.kept is None else self.amount + self.kept


_HOLD = "hold_id, mode, amount_minor, value_minor, currency, approval, expires, residual, combinable, minimum_minor"


def reserved_hold(connection: Connection, payment_event_id: str, code_mark: str) -> Hold | None:
    """The reservation of this voucher for this payment."""
    row = connection.exec_driver_sql(
        f"SELECT {_HOLD} FROM voucher_hold WHERE payment_event_id = ? AND code_mark = ? AND state = 'reserved'",
        (payment_event_id, code_mark),
    ).first()
    if row is None:
        return None
    in_currency = currency(row.currency)
    return Hold(
        hold_id=row.hold_id,
        mode=row.mode,
        amount=Money(row.amount_minor, in_currency),
        terms=VoucherTerms(
            value=Money(row.value_minor, in_currency),
            expires=date.fromisoformat(row.expires),
            residual=Residual(row.residual),
            combinable=bool(row.combinable),
            minimum=None if row.minimum_minor is None else Money(row.minimum_minor, in_currency),
        ),
        approval=row.approval,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A reservation that central was asked for last, and gave no answer. ``at`` is when that was known (UTC)."""

    hold_id: str
    mode: str
    account: str
    amount: Money
    at: datetime


def unanswered_hold(connection: Connection, payment_event_id: str, code_mark: str) -> Unanswered | None:
    """The last asking for this voucher for this payment, where central did not answer it."""
    row = connection.exec_driver_sql(
        "SELECT hold_id, mode, account, amount_minor, currency, unanswered, changed_at_utc FROM voucher_hold "
        "WHERE payment_event_id = ? AND code_mark = ? ORDER BY rowid DESC LIMIT 1",
        (payment_event_id, code_mark),
    ).first()
    if row is None or not row.unanswered:
        return None
    return Unanswered(
        hold_id=row.hold_id,
        mode=row.mode,
        account=row.account,
        amount=Money(row.amount_minor, currency(row.currency)),
        at=from_utc_text(row.changed_at_utc),
    )


def offline_in_shift(connection: Connection, shift_id: str, in_currency: Currency) -> Money:
    """What vouchers brought in a shift while central did not answer."""
    minor = connection.exec_driver_sql(
        "SELECT coalesce(sum(voucher_offline.amount_minor), 0) FROM voucher_offline JOIN tender USING (tender_id) "
        "JOIN payment_event USING (payment_event_id) WHERE shift_id = ? AND voucher_offline.currency = ?",
        (shift_id, in_currency.code),
    ).scalar_one()
    return Money(int(minor), in_currency)


def mark_reserved(connection: Connection, hold_id: str, told: VoucherReserved, *, at: datetime) -> None:
    """Central holds it. Nothing changes for a hold that was let go meanwhile."""
    terms = told.terms
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'reserved', value_minor = ?, expires = ?, residual = ?, combinable = ?, "
        "minimum_minor = ?, approval = ?, changed_at_utc = ? WHERE hold_id = ? AND state = 'asked'",
        (
            terms.value.minor,
            terms.expires.isoformat(),
            str(terms.residual),
            int(terms.combinable),
            None if terms.minimum is None else terms.minimum.minor,
            told.approval,
            utc_text(at),
            hold_id,
        ),
    )


def mark_refused(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Central said no: nothing is held."""
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'refused', changed_at_utc = ? WHERE hold_id = ? AND state = 'asked'",
        (utc_text(at), hold_id),
    )


def mark_unanswered(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Central did not answer: whether it is held is unknown, so it is to be released."""
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'abandoned', unanswered = 1, changed_at_utc = ? "
        "WHERE hold_id = ? AND state = 'asked'",
        (utc_text(at), hold_id),
    )


def abandon_holds(connection: Connection, *, at: datetime, payment_event_id: str | None = None) -> int:
    """The payment (None: every payment) that these holds were asked for does not come; how many there were."""
    where = "" if payment_event_id is None else " AND payment_event_id = ?"
    return connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'abandoned', changed_at_utc = ? WHERE state IN ('asked', 'reserved')"
        + where,
        (utc_text(at), *(() if payment_event_id is None else (payment_event_id,))),
    ).rowcount


def has_open_holds(connection: Connection) -> bool:
    """Whether any hold waits for its payment."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM voucher_hold WHERE state IN ('asked', 'reserved') LIMIT 1"
    ).first()
    return row is not None


def holds_to_release(connection: Connection, *, payment_event_id: str | None = None) -> list[str]:
    """Abandoned holds that central has not let go yet, oldest first."""
    where = "" if payment_event_id is None else " AND payment_event_id = ?"
    rows = connection.exec_driver_sql(
        f"SELECT hold_id FROM voucher_hold WHERE state = 'abandoned'{where} ORDER BY asked_at_utc, hold_id LIMIT 100",
        () if payment_event_id is None else (payment_event_id,),
    )
    return [str(row[0]) for row in rows]


def abandoned_of(connection: Connection, code_mark: str) -> list[str]:
    """Abandoned holds of one voucher: they stand in the way of asking for it again."""
    rows = connection.exec_driver_sql(
        "SELECT hold_id FROM voucher_hold WHERE state = 'abandoned' AND code_mark = ?", (code_mark,)
    )
    return [str(row[0]) for row in rows]


def mark_released(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Central let it go."""
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'released', changed_at_utc = ? WHERE hold_id = ? AND state = 'abandoned'",
        (utc_text(at), hold_id),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueBefore:
    """A voucher that was asked for under a caller's reference before."""

    issue_id: str
    asked_digest: str


def issue_asked_before(connection: Connection, asked_by: str) -> IssueBefore | None:
    """What was asked for under this reference."""
    row = connection.exec_driver_sql(
        "SELECT issue_id, asked_digest FROM voucher_issue WHERE asked_by = ?", (asked_by,)
    ).first()
    return None if row is None else IssueBefore(issue_id=row.issue_id, asked_digest=row.asked_digest)


def add_issue(
    connection: Connection,
    wanted: VoucherWanted,
    *,
    operator: str,
    asked_by: str | None,
    asked_digest: str,
    at: datetime,
) -> None:
    """A voucher is about to be asked for."""
    terms = wanted.terms
    connection.exec_driver_sql(
        "INSERT INTO voucher_issue (issue_id, asked_by, asked_digest, operator, account, value_minor, currency, expires, "
        "minimum_minor, combinable, residual, state, asked_at_utc, changed_at_utc) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'asked', ?, ?)",
        (
            wanted.issue_id,
            asked_by,
            asked_digest,
            operator,
            wanted.account,
            terms.value.minor,
            terms.value.currency.code,
            terms.expires.isoformat(),
            None if terms.minimum is None else terms.minimum.minor,
            int(terms.combinable),
            str(terms.residual),
            utc_text(at),
            utc_text(at),
        ),
    )


def settle_issue(connection: Connection, issue_id: str, *, serial: str | None, at: datetime) -> None:
    """Central issued it under this serial number, or (None) would not."""
    connection.exec_driver_sql(
        "UPDATE voucher_issue SET state = ?, serial = ?, changed_at_utc = ? WHERE issue_id = ? AND state <> 'issued'",
        ("refused" if serial is None else "issued", serial, utc_text(at), issue_id),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingSlip:
    """The slip of a new voucher over the rest of another, not on paper yet."""

    hold_id: str
    receipt_number: str


def waiting_slips(connection: Connection, limit: int = 20) -> list[WaitingSlip]:
    """The oldest slips that wait."""
    rows = connection.exec_driver_sql(
        "SELECT hold_id, receipt_number FROM voucher_slip WHERE state = 'waiting' ORDER BY changed_at_utc, hold_id "
        "LIMIT ?",
        (limit,),
    )
    return [WaitingSlip(hold_id=row.hold_id, receipt_number=row.receipt_number) for row in rows]


def count_waiting_slips(connection: Connection) -> int:
    """How many slips of new vouchers are not on paper."""
    return int(
        connection.exec_driver_sql("SELECT count(*) FROM voucher_slip WHERE state = 'waiting'").scalar_one()
    )


def mark_slip_printed(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """It is on paper, once."""
    connection.exec_driver_sql(
        "UPDATE voucher_slip SET state = 'printed', changed_at_utc = ? WHERE hold_id = ? AND state = 'waiting'",
        (utc_text(at), hold_id),
    )
