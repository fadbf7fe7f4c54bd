"""What was altered behind the program's back, by table and row; and what a receipt on paper proves."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.store.schema_check import schema_faults
from pos.store.shift_signatures import signature_faults, unsigned_closes
from pos.store.till_keys import TillKeys
from pos.store.verify_chain import verify_chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken promise: which check, and the row or number it is about."""

    check: str
    where: str


def verify_rows(connection: Connection, keys: TillKeys) -> list[Finding]:
    """Every row of every table against the chain, the schema against what the migrations make, closes by their signature,
    references by the rows they name."""
    schema = [Finding(check=kind, where=where) for kind, where in sorted(schema_faults(connection))]
    orphans = connection.exec_driver_sql(
        'SELECT DISTINCT "table", parent FROM pragma_foreign_key_check'
    ).all()
    references = [
        Finding(check="reference_leads_to_a_row", where=f"{table} {parent}") for table, parent in orphans
    ]
    signatures = [Finding(check=check, where=shift) for check, shift in signature_faults(connection)]
    signatures += [
        Finding(check="closed_shift_is_signed", where=shift) for shift in unsigned_closes(connection)
    ]
    return chain_findings(connection, keys) + schema + references + signatures


def chain_findings(connection: Connection, keys: TillKeys) -> list[Finding]:
    """What the walk over the chain finds, on a store of any version."""
    return [
        Finding(check=f"chain_{fault.kind}", where=f"{fault.source} {fault.row_key}")
        for fault in verify_chain(connection, keys)
    ]
