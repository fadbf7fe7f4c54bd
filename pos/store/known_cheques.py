"""Cheques that other terminals took, as central told them: digests in the cache, as long as they could be banked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.cheque_digest import ChequeDigest


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCheque:
    """A cheque behind a payment at central. ``terminal`` empty, ``epoch`` None: none of ours brought it.

    ``undone``: its payment is, and whoever brings it again may.
    """

    payment_id: str
    digest: ChequeDigest
    dated: date
    terminal: str
    epoch: int | None
    undone: bool = False


def put_known_cheques(connection: Connection, cheques: Iterable[KnownCheque]) -> None:
    """Write cheques as told; one whose payment is undone is known no more."""
    cheques = list(cheques)
    gone = [(told.payment_id,) for told in cheques if told.undone]
    if gone:
        connection.exec_driver_sql("DELETE FROM known_cheque WHERE payment_id = ?", gone)
    rows = [
        (
            told.payment_id,
            told.digest.identity,
            told.digest.branch,
            told.digest.account,
            told.dated.isoformat(),
        )
        for told in cheques
        if not told.undone
    ]
    if rows:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO known_cheque (payment_id, identity, branch, account, dated) VALUES (?, ?, ?, ?, ?)",
            rows,
        )


def forget_cheques(connection: Connection, *, dated_before: date) -> None:
    """Leave out what no shop would take any more for its age."""
    connection.exec_driver_sql("DELETE FROM known_cheque WHERE dated < ?", (dated_before.isoformat(),))


def is_known_elsewhere(connection: Connection, digest: ChequeDigest, *, dated: date) -> bool:
    """Whether another terminal took this very cheque.

    Of one that it took without its branch or account the date says whether it is this one.
    """
    rows = connection.exec_driver_sql(
        "SELECT branch, account, dated FROM known_cheque WHERE identity = ?", (digest.identity,)
    )
    for branch, account, other_dated in rows:
        other = ChequeDigest(identity=digest.identity, branch=branch, account=account)
        looks_the_same = other_dated == dated.isoformat()
        if digest.same_as(other) and (looks_the_same or not digest.says_more_than(other)):
            return True
    return False
