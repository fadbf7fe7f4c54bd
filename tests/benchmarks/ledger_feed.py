"""How fast and how large the feed to the general ledger is: batch and journal of many payments, in a process of its own.

    ./run python -m tests.benchmarks.ledger_feed [--payments 1000000] [--small 10000] [--bean-check]

The measure of speed is the same rows of the journal read from SQLite and written by ``csv.writer``, and with
``--bean-check`` how long that program takes to read the Beancount file. The measure of memory is the most that it
held with ``--small`` payments. The journal is made by plain SQL, four lines a payment.

Source: performance.md, bars 25 to 27.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pos.store.database import Database
from pos.store.unit_of_work import TillStore
from pos.till.desk import Desk
from pos.till.ledger_batches import make_batches
from pos.till.ledger_entries import journal
from sync.ledger.files import BatchForm, JournalForm, batch_file, journal_file
from tests.builders.tills import BACK_OFFICE, KEYS, TODAY, close_stores, make_till, raw_connection

LINES = (
    ("cash_in_till", None, 5_000, 0),
    ("card_receivable", None, 7_500, 0),
    ("receivable", "BA-1", 0, 10_000),
    ("receivable", "BA-3", 0, 2_500),
)
FORMS = ("csv", "hledger", "beancount")


def fill(folder: Path, payments: int) -> None:
    """Books of one day with so many payments in the journal."""
    desk = make_till(folder)
    raw = raw_connection(desk.till.database)
    day, at = TODAY.isoformat(), f"{TODAY.isoformat()}T09:00:00.000000Z"
    raw.execute("BEGIN")
    raw.executemany(
        "INSERT INTO journal_line VALUES (?, ?, ?, ?, ?, ?, 'KWD')",
        (
            (f"E-{number:010}", place, *line)
            for number in range(payments)
            for place, line in enumerate(LINES, start=1)
        ),
    )
    raw.executemany(
        "INSERT INTO journal_entry VALUES (?, 'payment', ?, ?, ?)",
        ((f"E-{number:010}", f"P-{number:010}", day, at) for number in range(payments)),
    )
    raw.execute("COMMIT")
    close_stores(desk)


def feed(folder: Path) -> dict[str, float]:
    """Make the batch and write every form; the seconds of each, and at the end the most memory the process had, in MB."""
    desk = reopen(folder)
    told: dict[str, float] = {}
    start = time.perf_counter()
    batches = make_batches(desk, BACK_OFFICE, TODAY)
    told["batch"] = time.perf_counter() - start
    _write(folder / "batch.csv", batch_file(BatchForm.CSV, batches))
    for form in FORMS:
        start = time.perf_counter()
        with journal(desk, BACK_OFFICE) as known:
            texts = journal_file(JournalForm(form), known.accounts, known.currencies, known.entries)
            _write(folder / f"feed.{form}", texts)
        told[form] = time.perf_counter() - start
    told["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    _plain(folder, raw_connection(desk.till.database))
    told["csv.writer"] = time.perf_counter() - start
    return told


def reopen(folder: Path) -> Desk:
    """A desk on the books that ``fill`` left."""
    return replace(make_till(), till=TillStore(Database(folder / "till.db"), KEYS))


def _write(out: Path, texts: Iterator[str]) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        file.writelines(texts)


def _plain(folder: Path, raw: sqlite3.Connection) -> None:
    rows = raw.execute(
        "SELECT entry.business_date, source_kind, entry_id, booked_at_utc, line_no, ledger_account, account, currency, "
        "debit_minor, credit_minor FROM journal_entry AS entry JOIN journal_line USING (entry_id) "
        "ORDER BY entry.business_date, entry.rowid, line_no"
    )
    with (folder / "plain.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def measured(payments: int, folder: Path) -> dict[str, float]:
    """``fill`` and ``feed``, each in a process of its own, so that the one's memory is not the other's."""
    told = ""
    for step in ("fill", "feed"):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.benchmarks.ledger_feed",
                "--step",
                step,
                "--folder",
                str(folder),
                "--payments",
                str(payments),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        told = done.stdout
    found: dict[str, float] = json.loads(told)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--payments", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--bean-check", action="store_true")
    parser.add_argument("--step", choices=("fill", "feed"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step == "fill":
        fill(asked.folder, asked.payments)
        return
    if asked.step == "feed":
        print(json.dumps(feed(asked.folder)))
        return
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        least, most = measured(asked.small, Path(small)), measured(asked.payments, Path(large))
        for name in ("batch", *FORMS, "csv.writer"):
            print(f"{name:12} {most[name]:8.2f} s  {asked.payments / most[name]:12,.0f} payments/s")
        print(f"journal as csv, against csv.writer: {most['csv.writer'] / most['csv']:.2f}")
        ratio = most["memory_mb"] / least["memory_mb"]
        print(f"memory: {most['memory_mb']:.0f} MB, against {least['memory_mb']:.0f} MB: {ratio:.2f}")
        if asked.bean_check:
            beside = str(Path(sys.executable).with_name("bean-check"))
            start = time.perf_counter()
            subprocess.run([beside, str(Path(small) / "feed.beancount")], check=True)
            print(
                f"bean-check reads {asked.small}: {time.perf_counter() - start:.2f} s, written in {least['beancount']:.2f} s"
            )


if __name__ == "__main__":
    main()
