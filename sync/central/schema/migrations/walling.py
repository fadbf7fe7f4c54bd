"""How a table is put behind the dealers' wall on PostgreSQL: what of it a dealer sees, and what it may write."""

from alembic import op

READER = "(SELECT coalesce(current_setting('counterfoil.dealer', true), ''))"
WRITER = "(SELECT coalesce(current_setting('counterfoil.writer', true), ''))"

ALL, NONE = "true", "false"
OF_PAYMENT = "payment_id IN (SELECT id FROM payment WHERE dealer = {who} OR account_id = {who})"


def wall_in(table: str, *, seen: str, written: str) -> None:
    """Both are conditions, in which ``{who}`` is the dealer that asks; whoever is no dealer sees and writes all."""
    reads, writes = _behind(READER, seen), _behind(WRITER, written)
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_seen ON {table} FOR SELECT USING ({reads})")
    op.execute(f"CREATE POLICY {table}_added ON {table} FOR INSERT WITH CHECK ({writes})")
    # A change of another's row fails; left out it would only be missed.
    op.execute(f"CREATE POLICY {table}_changed ON {table} FOR UPDATE USING (true) WITH CHECK ({writes})")
    op.execute(f"CREATE POLICY {table}_removed ON {table} FOR DELETE USING ({writes})")


def wall_anew(table: str, *, seen: str, written: str) -> None:
    """Give a table that is behind the wall other conditions; as ``wall_in`` reads them."""
    reads, writes = _behind(READER, seen), _behind(WRITER, written)
    op.execute(f"ALTER POLICY {table}_seen ON {table} USING ({reads})")
    op.execute(f"ALTER POLICY {table}_added ON {table} WITH CHECK ({writes})")
    op.execute(f"ALTER POLICY {table}_changed ON {table} WITH CHECK ({writes})")
    op.execute(f"ALTER POLICY {table}_removed ON {table} USING ({writes})")


def _behind(whose: str, condition: str) -> str:
    """The condition of a policy; ``whose`` is who asks, empty for whoever sees all."""
    return ALL if condition == ALL else f"{whose} = '' OR ({condition.replace('{who}', whose)})"
