"""The audit as the auditor's file: every row of it, in order, with the link of the chain that it stands on."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pos.domain.encode import csv_line
from pos.domain.role import Grant, Person, Role
from pos.till.desk import Desk
from pos.till.gate import require_look

ACT = "read_audit"


def audit_rows(desk: Desk, person: Person) -> Iterator[dict[str, object]]:
    """The rows that ``person`` may read, oldest first, by the names of their columns.

    Who has the right within limits reads the own rows; a supervisor those of this till. Raises NotAuthorised.
    """
    own = require_look(desk, ACT, person) is Grant.LIMIT and Role.SUPERVISOR not in person.roles
    with desk.till.read() as connection:
        links = {
            name: number
            for number, rows in connection.exec_driver_sql(
                "SELECT chain_no, rows FROM chain_link WHERE rows LIKE '%\"audit\":%'"
            )
            for name in json.loads(rows).get("audit", ())
        }
        found = connection.exec_driver_sql("SELECT * FROM audit ORDER BY audit_id").mappings()
        for row in found:
            if not own or row["operator"] == person.user:
                yield {**row, "chain_no": links.get(str(row["audit_id"]))}


def csv_text(rows: Iterator[dict[str, object]]) -> Iterator[str]:
    """The rows as lines of CSV, the names of the columns first."""
    for number, row in enumerate(rows):
        if number == 0:
            yield csv_line(list(row))
        yield csv_line(
            [
                value if isinstance(value, int) else "" if value is None else str(value)
                for value in row.values()
            ]
        )


def jsonl_text(rows: Iterator[dict[str, object]]) -> Iterator[str]:
    """The rows as one JSON object a line."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"
