"""Batches too great for one request, as they come in parts: each terminal's one that is not whole yet.

Nothing of it is a batch before the last line is there and all of it is what its totals and digest say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sync.ledger.wire import BatchPart
from sync.wire_json import dumps, loads


def keep_part(connection: Connection, part: BatchPart, *, at: datetime) -> int:
    """Keep the part where it begins behind the last line that is there; how many lines are there now.

    A terminal that begins another batch has given the one before up.
    """
    of = {"terminal": part.terminal, "number": part.number, "digest": part.digest}
    if part.first_line == 1:
        connection.execute(DROP_OTHERS, of)
    heard = _heard(connection, of)
    if part.first_line != heard + 1:
        return heard
    body = dumps(dict(part.body)).decode()
    line = {"first": part.first_line, "last": part.last_line, "body": body}
    connection.execute(INSERT, {**of, **line, "told_at": at.isoformat(timespec="microseconds")})
    return part.last_line


def whole_body(connection: Connection, part: BatchPart) -> dict[str, Any]:
    """The batch as its first part tells it, with the lines of all that are there, which are kept no longer."""
    of = {"terminal": part.terminal, "number": part.number, "digest": part.digest}
    bodies: list[Mapping[str, Any]] = [
        loads(body.encode()) for body in connection.execute(READ, of).scalars().all()
    ]
    connection.execute(DROP, of)
    whole = {**bodies[0], "lines": [line for body in bodies for line in body["lines"]]}
    del whole["linesFrom"]
    return whole


def _heard(connection: Connection, of: Mapping[str, object]) -> int:
    return int(connection.execute(LAST_LINE, of).scalar() or 0)


_OF = "terminal = :terminal AND batch_number = :number AND digest = :digest"
LAST_LINE = text(f"SELECT max(last_line) FROM ledger_batch_part WHERE {_OF}")
READ = text(f"SELECT body FROM ledger_batch_part WHERE {_OF} ORDER BY first_line")
DROP = text(f"DELETE FROM ledger_batch_part WHERE {_OF}")
DROP_OTHERS = text(f"DELETE FROM ledger_batch_part WHERE terminal = :terminal AND NOT ({_OF})")
INSERT = text(
    "INSERT INTO ledger_batch_part (terminal, batch_number, digest, first_line, last_line, body, told_at)"
    " VALUES (:terminal, :number, :digest, :first, :last, :body, :told_at)"
)
