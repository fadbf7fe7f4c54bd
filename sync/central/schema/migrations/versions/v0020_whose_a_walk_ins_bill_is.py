"""Whose a bill is whose account nobody keeps: what a walk-in buyer owes for a cheque that bounced at a dealer's till."""

from alembic import op

from sync.central.schema.migrations.walling import wall_anew

revision = "0020"
down_revision = "0019"

OF_ACCOUNT = (
    "EXISTS (SELECT 1 FROM account WHERE account.id = bill.account_id"
    " AND (account.kind <> 'dealer' OR account.id = {who}))"
)

WALL = {"bill": (f"dealer = {{who}} OR {OF_ACCOUNT}",) * 2}


def upgrade() -> None:
    op.execute("ALTER TABLE bill ADD COLUMN dealer TEXT")
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, (seen, written) in WALL.items():
        wall_anew(table, seen=seen, written=written)
    op.execute("DROP TRIGGER bill_stays ON bill")
    op.execute(
        "CREATE TRIGGER bill_stays BEFORE UPDATE OF account_id, dealer ON bill FOR EACH ROW"
        " WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id OR OLD.dealer IS DISTINCT FROM NEW.dealer)"
        " EXECUTE FUNCTION refuse_other_owner()"
    )
