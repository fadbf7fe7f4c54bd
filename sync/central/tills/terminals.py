"""Terminals and their one-time codes. A code enrols one terminal once; each enrolment begins a new epoch.

The store keeps only a code's digest: 80 random bits need no salt. A till shows its public key with the code and signs for
its tokens from then on; a new enrolment voids the key of the one before. Source: reliability.md 5.5.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, text

from pos.domain.errors import Refused
from pos.domain.ports import Clock, Randomness
from sync.central.access.audit import AuditEvent, note
from sync.central.access.clients import FIND_DEALER, insert_client, void
from sync.central.store.database import CentralStore
from sync.central.wire.callers import USUAL_SCOPES, Caller, ClientKind
from sync.central.wire.dealer_view import dealer_asking
from sync.oauth import terminal_client
from sync.retold import RETOLD_FROM

CODE_BYTES = 10
CODE_LIVES = timedelta(minutes=10)
EPOCHS_AT_ONCE = 1_000
"""A till may have counted epochs on by itself since it was enrolled, but never that many."""
_TERMINAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledTerminal:
    """``last_sequence`` is the highest that arrived in this epoch, None before the first."""

    terminal: str
    epoch: int
    last_sequence: int | None


class Ending(StrEnum):
    """Why a terminal may not speak any more."""

    RETIRED = "retired"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTerminal:
    """``keyed``: it signs for its tokens. ``ended``: why it may not speak. ``cloned_at``: a copy was seen in this epoch.

    ``dealer``: whose it is; None: the operator's.
    """

    terminal: str
    epoch: int
    keyed: bool
    ended: str | None
    dealer: str | None
    cloned_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolling:
    """What a till shows. ``epoch_above``: the highest epoch that its home ever had; ``public_key`` in base64url."""

    terminal: str
    code: str
    public_key: str | None = None
    epoch_above: int = 0


def make_terminal_code(
    store: CentralStore,
    terminal: str,
    *,
    clock: Clock,
    randomness: Randomness,
    dealer: str | None = None,
) -> str:
    """A new one-time code for ``terminal``, for ten minutes; codes made for it before and not used are void. Shown once.

    Whose a terminal is, the operator's or a ``dealer``'s, it stays: what it told is theirs. Raises Refused ``bad_terminal``,
    ``unknown_dealer`` or ``terminal_of_another``.
    """
    if _TERMINAL.fullmatch(terminal) is None:
        raise Refused(
            "bad_terminal", "A terminal's name has up to 64 plain letters, digits, dots and dashes."
        )
    letters, at = b32encode(randomness.token_bytes(CODE_BYTES)).decode(), clock.now()
    with store.write() as connection:
        _require_whose(connection, terminal, dealer)
        connection.execute(VOID_CODES, {"terminal": terminal})
        connection.execute(
            INSERT_CODE,
            {
                "code_sha256": _digest(letters),
                "terminal": terminal,
                "made_at": at.isoformat(),
                "dealer": dealer,
            },
        )
        note(connection, AuditEvent.CODE_MADE, terminal, at=at, detail=f"dealer {dealer}" if dealer else "")
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _require_whose(connection: Connection, terminal: str, dealer: str | None) -> None:
    if dealer is not None and connection.execute(FIND_DEALER, {"id": dealer}).one_or_none() is None:
        raise Refused("unknown_dealer", f"There is no dealer {dealer} here.", dealer=dealer)
    known = connection.execute(FIND_TERMINAL, {"id": terminal}).one_or_none()
    told = connection.execute(FIND_TOLD, {"id": terminal}).one_or_none()
    if (known is not None and known.dealer != dealer) or (known is None and dealer is not None and told):
        raise Refused(
            "terminal_of_another",
            f"Terminal {terminal} is not {dealer or 'the operator'}'s. Give the till another name.",
            terminal=terminal,
        )


def enrol(connection: Connection, asked: Enrolling, *, at: datetime) -> int | None:
    """Use the code up and begin the terminal's next epoch (the first is 1); None where the code does not serve.

    The epoch is above every one that central or the till's home knows; its key is the only one that counts from now on.
    """
    used = connection.execute(
        USE_CODE,
        {
            "code_sha256": _digest(asked.code),
            "terminal": asked.terminal,
            "used_at": at.isoformat(),
            "made_after": (at - CODE_LIVES).isoformat(),
        },
    )
    if used.rowcount != 1:
        return None
    dealer = connection.execute(DEALER_OF_CODE, {"code_sha256": _digest(asked.code)}).scalar_one()
    known = connection.execute(FIND_TERMINAL, {"id": asked.terminal}).one_or_none()
    at_central = 0 if known is None else int(known.epoch)
    epoch = max(at_central, min(asked.epoch_above, at_central + EPOCHS_AT_ONCE)) + 1
    void_keys(connection, asked.terminal, at=at)
    statement = INSERT_TERMINAL if known is None else RENEW_TERMINAL
    connection.execute(statement, {"id": asked.terminal, "epoch": epoch, "dealer": dealer})
    if asked.public_key is not None:
        caller = Caller(
            client_id=terminal_client(asked.terminal, epoch),
            kind=ClientKind.TERMINAL,
            scopes=USUAL_SCOPES[ClientKind.TERMINAL],
            terminal=asked.terminal,
            epoch=epoch,
        )
        insert_client(
            connection,
            caller,
            name=caller.client_id,
            secret_sha256=None,
            public_key=asked.public_key,
            at=at,
        )
    note(connection, AuditEvent.ENROLLED, asked.terminal, at=at, detail=f"epoch {epoch}")
    return epoch


def void_keys(connection: Connection, terminal: str, *, at: datetime) -> None:
    """No key of any enrolment of it counts any more, nor a token that one brought."""
    for client_id in connection.execute(KEYS_OF, {"terminal": terminal}).scalars().all():
        void(connection, client_id, at=at)


def end_terminal(connection: Connection, terminal: str, why: Ending, *, at: datetime) -> None:
    """It may not speak any more, and no code made for it serves; a new code enrols it again.

    Raises Refused ``unknown_terminal``.
    """
    ended = connection.execute(END_TERMINAL, {"id": terminal, "ended": str(why), "ended_at": _utc(at)})
    if ended.rowcount != 1:
        raise Refused("unknown_terminal", f"There is no terminal {terminal} here.", terminal=terminal)
    connection.execute(VOID_CODES, {"terminal": terminal})
    void_keys(connection, terminal, at=at)
    event = AuditEvent.TERMINAL_LOST if why is Ending.LOST else AuditEvent.TERMINAL_RETIRED
    note(connection, event, terminal, at=at)


def note_clone(connection: Connection, terminal: str, epoch: int, *, actor: str, at: datetime) -> None:
    """Two stores book under one enrolment: told to the back office once in each."""
    detail = f"epoch {epoch}"
    seen = {"event": str(AuditEvent.CLONE_FENCED), "subject": terminal, "detail": detail}
    if connection.execute(FIND_CLONE, seen).one_or_none() is None:
        note(connection, AuditEvent.CLONE_FENCED, terminal, at=at, actor=actor, detail=detail)


def list_terminals(connection: Connection) -> Iterator[ListedTerminal]:
    """Every terminal that was ever enrolled, by name."""
    for row in connection.execute(READ_TERMINALS, {"event": str(AuditEvent.CLONE_FENCED)}):
        yield ListedTerminal(
            terminal=row.id,
            epoch=row.epoch,
            keyed=row.keyed > 0,
            ended=row.ended,
            dealer=row.dealer,
            cloned_at=row.cloned_at,
        )


def find_terminal(connection: Connection, terminal: str) -> EnrolledTerminal | None:
    """An enrolled terminal and how far its payments have come; a dealer's till knows that dealer's alone."""
    row = connection.execute(FIND_TERMINAL, {"id": terminal}).one_or_none()
    if row is None or dealer_asking() not in (None, row.dealer):
        return None
    last = connection.execute(
        LAST_SEQUENCE, {"id": terminal, "epoch": row.epoch, "retold_from": RETOLD_FROM}
    ).scalar_one()
    return EnrolledTerminal(terminal=terminal, epoch=int(row.epoch), last_sequence=last)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _digest(code: str) -> str:
    letters = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(letters.encode()).hexdigest()


VOID_CODES = text("DELETE FROM terminal_code WHERE terminal = :terminal AND used_at IS NULL")
INSERT_CODE = text(
    "INSERT INTO terminal_code (code_sha256, terminal, made_at, dealer)"
    " VALUES (:code_sha256, :terminal, :made_at, :dealer)"
)
USE_CODE = text(
    "UPDATE terminal_code SET used_at = :used_at"
    " WHERE code_sha256 = :code_sha256 AND terminal = :terminal AND used_at IS NULL AND made_at > :made_after"
)
DEALER_OF_CODE = text("SELECT dealer FROM terminal_code WHERE code_sha256 = :code_sha256")
FIND_TERMINAL = text("SELECT epoch, dealer FROM terminal WHERE id = :id")
FIND_TOLD = text("SELECT id FROM payment WHERE terminal = :id LIMIT 1")
INSERT_TERMINAL = text("INSERT INTO terminal (id, epoch, dealer) VALUES (:id, :epoch, :dealer)")
RENEW_TERMINAL = text(
    "UPDATE terminal SET epoch = :epoch, ended = NULL, ended_at = NULL WHERE id = :id"
    " AND coalesce(dealer, '') = coalesce(:dealer, '')"
)
END_TERMINAL = text("UPDATE terminal SET ended = :ended, ended_at = :ended_at WHERE id = :id")
KEYS_OF = text("SELECT id FROM api_client WHERE terminal = :terminal AND revoked_at IS NULL")
FIND_CLONE = text(
    "SELECT number FROM central_audit WHERE event = :event AND subject = :subject AND detail = :detail"
)
READ_TERMINALS = text(
    "SELECT terminal.id, terminal.epoch, ended, terminal.dealer, count(api_client.id) AS keyed,"
    " (SELECT max(at_utc) FROM central_audit WHERE event = :event AND subject = terminal.id"
    " AND detail = 'epoch ' || terminal.epoch) AS cloned_at"
    " FROM terminal LEFT JOIN api_client ON api_client.terminal = terminal.id AND revoked_at IS NULL"
    " GROUP BY terminal.id, terminal.epoch, ended, terminal.dealer ORDER BY terminal.id"
)
LAST_SEQUENCE = text(
    "SELECT max(sequence) FROM payment WHERE terminal = :id AND epoch = :epoch AND sequence < :retold_from"
)
