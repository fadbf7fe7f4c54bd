"""Bank files as stored: the file, its entries one by one, and what was asked of the bank before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.money import Currency, Money, currency


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRun:
    """A run over a bank's file: what its money is counted in, as a shift's is in the shift."""

    run_id: str
    business_date: date
    currency: Currency
    series: str
    number: int = 0
    """Of no shift: what a receipt says in place of a shift's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A file that was read before. ``done`` of its ``entries`` were carried out; ``ended``: all of them."""

    run_id: str
    profile: str
    message: str
    bank_file_id: str
    name: str
    currency: Currency
    business_date: date
    entries: int
    done: int
    ended: bool
    started_at_utc: str
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitItem:
    """One bill that a bank was asked to collect. ``mandate_number`` is the mandate's step that it was asked by."""

    reference: str
    collection_id: str
    place: int
    mandate: str
    mandate_number: int
    first: bool
    account: str
    bill_no: str
    bill_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEntry:
    """What was made of an entry of a file; ``settled``: what a person has made of one that was parked since."""

    run_id: str
    number: int
    kind: str
    reference: str
    mandate: str | None
    account: str | None
    bill_no: str | None
    amount: Money
    value_date: str | None
    reason_code: str | None
    outcome: str
    remarks: str
    problem: str | None
    receipt: str | None
    paper: str | None
    fee: Money
    settled: str | None = None


_FILE = (
    "SELECT run_id, message, bank_file_id, name, currency, business_date, entries, "
    "(SELECT count(*) FROM bank_entry WHERE bank_entry.run_id = v_bank_file.run_id), state = 'ended', started_at_utc, "
    "operator, (SELECT profile FROM import_run WHERE import_run.run_id = v_bank_file.run_id) FROM v_bank_file "
)


def file_of_digest(connection: Connection, digest: str) -> KnownFile | None:
    """The file with just these bytes."""
    row = connection.exec_driver_sql(
        _FILE + "WHERE run_id = (SELECT run_id FROM bank_file WHERE file_digest = ?)", (digest,)
    ).first()
    return None if row is None else _file(tuple(row))


def file_of_id(connection: Connection, message: str, bank_file_id: str) -> KnownFile | None:
    """The file of this kind that the bank calls so."""
    row = connection.exec_driver_sql(
        _FILE + "WHERE message = ? AND bank_file_id = ?", (message, bank_file_id)
    ).first()
    return None if row is None else _file(tuple(row))


def files(connection: Connection, *, limit: int) -> list[KnownFile]:
    """The files that were read, the newest first."""
    rows = connection.exec_driver_sql(
        _FILE
        + "ORDER BY (SELECT bank_file.rowid FROM bank_file WHERE bank_file.run_id = v_bank_file.run_id) DESC LIMIT ?",
        (limit,),
    )
    return [_file(tuple(row)) for row in rows]


def _file(row: tuple[object, ...]) -> KnownFile:
    run_id, message, bank_id, name, code, day, entries, done, ended, started, operator, profile = row
    assert isinstance(entries, int)
    assert isinstance(done, int)
    return KnownFile(
        run_id=str(run_id),
        profile=str(profile),
        message=str(message),
        bank_file_id=str(bank_id),
        name=str(name),
        currency=currency(str(code)),
        business_date=date.fromisoformat(str(day)),
        entries=entries,
        done=done,
        ended=bool(ended),
        started_at_utc=str(started),
        operator=str(operator),
    )


_ITEM = (
    "SELECT reference, collection_id, place, mandate, mandate_number, first, account, bill_no, bill_id, amount_minor, "
    "currency FROM debit_item "
)


def item_called(connection: Connection, plain: str) -> DebitItem | None:
    """What a bank was asked for under this reference."""
    row = connection.exec_driver_sql(_ITEM + "WHERE plain = ?", (plain,)).first()
    return None if row is None else _item(tuple(row))


def items_of_message(connection: Connection, message_id: str) -> list[DebitItem]:
    """All that a bank was asked for in one message of ours."""
    rows = connection.exec_driver_sql(
        _ITEM + "WHERE collection_id = (SELECT collection_id FROM debit_collection WHERE message_id = ?) "
        "ORDER BY place",
        (message_id,),
    )
    return [_item(tuple(row)) for row in rows]


def items_of(connection: Connection, collection_id: str) -> list[DebitItem]:
    """The items of a collection, in their order."""
    rows = connection.exec_driver_sql(_ITEM + "WHERE collection_id = ? ORDER BY place", (collection_id,))
    return [_item(tuple(row)) for row in rows]


def _item(row: tuple[object, ...]) -> DebitItem:
    reference, collection, place, mandate, step, first, account, bill_no, bill_id, minor, code = row
    assert isinstance(place, int)
    assert isinstance(step, int)
    assert isinstance(minor, int)
    return DebitItem(
        reference=str(reference),
        collection_id=str(collection),
        place=place,
        mandate=str(mandate),
        mandate_number=step,
        first=bool(first),
        account=str(account),
        bill_no=str(bill_no),
        bill_id=str(bill_id),
        amount=Money(minor, currency(str(code))),
    )


SETTLED = (
    "EXISTS (SELECT 1 FROM bank_entry_settled AS settled WHERE settled.run_id = bank_entry.run_id "
    "AND settled.number = bank_entry.number)"
)
"""Of a parked entry: a person has settled it."""
RECORD = (
    "coalesce(bank_entry.record_id, (SELECT settled.record_id FROM bank_entry_settled AS settled "
    "WHERE settled.run_id = bank_entry.run_id AND settled.number = bank_entry.number "
    "AND how IN ('paid', 'suspense')))"
)
"""The record of a payment that an entry told of, or that a person made of it."""


def bills_at_the_bank(connection: Connection) -> set[str]:
    """The bills whose collection no bank has answered yet: they are not collected again meanwhile."""
    rows = connection.exec_driver_sql(
        "SELECT bill_no FROM debit_item WHERE NOT EXISTS (SELECT 1 FROM bank_entry "
        "WHERE bank_entry.plain = debit_item.plain "
        "AND (outcome IN ('posted', 'suspense', 'matched', 'differs', 'rejected', 'returned') OR (outcome = 'waiting' "
        "AND EXISTS (SELECT 1 FROM v_imported_record AS record WHERE record.record_id = bank_entry.record_id "
        f"AND record.state <> 'waiting')) OR (outcome = 'parked' AND {SETTLED})))"
    )
    return {str(bill_no) for (bill_no,) in rows}


def mandates_used(connection: Connection) -> set[str]:
    """The mandates by which a bank has paid once, or is asked to: what is collected next is not the first.

    What it refused before it came was none; what it took back later was one.
    """
    rows = connection.exec_driver_sql(
        "SELECT mandate FROM bank_entry WHERE mandate IS NOT NULL "
        "AND outcome IN ('posted', 'suspense', 'matched', 'differs', 'waiting') "
        "UNION SELECT mandate FROM debit_item WHERE NOT EXISTS (SELECT 1 FROM bank_entry "
        "WHERE bank_entry.plain = debit_item.plain AND outcome = 'rejected')"
    )
    return {str(mandate) for (mandate,) in rows}


def taken_back_early(connection: Connection, record_id: str) -> bool:
    """Whether a bank refused or took back what waits as this record: such an entry is parked behind it, by its reference."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM bank_entry AS told JOIN bank_entry AS back USING (plain) WHERE told.record_id = ? "
        "AND back.problem = 'value_date_to_come' AND coalesce(back.place, 0) >= coalesce(told.place, 0) "
        "AND NOT EXISTS (SELECT 1 FROM bank_entry_settled AS settled "
        "WHERE (settled.run_id, settled.number) = (back.run_id, back.number) AND how = 'noted') LIMIT 1",
        (record_id,),
    ).first()
    return found is not None


def keyed_under(connection: Connection, beginning: str) -> tuple[str, str] | None:
    """The tender, and the receipt, of what the counter keyed whose paper's name begins so."""
    row = connection.exec_driver_sql(
        "SELECT tender_id, receipt_number FROM living_instrument JOIN tender USING (tender_id) "
        "JOIN payment_event USING (payment_event_id) WHERE instrument BETWEEN ? AND ? ORDER BY instrument DESC LIMIT 1",
        (beginning, beginning + "~"),
    ).first()
    return None if row is None else (str(row[0]), str(row[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSum:
    """How many entries came to the same, and what those in the shop's currency sum to."""

    outcome: str
    count: int
    amount: Money


def outcome_sums(connection: Connection, run_id: str, shop: Currency) -> list[OutcomeSum]:
    """What was made of a file's entries, the most frequent first."""
    rows = connection.exec_driver_sql(
        "SELECT outcome, count(*), coalesce(sum(iif(currency = ?, amount_minor, 0)), 0) FROM bank_entry WHERE run_id = ? "
        "GROUP BY outcome ORDER BY count(*) DESC, outcome",
        (shop.code, run_id),
    )
    return [OutcomeSum(outcome=row[0], count=row[1], amount=Money(row[2], shop)) for row in rows]


def told_entries(
    connection: Connection, run_id: str, *, outcomes: Sequence[str] = (), limit: int | None = None
) -> list[ToldEntry]:
    """What was made of the entries of a file, in their order; of ``outcomes`` alone where any are named.

    ``limit``: only so many, what was parked before the others.
    """
    places = ", ".join("?" for _ in outcomes)
    rows = connection.exec_driver_sql(
        "SELECT entry.run_id, entry.number, entry.kind, reference, entry.mandate, entry.account, entry.bill_no, "
        "entry.amount_minor, entry.currency, value_date, entry.reason_code, outcome, remarks, problem, "
        "(SELECT receipt_number FROM v_imported_record AS record JOIN tender USING (tender_id) "
        "JOIN payment_event USING (payment_event_id) "
        "WHERE record.record_id = coalesce(entry.record_id, settled.record_id)), "
        "correction.receipt_number, fee_minor, settled.how FROM bank_entry AS entry "
        "LEFT JOIN correction USING (correction_id) "
        "LEFT JOIN bank_entry_settled AS settled ON (settled.run_id, settled.number) = (entry.run_id, entry.number) "
        "WHERE entry.run_id = ?"
        + (f" AND outcome IN ({places})" if outcomes else "")
        + (
            " ORDER BY entry.number"
            if limit is None
            else " ORDER BY outcome <> 'parked', entry.number LIMIT ?"
        ),
        (run_id, *outcomes, *(() if limit is None else (limit,))),
    )
    return [
        ToldEntry(
            run_id=row[0],
            number=row[1],
            kind=row[2],
            reference=row[3],
            mandate=row[4],
            account=row[5],
            bill_no=row[6],
            amount=Money(row[7], currency(row[8])),
            value_date=row[9],
            reason_code=row[10],
            outcome=row[11],
            remarks=row[12],
            problem=row[13],
            receipt=row[14],
            paper=row[15],
            fee=Money(row[16], currency(row[8])),
            settled=row[17],
        )
        for row in rows
    ]
