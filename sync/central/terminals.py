"""Terminals and their one-time codes. A code enrols one terminal once; each enrolment begins a new epoch.

The store keeps only a code's digest: 80 random bits need no salt.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pos.domain.errors import Refused
from pos.domain.ports import Clock, Randomness
from sync.central.database import CentralStore

CODE_BYTES = 10
_TERMINAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledTerminal:
    """``last_sequence`` is the highest that arrived in this epoch, None before the first."""

    terminal: str
    epoch: int
    last_sequence: int | None


def make_terminal_code(store: CentralStore, terminal: str, *, clock: Clock, randomness: Randomness) -> str:
    """A new one-time code for ``terminal``; codes made for it before and not used are void. Shown once, never kept.

    Raises Refused ``bad_terminal``.
    """
    if _TERMINAL.fullmatch(terminal) is None:
        raise Refused(
            "bad_terminal", "A terminal's name has up to 64 plain letters, digits, dots and dashes."
        )
    letters = b32encode(randomness.token_bytes(CODE_BYTES)).decode()
    with store.write() as connection:
        connection.execute(VOID_CODES, {"terminal": terminal})
        connection.execute(
            INSERT_CODE,
            {
                "code_sha256": _digest(letters),
                "terminal": terminal,
                "made_at": clock.now().isoformat(),
            },
        )
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def enrol(connection: Connection, terminal: str, code: str, *, at: datetime) -> int | None:
    """Use the code up and begin the terminal's next epoch (the first is 1); None where the code does not serve."""
    used = connection.execute(
        USE_CODE,
        {"code_sha256": _digest(code), "terminal": terminal, "used_at": at.isoformat()},
    )
    if used.rowcount != 1:
        return None
    known = connection.execute(FIND_TERMINAL, {"id": terminal}).one_or_none()
    epoch = 1 if known is None else int(known.epoch) + 1
    connection.execute(INSERT_TERMINAL if known is None else RENEW_TERMINAL, {"id": terminal, "epoch": epoch})
    return epoch


def find_terminal(connection: Connection, terminal: str) -> EnrolledTerminal | None:
    """An enrolled terminal and how far its payments have come."""
    row = connection.execute(FIND_TERMINAL, {"id": terminal}).one_or_none()
    if row is None:
        return None
    last = connection.execute(LAST_SEQUENCE, {"id": terminal, "epoch": row.epoch}).scalar_one()
    return EnrolledTerminal(terminal=terminal, epoch=int(row.epoch), last_sequence=last)


def _digest(code: str) -> str:
    letters = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(letters.encode()).hexdigest()


VOID_CODES = text("DELETE FROM terminal_code WHERE terminal = :terminal AND used_at IS NULL")
INSERT_CODE = text(
    "INSERT INTO terminal_code (code_sha256, terminal, made_at) VALUES (:code_sha256, :terminal, :made_at)"
)
USE_CODE = text(
    "UPDATE terminal_code SET used_at = :used_at"
    " WHERE code_sha256 = :code_sha256 AND terminal = :terminal AND used_at IS NULL"
)
FIND_TERMINAL = text("SELECT epoch FROM terminal WHERE id = :id")
INSERT_TERMINAL = text("INSERT INTO terminal (id, epoch) VALUES (:id, :epoch)")
RENEW_TERMINAL = text("UPDATE terminal SET epoch = :epoch WHERE id = :id")
LAST_SEQUENCE = text("SELECT max(sequence) FROM payment WHERE terminal = :id AND epoch = :epoch")
