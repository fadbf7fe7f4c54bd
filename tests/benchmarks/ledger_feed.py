"""How fast and how large the feed to the general ledger is: batch and journal of many payments, in a process of its own.

    ./run python -m tests.benchmarks.ledger_feed [--payments 1000000] [--small 10000] [--rounds 3] [--bean-check]

The measure of speed is the same CSV, byte for byte, whose lines SQLite itself put together, and the rows of the journal
written by ``csv.writer``; with ``--bean-check`` how long that program takes to read the Beancount file of ``--judged``
payments. All of it is processor time, the sides by turns, the best of the rounds. The measure of memory is the most that
it held with ``--small`` payments. The journal is made by plain SQL, four lines a payment, amounts and accounts different.

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

from pos.domain.ledger_feed import LedgerBatch
from pos.store.database import Database
from pos.store.unit_of_work import TillStore
from pos.till.desk import Desk
from pos.till.ledger_batches import make_batches
from pos.till.ledger_entries import journal
from sync.ledger.files import BatchForm, JournalForm, batch_file, journal_file
from tests.builders.tills import BACK_OFFICE, KEYS, TODAY, close_stores, make_till, raw_connection

ACCOUNTS = 100_000
"""So many customers pay by turns."""
FORMS = ("csv", "hledger", "beancount")
SQL = "SQL's text"


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
            for place, line in enumerate(lines(number), start=1)
        ),
    )
    raw.executemany(
        "INSERT INTO journal_entry VALUES (?, 'payment', ?, ?, ?)",
        ((f"E-{number:010}", f"P-{number:010}", day, at) for number in range(payments)),
    )
    raw.execute("COMMIT")
    close_stores(desk)


def lines(number: int) -> list[tuple[str, str | None, int, int]]:
    """Of a payment in cash and by card on two accounts: an account of the ledger, a customer's, debit and credit."""
    cash, card, first = 250 + number * 7 % 49_999, 1_005 + number * 11 % 99_991, 125 + number * 3 % 997
    one, other = (f"BA-{(number + step) % ACCOUNTS}" for step in (1, 7))
    return [
        ("cash_in_till", None, cash, 0),
        ("card_receivable", None, card, 0),
        ("receivable", one, 0, first),
        ("receivable", other, 0, cash + card - first),
    ]


def feed(folder: Path, rounds: int) -> dict[str, float]:
    """Make the batch and write every form; the seconds of the processor for each, and the most memory it had, in MB."""
    desk = reopen(folder)
    start = time.process_time()
    batches = make_batches(desk, BACK_OFFICE, TODAY)
    told = {"batch": time.process_time() - start}
    _write(folder / "batch.csv", batch_file(BatchForm.CSV, batches))
    for form in FORMS:
        told[form] = _journal(folder, desk, form)
    told["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    raw = raw_connection(desk.till.database)
    by_sql = _sql_of(batches[0])
    for _ in range(rounds):
        start = time.process_time()
        _write(folder / "by_sql.csv", (row[0] for row in raw.execute(by_sql)))
        _keep_best(told, SQL, time.process_time() - start)
        for form in FORMS:
            _keep_best(told, form, _journal(folder, desk, form))
        start = time.process_time()
        _plain(folder, raw)
        _keep_best(told, "csv.writer", time.process_time() - start)
        with (folder / "feed.csv").open("rb") as ours, (folder / "by_sql.csv").open("rb") as theirs:
            assert ours.readline().startswith(b'"number"'), "the feed begins with the names of its columns"
            assert all(one == other for one, other in zip(ours, theirs, strict=True)), "the same bytes"
    return told


def _keep_best(told: dict[str, float], name: str, seconds: float) -> None:
    told[name] = min(seconds, told.get(name, seconds))


def _journal(folder: Path, desk: Desk, form: str) -> float:
    start = time.process_time()
    with journal(desk, BACK_OFFICE) as known:
        texts = journal_file(JournalForm(form), known.accounts, known.currencies, known.entries)
        _write(folder / f"feed.{form}", texts)
    return time.process_time() - start


def _sql_of(batch: LedgerBatch) -> str:
    """The lines of the journal put together by SQLite, which here knows that no text of them wants cleaning."""
    named = {
        line.ledger_account: f'"{line.code}","{line.name}","{line.ledger_account}"' for line in batch.lines
    }
    account = " ".join(f"WHEN '{key}' THEN '{cells}'" for key, cells in named.items())
    said = f'"{batch.accounting_date}","payment","{batch.lines[0].category}"'
    debit, credit = (
        f"CASE {side} WHEN 0 THEN '' ELSE printf('%d.%03d', {side} / 1000, {side} % 1000) END"
        for side in ("debit_minor", "credit_minor")
    )
    return (
        f"""SELECT '"' || source_id || '",{said},"' || entry_id || '","{batch.number}","' || booked_at_utc || '","",' """
        f"""|| line_no || ',' || CASE ledger_account {account} END || ',"' || coalesce(account, '') || '","' """
        f"""|| currency || '","' || {debit} || '","' || {credit} || '"' || x'0d0a' """
        "FROM journal_entry AS entry JOIN journal_line USING (entry_id) "
        "ORDER BY entry.business_date, entry.rowid, line_no"
    )


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


def measured(payments: int, folder: Path, rounds: int = 0) -> dict[str, float]:
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
                "--rounds",
                str(rounds),
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bean-check", action="store_true")
    parser.add_argument("--judged", type=int, default=100_000)
    parser.add_argument("--step", choices=("fill", "feed"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step == "fill":
        fill(asked.folder, asked.payments)
        return
    if asked.step == "feed":
        print(json.dumps(feed(asked.folder, asked.rounds)))
        return
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        least = measured(asked.small, Path(small))
        most = measured(asked.payments, Path(large), asked.rounds)
    for name in ("batch", *FORMS, SQL, "csv.writer"):
        print(f"{name:12} {most[name]:8.2f} s  {asked.payments / most[name]:12,.0f} payments/s")
    for measure in (SQL, "csv.writer"):
        print(f"journal as csv, against {measure}: {most[measure] / most['csv']:.2f}")
    ratio = most["memory_mb"] / least["memory_mb"]
    print(f"memory: {most['memory_mb']:.0f} MB, against {least['memory_mb']:.0f} MB: {ratio:.2f}")
    if asked.bean_check:
        judge(asked.judged, asked.rounds)


def judge(payments: int, rounds: int) -> None:
    """How long another program reads what was written, as many times the writing."""
    with tempfile.TemporaryDirectory() as folder:
        written = measured(payments, Path(folder), rounds)["beancount"]
        beside = str(Path(sys.executable).with_name("bean-check"))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([beside, "--no-cache", str(Path(folder) / "feed.beancount")], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    read = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"bean-check reads {payments:,}: {read:.2f} s, written in {written:.2f} s: {read / written:.1f} times"
    )


if __name__ == "__main__":
    main()
