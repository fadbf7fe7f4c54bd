"""What a client that is neither a till nor a dealer's calls its posts is its own: behind its name, as they are kept.

Whose a key of before is tells the other name of the same post, which had its client's id in it. One without stays as it is,
and whoever sends the very bytes of that post again is answered as the first time.
"""

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"

BETWEEN = "\x1f"
NO_TILL = {
    "payment": "AND terminal IS NULL AND dealer IS NULL",
    "refund": "AND terminal IS NULL",
    "bill_on_demand": "",
}


def upgrade() -> None:
    connection = op.get_bind()
    foreign = connection.execute(text("SELECT id, name FROM api_client WHERE kind = 'foreign'")).all()
    for client_id, name in foreign:
        mark = f"{client_id} "
        of_client = {"own": f"{BETWEEN}{name}{BETWEEN}", "mark": mark, "letters": len(mark)}
        for table, no_till in NO_TILL.items():
            connection.execute(
                text(
                    f"UPDATE {table} SET correlator_id = CAST(:own AS TEXT) || correlator_id"
                    " WHERE correlator_id IS NOT NULL"
                    f" AND substr(idempotency_key, 1, CAST(:letters AS INTEGER)) = :mark {no_till}"
                ),
                of_client,
            )
