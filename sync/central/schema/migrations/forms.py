"""The tables of the first numbered version, and how the stores of before came to them.

Portable SQL: BIGINT for counts of minor units and numbers, TEXT for the rest. The four forms of before were counted in
``central_schema`` and lay in SQLite only.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text

from sync.central.payments.bank_receipts import carry_bank_receipts
from sync.central.payments.cheques import carry_cheques
from sync.central.payments.items import carry_items
from sync.central.vouchers.issuers import folded_issuer
from sync.central.vouchers.loading import carry_vouchers


def bring_to_first(connection: Connection, *, refuse: Callable[[str], Exception]) -> None:
    """Bring a store of forms 1 to 4 to the first numbered version. Raises ``refuse(message)`` for another form."""
    version = connection.execute(text("SELECT version FROM central_schema")).scalar_one()
    if version == 1:
        _bring_1_to_4(connection)
    elif version == 2:
        _bring_2_to_3(connection)
        _bring_3_to_4(connection)
    elif version == 3:
        _bring_3_to_4(connection)
    elif version != 4:
        raise refuse(f"The central store has form {version}, which this program does not know.")
    connection.execute(text("DROP TABLE central_schema"))


def _bring_1_to_4(connection: Connection) -> None:
    """Items and vouchers lay among the fixture's rows that nothing used; now they have tables."""
    for statement in (*ADDED_IN_2, *MADE_IN_3, *ADDED_IN_4):
        connection.execute(text(statement))
    change = connection.execute(
        text("UPDATE change_counter SET value = value + 1 WHERE one = 1 RETURNING value")
    ).scalar_one()
    carry_items(connection, change=int(change))
    carry_vouchers(connection)
    carry_cheques(connection)
    carry_bank_receipts(connection)
    connection.execute(text("DELETE FROM fixture_row WHERE kind IN ('items', 'vouchers')"))


def _bring_2_to_3(connection: Connection) -> None:
    """A code was one voucher whatever its issuer; items were never withdrawn. The tables are made anew around their rows."""
    for table in REMADE_IN_3:
        connection.execute(text(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}"))
    for table in reversed(REMADE_IN_3):
        connection.execute(text(f"DROP TABLE {table}"))
    for statement in MADE_IN_3:
        connection.execute(text(statement))
    issuers = connection.execute(text("SELECT DISTINCT issuer FROM kept_voucher WHERE issuer IS NOT NULL"))
    for written in issuers.scalars().all():
        connection.execute(
            text("UPDATE kept_voucher SET issuer = :folded WHERE issuer = :written"),
            {"folded": folded_issuer(written), "written": written},
        )
    connection.execute(text("UPDATE kept_voucher SET issuer = 'internal' WHERE issuer IS NULL"))
    connection.execute(text("ALTER TABLE kept_item ADD COLUMN withdrawn BIGINT DEFAULT 0"))
    for table, columns in REMADE_IN_3.items():
        connection.execute(text(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_{table}"))
        connection.execute(text(f"DROP TABLE kept_{table}"))


def _bring_3_to_4(connection: Connection) -> None:
    """Tables for what tills tell besides payments: sign-ins, doubles, cheques, bank receipts, money kept apart, debt."""
    for statement in ADDED_IN_4:
        connection.execute(text(statement))
    carry_cheques(connection)
    carry_bank_receipts(connection)


MADE_FIRST = (
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

ADDED_IN_2 = (
    # The one paper behind a tender; legs of one payment event share it.
    """
    CREATE TABLE instrument (
        instrument TEXT PRIMARY KEY,
        payment_event_id TEXT NOT NULL,
        payment_id TEXT NOT NULL REFERENCES payment (id)
    )
    """,
    # Why each voucher was refused, which the counter is never told.
    """
    CREATE TABLE voucher_refusal (
        at_utc TEXT NOT NULL,
        terminal TEXT NOT NULL,
        hold_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        reason TEXT NOT NULL,
        wrong BIGINT NOT NULL
    )
    """,
    "CREATE INDEX voucher_refusal_by_terminal ON voucher_refusal (terminal, at_utc)",
)

MADE_IN_3 = (
    """
    CREATE TABLE item (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
        currency TEXT NOT NULL,
        tax_category TEXT NOT NULL,
        tax_rate TEXT NOT NULL,
        serial TEXT,
        ean TEXT,
        withdrawn BIGINT NOT NULL,
        change_number BIGINT NOT NULL
    )
    """,
    "CREATE INDEX item_by_change ON item (change_number)",
    # A code's digest may change its form, so rows refer to a voucher by an id of its own. Two issuers may have one code.
    """
    CREATE TABLE voucher (
        id TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        issuer TEXT NOT NULL,
        value_minor BIGINT NOT NULL CHECK (value_minor > 0),
        currency TEXT NOT NULL,
        expires TEXT NOT NULL,
        account_id TEXT,
        UNIQUE (digest, issuer)
    )
    """,
    # Without a voucher it is the mark of a hold that was let go before it came. One that made room for another of its
    # terminal was let go, but a payment that the till had booked with it may still come.
    """
    CREATE TABLE voucher_hold (
        id TEXT PRIMARY KEY,
        voucher_id TEXT REFERENCES voucher (id),
        terminal TEXT,
        payment_event_id TEXT,
        mode TEXT,
        account_id TEXT,
        amount_minor BIGINT CHECK (amount_minor > 0),
        value_minor BIGINT,
        currency TEXT,
        expires TEXT,
        approval TEXT,
        asked_sha256 TEXT,
        made_at TEXT NOT NULL,
        lapses_at TEXT,
        released_at TEXT,
        replaced_by TEXT,
        CHECK (released_at IS NOT NULL OR (voucher_id IS NOT NULL AND replaced_by IS NULL)),
        CHECK (voucher_id IS NULL OR (payment_event_id IS NOT NULL AND lapses_at IS NOT NULL
            AND amount_minor <= value_minor))
    )
    """,
    "CREATE INDEX voucher_hold_by_voucher ON voucher_hold (voucher_id)",
    # The primary key is the promise: a voucher is redeemed at most once, ever.
    """
    CREATE TABLE voucher_redemption (
        voucher_id TEXT PRIMARY KEY REFERENCES voucher (id),
        hold_id TEXT NOT NULL UNIQUE REFERENCES voucher_hold (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        forfeited_minor BIGINT NOT NULL CHECK (forfeited_minor >= 0),
        redeemed_at TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE voucher_payment (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        hold_id TEXT NOT NULL REFERENCES voucher_redemption (hold_id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0)
    )
    """,
    "CREATE INDEX voucher_payment_by_hold ON voucher_payment (hold_id)",
)

REMADE_IN_3 = {
    "item": "id, name, price_minor, currency, tax_category, tax_rate, serial, ean, withdrawn, change_number",
    "voucher": "id, digest, issuer, value_minor, currency, expires, account_id",
    "voucher_hold": "id, voucher_id, terminal, payment_event_id, mode, account_id, amount_minor, value_minor, currency,"
    " expires, approval, asked_sha256, made_at, lapses_at, released_at",
    "voucher_redemption": "voucher_id, hold_id, amount_minor, forfeited_minor, redeemed_at",
    "voucher_payment": "payment_id, hold_id, amount_minor",
}
"""The tables that form 2 had otherwise, those that others refer to first, with the columns that are carried over."""

ADDED_IN_4 = (
    # When an advance for a service to come is taxed: on_receipt or on_use; null: the item is sold outright.
    "ALTER TABLE item ADD COLUMN advance TEXT",
    """
    CREATE TABLE session (
        operator TEXT PRIMARY KEY,
        terminal TEXT NOT NULL,
        signed_in_at TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE possible_double (
        id TEXT PRIMARY KEY REFERENCES payment (id),
        of_payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL,
        change_number BIGINT NOT NULL
    )
    """,
    # The legs that together clear what was overdue on an account; a leg may come after the claim that waits for it.
    """
    CREATE TABLE clearing_leg (
        account_id TEXT NOT NULL,
        payment_event_id TEXT NOT NULL,
        correlator_id TEXT NOT NULL,
        PRIMARY KEY (account_id, payment_event_id, correlator_id)
    )
    """,
    "CREATE INDEX clearing_leg_by_correlator ON clearing_leg (correlator_id)",
    "CREATE TABLE final_payment (correlator_id TEXT PRIMARY KEY, final_at TEXT NOT NULL)",
    """
    CREATE TABLE reconnection (
        id TEXT PRIMARY KEY,
        account_id TEXT NOT NULL,
        payment_event_id TEXT NOT NULL,
        asked_at TEXT NOT NULL,
        taken_back_at TEXT,
        change_number BIGINT NOT NULL,
        UNIQUE (account_id, payment_event_id)
    )
    """,
    # One row a payment by cheque. Held: the same paper came in another event before, and a person has to compare them.
    # Undone: its payment is, and the paper may come again.
    """
    CREATE TABLE cheque (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        payment_event_id TEXT NOT NULL,
        identity TEXT NOT NULL,
        branch TEXT NOT NULL,
        account TEXT NOT NULL,
        dated TEXT NOT NULL,
        terminal TEXT,
        epoch BIGINT,
        held BIGINT NOT NULL,
        undone BIGINT NOT NULL DEFAULT 0,
        change_number BIGINT NOT NULL
    )
    """,
    "CREATE INDEX cheque_by_identity ON cheque (identity)",
    "CREATE INDEX cheque_by_change ON cheque (change_number)",
    # What a voucher says of itself beside its value; one without a row leaves nothing, and is taken with others. The last
    # columns are of those issued here: by the till's own id, or as the rest of another that a hold promised. Codes are not
    # kept: a code follows from its row and its key.
    """
    CREATE TABLE voucher_terms (
        voucher_id TEXT PRIMARY KEY REFERENCES voucher (id),
        residual TEXT NOT NULL CHECK (residual IN ('forfeit', 'credit', 'new_voucher')),
        combinable BIGINT NOT NULL,
        minimum_minor BIGINT CHECK (minimum_minor > 0),
        serial TEXT UNIQUE,
        key_id TEXT,
        promised_by TEXT UNIQUE,
        issue_id TEXT UNIQUE,
        asked_sha256 TEXT,
        made_at TEXT,
        told_at TEXT
    )
    """,
    # Whoever reads a private key can sign vouchers: this store's file belongs to central's user alone.
    """
    CREATE TABLE voucher_key (
        id TEXT PRIMARY KEY,
        public_key TEXT NOT NULL,
        private_key TEXT,
        made_at TEXT NOT NULL,
        withdrawn_at TEXT
    )
    """,
    *(
        f"ALTER TABLE account ADD COLUMN {prefix}{figure}_minor BIGINT NOT NULL DEFAULT 0"
        for figure in ("advance", "deposit", "written_off")
        for prefix in ("", "loaded_")
    ),
    # How much of what a payment left on the account is no plain credit.
    """
    CREATE TABLE kept_apart (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        kept_as TEXT NOT NULL CHECK (kept_as IN ('advance', 'deposit')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, kept_as)
    )
    """,
    # The rest of a bill that was cleared with a payment.
    """
    CREATE TABLE bill_write_off (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        bill_id TEXT NOT NULL REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, bill_id)
    )
    """,
    "CREATE INDEX bill_write_off_by_bill ON bill_write_off (bill_id)",
    # Written-off debt that a payment brought back.
    """
    CREATE TABLE recovery (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, account_id)
    )
    """,
    "CREATE INDEX recovery_by_account ON recovery (account_id)",
    # Credit of an account that was used on its next bill.
    """
    CREATE TABLE credit_use (
        id TEXT PRIMARY KEY,
        account_id TEXT NOT NULL REFERENCES account (id),
        bill_id TEXT NOT NULL REFERENCES bill (id),
        kept_as TEXT NOT NULL CHECK (kept_as IN ('credit', 'advance')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        change_number BIGINT NOT NULL
    )
    """,
    "CREATE INDEX credit_use_by_bill ON credit_use (bill_id)",
    "CREATE INDEX credit_use_by_account ON credit_use (account_id)",
    # Each payment by a dealer's bank receipt, and where it stands; what led there is in the outcomes.
    """
    CREATE TABLE bank_receipt (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        dealer_id TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        state TEXT NOT NULL
    )
    """,
    "CREATE INDEX bank_receipt_by_dealer ON bank_receipt (dealer_id, state)",
    """
    CREATE TABLE outcome (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES bank_receipt (payment_id),
        state TEXT NOT NULL,
        reason TEXT,
        account_id TEXT NOT NULL,
        credited_minor BIGINT NOT NULL,
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        decided_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        UNIQUE (payment_id, state)
    )
    """,
    "CREATE INDEX outcome_by_account ON outcome (account_id)",
    # Each payment by a cheque that cleared: its money is sure, unless the cheque bounces after all. It may clear again then.
    """
    CREATE TABLE cleared_cheque (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        cleared_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL
    )
    """,
    # Money that left suspense for an account: what of it is the account's credit; what its bills had is by bill.
    """
    CREATE TABLE suspense_transfer (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        applied_minor BIGINT NOT NULL CHECK (applied_minor >= 0),
        credit_minor BIGINT NOT NULL CHECK (credit_minor >= 0),
        currency TEXT NOT NULL,
        reason TEXT,
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        resolved_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        CHECK (amount_minor = applied_minor + credit_minor)
    )
    """,
    "CREATE INDEX suspense_transfer_by_payment ON suspense_transfer (payment_id)",
    "CREATE INDEX suspense_transfer_by_account ON suspense_transfer (account_id)",
    """
    CREATE TABLE applied_transfer (
        transfer_id TEXT NOT NULL REFERENCES suspense_transfer (id),
        bill_id TEXT NOT NULL REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (transfer_id, bill_id)
    )
    """,
    "CREATE INDEX applied_transfer_by_bill ON applied_transfer (bill_id)",
    # Commission that a till put on a dealer's account, behind the payment that it was earned with.
    """
    CREATE TABLE commission (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        credited_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL
    )
    """,
    "CREATE INDEX commission_by_payment ON commission (payment_id)",
    "CREATE INDEX commission_by_account ON commission (account_id)",
    # How far a terminal's books had come; another mark of one number is kept beside the first.
    """
    CREATE TABLE terminal_head (
        terminal TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        chain_no BIGINT NOT NULL,
        mark TEXT NOT NULL,
        told_at TEXT NOT NULL,
        PRIMARY KEY (terminal, epoch, chain_no, mark)
    )
    """,
    # No refunds together are more than their payment: the store itself says so. Money that was only moved is not among them.
    "ALTER TABLE payment ADD COLUMN refunded_minor BIGINT NOT NULL DEFAULT 0"
    " CHECK (refunded_minor >= 0 AND refunded_minor <= amount_minor)",
    """
    CREATE TABLE refund (
        id TEXT PRIMARY KEY,
        change_number BIGINT NOT NULL UNIQUE,
        correlator_id TEXT UNIQUE,
        idempotency_key TEXT UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        kind TEXT NOT NULL CHECK (kind IN
            ('void', 'reversal', 'tender_cancellation', 'refund', 'transfer', 'reallocation', 'dishonour',
             'reinstatement')),
        account_id TEXT NOT NULL,
        currency TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        receipt_number TEXT,
        terminal TEXT,
        status TEXT NOT NULL,
        refunded_at_utc TEXT NOT NULL,
        body TEXT NOT NULL,
        received_sha256 TEXT NOT NULL
    )
    """,
    "CREATE INDEX refund_by_payment ON refund (payment_id)",
    "CREATE INDEX refund_by_account ON refund (account_id)",
    # Where a refund took its payment's money from (less than nothing), and where a move put it instead. A rest of a bill
    # that is owed again and debt that is given up again stand beside the money.
    """
    CREATE TABLE refund_part (
        refund_id TEXT NOT NULL REFERENCES refund (id),
        part_no BIGINT NOT NULL,
        stood_as TEXT NOT NULL CHECK (stood_as IN
            ('bill', 'credit', 'advance', 'deposit', 'suspense', 'other', 'write_off', 'recovery')),
        account_id TEXT NOT NULL,
        bill_id TEXT REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
        PRIMARY KEY (refund_id, part_no),
        CHECK ((bill_id IS NOT NULL) = (stood_as IN ('bill', 'write_off')))
    )
    """,
    "CREATE INDEX refund_part_by_bill ON refund_part (bill_id) WHERE bill_id IS NOT NULL",
    "CREATE INDEX refund_part_by_account ON refund_part (account_id)",
    # What terminals may pay back of a payment that another took: asked for before any money goes out, used by the refund
    # that names it, or let go. Without an asking it is the mark of a hold that was let go before it came. It never lapses:
    # the money may be out already.
    """
    CREATE TABLE refund_hold (
        id TEXT PRIMARY KEY,
        terminal TEXT,
        operator TEXT,
        receipt_number TEXT,
        asked_sha256 TEXT,
        made_at TEXT NOT NULL,
        released_at TEXT,
        CHECK (released_at IS NOT NULL OR (terminal IS NOT NULL AND receipt_number IS NOT NULL
            AND asked_sha256 IS NOT NULL))
    )
    """,
    """
    CREATE TABLE refund_hold_leg (
        hold_id TEXT NOT NULL REFERENCES refund_hold (id),
        payment_id TEXT NOT NULL REFERENCES payment (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        refund_id TEXT UNIQUE REFERENCES refund (id),
        PRIMARY KEY (hold_id, payment_id)
    )
    """,
    "CREATE INDEX refund_hold_leg_by_payment ON refund_hold_leg (payment_id)",
    """
    CREATE TABLE refund_hold_part (
        hold_id TEXT NOT NULL,
        payment_id TEXT NOT NULL,
        part_no BIGINT NOT NULL,
        stood_as TEXT NOT NULL CHECK (stood_as IN ('bill', 'credit', 'advance', 'deposit')),
        account_id TEXT NOT NULL,
        bill_id TEXT REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (hold_id, payment_id, part_no),
        FOREIGN KEY (hold_id, payment_id) REFERENCES refund_hold_leg (hold_id, payment_id),
        CHECK ((bill_id IS NOT NULL) = (stood_as = 'bill'))
    )
    """,
    # A bounced cheque, beside the refunds of its legs: whom it counts against, and what it charged (a bill of that id, or
    # the account). Undone: the bank was wrong; what was open of the charge is off, what was paid of it is credit.
    """
    CREATE TABLE dishonour (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT,
        counts BIGINT NOT NULL CHECK (counts IN (0, 1)),
        cash_only_until TEXT,
        reason_code TEXT NOT NULL,
        bank_date TEXT NOT NULL,
        receipt_number TEXT,
        of_receipt TEXT,
        terminal TEXT,
        charge_id TEXT UNIQUE,
        charged_account TEXT,
        is_bill BIGINT NOT NULL CHECK (is_bill IN (0, 1)),
        charged_minor BIGINT NOT NULL CHECK (charged_minor >= 0),
        currency TEXT,
        off_minor BIGINT NOT NULL DEFAULT 0 CHECK (off_minor >= 0),
        credit_minor BIGINT NOT NULL DEFAULT 0 CHECK (credit_minor >= 0),
        change_number BIGINT NOT NULL UNIQUE,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        undone_at TEXT,
        undone_correlator_id TEXT UNIQUE,
        undone_sha256 TEXT,
        CHECK ((charge_id IS NULL) = (charged_minor = 0)),
        CHECK (off_minor + credit_minor <= charged_minor)
    )
    """,
    "CREATE INDEX dishonour_by_account ON dishonour (account_id)",
    """
    CREATE TABLE dishonour_stage (
        dishonour_id TEXT NOT NULL REFERENCES dishonour (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        stage_before BIGINT NOT NULL,
        PRIMARY KEY (dishonour_id, account_id)
    )
    """,
    # What is held is out of reach for every other refund: together they are never more than the payment.
    "ALTER TABLE payment ADD COLUMN held_minor BIGINT NOT NULL DEFAULT 0"
    " CHECK (held_minor >= 0 AND refunded_minor + held_minor <= amount_minor)",
    # What a voucher had paid before its payment was undone; it may be used again since.
    """
    CREATE TABLE voucher_returned (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        hold_id TEXT NOT NULL REFERENCES voucher_hold (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0)
    )
    """,
    # What a till asks a second person at another one for, and what was answered there. An approval that is too old makes
    # room for the next one, and nothing else does.
    """
    CREATE TABLE approval_request (
        id TEXT PRIMARY KEY,
        terminal TEXT NOT NULL,
        body TEXT NOT NULL,
        asked_sha256 TEXT NOT NULL,
        asked_at TEXT NOT NULL,
        closed_at TEXT
    )
    """,
    "CREATE INDEX approval_request_open ON approval_request (asked_at) WHERE closed_at IS NULL",
    """
    CREATE TABLE approval_answer (
        id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL REFERENCES approval_request (id),
        number BIGINT NOT NULL CHECK (number > 0),
        approved BIGINT NOT NULL CHECK (approved IN (0, 1)),
        person TEXT NOT NULL,
        terminal TEXT NOT NULL,
        reason TEXT,
        given_at TEXT NOT NULL,
        UNIQUE (request_id, number)
    )
    """,
)

TABLES = (*MADE_FIRST, *ADDED_IN_2, *MADE_IN_3, *ADDED_IN_4)
