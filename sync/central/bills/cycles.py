"""Billing cycles, read only: when the operator bills, and until when that is to be paid.

v4 of TMF678 has no such resource. It is answered as v5 has it, below a path of that version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from sync.central.wire.links import BILL_CYCLE_PATH, RESOURCE_ID, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.tmf676.shape import check_shape
from sync.tmf678.shape import BILL_CYCLE
from sync.wire_json import BadField, dumps, loads


def load_bill_cycles(connection: Connection, cycles: Sequence[Mapping[str, Any]], *, change: int) -> None:
    """Upsert billing cycles; one that is the same as before keeps its change number. Raises BadField naming the row."""
    for cycle in cycles:
        cycle_id = cycle.get("id")
        if not isinstance(cycle_id, str) or RESOURCE_ID.fullmatch(cycle_id) is None:
            raise BadField("bill_cycles.id", "must be plain letters, digits, dots and dashes")
        check_shape(cycle, BILL_CYCLE, path=f"bill cycle {cycle_id}: ")
        connection.execute(
            UPSERT_CYCLE, {"id": cycle_id, "body": dumps(cycle).decode(), "change_number": change}
        )


def compose_bill_cycles(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The resources of rows."""
    found: list[Resource] = []
    for row in rows:
        cycle = {"id": row.id, "href": links.of(BILL_CYCLE_PATH, row.id), **loads(row.body)}
        cycle["href"] = links.of(BILL_CYCLE_PATH, row.id)
        cycle["changeNumber"] = row.change_number
        cycle.setdefault("@type", "BillCycle")
        found.append(cycle)
    return found


UPSERT_CYCLE = text(
    "INSERT INTO bill_cycle (id, body, change_number)"
    " VALUES (:id, :body, :change_number) ON CONFLICT (id) DO UPDATE SET"
    " body = excluded.body, change_number = excluded.change_number"
    " WHERE bill_cycle.body <> excluded.body"
)

BILL_CYCLES = Collection(
    path=BILL_CYCLE_PATH,
    table="bill_cycle",
    for_dealer="1 = 1",
    select="SELECT id, body, change_number FROM bill_cycle",
    attributes=frozenset(
        {
            "id", "href", "billingDate", "billingPeriod", "chargeDate", "creditDate", "description", "mailingDate",
            "name", "paymentDueDate", "BillCycleSpecification", "validFor", "changeNumber",
            "@type", "@baseType", "@schemaLocation",
        }
    ),
    columns={"id": Column("id"), "changeNumber": Column("change_number", ColumnKind.INTEGER)},
    sorts={"id": "id", "changeNumber": "change_number"},
    default_order="id",
    compose=compose_bill_cycles,
)  # fmt: skip
