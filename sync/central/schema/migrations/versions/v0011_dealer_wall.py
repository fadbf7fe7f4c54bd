"""On PostgreSQL the database itself shows a dealer's request nothing of other dealers, should a condition ever be forgotten.

A reading transaction of a dealer's client says whose it is (``counterfoil.dealer``, for that transaction alone); without
that all rows are seen, as tills and the operator's own commands see them. It holds for the tables' owner too, but for no
superuser and no role that bypasses row security: central is to connect as neither.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

ASKING = "(SELECT coalesce(current_setting('counterfoil.dealer', true), ''))"

# Each looks others up as they are seen: behind the account nothing of it is seen either.
OF_SEEN_ACCOUNT = "account_id IN (SELECT id FROM account)"
OF_SEEN_PAYMENT = "payment_id IN (SELECT id FROM payment)"

SEEN = {
    "account": f"kind <> 'dealer' OR id = {ASKING}",
    "bill": OF_SEEN_ACCOUNT,
    "rate": f"(account_id IS NULL OR {OF_SEEN_ACCOUNT}) AND (bill_id IS NULL OR bill_id IN (SELECT id FROM bill))",
    "bill_on_demand": f"account_id IS NULL OR {OF_SEEN_ACCOUNT}",
    "payment": f"dealer = {ASKING} OR account_id = {ASKING}",
    "refund": OF_SEEN_PAYMENT,
    "applied_payment": OF_SEEN_PAYMENT,
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, seen in SEEN.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY {table}_seen ON {table} FOR SELECT USING ({ASKING} = '' OR ({seen}))")
        op.execute(f"CREATE POLICY {table}_added ON {table} FOR INSERT WITH CHECK (true)")
        op.execute(f"CREATE POLICY {table}_changed ON {table} FOR UPDATE USING (true)")
        op.execute(f"CREATE POLICY {table}_removed ON {table} FOR DELETE USING (true)")
