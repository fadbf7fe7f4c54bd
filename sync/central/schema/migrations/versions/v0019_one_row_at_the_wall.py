"""The dealers' wall looks up the one row that says whose a row is, where it gathered all that are the dealer's.

At every row that a dealer wrote all its payments were gathered, or all accounts.
"""

from alembic import op

from sync.central.schema.migrations.walling import ALL, NONE, wall_anew

revision = "0019"
down_revision = "0018"


def there(table: str, same: str, which: str = "true") -> str:
    """There is a row of ``table`` for which both hold; ``same`` names it by an index."""
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same} AND {which})"


def of_account(column: str) -> str:
    return there("account", f"account.id = {column}", "(account.kind <> 'dealer' OR account.id = {who})")


def of_payment(column: str) -> str:
    # No index answers an array of columns: the payment is always found by its id, before there are statistics too.
    return there(
        "payment", f"payment.id = {column}", "{who} = ANY (ARRAY[payment.dealer, payment.account_id])"
    )


def of_terminal(column: str) -> str:
    return there("terminal", f"terminal.id = {column}", "terminal.dealer = {who}")


def of_voucher_hold(column: str) -> str:
    return there("voucher_hold", f"voucher_hold.id = {column}", of_terminal("voucher_hold.terminal"))


def held_voucher(column: str) -> str:
    return there("voucher_hold", f"voucher_hold.voucher_id = {column}", of_terminal("voucher_hold.terminal"))


def of_refund(column: str) -> str:
    return there("refund", f"refund.id = {column}", of_payment("refund.payment_id"))


def of_refund_hold(column: str) -> str:
    return there("refund_hold", f"refund_hold.id = {column}", of_terminal("refund_hold.terminal"))


def to_see(table: str, column: str) -> str:
    return there(table, f"{table}.id = {column}")


PROMISE = of_voucher_hold("voucher_terms.promised_by")

SEEN_AND_WRITTEN = (
    {table: of_account(f"{table}.account_id") for table in ("bill", "clearing_leg", "credit_use")}
    | {
        table: of_payment(f"{table}.payment_id")
        for table in (
            "applied_payment", "instrument", "voucher_payment", "voucher_returned", "cheque", "kept_apart",
            "bill_write_off", "recovery", "cleared_cheque", "returned_cheque", "refund", "dishonour", "dishonour_leg",
        )
    }
    | {
        table: of_terminal(f"{table}.terminal")
        for table in (
            "voucher_refusal", "voucher_hold", "terminal_head", "shift_total", "approval_request", "person_change",
            "ledger_batch",
        )
    }
    | {table: of_refund(f"{table}.refund_id") for table in ("refund_part", "refund_beyond")}
    | {table: of_refund_hold(f"{table}.hold_id") for table in ("refund_hold_leg", "refund_hold_part")}
    | {
        "voucher_redemption": of_voucher_hold("voucher_redemption.hold_id"),
        "dishonour_stage": there(
            "dishonour", "dishonour.id = dishonour_stage.dishonour_id", of_payment("dishonour.payment_id")
        ),
        "shift_total_sum": there(
            "shift_total", "shift_total.id = shift_total_sum.total_id", of_terminal("shift_total.terminal")
        ),
        "approval_answer": there(
            "approval_request", "approval_request.id = approval_answer.request_id", of_terminal("approval_request.terminal")
        ),
    }
)  # fmt: skip

WALL = {table: (of_dealer,) * 2 for table, of_dealer in SEEN_AND_WRITTEN.items()} | {
    # table: what a dealer sees, what it may write
    "rate": (
        f"(account_id IS NULL OR {of_account('rate.account_id')})"
        f" AND (bill_id IS NULL OR {to_see('bill', 'rate.bill_id')})",
        NONE,
    ),
    "line_rate": (to_see("bill", "line_rate.bill_id"), NONE),
    "bill_on_demand": (f"account_id IS NULL OR {of_account('bill_on_demand.account_id')}", NONE),
    "voucher": (
        f"{held_voucher('voucher.id')} OR {there('voucher_terms', 'voucher_terms.voucher_id = voucher.id', PROMISE)}",
        ALL,
    ),
    "voucher_terms": (f"{PROMISE} OR {held_voucher('voucher_terms.voucher_id')}", PROMISE),
    "possible_double": (
        f"{to_see('payment', 'possible_double.id')} AND {to_see('payment', 'possible_double.of_payment_id')}",
        of_payment("possible_double.id"),
    ),
    "reconnection": (NONE, of_account("reconnection.account_id")),
    "outcome": (of_payment("outcome.payment_id"), NONE),
    "suspense_transfer": (of_payment("suspense_transfer.payment_id"), NONE),
    "applied_transfer": (
        there(
            "suspense_transfer",
            "suspense_transfer.id = applied_transfer.transfer_id",
            of_payment("suspense_transfer.payment_id"),
        ),
        NONE,
    ),
    "commission": (of_payment("commission.payment_id"), NONE),
    "refund_hold": (
        of_terminal("refund_hold.terminal"),
        f"terminal IS NULL OR {of_terminal('refund_hold.terminal')}",
    ),
    "api_client": (f"dealer = {{who}} OR {of_terminal('api_client.terminal')}", NONE),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, (seen, written) in WALL.items():
            wall_anew(table, seen=seen, written=written)
