"""Who is let in by a central that was made from a backup: a client or a till that was put out since must not come back.

Nobody, unless the operator says otherwise: a backup knows nothing of what was revoked after it was made. The store that is
replaced does, where it can still be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, column, inspect, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from pos.domain.errors import Refused
from sync.central.access.audit import AuditEvent, note
from sync.central.hub.subscriptions import forget
from sync.central.schema.opening import open_engine
from sync.central.store.promises import READING


class LetIn(StrEnum):
    """``NOBODY``: each client is given a new secret, each till enrolled anew. ``AS_IN_BACKUP``: whoever was then."""

    NOBODY = "nobody"
    AS_IN_BACKUP = "as in the backup"
    AS_REPLACED = "as in the store replaced"


def let_in(connection: Connection, who: LetIn, *, replaced: str | None, at: datetime) -> None:
    """Settle it in the restored store, in the caller's transaction. No token and no unused code of a backup ever serves.

    Raises Refused ``replaced_unreadable`` where the store at ``replaced`` cannot be read, ``replaced_differs`` where
    the backup is not of it.
    """
    for statement in VOID:
        connection.execute(statement)
    match who:
        case LetIn.NOBODY:
            connection.execute(VOID_SECRETS)
            connection.execute(REVOKE_KEYS, {"at": at.astimezone(UTC).isoformat(timespec="microseconds")})
        case LetIn.AS_REPLACED:
            assert replaced is not None
            for name, rows in _read(replaced, connection).items():
                _take(connection, name, rows)
        case LetIn.AS_IN_BACKUP:
            pass
    note(connection, AuditEvent.RESTORED, "central", at=at, detail=f"let in: {who}")


def _read(replaced: str, restored: Connection) -> dict[str, list[dict[str, Any]]]:
    try:
        url = make_url(replaced)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
            raise _unreadable("there is no such file")
        engine = open_engine(replaced)
        try:
            with engine.execution_options(**{READING: True}).connect() as connection:
                _require_same(connection, restored)
                return {
                    name: [dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()]
                    for name in TAKEN
                }
        finally:
            engine.dispose()
    except ArgumentError:
        raise _unreadable("it is no URL of a database") from None
    except DBAPIError as error:
        raise _unreadable(str(error.orig).partition("\n")[0].rstrip(".")) from error


def _unreadable(why: str) -> Refused:
    return Refused("replaced_unreadable", f"The store that is replaced cannot be read: {why}.")


def _require_same(replaced: Connection, restored: Connection) -> None:
    last = restored.execute(LAST_EVENT).one_or_none()
    if last is None:
        return
    found = replaced.execute(FIND_EVENT, {"number": last.number}).one_or_none()
    if found is None or tuple(found) != tuple(last):
        raise Refused("replaced_differs", "The backup is not of that store, or that store is older.")


def _take(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    known = {found["name"] for found in inspect(connection).get_columns(name)}
    told = [{key: value for key, value in row.items() if key in known} for row in rows]
    match name:
        case "api_client":
            connection.execute(text("DELETE FROM api_client"))
            _insert(connection, name, told)
        case "terminal":
            connection.execute(text("DELETE FROM terminal"))
            _insert(connection, name, told)
        case "hub":
            _take_listeners(connection, told)
        case "central_audit":
            last = connection.execute(LAST_EVENT).one_or_none()
            _insert(connection, name, [row for row in told if last is None or row["number"] > last.number])
        case "person":
            for row in told:
                connection.execute(AS_LAST_KNOWN, {one: row[one] for one in OF_PERSON})
        case _:
            for row in told:
                if row["withdrawn_at"] is not None:
                    withdrawn: Mapping[str, Any] = {"id": row["id"], "at": row["withdrawn_at"]}
                    connection.execute(
                        text(f"UPDATE {name} SET withdrawn_at = :at WHERE id = :id"), withdrawn
                    )


def _take_listeners(connection: Connection, told: list[dict[str, Any]]) -> None:
    """Whoever ended it since the backup listens no more, and whoever began goes on; what waits stays for the others."""
    known = set(connection.execute(LISTENERS).scalars())
    for hub_id in known - {row["id"] for row in told}:
        forget(connection, hub_id)
    for row in told:
        if row["id"] in known:
            connection.execute(AS_LAST_STOOD, {"id": row["id"], "state": row["state"]})
        else:
            _insert(connection, "hub", [row])


def _insert(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(table(name, *map(column, rows[0])).insert().inline(), rows)


TAKEN = ("api_client", "terminal", "central_audit", "person", "voucher_key", "hub_key", "hub")
VOID = (
    text("DELETE FROM access_token"),
    text("DELETE FROM used_assertion"),
    text("DELETE FROM terminal_code WHERE used_at IS NULL"),
)
VOID_SECRETS = text(
    "UPDATE api_client SET secret_sha256 = '' WHERE secret_sha256 IS NOT NULL AND revoked_at IS NULL"
)
REVOKE_KEYS = text(
    "UPDATE api_client SET revoked_at = :at WHERE public_key IS NOT NULL AND revoked_at IS NULL"
)
LAST_EVENT = text("SELECT number, at_utc, event, subject FROM central_audit ORDER BY number DESC LIMIT 1")
FIND_EVENT = text("SELECT number, at_utc, event, subject FROM central_audit WHERE number = :number")
LISTENERS = text("SELECT id FROM hub")
AS_LAST_STOOD = text("UPDATE hub SET state = :state WHERE id = :id")
OF_PERSON = ("id", "active", "disabled_at", "roles_taken", "taken_at")
AS_LAST_KNOWN = text(
    "UPDATE person SET active = :active, disabled_at = :disabled_at, roles_taken = :roles_taken, taken_at = :taken_at"
    " WHERE id = :id"
)
