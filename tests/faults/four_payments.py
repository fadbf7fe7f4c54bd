"""The script of four payments that every fault is tried on, and what the books hold of it afterwards.

No payment leans on another: each names its bills and amounts, so that they may be booked in any order.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pos.bootstrap.homes import open_till, real_machine
from pos.bootstrap.paper import print_receipts, receipt_text
from pos.domain.receipt import Copy
from pos.domain.role import Person, Role
from pos.till.papers import show_receipt
from pos.till.script import Script
from pos.till.verify import verify_books
from tests.builders.homes import CASHIER

OPEN_SHIFT: Mapping[str, Any] = {"ref": "f0", "act": "open_shift", "float": {"amount": "20.000"}}

_NOURA = {"kind": "subscriber", "account": "BA-1001"}
_MOHAMMED = {"kind": "subscriber", "account": "BA-1002"}
_CHEQUE = {"mode": "cheque", "bank": "001", "branch": "042", "account": "7788990011"}

PAYMENTS: tuple[Mapping[str, Any], ...] = (
    {  # one bill, in cash
        "ref": "f1",
        "act": "pay",
        "payer": _MOHAMMED,
        "allocate": [{"bill": "7790", "amount": "10.000"}],
        "tenders": [{"mode": "cash", "amount": "10.250"}],
    },
    {  # two bills, by cheque
        "ref": "f2",
        "act": "pay",
        "payer": _NOURA,
        "allocate": [{"bill": "7702", "amount": "14.075"}, {"bill": "7781", "amount": "20.000"}],
        "tenders": [{**_CHEQUE, "amount": "34.075", "serial": "000501"}],
    },
    {  # split
        "ref": "f3",
        "act": "pay",
        "payer": _NOURA,
        "allocate": [{"bill": "7781", "amount": "21.750"}],
        "tenders": [
            {**_CHEQUE, "amount": "10.000", "serial": "000502"},
            {"mode": "cash", "amount": "12.000"},
        ],
    },
    {  # more than is owed: the rest is credit
        "ref": "f4",
        "act": "pay",
        "payer": _MOHAMMED,
        "allocate": [{"bill": "7790", "amount": "12.575"}],
        "overpayment": "credit",
        "tenders": [{"mode": "cash", "amount": "30.000"}],
    },
)
ACTS = (OPEN_SHIFT, *PAYMENTS)
REFS = tuple(str(act["ref"]) for act in PAYMENTS)
LINES = "".join(json.dumps(act) + "\n" for act in ACTS)

AMOUNTS = {"f1": 10_000, "f2": 34_075, "f3": 21_750, "f4": 30_000}
"""What each payment brings, in fils."""

_PARTS: Mapping[str, str] = {
    "tender": "SELECT number, mode, amount_minor, change_minor FROM tender WHERE payment_event_id = ? ORDER BY number",
    "allocation": "SELECT number, leg, account, bill_no, amount_minor FROM allocation WHERE payment_event_id = ? "
    "ORDER BY number",
    "payment": "SELECT account, amount_minor FROM payment WHERE payment_event_id = ? ORDER BY account",
    "leg": "SELECT leg, account, amount_minor FROM leg WHERE payment_event_id = ? ORDER BY leg",
    "outbox": "SELECT leg, kind, account FROM outbox WHERE payment_event_id = ? ORDER BY leg",
    "journal_line": "SELECT line_no, ledger_account, line.account, debit_minor, credit_minor FROM journal_line AS line "
    "JOIN journal_entry USING (entry_id) WHERE source_kind = 'payment' AND source_id = ? ORDER BY line_no",
    "journal_entry": "SELECT source_kind FROM journal_entry WHERE source_id = ?",
    "cheque": "SELECT serial, cheque.amount_minor FROM cheque JOIN tender USING (tender_id) WHERE payment_event_id = ? "
    "ORDER BY serial",
    "receipt": "SELECT kind, json_extract(facts_json, '$.total'), json_extract(facts_json, '$.change') FROM receipt "
    "WHERE payment_event_id = ?",
    "print_job": "SELECT copy_number FROM print_job JOIN receipt USING (receipt_number) WHERE payment_event_id = ?",
}
"""Every table that a payment writes to, and what of it is the same at every run."""

_OF_PAYMENTS: Mapping[str, str] = {
    "journal_line": "journal_line JOIN journal_entry USING (entry_id) WHERE source_kind = 'payment'",
    "journal_entry": "journal_entry WHERE source_kind = 'payment'",
}
"""The journal books the float and the close of a shift as well; every other table is the payments' alone."""

Whole = dict[str, list[tuple[object, ...]]]


@contextmanager
def raw(home: Path) -> Iterator[sqlite3.Connection]:
    """The books over a connection that is not ours and can only read."""
    connection = sqlite3.connect(f"file:{home / 'till.db'}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


PERSON = Person(user=CASHIER, name="A. Kumar", roles=frozenset({Role.CASHIER}))


def booked(home: Path) -> dict[str, Whole]:
    """Every booked payment by its ref, with all its rows. Asserts that no table holds a row of any other."""
    with raw(home) as books:
        remembered = books.execute(
            "SELECT ref, payment_event_id FROM script_ref JOIN payment_event "
            "ON payment_event_id = json_extract(result_json, '$.payment_event') ORDER BY sequence"
        ).fetchall()
        found = {
            ref: {table: books.execute(query, (event,)).fetchall() for table, query in _PARTS.items()}
            for ref, event in remembered
        }
        of_payments = {table: sum(len(whole[table]) for whole in found.values()) for table in _PARTS}
        in_all = {
            table: books.execute(f"SELECT count(*) FROM {_OF_PAYMENTS.get(table, table)}").fetchone()[0]
            for table in _PARTS
        }
        assert in_all == of_payments, "rows that belong to no remembered payment"
        (events,) = books.execute("SELECT count(*) FROM payment_event").fetchone()
        assert events == len(found), "each payment event belongs to one ref"
        (deeds,) = books.execute("SELECT count(*) FROM audit WHERE act = 'pay' AND result = 'ok'").fetchone()
        assert deeds == len(found), "each payment has its audit row"
    return found


def receipt_numbers(home: Path) -> dict[str, str]:
    """The receipt number of each remembered payment."""
    with raw(home) as books:
        return dict(
            books.execute(
                "SELECT ref, receipt_number FROM script_ref JOIN payment_event "
                "ON payment_event_id = json_extract(result_json, '$.payment_event') ORDER BY sequence"
            )
        )


def assert_sound_and_printable(home: Path) -> None:
    """The books hold every promise, the receipt numbers have no gap, and each receipt renders with its total."""
    numbers = sorted(receipt_numbers(home).values())
    assert numbers == [f"S014-T1-A-{counter:06d}" for counter in range(1, len(numbers) + 1)]
    with open_till(home, machine=real_machine()) as till:
        assert verify_books(till.desk) == []
        for number in numbers:
            facts = show_receipt(till.desk, PERSON, number)
            text = receipt_text(till, facts, Copy())
            assert number in text
            assert facts.total.plain() in text


def send_again(home: Path) -> list[dict[str, Any]]:
    """The whole script once more, in this process, and its papers printed; the answers."""
    with open_till(home, machine=real_machine()) as till:
        script = Script(till.desk, PERSON)
        answers = [script.run_line(json.dumps(act)) for act in ACTS]
        assert print_receipts(till).printer_fault is None
    return answers


def assert_all_printed(home: Path) -> None:
    """A text and a PDF for each receipt, nothing half-written, and an empty print queue."""
    names = sorted(path.name for path in (home / "receipts").iterdir())
    expected = [
        f"{number}.{suffix}" for number in receipt_numbers(home).values() for suffix in ("pdf", "txt")
    ]
    assert names == sorted(expected)
    with raw(home) as books:
        assert books.execute("SELECT DISTINCT state FROM print_job").fetchall() == [("printed",)]
