"""What becomes of a record of a bank's file, row by row."""

from __future__ import annotations

from pos.domain.imported_record import (
    RecordState,
)
from pos.store.times import utc_text
from pos.till.desk import Deed


def state_row(
    deed: Deed,
    record_id: str,
    number: int,
    state: RecordState,
    *,
    tender_id: str | None,
    reason: str | None = None,
) -> dict[str, object]:
    """What became of a record: its ``number``-th state."""
    return {
        "record_id": record_id,
        "number": number,
        "state": str(state),
        "tender_id": tender_id,
        "at_utc": utc_text(deed.at),
        "operator": deed.person.user,
        "reason": reason,
    }
