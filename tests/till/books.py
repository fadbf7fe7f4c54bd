"""Looking at what a deed left in the books."""

from collections.abc import Callable

import pytest

from pos.domain.errors import DomainError, NotAuthorised
from pos.store.seal import seal
from pos.till.desk import Desk
from tests.builders.tills import dump, findings, raw_connection, rows

AUDIT = ("audit", "chain_link", "counter", "approval_request")
"""What a refusal leaves: its audit row on the chain, and the request for a second person where it asks for one."""


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
    """Somebody with the file and SQL: without triggers (they are back afterwards), checks and references."""
    raw = raw_connection(desk.till.database)
    walls = raw.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in walls:
        raw.execute(f"DROP TRIGGER {name}")
    raw.execute("PRAGMA ignore_check_constraints=ON")
    raw.execute("PRAGMA foreign_keys=OFF")
    changed = raw.execute(statement).rowcount
    assert changed > 0, "nothing was spoiled"
    for _, wall in walls:
        raw.execute(wall)


def sealed(desk: Desk) -> None:
    """What a step of the schema wrote is brought under the chain, as an upgrade does at its end."""
    with desk.till.database.write() as connection:
        seal(connection, desk.till.keys, at=desk.clock.now())
