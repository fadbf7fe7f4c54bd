"""Looking at what a deed left in the books."""

from collections.abc import Callable

import pytest

from pos.domain.errors import DomainError, NotAuthorised
from pos.till.desk import Desk
from tests.builders.tills import dump, findings, raw_connection, rows

AUDIT = ("audit", "chain_link", "counter")


def refused(desk: Desk, deed: Callable[[], object]) -> DomainError:
    """Run a deed that a rule refuses; all tables but the audit's are as before, and the audit has one row more."""
    before, audits = dump(desk, without=AUDIT), rows(desk, "audit")
    counters = {row["name"]: row["value"] for row in rows(desk, "counter") if row["name"] != "audit"}

    with pytest.raises(DomainError) as refusal:
        deed()

    assert dump(desk, without=AUDIT) == before
    assert {row["name"]: row["value"] for row in rows(desk, "counter") if row["name"] != "audit"} == counters
    *old, new = rows(desk, "audit")
    assert old == audits
    assert new["result"] == ("denied" if isinstance(refusal.value, NotAuthorised) else "refused")
    assert new["reason_code"] == refusal.value.code
    assert len(rows(desk, "chain_link")) == len(
        {(row["source"], row["row_key"]) for row in rows(desk, "chain_link")}
    )
    assert findings(desk) == []
    return refusal.value


def spoil(desk: Desk, statement: str) -> None:
    """Somebody with the file and SQL: without triggers, checks and references."""
    with desk.till.database.write() as connection:
        for name in (
            connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .scalars()
            .all()
        ):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
    raw = raw_connection(desk.till.database)
    raw.execute("PRAGMA foreign_keys=OFF")
    changed = raw.execute(statement).rowcount
    assert changed > 0, "nothing was spoiled"
