"""``cache.db``: accounts and bills as central told them, with what is open after this till's own deeds.

Rebuildable: another schema version means the file is thrown away and pulled anew. No deed is written here; the open
amounts are caught up after each commit and at every open. Source: architecture.md section 2; interface.md section 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pos.domain.bill import (
    AppliedPayment,
    AppliedRate,
    BillSnapshot,
    BillState,
    OwnAllocation,
    Promise,
    SummaryLine,
    open_on,
)
from pos.domain.money import Currency, Money, currency, zero
from pos.domain.payment_mode import PayerKind
from pos.domain.standing_bounces import StandingBounce
from pos.domain.text_guard import fold
from pos.store.cached_bounces import bounces_text
from pos.store.database import Database, StoreError, StoreOpener

VERSION = 11

TILL_OF_DEALER = "till_of_dealer"

SCHEMA = """
CREATE TABLE account (
    account TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    phone TEXT NOT NULL,
    phone_reversed TEXT NOT NULL,
    customer TEXT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    cash_only INTEGER NOT NULL,
    cash_only_until TEXT,
    dunning_stage INTEGER NOT NULL,
    dunning_told INTEGER NOT NULL,
    bounces TEXT,
    dealer_class TEXT NOT NULL,
    credit_limit_minor INTEGER,
    advance_told_minor INTEGER,
    deposit_told_minor INTEGER,
    written_off_told_minor INTEGER,
    unverified_told_minor INTEGER,
    blocked INTEGER NOT NULL,
    credit_told_minor INTEGER NOT NULL,
    credit_minor INTEGER NOT NULL,
    seen_change INTEGER,
    told_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX account_by_phone ON account (phone_reversed) WHERE phone_reversed <> '';
CREATE INDEX account_by_name ON account (name_folded);
CREATE INDEX account_by_customer ON account (customer) WHERE customer <> '';
CREATE TABLE former_number (
    former TEXT NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (former, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_number_by_account ON former_number (account);
CREATE INDEX account_cash_only_until ON account (cash_only_until) WHERE cash_only_until IS NOT NULL;
CREATE INDEX dealer_by_name ON account (name_folded, account) WHERE kind = 'dealer';
CREATE VIRTUAL TABLE account_word USING fts5 (words, prefix = '2 3', tokenize = 'unicode61');
CREATE TABLE bill (
    bill_no TEXT PRIMARY KEY,
    bill_id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    bill_date TEXT NOT NULL,
    due_date TEXT NOT NULL,
    state TEXT NOT NULL,
    amount_due_minor INTEGER NOT NULL,
    remaining_minor INTEGER NOT NULL,
    open_minor INTEGER NOT NULL,
    tax_included_minor INTEGER NOT NULL,
    disputed_minor INTEGER,
    promised_on TEXT,
    promised_minor INTEGER,
    written_off_minor INTEGER,
    seen_change INTEGER,
    told_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX bill_by_account ON bill (account, due_date);
CREATE TABLE bill_applied (
    bill_no TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    correlator_id TEXT,
    amount_minor INTEGER NOT NULL,
    PRIMARY KEY (bill_no, payment_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE bill_line (
    bill_no TEXT NOT NULL,
    place INTEGER NOT NULL,
    line_id TEXT NOT NULL,
    name TEXT NOT NULL,
    group_kind TEXT NOT NULL,
    parent_id TEXT,
    tax_excluded_minor INTEGER NOT NULL,
    tax_minor INTEGER NOT NULL,
    tax_included_minor INTEGER NOT NULL,
    rate_ids_json TEXT NOT NULL,
    PRIMARY KEY (bill_no, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE rate (
    bill_id TEXT NOT NULL,
    rate_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    on_date TEXT,
    product TEXT,
    currency TEXT NOT NULL,
    tax_excluded_minor INTEGER NOT NULL,
    tax_minor INTEGER NOT NULL,
    tax_included_minor INTEGER NOT NULL,
    disputed INTEGER NOT NULL,
    PRIMARY KEY (bill_id, rate_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE rates_asked (
    bill_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE item (
    item TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    currency TEXT NOT NULL,
    price_minor INTEGER NOT NULL,
    tax_category TEXT NOT NULL,
    tax_rate TEXT NOT NULL,
    serial TEXT,
    ean TEXT,
    advance TEXT
) STRICT;
CREATE UNIQUE INDEX item_by_ean ON item (ean) WHERE ean IS NOT NULL;
CREATE TABLE known_cheque (
    payment_id TEXT PRIMARY KEY,
    identity TEXT NOT NULL,
    branch TEXT NOT NULL,
    account TEXT NOT NULL,
    dated TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX known_cheque_by_identity ON known_cheque (identity);
CREATE INDEX known_cheque_by_age ON known_cheque (dated);
CREATE TABLE other_till (
    terminal TEXT PRIMARY KEY,
    heard_at_utc TEXT NOT NULL,
    shift INTEGER,
    operator TEXT NOT NULL,
    open_days TEXT NOT NULL,
    waiting INTEGER NOT NULL,
    parked INTEGER NOT NULL,
    bags INTEGER NOT NULL,
    bags_minor INTEGER,
    currency TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE bag_to_come (
    paper TEXT PRIMARY KEY,
    bag TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE voucher_key (
    key_id TEXT PRIMARY KEY,
    public_key TEXT NOT NULL,
    withdrawn INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE marker (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
CREATE VIEW v_bill AS
SELECT bill_no, account, currency, amount_due_minor, open_minor, due_date,
       CASE WHEN open_minor = 0 THEN 'settled' WHEN open_minor < amount_due_minor AND state = 'sent' THEN 'partiallyPaid'
            ELSE state END AS state, bill_id, bill_date
FROM bill;
CREATE VIEW v_account AS
SELECT account, kind, name, currency, credit_minor, status, phone FROM account;
"""

_ACCOUNT_COLUMNS = (
    "account, kind, name, phone, customer, currency, status, cash_only, cash_only_until, dunning_stage, dealer_class, "
    "credit_limit_minor, advance_told_minor, deposit_told_minor, written_off_told_minor, unverified_told_minor, "
    "blocked, credit_told_minor, credit_minor, seen_change, told_at_utc"
)
DEALERS = (
    f"SELECT {_ACCOUNT_COLUMNS} FROM account WHERE kind = 'dealer' ORDER BY name_folded, account LIMIT ?"
)
_UPSERT_ACCOUNT = (
    "INSERT INTO account (account, kind, name, name_folded, phone, phone_reversed, customer, currency, status, "
    "cash_only, cash_only_until, dunning_stage, dunning_told, bounces, dealer_class, credit_limit_minor, "
    "advance_told_minor, deposit_told_minor, written_off_told_minor, unverified_told_minor, blocked, credit_told_minor, "
    "credit_minor, seen_change, told_at_utc) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (account) DO UPDATE SET kind = excluded.kind, name = excluded.name, "
    "name_folded = excluded.name_folded, phone = excluded.phone, phone_reversed = excluded.phone_reversed, "
    "customer = excluded.customer, currency = excluded.currency, status = excluded.status, "
    "cash_only = excluded.cash_only, cash_only_until = excluded.cash_only_until, dunning_stage = excluded.dunning_stage, "
    "dunning_told = excluded.dunning_told, bounces = excluded.bounces, "
    "dealer_class = excluded.dealer_class, credit_limit_minor = excluded.credit_limit_minor, "
    "advance_told_minor = excluded.advance_told_minor, deposit_told_minor = excluded.deposit_told_minor, "
    "written_off_told_minor = excluded.written_off_told_minor, "
    "unverified_told_minor = excluded.unverified_told_minor, blocked = excluded.blocked, "
    "credit_told_minor = excluded.credit_told_minor, credit_minor = excluded.credit_minor, "
    "seen_change = excluded.seen_change, told_at_utc = excluded.told_at_utc RETURNING rowid"
)
_UPSERT_BILL = (
    "INSERT OR REPLACE INTO bill (bill_no, bill_id, account, currency, bill_date, due_date, state, amount_due_minor, "
    "remaining_minor, open_minor, tax_included_minor, disputed_minor, promised_on, promised_minor, "
    "written_off_minor, seen_change, told_at_utc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedAccount:
    """An account as central told it. ``credit`` counts this till's own deeds, ``credit_told`` does not.

    ``credit_limit`` is a dealer's, None for others. ``dealer_class`` is the account's class, a subscriber's too where it has
    one. ``former`` are numbers that the account had before, to be written; they are not read back, nor are ``bounces``,
    those that stand by central: ``dunning_stage`` and ``cash_only``, as read, count this till's own beside them. Advances,
    deposits and what is written off of its debt are as central told them; None: it told none. ``unverified_told``: the
    dealer's bank receipts that no bank has confirmed, as central knows them; ``blocked``: one of them stands rejected.
    """

    account: str
    kind: PayerKind
    name: str
    phone: str
    customer: str
    currency: Currency
    status: str
    cash_only: bool
    dunning_stage: int
    credit_told: Money
    credit: Money
    seen_change: int | None
    told_at_utc: str
    dealer_class: str = ""
    credit_limit: Money | None = None
    former: tuple[str, ...] = ()
    advance_told: Money | None = None
    deposit_told: Money | None = None
    written_off_told: Money | None = None
    unverified_told: Money | None = None
    blocked: bool = False
    cash_only_until: date | None = None
    bounces: tuple[StandingBounce, ...] = ()


def credit_of(account: CachedAccount, own: Iterable[OwnAllocation]) -> Money:
    """An account's credit as told, and what this till (``own``) has put there or taken from it since."""
    return since_told(account.credit_told, account, own)


def written_off_of(account: CachedAccount, own: Iterable[OwnAllocation]) -> Money:
    """What is still written off of an account's debt: as told, less what this till (``own``) brought back since."""
    none = zero(account.currency)
    back = since_told(none, account, own)
    return max(none, (account.written_off_told or none) - back)


def since_told(told: Money | None, account: CachedAccount, own: Iterable[OwnAllocation]) -> Money:
    """A figure that central ``told`` of an account, with what of this till's ``own`` it cannot hold yet."""
    figure = zero(account.currency) if told is None else told
    for entry in own:
        contained = (
            entry.applied_change is not None
            and account.seen_change is not None
            and entry.applied_change <= account.seen_change
        )
        if not contained and entry.amount.currency == figure.currency:
            figure = figure + entry.amount
    return figure


class CacheStore:
    """What central told, in one file of its own that a deed only reads."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction on the cache. Raises StoreError ``cache_damaged``."""
        with _damage_named(), self.database.write() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look at the cache. Raises StoreError ``cache_damaged``."""
        with _damage_named(), self.database.read() as connection:
            yield connection


@contextmanager
def _damage_named() -> Iterator[None]:
    """A damaged cache is no damaged book: it is fetched again when the till is opened anew."""
    try:
        yield
    except DBAPIError as error:
        if not _is_damage(error):
            raise
        raise StoreError(
            "cache_damaged",
            "What central told is damaged. The books are not: close the till and open it again.",
            exit_code=6,
        ) from error


def _is_damage(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def remove_cache(path: Path) -> None:
    """Throw the file away: central has it all."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def open_cache(path: Path | None, *, read_only: bool = False, opener: StoreOpener = Database) -> CacheStore:
    """Open the cache; one of another schema version or a damaged one is removed and made anew: central has it all."""
    if path is not None and path.exists() and not read_only and _version_of(path, opener) not in (0, VERSION):
        remove_cache(path)
    database = opener(path, read_only=read_only)
    if not read_only:
        with database.write() as connection:
            if connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 0:
                for statement in SCHEMA.split(";\n"):
                    if statement.strip():
                        connection.exec_driver_sql(statement)
                connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    return CacheStore(database)


def _version_of(path: Path, opener: StoreOpener) -> int | None:
    """The schema version of the file; None where it is no sound store."""
    database = opener(path, read_only=True)
    try:
        with database.read() as connection:
            return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    except DBAPIError as error:
        if _is_damage(error):
            return None
        raise
    finally:
        database.close()


def put_accounts(connection: Connection, accounts: Iterable[CachedAccount]) -> None:
    """Write accounts as told, with their search words."""
    for told in accounts:
        digits = "".join(character for character in told.phone if character.isdigit())
        rowid = connection.exec_driver_sql(
            _UPSERT_ACCOUNT,
            (
                told.account,
                str(told.kind),
                told.name,
                fold(told.name),
                told.phone,
                digits[::-1],
                told.customer,
                told.currency.code,
                told.status,
                int(told.cash_only),
                None if told.cash_only_until is None else told.cash_only_until.isoformat(),
                told.dunning_stage,
                told.dunning_stage,
                bounces_text(told.bounces),
                told.dealer_class,
                None if told.credit_limit is None else told.credit_limit.minor,
                _minor(told.advance_told),
                _minor(told.deposit_told),
                _minor(told.written_off_told),
                _minor(told.unverified_told),
                int(told.blocked),
                told.credit_told.minor,
                told.credit.minor,
                told.seen_change,
                told.told_at_utc,
            ),
        ).scalar_one()
        connection.exec_driver_sql("DELETE FROM account_word WHERE rowid = ?", (rowid,))
        connection.exec_driver_sql(
            "INSERT INTO account_word (rowid, words) VALUES (?, ?)", (rowid, _words(told.name))
        )
        connection.exec_driver_sql("DELETE FROM former_number WHERE account = ?", (told.account,))
        for former in told.former:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO former_number (former, account) VALUES (?, ?)", (former, told.account)
            )


def _minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor


def _words(name: str) -> str:
    """What a name is found by: its folded words, and O'Brien as one word too."""
    folded = fold(name)
    joined = re.sub(r"(?<=\w)['\u2019\-.](?=\w)", "", folded)
    return folded if joined == folded else f"{folded} {joined}"


def put_bills(
    connection: Connection,
    bills: Iterable[BillSnapshot],
    *,
    own: Mapping[str, Sequence[OwnAllocation]],
    told_at_utc: str,
) -> None:
    """Write bills as told, with what is open after this till's ``own`` allocations, by bill number."""
    for bill in bills:
        key = (bill.bill_no,)
        # The rates behind a bill are as issued; another total means that others came, another dispute that one is contested.
        connection.exec_driver_sql(
            "DELETE FROM rates_asked WHERE bill_id = ? AND NOT EXISTS (SELECT 1 FROM bill "
            "WHERE bill.bill_id = rates_asked.bill_id AND bill.tax_included_minor = ? AND bill.disputed_minor IS ?)",
            (bill.bill_id, bill.tax_included.minor, _minor(bill.disputed)),
        )
        connection.exec_driver_sql("DELETE FROM bill_applied WHERE bill_no = ?", key)
        connection.exec_driver_sql("DELETE FROM bill_line WHERE bill_no = ?", key)
        connection.exec_driver_sql(
            _UPSERT_BILL,
            (
                bill.bill_no,
                bill.bill_id,
                bill.account,
                bill.remaining.currency.code,
                bill.bill_date.isoformat(),
                bill.due_date.isoformat(),
                str(bill.state),
                bill.amount_due.minor,
                bill.remaining.minor,
                open_on(bill, own.get(bill.bill_no, ())).open.minor,
                bill.tax_included.minor,
                _minor(bill.disputed),
                None if bill.promise is None else bill.promise.on.isoformat(),
                None if bill.promise is None else bill.promise.amount.minor,
                _minor(bill.written_off),
                bill.seen_change,
                told_at_utc,
            ),
        )
        _put_parts(connection, bill)


def _put_parts(connection: Connection, bill: BillSnapshot) -> None:
    if bill.applied:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO bill_applied (bill_no, payment_id, correlator_id, amount_minor) VALUES (?, ?, ?, ?)",
            [(bill.bill_no, part.payment_id, part.correlator_id, part.amount.minor) for part in bill.applied],
        )
    if bill.lines:
        connection.exec_driver_sql(
            "INSERT INTO bill_line (bill_no, place, line_id, name, group_kind, parent_id, tax_excluded_minor, tax_minor, "
            "tax_included_minor, rate_ids_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    bill.bill_no,
                    place,
                    line.line_id,
                    line.name,
                    line.group,
                    line.parent_id,
                    line.tax_excluded.minor,
                    line.tax.minor,
                    line.tax_included.minor,
                    json.dumps(line.rate_ids),
                )
                for place, line in enumerate(bill.lines)
            ],
        )


def put_rates(connection: Connection, rates: Sequence[AppliedRate]) -> None:
    """Write applied billing rates as told."""
    if rates:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO rate (bill_id, rate_id, name, kind, on_date, product, currency, tax_excluded_minor, "
            "tax_minor, tax_included_minor, disputed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    rate.bill_id,
                    rate.rate_id,
                    rate.name,
                    rate.kind,
                    None if rate.on is None else rate.on.isoformat(),
                    rate.product,
                    rate.tax_included.currency.code,
                    rate.tax_excluded.minor,
                    rate.tax.minor,
                    rate.tax_included.minor,
                    int(rate.disputed),
                )
                for rate in rates
            ],
        )


def set_open(connection: Connection, open_by_bill: Iterable[tuple[str, int]]) -> None:
    """Catch up what is open on bills (minor units) after the till's own deeds."""
    rows = [(open_minor, bill_no) for bill_no, open_minor in open_by_bill]
    if rows:
        connection.exec_driver_sql("UPDATE bill SET open_minor = ? WHERE bill_no = ?", rows)


def set_credit(connection: Connection, credit_by_account: Iterable[tuple[str, int]]) -> None:
    """Catch up the credit of accounts (minor units) after the till's own deeds."""
    rows = [(credit_minor, account) for account, credit_minor in credit_by_account]
    if rows:
        connection.exec_driver_sql("UPDATE account SET credit_minor = ? WHERE account = ?", rows)


def end_cash_only(connection: Connection, today: date) -> None:
    """The time is over for which bounced cheques made accounts cash-only."""
    connection.exec_driver_sql(
        "UPDATE account SET cash_only = 0, cash_only_until = NULL WHERE cash_only_until < ?",
        (today.isoformat(),),
    )


def account_by_id(connection: Connection, account: str) -> CachedAccount | None:
    """The account of exactly this id."""
    row = connection.exec_driver_sql(
        f"SELECT {_ACCOUNT_COLUMNS} FROM account WHERE account = ?", (account,)
    ).first()
    return None if row is None else _account(tuple(row))


def accounts_of_number(connection: Connection, number: str, limit: int) -> list[CachedAccount]:
    """The accounts of exactly this customer, or that had exactly this number before."""
    rows = connection.exec_driver_sql(
        f"SELECT {_ACCOUNT_COLUMNS} FROM account WHERE (customer = ? AND customer <> '') "
        "OR account IN (SELECT account FROM former_number WHERE former = ?) ORDER BY account LIMIT ?",
        (number, number, limit),
    )
    return [_account(tuple(row)) for row in rows]


def dealer_accounts(connection: Connection, limit: int) -> list[CachedAccount]:
    """The dealers by name: few among ever so many customers."""
    return [_account(tuple(row)) for row in connection.exec_driver_sql(DEALERS, (limit,))]


def accounts_by_phone_suffix(
    connection: Connection,
    digits: str,
    limit: int,
    *,
    only: str | None = None,
    kind: PayerKind | None = None,
) -> list[CachedAccount]:
    """Accounts whose phone number ends in ``digits``, of one ``kind`` or all; ``only`` is the one that may be found."""
    low = digits[::-1]
    rows = connection.exec_driver_sql(
        f"SELECT {_ACCOUNT_COLUMNS} FROM account WHERE phone_reversed >= ? AND phone_reversed < ? "
        "AND phone_reversed <> '' AND (? IS NULL OR account = ?) AND (? IS NULL OR kind = ?) "
        "ORDER BY phone_reversed LIMIT ?",
        (low, low + ":", only, only, kind, kind, limit),
    )
    return [_account(tuple(row)) for row in rows]


def accounts_by_words(
    connection: Connection,
    words: Sequence[str],
    limit: int,
    *,
    only: str | None = None,
    kind: PayerKind | None = None,
) -> list[CachedAccount]:
    """Accounts whose name has a word beginning with each of ``words`` (folded letters and digits only).

    Of one ``kind`` or all; ``only`` is the one account that may be found.
    """
    if not words:
        return []
    match = " ".join(f'"{word}"*' for word in words)
    columns = ", ".join(f"account.{column.strip()}" for column in _ACCOUNT_COLUMNS.split(","))
    rows = connection.exec_driver_sql(
        f"SELECT {columns} FROM account_word JOIN account ON account.rowid = account_word.rowid "
        "WHERE account_word MATCH ? AND (? IS NULL OR account.account = ?) AND (? IS NULL OR account.kind = ?) "
        "ORDER BY account.name_folded, account.account LIMIT ?",
        (match, only, only, kind, kind, limit),
    )
    return [_account(tuple(row)) for row in rows]


def bill_by_number(connection: Connection, bill_no: str) -> BillSnapshot | None:
    """The bill of this number, or of this id at central."""
    found = _bills(connection, "bill_no = ?", (bill_no,)) or _bills(connection, "bill_id = ?", (bill_no,))
    return found[0] if found else None


def bills_of_account(
    connection: Connection, account: str, *, open_only: bool, limit: int = 500
) -> list[BillSnapshot]:
    """An account's bills in due order."""
    where = "account = ? AND remaining_minor > 0" if open_only else "account = ?"
    return _bills(connection, where, (account,), limit=limit)


def all_bill_numbers(connection: Connection) -> list[str]:
    """Every bill number in the cache."""
    return [str(row[0]) for row in connection.exec_driver_sql("SELECT bill_no FROM bill")]


def rates_of_bill(connection: Connection, bill_id: str) -> list[AppliedRate]:
    """The applied billing rates of a bill that the cache has."""
    rows = connection.exec_driver_sql(
        "SELECT rate_id, bill_id, name, kind, on_date, product, currency, tax_excluded_minor, tax_minor, "
        "tax_included_minor, disputed FROM rate WHERE bill_id = ? ORDER BY rate_id",
        (bill_id,),
    )
    return [
        AppliedRate(
            rate_id=row[0],
            bill_id=row[1],
            name=row[2],
            kind=row[3],
            on=None if row[4] is None else date.fromisoformat(row[4]),
            product=row[5],
            tax_excluded=Money(row[7], currency(row[6])),
            tax=Money(row[8], currency(row[6])),
            tax_included=Money(row[9], currency(row[6])),
            disputed=bool(row[10]),
        )
        for row in rows
    ]


def bills_without_rates(connection: Connection, limit: int) -> list[str]:
    """Ids of bills whose rates central has not told to the last one, open bills first."""
    rows = connection.exec_driver_sql(
        "SELECT bill_id FROM bill "
        "WHERE NOT EXISTS (SELECT 1 FROM rates_asked WHERE rates_asked.bill_id = bill.bill_id) "
        "ORDER BY open_minor = 0, due_date LIMIT ?",
        (limit,),
    )
    return [str(row[0]) for row in rows]


def mark_rates_asked(connection: Connection, bill_id: str | None) -> None:
    """Central told all rates it has of this bill, or (None) of every bill in the cache."""
    if bill_id is not None:
        connection.exec_driver_sql("INSERT OR IGNORE INTO rates_asked (bill_id) VALUES (?)", (bill_id,))
        return
    connection.exec_driver_sql("INSERT OR IGNORE INTO rates_asked (bill_id) SELECT bill_id FROM bill")


def dealer_of_till(connection: Connection) -> str | None:
    """The dealer whose till this is, as central said it last; None: the operator's."""
    return marker(connection, TILL_OF_DEALER) or None


def set_dealer_of_till(connection: Connection, dealer: str | None) -> None:
    """Remember whose till central says this is."""
    set_marker(connection, TILL_OF_DEALER, dealer or "")


def marker(connection: Connection, name: str) -> str | None:
    """How far a pull has come; written with the rows it stands for."""
    row = connection.exec_driver_sql("SELECT value FROM marker WHERE name = ?", (name,)).first()
    return None if row is None else str(row[0])


def set_marker(connection: Connection, name: str, value: str) -> None:
    """Remember how far a pull has come."""
    connection.exec_driver_sql("INSERT OR REPLACE INTO marker (name, value) VALUES (?, ?)", (name, value))


def _bills(
    connection: Connection, where: str, values: tuple[object, ...], limit: int = 500
) -> list[BillSnapshot]:
    rows = connection.exec_driver_sql(
        "SELECT bill_no, bill_id, account, currency, bill_date, due_date, state, amount_due_minor, remaining_minor, "
        "tax_included_minor, disputed_minor, promised_on, promised_minor, written_off_minor, seen_change, "
        "(SELECT name FROM account WHERE account.account = bill.account) "
        f"FROM bill WHERE {where} ORDER BY due_date, bill_date, bill_no LIMIT ?",
        (*values, limit),
    ).all()
    return [_bill(connection, tuple(row)) for row in rows]


def _bill(connection: Connection, row: tuple[object, ...]) -> BillSnapshot:
    bill_no, bill_id, account, code, bill_date, due_date, state, due, remaining, included, *rest = row
    disputed, promised_on, promised, written_off, change, name = rest
    in_currency = currency(str(code))
    key = (bill_no,)
    applied = connection.exec_driver_sql(
        "SELECT payment_id, correlator_id, amount_minor FROM bill_applied WHERE bill_no = ?", key
    )
    lines = connection.exec_driver_sql(
        "SELECT line_id, name, group_kind, parent_id, tax_excluded_minor, tax_minor, tax_included_minor, rate_ids_json "
        "FROM bill_line WHERE bill_no = ? ORDER BY place",
        key,
    )
    return BillSnapshot(
        bill_id=str(bill_id),
        bill_no=str(bill_no),
        account=str(account),
        account_name=None if name is None else str(name),
        bill_date=date.fromisoformat(str(bill_date)),
        due_date=date.fromisoformat(str(due_date)),
        state=BillState(str(state)),
        amount_due=Money(_whole(due), in_currency),
        remaining=Money(_whole(remaining), in_currency),
        tax_included=Money(_whole(included), in_currency),
        applied=tuple(
            AppliedPayment(payment_id=part[0], correlator_id=part[1], amount=Money(part[2], in_currency))
            for part in applied
        ),
        lines=tuple(
            SummaryLine(
                line_id=line[0],
                name=line[1],
                group=line[2],
                parent_id=line[3],
                tax_excluded=Money(line[4], in_currency),
                tax=Money(line[5], in_currency),
                tax_included=Money(line[6], in_currency),
                rate_ids=tuple(json.loads(line[7])),
            )
            for line in lines
        ),
        seen_change=None if change is None else _whole(change),
        disputed=_maybe(disputed, in_currency),
        promise=None
        if promised_on is None
        else Promise(on=date.fromisoformat(str(promised_on)), amount=Money(_whole(promised), in_currency)),
        written_off=_maybe(written_off, in_currency),
    )


def _maybe(minor: object, in_currency: Currency) -> Money | None:
    return None if minor is None else Money(_whole(minor), in_currency)


def _account(row: tuple[object, ...]) -> CachedAccount:
    account, kind, name, phone, customer, code, status, cash_only, until, dunning, *rest = row
    dealer_class, limit, advance, deposit, written_off, unverified, blocked, told, credit, change, told_at = (
        rest
    )
    in_currency = currency(str(code))
    return CachedAccount(
        account=str(account),
        kind=PayerKind(str(kind)),
        name=str(name),
        phone=str(phone),
        customer=str(customer),
        currency=in_currency,
        status=str(status),
        cash_only=bool(cash_only),
        cash_only_until=None if until is None else date.fromisoformat(str(until)),
        dunning_stage=_whole(dunning),
        credit_told=Money(_whole(told), in_currency),
        credit=Money(_whole(credit), in_currency),
        seen_change=None if change is None else _whole(change),
        told_at_utc=str(told_at),
        dealer_class=str(dealer_class),
        credit_limit=_maybe(limit, in_currency),
        advance_told=_maybe(advance, in_currency),
        deposit_told=_maybe(deposit, in_currency),
        written_off_told=_maybe(written_off, in_currency),
        unverified_told=_maybe(unverified, in_currency),
        blocked=bool(blocked),
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
