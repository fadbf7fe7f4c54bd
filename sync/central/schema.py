"""The tables of central's store and the version of their form.

Portable SQL: BIGINT for counts of minor units and numbers, TEXT for the rest. A store of a newer version is refused, so
that an old program never writes into a form it does not know.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, inspect, text

VERSION = 1


def ensure_schema(connection: Connection, *, refuse: Callable[[str], Exception]) -> None:
    """Make the tables in an empty store; raises ``refuse(message)`` for a store of another form."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        for statement in TABLES:
            connection.execute(text(statement))
        connection.execute(
            text("INSERT INTO central_schema (version) VALUES (:version)"), {"version": VERSION}
        )
        connection.execute(text("INSERT INTO change_counter (one, value) VALUES (1, 0)"))
        return
    if "central_schema" not in tables:
        raise refuse("This database is not a central store.")
    version = connection.execute(text("SELECT version FROM central_schema")).scalar_one()
    if version != VERSION:
        raise refuse(f"The central store has form {version}; this program knows form {VERSION}.")


TABLES = (
    "CREATE TABLE central_schema (version BIGINT NOT NULL)",
    """
    CREATE TABLE change_counter (
        one BIGINT PRIMARY KEY CHECK (one = 1),
        value BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE account (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        phone TEXT,
        currency TEXT NOT NULL,
        customer TEXT,
        status TEXT NOT NULL,
        cash_only BIGINT NOT NULL,
        dunning_stage BIGINT NOT NULL,
        loaded_credit_minor BIGINT NOT NULL,
        credit_minor BIGINT NOT NULL,
        dealer_class TEXT,
        credit_limit_minor BIGINT,
        loaded TEXT NOT NULL,
        change_number BIGINT NOT NULL
    )
    """,
    "CREATE INDEX account_by_change ON account (change_number)",
    """
    CREATE TABLE bill (
        id TEXT PRIMARY KEY,
        bill_no TEXT NOT NULL,
        account_id TEXT NOT NULL,
        state TEXT NOT NULL,
        currency TEXT NOT NULL,
        loaded_open_minor BIGINT NOT NULL,
        remaining_minor BIGINT NOT NULL,
        bill_date TEXT NOT NULL,
        due_date TEXT NOT NULL,
        last_update TEXT NOT NULL,
        body TEXT NOT NULL,
        change_number BIGINT NOT NULL
    )
    """,
    "CREATE INDEX bill_by_change ON bill (change_number)",
    "CREATE INDEX bill_by_account ON bill (account_id)",
    "CREATE INDEX bill_by_number ON bill (bill_no)",
    """
    CREATE TABLE rate (
        id TEXT PRIMARY KEY,
        bill_id TEXT,
        account_id TEXT,
        is_billed BIGINT NOT NULL,
        body TEXT NOT NULL
    )
    """,
    "CREATE INDEX rate_by_bill ON rate (bill_id)",
    """
    CREATE TABLE line_rate (
        bill_id TEXT NOT NULL REFERENCES bill (id),
        line_id TEXT NOT NULL,
        rate_id TEXT NOT NULL,
        PRIMARY KEY (bill_id, line_id, rate_id)
    )
    """,
    "CREATE INDEX line_rate_by_line ON line_rate (line_id, rate_id)",
    """
    CREATE TABLE payment (
        id TEXT PRIMARY KEY,
        change_number BIGINT NOT NULL UNIQUE,
        correlator_id TEXT UNIQUE,
        idempotency_key TEXT UNIQUE,
        terminal TEXT,
        epoch BIGINT,
        sequence BIGINT,
        leg BIGINT,
        receipt_number TEXT,
        account_id TEXT NOT NULL,
        currency TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        applied_minor BIGINT NOT NULL CHECK (applied_minor >= 0),
        credit_minor BIGINT NOT NULL CHECK (credit_minor >= 0),
        suspense_minor BIGINT NOT NULL CHECK (suspense_minor >= 0),
        other_minor BIGINT NOT NULL CHECK (other_minor >= 0),
        status TEXT NOT NULL,
        paid_at_utc TEXT NOT NULL,
        body TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        UNIQUE (terminal, epoch, sequence, leg),
        CHECK (amount_minor = applied_minor + credit_minor + suspense_minor + other_minor)
    )
    """,
    "CREATE INDEX payment_by_account ON payment (account_id)",
    "CREATE INDEX payment_by_receipt ON payment (receipt_number)",
    """
    CREATE TABLE applied_payment (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        item_no BIGINT NOT NULL,
        bill_id TEXT NOT NULL REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, item_no)
    )
    """,
    "CREATE INDEX applied_payment_by_bill ON applied_payment (bill_id)",
    """
    CREATE TABLE terminal (
        id TEXT PRIMARY KEY,
        epoch BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE terminal_code (
        code_sha256 TEXT PRIMARY KEY,
        terminal TEXT NOT NULL,
        made_at TEXT NOT NULL,
        used_at TEXT
    )
    """,
    """
    CREATE TABLE fixture_row (
        kind TEXT NOT NULL,
        position BIGINT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, position)
    )
    """,
)
