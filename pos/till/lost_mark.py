"""The file that says how far the books had come was gone: nobody can tell whether this is the store of yesterday.

What speaks for an older store then is on paper. So no shift is opened until a person has compared the last receipt here with
the last one that was printed; an open shift goes on selling, for a lost file may stop no shop. Source: reliability.md 0.8.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.errors import Refused
from pos.domain.role import Person
from pos.store.unit_of_work import CommitFailed, WriteFailed
from pos.till.desk import Deed, Desk, audit_program, perform

MARK_LOST = "mark_lost"
CONFIRM_STORE = "confirm_store"

UNCONFIRMED = (
    f"SELECT audit_id FROM audit WHERE act = '{MARK_LOST}' AND audit_id > (SELECT coalesce(max(audit_id), 0) "
    f"FROM audit WHERE act = '{CONFIRM_STORE}' AND result = 'ok') ORDER BY audit_id LIMIT 1"
)
"""The audit row of a loss that nobody has answered for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfirmed:
    """A person has seen that no receipt came after ``last_receipt``; None: none was ever issued here."""

    last_receipt: str | None


def note_lost_mark(desk: Desk) -> bool:
    """Write down that the file was gone at the start. False where the disk refuses: the next start finds it gone again."""
    with desk.till.read() as connection:
        last = last_number(connection)
    try:
        audit_program(desk, MARK_LOST, "warned", subject=last)
    except (WriteFailed, CommitFailed):
        return False
    return True


def last_number(connection: Connection) -> str | None:
    """The last receipt, note or slip of this store."""
    found = connection.exec_driver_sql(
        "SELECT receipt_number FROM receipt ORDER BY rowid DESC LIMIT 1"
    ).scalar_one_or_none()
    return None if found is None else str(found)


def require_known_store(deed: Deed) -> None:
    """Raises Refused ``store_unconfirmed``."""
    connection = deed.unit.connection
    if connection.exec_driver_sql(UNCONFIRMED).first() is None:
        return
    last = last_number(connection)
    raise Refused(
        "store_unconfirmed",
        f"The file that tells an older store was lost. The last receipt here is {last or 'none'}. If none was printed "
        "after it, have a supervisor confirm it; else run pos restore.",
        last_receipt=last,
    )


def confirm_store(desk: Desk, person: Person) -> StoreConfirmed:
    """``person`` has compared the last receipt here with the last one on paper. Raises NotAuthorised."""

    def work(deed: Deed) -> StoreConfirmed:
        deed.subject = last_number(deed.unit.connection)
        return StoreConfirmed(last_receipt=deed.subject)

    return perform(desk, person, CONFIRM_STORE, work)
