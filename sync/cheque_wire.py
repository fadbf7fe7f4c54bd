"""A known cheque as our central tells it, read strictly: what is no digest must never block a cheque."""

from __future__ import annotations

import re
from datetime import date

from pos.domain.cheque_digest import ChequeDigest
from pos.store.known_cheques import KnownCheque
from sync.tmf678.foreign import as_object, read_id
from sync.wire_json import BadField

_HEX = re.compile(r"[0-9a-f]{64}")


def read_known_cheque(told: object) -> KnownCheque:
    """Raises BadField where anything of it cannot be what a known cheque has."""
    row = as_object(told, field="cheque")
    terminal, epoch = row.get("terminal"), row.get("epoch")
    if terminal is not None and not isinstance(terminal, str):
        raise BadField("terminal", "is no text")
    if epoch is not None and type(epoch) is not int:
        raise BadField("epoch", "is no number")
    try:
        dated = date.fromisoformat(str(row.get("dated")))
    except ValueError:
        raise BadField("dated", "is no day") from None
    return KnownCheque(
        payment_id=read_id(row, "id", field="id"),
        digest=ChequeDigest(
            identity=_hex(row.get("identity"), "identity"),
            branch=_hex(row.get("branch") or None, "branch", optional=True),
            account=_hex(row.get("account") or None, "account", optional=True),
        ),
        dated=dated,
        terminal=terminal or "",
        epoch=epoch,
        undone=row.get("undone") is True,
    )


def _hex(value: object, field: str, *, optional: bool = False) -> str:
    if value is None and optional:
        return ""
    if not isinstance(value, str) or _HEX.fullmatch(value) is None:
        raise BadField(field, "is no SHA-256 in hex")
    return value
