"""The register of post-dated cheques as stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from pos.domain.cheque import Cheque, ChequeIdentity, ChequeKind
from pos.domain.money import Currency, Money, currency
from pos.domain.payment_mode import PayerKind
from pos.domain.post_dated import PostDatedCheque, PostDatedState

_STATE = (
    "(SELECT state FROM post_dated_event WHERE post_dated_event.post_dated_id = post_dated_cheque.post_dated_id "
    "ORDER BY number DESC LIMIT 1)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWish:
    """What a registered cheque is to pay. ``by_default``: nobody chose it, it was the oldest due."""

    account: str | None
    bill_no: str | None
    amount: Money | None
    by_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCheque:
    """A cheque of the register with all that its payment takes. ``steps`` is how many it has gone.

    ``details`` are the fields of its tender, without the names where those are purged.
    """

    entry: PostDatedCheque
    payer_kind: PayerKind
    mode: str
    cheque: Cheque
    details: dict[str, str]
    wishes: tuple[KeptWish, ...]
    steps: int


def post_dated_known(connection: Connection, cheque: Cheque) -> str | None:
    """The number of the note under which this very cheque is in the register, told apart as by ``cheque_known``."""
    identity = cheque.identity
    rows = connection.exec_driver_sql(
        "SELECT receipt_number, branch, bank_account, (cheque_date, amount_minor, currency) = (?3, ?4, ?5), "
        f"{_STATE} FROM post_dated_cheque WHERE bank = ?1 AND serial = ?2",
        (
            identity.bank,
            identity.serial,
            cheque.dated.isoformat(),
            cheque.amount.minor,
            cheque.amount.currency.code,
        ),
    )
    for number, branch, account, looks_the_same, state in rows:
        held = ChequeIdentity(bank=identity.bank, branch=branch, account=account, serial=identity.serial)
        same = identity.same_as(held) and (looks_the_same or not identity.says_more_than(held))
        if PostDatedState(state).is_alive and same:
            return str(number)
    return None


def note_of(connection: Connection, post_dated_id: str) -> tuple[str, str] | None:
    """Number of the note and mark of the order of what was registered under this id."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number, order_mark FROM post_dated_cheque WHERE post_dated_id = ?", (post_dated_id,)
    ).first()
    return None if row is None else (str(row[0]), str(row[1]))


_ENTRY = (
    "SELECT post_dated_id, receipt_number, payer_account, coalesce(name, ''), bank, serial, cheque_date, "
    f"amount_minor, currency, {_STATE} AS state{{more}} FROM post_dated_cheque "
    "LEFT JOIN post_dated_person USING (post_dated_id) "
)


def register(
    connection: Connection, *, due_by: date | None = None, account: str | None = None, limit: int = 500
) -> list[PostDatedCheque]:
    """The cheques that are in the register, those due first; with ``due_by`` only those dated up to that day, with
    ``account`` only those of that payer.
    """
    rows = connection.exec_driver_sql(
        _ENTRY.format(more="")
        + "WHERE state IN ('registered', 'held') AND (?1 IS NULL OR cheque_date <= ?1) "
        + "AND (?2 IS NULL OR payer_account = ?2) "
        + "ORDER BY cheque_date, post_dated_id LIMIT ?3",
        (None if due_by is None else due_by.isoformat(), account, limit),
    )
    return [_entry(row) for row in rows]


def registered_cheque(connection: Connection, note: str) -> RegisteredCheque | None:
    """The cheque of this note, whatever became of it."""
    row = connection.exec_driver_sql(
        _ENTRY.format(
            more=", payer_kind, mode, branch, bank_account, kind, micr, ticks, post_dated_cheque.details_json, "
            "post_dated_person.details_json, (SELECT max(number) FROM post_dated_event "
            "WHERE post_dated_event.post_dated_id = post_dated_cheque.post_dated_id)"
        )
        + "WHERE receipt_number = ?",
        (note,),
    ).first()
    if row is None:
        return None
    entry = _entry(row)
    payer_kind, mode, branch, account, kind, micr, ticks, plain, personal, steps = row[10:]
    details = {**json.loads(plain), **json.loads(personal or "{}")}
    return RegisteredCheque(
        entry=entry,
        payer_kind=PayerKind(payer_kind),
        mode=mode,
        cheque=Cheque(
            bank=entry.bank,
            branch=branch,
            account=account,
            serial=entry.serial,
            drawer=details.get("drawer", ""),
            dated=entry.dated,
            amount=entry.amount,
            kind=ChequeKind(kind),
            micr=micr or "",
            ticks=tuple(ticks.split()),
        ),
        details=details,
        wishes=_wishes(connection, entry.post_dated_id, entry.amount.currency),
        steps=steps,
    )


def _entry(row: Any) -> PostDatedCheque:
    return PostDatedCheque(
        post_dated_id=row[0],
        note=row[1],
        payer_account=row[2],
        payer_name=row[3],
        bank=row[4],
        serial=row[5],
        dated=date.fromisoformat(row[6]),
        amount=Money(row[7], currency(row[8])),
        state=PostDatedState(row[9]),
    )


def _wishes(connection: Connection, post_dated_id: str, in_currency: Currency) -> tuple[KeptWish, ...]:
    rows = connection.exec_driver_sql(
        "SELECT account, bill_no, amount_minor, by_default FROM post_dated_wish WHERE post_dated_id = ? ORDER BY number",
        (post_dated_id,),
    )
    return tuple(
        KeptWish(
            account=account,
            bill_no=bill_no,
            amount=None if minor is None else Money(minor, in_currency),
            by_default=bool(by_default),
        )
        for account, bill_no, minor, by_default in rows
    )


def slip_of_withdrawal(connection: Connection, post_dated_id: str) -> str | None:
    """The number of the slip with which this cheque was given back."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number FROM post_dated_event WHERE post_dated_id = ? AND state = 'withdrawn'",
        (post_dated_id,),
    ).first()
    return None if row is None else str(row[0])


def went_back(connection: Connection, payment_event_id: str) -> bool:
    """Whether the cheque that was paid in as this payment has gone back to its payor, or come back from the bank."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM v_cheque JOIN tender USING (tender_id) WHERE payment_event_id = ? "
        "AND v_cheque.state IN ('returned', 'replaced', 'dishonoured')",
        (payment_event_id,),
    ).first()
    return found is not None
