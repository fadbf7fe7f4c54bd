"""On PostgreSQL every table is behind the dealers' wall, what is written as what is read; a terminal may be a dealer's.

A reading transaction of a dealer says so in ``counterfoil.dealer`` and sees what is that dealer's or everybody's; a writing
one in ``counterfoil.writer`` and writes nothing else. What it writes by it has to look at all: that a paper came before,
or a voucher was taken, holds for everybody. Without either, as for the operator's own tills and commands, nothing changes.
"""

from alembic import op

from sync.central.schema.migrations.walling import ALL, NONE, OF_PAYMENT, WRITER, wall_in

revision = "0015"
down_revision = "0014"

OF_ACCOUNT = "account_id IN (SELECT id FROM account WHERE kind <> 'dealer' OR id = {who})"
OF_TERMINAL = "terminal IN (SELECT id FROM terminal WHERE dealer = {who})"
OF_REFUND = f"refund_id IN (SELECT id FROM refund WHERE {OF_PAYMENT})"
OF_REFUND_HOLD = f"hold_id IN (SELECT id FROM refund_hold WHERE {OF_TERMINAL})"
OF_VOUCHER_HOLD = f"IN (SELECT id FROM voucher_hold WHERE {OF_TERMINAL})"
OF_HELD_VOUCHER = (
    f"IN (SELECT voucher_id FROM voucher_hold WHERE {OF_TERMINAL}"
    f" UNION SELECT voucher_id FROM voucher_terms WHERE promised_by {OF_VOUCHER_HOLD})"
)
OF_KEY = "substr({column}, 1, length({{who}}) + 1) = {{who}} || chr(31)"
OF_PERSON, OF_OPERATOR, OF_CORRELATOR = (
    OF_KEY.format(column=column) for column in ("person_id", "operator", "correlator_id")
)

WALL = {
    # table: what a dealer sees, what it may write
    "account": ("kind <> 'dealer' OR id = {who}",) * 2,
    "bill": (OF_ACCOUNT,) * 2,
    "rate": (
        f"(account_id IS NULL OR {OF_ACCOUNT}) AND (bill_id IS NULL OR bill_id IN (SELECT id FROM bill))",
        NONE,
    ),
    "line_rate": ("bill_id IN (SELECT id FROM bill)", NONE),
    "bill_on_demand": (f"account_id IS NULL OR {OF_ACCOUNT}", NONE),
    "payment": ("dealer = {who} OR account_id = {who}",) * 2,
    "applied_payment": (OF_PAYMENT,) * 2,
    "instrument": (OF_PAYMENT,) * 2,
    "voucher_refusal": (OF_TERMINAL,) * 2,
    # The rest of a voucher that its till took becomes a voucher before it is known for a rest.
    "voucher": (f"id {OF_HELD_VOUCHER}", ALL),
    "voucher_hold": (OF_TERMINAL,) * 2,
    "voucher_redemption": (f"hold_id {OF_VOUCHER_HOLD}",) * 2,
    "voucher_payment": (OF_PAYMENT,) * 2,
    "voucher_returned": (OF_PAYMENT,) * 2,
    "voucher_terms": (
        f"promised_by {OF_VOUCHER_HOLD} OR voucher_id IN (SELECT voucher_id FROM voucher_hold WHERE {OF_TERMINAL})",
        f"promised_by {OF_VOUCHER_HOLD}",
    ),
    "session": (OF_OPERATOR,) * 2,
    "possible_double": (
        "id IN (SELECT id FROM payment) AND of_payment_id IN (SELECT id FROM payment)",
        "id IN (SELECT id FROM payment WHERE dealer = {who} OR account_id = {who})",
    ),
    "clearing_leg": (OF_ACCOUNT,) * 2,
    "final_payment": (OF_CORRELATOR,) * 2,
    # It names the payment that asked for it, which may be another dealer's.
    "reconnection": (NONE, OF_ACCOUNT),
    "cheque": (OF_PAYMENT,) * 2,
    "kept_apart": (OF_PAYMENT,) * 2,
    "bill_write_off": (OF_PAYMENT,) * 2,
    "recovery": (OF_PAYMENT,) * 2,
    "credit_use": (OF_ACCOUNT,) * 2,
    "bank_receipt": ("dealer_id = {who}",) * 2,
    "outcome": (OF_PAYMENT, NONE),
    "cleared_cheque": (OF_PAYMENT,) * 2,
    "suspense_transfer": (OF_PAYMENT, NONE),
    "applied_transfer": (f"transfer_id IN (SELECT id FROM suspense_transfer WHERE {OF_PAYMENT})", NONE),
    "commission": (OF_PAYMENT, NONE),
    "refund": (OF_PAYMENT,) * 2,
    "refund_part": (OF_REFUND,) * 2,
    "refund_beyond": (OF_REFUND,) * 2,
    # Without a terminal it is the mark of one that was let go before it came.
    "refund_hold": (OF_TERMINAL, f"terminal IS NULL OR {OF_TERMINAL}"),
    "refund_hold_leg": (OF_REFUND_HOLD,) * 2,
    "refund_hold_part": (OF_REFUND_HOLD,) * 2,
    "dishonour": (OF_PAYMENT,) * 2,
    "dishonour_leg": (OF_PAYMENT,) * 2,
    "dishonour_stage": (f"dishonour_id IN (SELECT id FROM dishonour WHERE {OF_PAYMENT})",) * 2,
    "terminal": ("dealer = {who}", NONE),
    "terminal_head": (OF_TERMINAL,) * 2,
    "shift_total": (OF_TERMINAL,) * 2,
    "shift_total_sum": (f"total_id IN (SELECT id FROM shift_total WHERE {OF_TERMINAL})",) * 2,
    "approval_request": (OF_TERMINAL,) * 2,
    "approval_answer": (f"request_id IN (SELECT id FROM approval_request WHERE {OF_TERMINAL})",) * 2,
    "person": (OF_KEY.format(column="id"),) * 2,
    "person_place": (OF_PERSON,) * 2,
    "person_change": (OF_TERMINAL,) * 2,
    "api_client": (f"dealer = {{who}} OR {OF_TERMINAL}", NONE),
    # What only central itself reads and writes, whoever asks.
    "terminal_code": (NONE, NONE),
    "fixture_row": (NONE, NONE),
    "access_token": (NONE, NONE),
    "used_assertion": (NONE, NONE),
    "token_try": (NONE, NONE),
    "hub": (NONE, NONE),
    "event": (NONE, NONE),
    "event_counter": (NONE, NONE),
    "event_delivery": (NONE, NONE),
    "event_set_aside": (NONE, NONE),
    # The store notes there by itself what anybody touches, and empties it before the commit.
    "event_due": (NONE, ALL),
    # A clone that is seen is told to the back office whoever showed it.
    "central_audit": (NONE, ALL),
    # Everybody's: the catalogue, the cycles, the keys by which vouchers and events are checked, and the one count.
    "item": (ALL, NONE),
    "bill_cycle": (ALL, NONE),
    "voucher_key": (ALL, NONE),
    "hub_key": (ALL, NONE),
    "central_version": (ALL, NONE),
    "change_counter": (ALL, ALL),
}

OWNERS = {
    "account": ("id", "kind"),
    "bill": ("account_id",),
    "payment": ("id", "dealer", "account_id", "terminal"),
    "refund": ("payment_id",),
    "bank_receipt": ("dealer_id",),
    "voucher_hold": ("terminal",),
    "refund_hold": ("terminal",),
    "approval_request": ("terminal",),
    "shift_total": ("terminal",),
    "terminal_head": ("terminal",),
    "person_change": ("terminal",),
}
"""The columns that say whose a row is: nobody makes another's row its own."""

WALLED_BEFORE = ("account", "bill", "rate", "bill_on_demand", "payment", "refund", "applied_payment")


def upgrade() -> None:
    op.execute("ALTER TABLE terminal ADD COLUMN dealer TEXT")
    op.execute("ALTER TABLE terminal_code ADD COLUMN dealer TEXT")
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in WALLED_BEFORE:
        for deed in ("seen", "added", "changed", "removed"):
            op.execute(f"DROP POLICY {table}_{deed} ON {table}")
    for table, (seen, written) in WALL.items():
        wall_in(table, seen=seen, written=written)
    op.execute(
        "CREATE FUNCTION refuse_other_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {WRITER} <> '' THEN RAISE insufficient_privilege USING MESSAGE = 'a row stays whose it is'; END IF;"
        " RETURN NEW; END $$"
    )
    for table, columns in OWNERS.items():
        differs = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        op.execute(
            f"CREATE TRIGGER {table}_stays BEFORE UPDATE OF {', '.join(columns)} ON {table}"
            f" FOR EACH ROW WHEN ({differs}) EXECUTE FUNCTION refuse_other_owner()"
        )
