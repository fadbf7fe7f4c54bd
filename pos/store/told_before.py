"""What bank files told before of a reference: in the books, and in a file that is only looked at so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import TracebackType

from sqlalchemy import Connection

from pos.domain.money import Currency, Money, currency
from pos.store.bank_files import RECORD, SETTLED
from pos.store.database import open_scratch

TOLD_MAX = 200
"""So many entries of one reference are looked at, the latest."""
PAID = frozenset({"posted", "suspense", "matched", "differs", "waiting"})
UNDONE = frozenset({"rejected", "returned"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An entry that decided something: money is there, was refused, or went back. ``run_id`` None: it is only looked at.

    ``tender_id`` and ``receipt`` None: nothing is posted of it.
    """

    outcome: str
    amount: Money
    value_date: date | None
    mandate: str | None
    account: str | None
    bill_no: str | None
    bank_reference: str | None
    charged: bool
    run_id: str | None = None
    tender_id: str | None = None
    receipt: str | None = None

    @property
    def is_money(self) -> bool:
        """Whether it told that the money is there, or will be."""
        return self.outcome in PAID


def told_before(connection: Connection, plain: str) -> list[Told]:
    """What was told of this reference, the latest first, whatever the clock said; without what decided nothing.

    What a person settled of a parked entry counts as what its bank told, and what was sent back since went back as well.
    """
    rows = connection.exec_driver_sql(
        "SELECT CASE WHEN outcome <> 'parked' THEN outcome WHEN kind = 'paid' THEN 'posted' ELSE kind END, amount_minor, "
        "currency, value_date, mandate, account, bill_no, bank_reference, fee_minor > 0, run_id, "
        "(SELECT state.tender_id FROM imported_record_state AS state "
        f"WHERE state.record_id = {RECORD} ORDER BY number DESC LIMIT 1), "
        "(SELECT receipt_number FROM imported_record_state AS state JOIN tender USING (tender_id) "
        f"JOIN payment_event USING (payment_event_id) WHERE state.record_id = {RECORD} "
        "ORDER BY state.number DESC LIMIT 1), (SELECT how FROM bank_entry_settled AS settled "
        "WHERE (settled.run_id, settled.number) = (bank_entry.run_id, bank_entry.number)) FROM bank_entry "
        "WHERE plain = ? AND (outcome NOT IN ('noted', 'duplicate', 'parked') "
        f"OR (outcome = 'parked' AND {SETTLED})) ORDER BY coalesce(place, 0) DESC, at_utc DESC, "
        "(SELECT rowid FROM bank_file WHERE bank_file.run_id = bank_entry.run_id) DESC, bank_entry.number DESC LIMIT ?",
        (plain, TOLD_MAX),
    )
    return [told for row in rows for told in _settled(_told(tuple(row[:-1])), row[-1])]


def _settled(told: Told, how: str | None) -> Iterator[Told]:
    """What an entry counts for, the latest first, now that a person settled it so; None: nobody did."""
    if how != "sent_back":
        yield told
    elif told.is_money:
        yield replace(told, outcome="returned", charged=False)
        yield told


def next_place(connection: Connection) -> int:
    """The place of the entry that is carried out next."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(place), 0) + 1 FROM bank_entry").scalar_one())


def _told(row: tuple[object, ...]) -> Told:
    outcome, minor, code, day, mandate, account, bill_no, reference, charged, run_id, tender, receipt = row
    assert isinstance(minor, int)
    return Told(
        outcome=str(outcome),
        amount=Money(minor, currency(str(code))),
        value_date=None if day is None else date.fromisoformat(str(day)),
        mandate=_text(mandate),
        account=_text(account),
        bill_no=_text(bill_no),
        bank_reference=_text(reference),
        charged=bool(charged),
        run_id=_text(run_id),
        tender_id=_text(tender),
        receipt=_text(receipt),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidLater:
    """A payment that a file would post: ``bill_no`` is the bill that the bank names."""

    plain: str
    account: str
    bill_no: str | None
    amount: Money


class Rehearsal:
    """What a file would have done so far, outside of memory: one of any length is looked at in the same room.

    It lives in a temporary database of SQLite's own, which goes when it is closed.
    """

    def __init__(self, shop: Currency) -> None:
        self._raw = open_scratch()
        self._shop = shop
        self._raw.execute("PRAGMA journal_mode = OFF")
        self._raw.executescript(
            "CREATE TABLE told (place INTEGER PRIMARY KEY, plain TEXT, outcome TEXT, minor INTEGER, currency TEXT, "
            "value_date TEXT, mandate TEXT, account TEXT, bill_no TEXT, bank_reference TEXT, charged INTEGER, "
            "tender_id TEXT, receipt TEXT);"
            "CREATE INDEX told_by_plain ON told (plain);"
            "CREATE TABLE paper (instrument TEXT PRIMARY KEY) WITHOUT ROWID;"
            "CREATE TABLE later (place INTEGER PRIMARY KEY, plain TEXT, account TEXT, bill_no TEXT, minor INTEGER);"
            "CREATE INDEX later_by_account ON later (account);"
            "CREATE INDEX later_by_plain ON later (plain);"
            "CREATE TABLE part (plain TEXT, bill_no TEXT, minor INTEGER, PRIMARY KEY (plain, bill_no)) WITHOUT ROWID;"
            "CREATE TABLE bill (bill_no TEXT PRIMARY KEY, minor INTEGER) WITHOUT ROWID;"
            "CREATE TABLE undone (tender_id TEXT PRIMARY KEY) WITHOUT ROWID;"
            "CREATE TABLE refusal (mandate TEXT, plain TEXT, PRIMARY KEY (mandate, plain)) WITHOUT ROWID;"
            "CREATE TABLE suspended (mandate TEXT PRIMARY KEY) WITHOUT ROWID;"
            "BEGIN"
        )

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()

    def told_before(self, plain: str) -> list[Told]:
        """As the function of this name, of the file alone."""
        rows = self._raw.execute(
            "SELECT outcome, minor, currency, value_date, mandate, account, bill_no, bank_reference, charged, NULL, "
            "tender_id, receipt FROM told WHERE plain = ? ORDER BY place DESC LIMIT ?",
            (plain, TOLD_MAX),
        )
        return [_told(tuple(row)) for row in rows]

    def tell(self, plain: str, told: Told, *, instrument: str | None = None) -> None:
        """One more entry; ``instrument``: the paper behind money that it tells of."""
        day = None if told.value_date is None else told.value_date.isoformat()
        self._raw.execute(
            "INSERT INTO told (plain, outcome, minor, currency, value_date, mandate, account, bill_no, bank_reference, "
            "charged, tender_id, receipt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                plain, told.outcome, told.amount.minor, told.amount.currency.code, day, told.mandate, told.account,
                told.bill_no, told.bank_reference, told.charged, told.tender_id, told.receipt,
            ),
        )  # fmt: skip
        if instrument is not None:
            self._raw.execute("INSERT OR IGNORE INTO paper VALUES (?)", (instrument,))

    def has_paper(self, instrument: str) -> bool:
        """Whether the file told of money with this paper."""
        found = self._raw.execute("SELECT 1 FROM paper WHERE instrument = ?", (instrument,)).fetchone()
        return found is not None

    def undo(self, tender_id: str) -> None:
        """The file takes back what this tender of the books paid."""
        self._raw.execute("INSERT OR IGNORE INTO undone VALUES (?)", (tender_id,))

    def is_undone(self, tender_id: str) -> bool:
        """Whether it does."""
        found = self._raw.execute("SELECT 1 FROM undone WHERE tender_id = ?", (tender_id,)).fetchone()
        return found is not None

    # --- bills ---

    def pay_later(self, later: PaidLater) -> None:
        """A payment of the file, of which nobody has asked yet which bills it pays."""
        self._raw.execute(
            "INSERT INTO later (plain, account, bill_no, minor) VALUES (?, ?, ?, ?)",
            (later.plain, later.account, later.bill_no, later.amount.minor),
        )

    def next_of_account(self, account: str) -> PaidLater | None:
        """The first payment of an account of which nobody had asked; from now on it is no longer one of them."""
        row = self._raw.execute(
            "SELECT place, plain, bill_no, minor FROM later WHERE account = ? ORDER BY place LIMIT 1",
            (account,),
        ).fetchone()
        if row is None:
            return None
        self._raw.execute("DELETE FROM later WHERE place = ?", (row[0],))
        amount = Money(int(row[3]), self._shop)
        return PaidLater(plain=str(row[1]), account=account, bill_no=_text(row[2]), amount=amount)

    def accounts_later(self, plain: str) -> list[str]:
        """The accounts of the payments under a reference of which nobody has asked."""
        rows = self._raw.execute("SELECT DISTINCT account FROM later WHERE plain = ?", (plain,)).fetchall()
        return [str(account) for (account,) in rows]

    def set_against(self, plain: str, parts: Mapping[str, Money]) -> None:
        """A payment under a reference pays these bills."""
        for bill_no, part in parts.items():
            self._raw.execute(
                "INSERT INTO part VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET minor = excluded.minor",
                (plain, bill_no, part.minor),
            )
            self.add_to_bill(bill_no, part.minor)

    def take_off(self, plain: str) -> None:
        """The payment that the file made under a reference goes back."""
        rows = self._raw.execute("SELECT bill_no, minor FROM part WHERE plain = ?", (plain,)).fetchall()
        for bill_no, minor in rows:
            self.add_to_bill(bill_no, -minor)
        self._raw.execute("DELETE FROM part WHERE plain = ?", (plain,))

    def add_to_bill(self, bill_no: str, minor: int) -> None:
        """So much more of a bill is paid; below zero: it is open again."""
        self._raw.execute(
            "INSERT INTO bill VALUES (?, ?) ON CONFLICT DO UPDATE SET minor = minor + excluded.minor",
            (bill_no, minor),
        )

    def paid_of(self, bill_no: str) -> Money | None:
        """What the file pays of a bill beside the books; None: it did not touch it."""
        row = self._raw.execute("SELECT minor FROM bill WHERE bill_no = ?", (bill_no,)).fetchone()
        return None if row is None else Money(int(row[0]), self._shop)

    # --- mandates ---

    def refuse(self, mandate: str, plain: str) -> None:
        """A bank refused a debit of this mandate for a reason that counts."""
        self._raw.execute("INSERT OR IGNORE INTO refusal VALUES (?, ?)", (mandate, plain))

    def refused(self, mandate: str) -> list[str]:
        """The references of what was refused of a mandate."""
        rows = self._raw.execute(
            "SELECT plain FROM refusal WHERE mandate = ? LIMIT ?", (mandate, TOLD_MAX)
        ).fetchall()
        return [str(plain) for (plain,) in rows]

    def suspend(self, mandate: str) -> None:
        """The file suspends this mandate."""
        self._raw.execute("INSERT OR IGNORE INTO suspended VALUES (?)", (mandate,))

    def is_suspended(self, mandate: str) -> bool:
        """Whether the file has."""
        found = self._raw.execute("SELECT 1 FROM suspended WHERE mandate = ?", (mandate,)).fetchone()
        return found is not None
