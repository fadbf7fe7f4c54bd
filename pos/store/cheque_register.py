"""Every cheque of a till as stored: those in the register of post-dated ones, and those that were taken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from pos.domain.cheque_register import OVER, ChequeLine, ChequeStep
from pos.domain.money import Money, currency
from pos.domain.text_guard import fold
from pos.store.deposit_paper import DRAWER
from pos.store.deposits import SLIP
from pos.store.times import local

_TAKEN_STATE = "(SELECT state FROM cheque_event AS at WHERE at.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1)"
# One for which something else was given has left the register as any that was withdrawn.
_HELD_STATE = (
    "(SELECT iif(step.state = 'withdrawn' AND step.post_dated_id IN (SELECT replaced_id FROM cheque_replacement), "
    "'replaced', step.state) FROM post_dated_event AS step WHERE step.post_dated_id = held.post_dated_id "
    "ORDER BY number DESC LIMIT 1)"
)
_ALL = (
    "SELECT cheque.cheque_id AS key, payment_event.receipt_number AS paper, payer_account, bank, branch, bank_account, "
    f"serial, coalesce({DRAWER}, '') AS drawer, cheque_date, cheque.amount_minor, cheque.currency, mode, "
    f"{_TAKEN_STATE} AS state, {SLIP} AS slip FROM cheque JOIN tender USING (tender_id) "
    "JOIN payment_event USING (payment_event_id) "
    "UNION ALL SELECT held.post_dated_id, held.receipt_number, payer_account, bank, branch, bank_account, serial, "
    "coalesce(person.details_json ->> 'drawer', person.name, ''), cheque_date, amount_minor, currency, mode, "
    # Paid in it is a cheque that was taken, and stands there.
    f"{_HELD_STATE} AS state, NULL FROM post_dated_cheque AS held LEFT JOIN post_dated_person AS person "
    "USING (post_dated_id) WHERE state <> 'credited'"
)


# The reason of a step; of the one with which it was replaced also the paper of what came in its place.
_WHY = (
    "coalesce(step.reason, '') || iif(step.state IN ('replaced', 'returned', 'withdrawn') "
    "AND v_cheque_replacement.receipt_number IS NOT NULL, ', now ' || v_cheque_replacement.receipt_number, '')"
)


def cheque_lines(
    connection: Connection,
    *,
    query: str = "",
    over: bool = False,
    account: str | None = None,
    limit: int = 500,
) -> list[ChequeLine]:
    """Those that answer ``query``, the oldest first; without ``over`` only those of which something is expected, with
    ``account`` only those of that payer.

    A query is a serial, account or paper number, exactly, or the beginnings of words of a drawer's name.
    """
    wanted = _words(query)
    exact = {query.upper(), query.upper().replace(" ", "").replace("-", "")}
    ended = () if over else sorted(OVER)
    rows = connection.exec_driver_sql(
        f"SELECT * FROM ({_ALL}) WHERE state NOT IN (SELECT value FROM json_each(?1)) "
        "AND (?2 IS NULL OR payer_account = ?2) ORDER BY cheque_date, serial, key",
        (json.dumps(ended), account),
    )
    found: list[ChequeLine] = []
    for row in rows.yield_per(500):
        line = _line(tuple(row))
        if not query or _answers(line, exact, wanted):
            found.append(line)
            if len(found) >= limit:
                break
    return found


def cheques_by_serial(connection: Connection, serial: str, *, limit: int) -> list[ChequeLine]:
    """The cheques with this serial number, whatever became of them, the latest date first."""
    rows = connection.exec_driver_sql(
        f"SELECT * FROM ({_ALL}) WHERE serial = ? ORDER BY cheque_date DESC, key LIMIT ?", (serial, limit)
    )
    return [_line(tuple(row)) for row in rows]


def cheque_line(connection: Connection, key: str) -> ChequeLine | None:
    """The cheque of this id; one that was registered and paid in is found by both its ids."""
    rows = connection.exec_driver_sql(
        f"SELECT * FROM ({_ALL}) WHERE key = ?1 OR key = (SELECT cheque_id FROM cheque JOIN tender USING (tender_id) "
        "WHERE payment_event_id = ?1 AND payment_event_id IN (SELECT post_dated_id FROM post_dated_cheque))",
        (key,),
    )
    return next((_line(tuple(row)) for row in rows), None)


def _line(row: Sequence[Any]) -> ChequeLine:
    return ChequeLine(
        key=row[0],
        paper=row[1],
        account=row[2],
        bank=row[3],
        branch=row[4],
        bank_account=row[5],
        serial=row[6],
        drawer=row[7],
        dated=date.fromisoformat(row[8]),
        amount=Money(row[9], currency(row[10])),
        mode=row[11],
        state=row[12],
        slip=row[13],
    )


def _answers(line: ChequeLine, exact: set[str], words: Sequence[str]) -> bool:
    if exact & {line.serial, line.account.upper(), line.paper, line.bank_account, line.slip or ""}:
        return True
    drawer = _words(line.drawer)
    return bool(words) and all(any(part.startswith(word) for part in drawer) for word in words)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[^\w]+", fold(text)) if word]


def steps_of(connection: Connection, line: ChequeLine) -> list[ChequeStep]:
    """The life of a cheque from its first day here, its time in the register of post-dated ones included."""
    held = connection.exec_driver_sql(
        "SELECT iif(step.state = 'withdrawn' AND v_cheque_replacement.post_dated_id IS NOT NULL, 'replaced', step.state), "
        f"step.at_utc, step.operator, {_WHY}, CASE step.state WHEN 'registered' "
        "THEN held.receipt_number WHEN 'credited' THEN '' ELSE coalesce(step.receipt_number, '') END "
        "FROM post_dated_event AS step JOIN post_dated_cheque AS held USING (post_dated_id) "
        "LEFT JOIN v_cheque_replacement USING (post_dated_id) WHERE step.post_dated_id = ?1 "
        "OR step.post_dated_id = (SELECT payment_event_id FROM tender JOIN cheque USING (tender_id) WHERE cheque_id = ?1) "
        "ORDER BY step.number",
        (line.key,),
    )
    taken = connection.exec_driver_sql(
        f"SELECT state, at_utc, operator, {_WHY}, CASE number WHEN 1 THEN ?2 ELSE '' END "
        "FROM cheque_event AS step LEFT JOIN v_cheque_replacement USING (cheque_id) "
        "WHERE step.cheque_id = ?1 ORDER BY number",
        (line.key, line.paper),
    )
    return [*_steps(held), *_with_slips(connection, line, _steps(taken))]


def _steps(rows: Iterable[Any]) -> list[ChequeStep]:
    return [
        ChequeStep(
            state=state, at=local(at, 0), operator=operator, said=" ".join(filter(None, (paper, reason)))
        )
        for state, at, operator, reason, paper in rows
    ]


def _with_slips(connection: Connection, line: ChequeLine, steps: list[ChequeStep]) -> list[ChequeStep]:
    """Each step onto a slip names it; slips follow each other as those steps do."""
    slips = iter(
        connection.exec_driver_sql(
            "SELECT receipt_number FROM deposit_cheque JOIN deposit_slip USING (slip_id) WHERE cheque_id = ? "
            "ORDER BY made_at_utc, deposit_slip.rowid",
            (line.key,),
        ).scalars()
    )
    return [
        replace(step, said=str(next(slips, step.said))) if step.state == "batched" else step for step in steps
    ]


def charges_by_cheque(connection: Connection, account: str, query: str, *, limit: int) -> list[str]:
    """The bills that bounced cheques charged ``account`` with: those of the cheque of this serial number, or of a drawer
    whose name has words that begin so. Whether anything is open of them is not looked at.
    """
    rows = connection.exec_driver_sql(
        f"SELECT bill_no, serial, coalesce({DRAWER}, '') FROM dishonour_charge JOIN dishonour USING (correction_id) "
        "JOIN cheque USING (cheque_id) JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id) "
        "WHERE dishonour_charge.account = ? AND bill_no IS NOT NULL ORDER BY bill_no",
        (account,),
    )
    serial, words = query.upper(), _words(query)
    found = [
        str(bill_no)
        for bill_no, of_cheque, drawer in rows
        if serial == of_cheque
        or (words and all(any(part.startswith(word) for part in _words(drawer)) for word in words))
    ]
    return found[:limit]
