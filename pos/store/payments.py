"""Payment events as stored, and what this till has set against bills and accounts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain

from sqlalchemy import Connection

from pos.domain.bill import BillSnapshot, OwnAllocation
from pos.domain.cheque import Cheque, ChequeIdentity
from pos.domain.money import Currency, Money, currency
from pos.domain.payment_mode import Purpose
from pos.store.account_credits import credited_to
from pos.store.corrections import corrected_bills, corrected_credits
from pos.store.debt_beside import debt_since, rests_set_off
from pos.store.dishonours import charged_to_credit, charges_taken_off
from pos.store.refunds_across import bills_opened_across, credits_taken_across
from pos.store.suspense import moved_to_bills, moved_to_credit

_OWN = (
    "SELECT {key}, part.amount_minor, part.currency, outbox.correlator_id, outbox.server_id, outbox.applied_change "
    "FROM {table} AS part JOIN outbox ON outbox.payment_event_id = part.payment_event_id AND outbox.leg = part.leg "
    "AND outbox.kind = 'payment' "
)
_OWN_OF_BILL = (
    "SELECT part.bill_no, sum(part.amount_minor), part.currency, max(outbox.correlator_id), max(outbox.server_id), "
    "max(outbox.applied_change) FROM allocation AS part JOIN outbox ON outbox.payment_event_id = part.payment_event_id "
    "AND outbox.leg = part.leg AND outbox.kind = 'payment' WHERE part.bill_no = ?1 GROUP BY part.currency, "
    "outbox.correlator_id IN (SELECT value FROM json_each(?2)), "
    "coalesce(outbox.server_id IN (SELECT value FROM json_each(?3)), 0), coalesce(outbox.applied_change <= ?4, 0)"
)
"""One line for all payments of which the bill, as central told it, says the same: each of them stands for all."""
_UNDONE = (
    "SELECT '', part.account, CASE event.state WHEN 'rejected' THEN -leg.amount_minor ELSE leg.amount_minor END, "
    "leg.currency, part.correlator_id, part.server_id, part.applied_change FROM bank_receipt_event AS event "
    "JOIN outbox AS part ON part.source_id = event.outcome_id AND part.kind = 'outcome' "
    "JOIN leg ON leg.payment_event_id = part.payment_event_id AND leg.leg = part.leg "
    "WHERE ? IS NULL AND (event.state = 'rejected' OR (event.state = 'verified' AND event.number > 2))"
)
"""A rejected bank receipt is its accounts' debt, and no longer when the bank finds the money after all."""


def own_allocations(connection: Connection, bill_nos: Iterable[str]) -> dict[str, list[OwnAllocation]]:
    """What this till set against each of these bills."""
    found: dict[str, list[OwnAllocation]] = {bill_no: [] for bill_no in bill_nos}
    statement = _OWN.format(key="part.bill_no", table="allocation") + "WHERE part.bill_no = ?"
    for bill_no, entries in found.items():
        entries += [_own(tuple(row)) for row in connection.exec_driver_sql(statement, (bill_no,))]
        entries += _beside_payments(connection, bill_no)
    return found


def own_on_bill(connection: Connection, bill: BillSnapshot) -> list[OwnAllocation]:
    """What this till set against ``bill``, for ``open_on``: payments are added up that ``bill`` holds, or lacks, alike."""
    correlators = sorted({one.correlator_id for one in bill.applied if one.correlator_id is not None})
    payments = sorted({one.payment_id for one in bill.applied})
    values = (bill.bill_no, json.dumps(correlators), json.dumps(payments), bill.seen_change)
    entries = [_own(tuple(row)) for row in connection.exec_driver_sql(_OWN_OF_BILL, values)]
    return [*entries, *_beside_payments(connection, bill.bill_no)]


def _beside_payments(connection: Connection, bill_no: str) -> Iterator[OwnAllocation]:
    for _, entry in chain(
        rests_set_off(connection, bill_no),
        moved_to_bills(connection, bill_no),
        corrected_bills(connection, bill_no),
        bills_opened_across(connection, bill_no),
        charges_taken_off(connection, bill_no),
    ):
        yield entry


def all_own_allocations(connection: Connection) -> dict[str, list[OwnAllocation]]:
    """What this till set against every bill it ever touched."""
    found: dict[str, list[OwnAllocation]] = {}
    statement = _OWN.format(key="part.bill_no", table="allocation") + "WHERE part.bill_no IS NOT NULL"
    for row in connection.exec_driver_sql(statement):
        found.setdefault(str(row[0]), []).append(_own(tuple(row)))
    for bill_no, moved in chain(
        rests_set_off(connection),
        moved_to_bills(connection),
        corrected_bills(connection),
        bills_opened_across(connection),
        charges_taken_off(connection),
    ):
        found.setdefault(bill_no, []).append(moved)
    return found


def own_credits(
    connection: Connection, account: str | None = None, *, kept_as: Purpose = Purpose.ACCOUNT
) -> dict[str, list[OwnAllocation]]:
    """What this till put on account as credit (or ``kept_as`` else), for one account or all; ``bill_no`` is empty."""
    statement = _OWN.format(key="'', part.account", table="allocation")
    statement += "WHERE part.bill_no IS NULL AND part.sale_line IS NULL AND part.kept_as IS ?"
    found = _by_account(connection, statement, account, None if kept_as is Purpose.ACCOUNT else str(kept_as))
    if kept_as is Purpose.ACCOUNT:
        for undone, entries in _by_account(connection, _UNDONE, account, None).items():
            found.setdefault(undone, []).extend(entries)
        for credited, moved in chain(
            moved_to_credit(connection, account),
            credited_to(connection, account),
            charged_to_credit(connection, account),
        ):
            found.setdefault(credited, []).append(moved)
    for credited, corrected in chain(
        corrected_credits(connection, account, kept_as), credits_taken_across(connection, account, kept_as)
    ):
        found.setdefault(credited, []).append(corrected)
    return found


def own_recoveries(connection: Connection, account: str) -> list[OwnAllocation]:
    """What payments at this till brought back of an account's written-off debt; ``bill_no`` is empty."""
    statement = _OWN.format(key="'', part.account", table="recovery") + "WHERE ? IS NULL"
    back = _by_account(connection, statement, account, None).get(account, [])
    return [*back, *debt_since(connection, account)]


def _by_account(
    connection: Connection, statement: str, account: str | None, value: str | None
) -> dict[str, list[OwnAllocation]]:
    where = "" if account is None else " AND part.account = ?"
    values = (value,) if account is None else (value, account)
    found: dict[str, list[OwnAllocation]] = {}
    for row in connection.exec_driver_sql(statement + where, values):
        found.setdefault(str(row[1]), []).append(_own((row[0], *row[2:])))
    return found


def taken_by(connection: Connection, receipt_number: str) -> str | None:
    """The user who took the payment of this receipt."""
    row = connection.exec_driver_sql(
        "SELECT operator FROM payment_event WHERE receipt_number = ?", (receipt_number,)
    ).first()
    return None if row is None else str(row[0])


def event_receipt(connection: Connection, payment_event_id: str) -> str | None:
    """The receipt number of an event that is booked; None where it is not."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number FROM payment_event WHERE payment_event_id = ?", (payment_event_id,)
    ).first()
    return None if row is None else str(row[0])


def cheque_known(connection: Connection, cheque: Cheque) -> str | None:
    """The receipt number under which this very cheque was taken already, and has not gone back to its payor since.

    Of one that was taken without its branch or account the date and amount say whether it is this one.
    """
    identity = cheque.identity
    rows = connection.exec_driver_sql(
        "SELECT receipt_number, branch, bank_account, (cheque_date, cheque.amount_minor, cheque.currency) = (?3, ?4, ?5) "
        "FROM cheque JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id) "
        "WHERE bank = ?1 AND serial = ?2 AND tender_id NOT IN (SELECT tender_id FROM tender_undone) "
        "AND (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1) "
        "NOT IN ('returned', 'replaced')",
        (
            identity.bank,
            identity.serial,
            cheque.dated.isoformat(),
            cheque.amount.minor,
            cheque.amount.currency.code,
        ),
    )
    for number, branch, account, looks_the_same in rows:
        taken = ChequeIdentity(bank=identity.bank, branch=branch, account=account, serial=identity.serial)
        if identity.same_as(taken) and (looks_the_same or not identity.says_more_than(taken)):
            return str(number)
    return None


def instrument_receipt(connection: Connection, instrument: str) -> str | None:
    """The receipt number under which this very slip, bank receipt or voucher was taken already."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number FROM living_instrument JOIN tender USING (tender_id) "
        "JOIN payment_event USING (payment_event_id) WHERE instrument = ?",
        (instrument,),
    ).first()
    return None if row is None else str(row[0])


def is_instrument_known(connection: Connection, instrument: str) -> bool:
    """Whether this paper was ever taken, also where that was undone."""
    found = connection.exec_driver_sql("SELECT 1 FROM instrument WHERE instrument = ?", (instrument,)).first()
    return found is not None


def is_serial_known(connection: Connection, kind: str, body: str) -> bool:
    """Whether this piece was ever sold, also where that was undone."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM sale_serial WHERE kind = ? AND body = ?", (kind, body)
    ).first()
    return found is not None


def serial_receipt(connection: Connection, kind: str, body: str) -> str | None:
    """The receipt number with which the piece of this serial number (its ``body``) was sold."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number FROM living_serial JOIN payment_event USING (payment_event_id) WHERE kind = ? AND body = ?",
        (kind, body),
    ).first()
    return None if row is None else str(row[0])


def event_order_mark(connection: Connection, payment_event_id: str) -> str | None:
    """The mark of the order that an event was booked from; None for an event of before there were marks."""
    row = connection.exec_driver_sql(
        "SELECT order_mark FROM payment_event WHERE payment_event_id = ?", (payment_event_id,)
    ).first()
    return None if row is None or row[0] is None else str(row[0])


def same_tender_before(
    connection: Connection, payer_account: str, mode: str, amount: Money, since: str
) -> tuple[str, str, int] | None:
    """The last payment of this payer since then (UTC text) with a tender like it: receipt, UTC time, offset in minutes."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number, taken_at_utc, utc_offset_min FROM payment_event AS event "
        "JOIN v_tender USING (payment_event_id) "
        "WHERE event.payer_account = ? AND v_tender.mode = ? AND v_tender.currency = ? AND v_tender.state = 'taken' "
        "AND v_tender.amount_minor - v_tender.change_minor + v_tender.rounding_minor = ? AND taken_at_utc >= ? "
        "ORDER BY sequence DESC LIMIT 1",
        (payer_account, mode, amount.currency.code, amount.minor, since),
    ).first()
    return None if row is None else (str(row[0]), str(row[1]), int(row[2]))


def cash_kept_on(
    connection: Connection, payer_account: str, day: date, modes: Sequence[str], in_currency: Currency
) -> Money:
    """The cash (in these modes, less change) that a payer gave on one business day."""
    places = ", ".join("?" for _ in modes)
    minor = connection.exec_driver_sql(
        "SELECT coalesce(sum(tender.amount_minor - change_minor), 0) FROM payment_event JOIN tender "
        "USING (payment_event_id) WHERE payer_account = ? AND business_date = ? AND tender.currency = ? "
        "AND tender_id NOT IN (SELECT tender_id FROM tender_undone) "
        f"AND mode IN ({places})",
        (payer_account, day.isoformat(), in_currency.code, *modes),
    ).scalar_one()
    return Money(int(minor), in_currency)


def _own(row: tuple[object, ...]) -> OwnAllocation:
    bill_no, amount_minor, code, correlator_id, server_id, applied_change = row
    assert isinstance(amount_minor, int)
    assert applied_change is None or isinstance(applied_change, int)
    return OwnAllocation(
        bill_no=str(bill_no),
        amount=Money(amount_minor, currency(str(code))),
        correlator_id=str(correlator_id),
        server_id=None if server_id is None else str(server_id),
        applied_change=applied_change,
    )
