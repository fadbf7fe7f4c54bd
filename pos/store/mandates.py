"""Mandates as stored: who registered them, step by step, with the payer's bank details in rows that can be purged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.mandate import BankDetails, Mandate, MandateState

_ROWS = (
    "SELECT mandate, account, state, number, signed_on, reason, details_json FROM mandate "
    "JOIN mandate_step AS latest USING (mandate) LEFT JOIN mandate_person USING (mandate, number) "
    "WHERE number = (SELECT max(number) FROM mandate_step AS one WHERE one.mandate = latest.mandate) "
)
_OWN = (
    "AND NOT EXISTS (SELECT 1 FROM mandate_heard AS first WHERE first.mandate = mandate.mandate AND first.number = 1 "
    "AND first.terminal <> ?) "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateStep:
    """One step of a mandate's life."""

    number: int
    state: MandateState
    reason: str | None
    at_utc: str
    operator: str
    elsewhere: str | None = None
    """The terminal that it was taken at, where that is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UntoldStep:
    """A step of this terminal's own that central has not heard of, with the mandate as it stood then."""

    mandate: Mandate
    plain: str
    registered_at_utc: str
    at_utc: str
    utc_offset_min: int
    operator: str


def untold_steps(connection: Connection, *, limit: int) -> list[UntoldStep]:
    """What central has yet to hear of, the oldest first; of a mandate never a later step before an earlier one."""
    rows = connection.exec_driver_sql(
        "SELECT mandate, account, state, number, signed_on, reason, details_json, plain, registered_at_utc, at_utc, "
        "utc_offset_min, operator FROM mandate_step JOIN mandate USING (mandate) "
        "LEFT JOIN mandate_person USING (mandate, number) "
        "WHERE NOT EXISTS (SELECT 1 FROM mandate_heard AS heard "
        "WHERE heard.mandate = mandate_step.mandate AND heard.number = mandate_step.number) "
        "ORDER BY number, at_utc, mandate LIMIT ?",
        (limit,),
    )
    return [
        UntoldStep(
            mandate=_mandate(tuple(row[:7])),
            plain=row[7],
            registered_at_utc=row[8],
            at_utc=row[9],
            utc_offset_min=row[10],
            operator=row[11],
        )
        for row in rows
    ]


STEPS = "mandate_step"
"""The counter of steps as they are written, by whomever."""


def steps_written(connection: Connection) -> int:
    """How many steps there are, however many: one row is read."""
    found = connection.exec_driver_sql("SELECT value FROM counter WHERE name = ?", (STEPS,)).scalar()
    return 0 if found is None else int(found)


def steps_and_heard(connection: Connection) -> tuple[int, int]:
    """How many steps there are, and how many of them central has or told of."""
    steps, heard = connection.exec_driver_sql(
        "SELECT (SELECT count(*) FROM mandate_step), (SELECT count(*) FROM mandate_heard)"
    ).one()
    return int(steps), int(heard)


def mandate_called(connection: Connection, plain: str) -> Mandate | None:
    """The mandate of this reference, as it is compared (``plain_reference``)."""
    row = connection.exec_driver_sql(_ROWS + "AND plain = ?", (plain,)).first()
    return None if row is None else _mandate(tuple(row))


def mandate_at(connection: Connection, mandate: str, number: int) -> Mandate:
    """A mandate as it stood with its step ``number``."""
    row = connection.exec_driver_sql(
        "SELECT mandate, account, state, number, signed_on, reason, details_json FROM mandate JOIN mandate_step "
        "USING (mandate) LEFT JOIN mandate_person USING (mandate, number) WHERE mandate = ? AND number = ?",
        (mandate, number),
    ).one()
    return _mandate(tuple(row))


def mandates_of(connection: Connection, account: str) -> list[Mandate]:
    """Every mandate of an account, those that hold first."""
    rows = connection.exec_driver_sql(
        _ROWS
        + "AND account = ? ORDER BY CASE state WHEN 'active' THEN 1 WHEN 'suspended' THEN 2 ELSE 3 END, "
        "registered_at_utc",
        (account,),
    )
    return [_mandate(tuple(row)) for row in rows]


def every_mandate(connection: Connection, *, limit: int) -> list[Mandate]:
    """The mandates that are not ended: those that were suspended first, then by account."""
    rows = connection.exec_driver_sql(
        _ROWS + "AND state <> 'ended' ORDER BY state DESC, account, mandate LIMIT ?", (limit,)
    )
    return [_mandate(tuple(row)) for row in rows]


def active_mandates(connection: Connection, *, registered_at: str | None = None) -> Iterator[Mandate]:
    """The mandates by which money may be collected, by account; of an account the one that was registered last.

    ``registered_at``: only those that this terminal registered itself.
    """
    where, values = ("", ()) if registered_at is None else (_OWN, (registered_at,))
    rows = connection.exec_driver_sql(
        _ROWS
        + where
        + "AND state = 'active' AND NOT EXISTS (SELECT 1 FROM v_mandate AS later WHERE later.account = mandate.account "
        "AND later.state = 'active' AND (later.registered_at_utc, later.mandate) > "
        "(mandate.registered_at_utc, mandate.mandate)) ORDER BY account",
        values,
    )
    for row in rows:
        yield _mandate(tuple(row))


def steps_of(connection: Connection, mandate: str, *, here: str) -> list[MandateStep]:
    """The life of a mandate, from its registration, as terminal ``here`` knows it."""
    rows = connection.exec_driver_sql(
        "SELECT number, state, reason, mandate_step.at_utc, operator, nullif(terminal, ?) "
        "FROM mandate_step LEFT JOIN mandate_heard USING (mandate, number) "
        "WHERE mandate = ? ORDER BY number",
        (here, mandate),
    )
    return [
        MandateStep(
            number=int(number),
            state=MandateState(state),
            reason=reason,
            at_utc=at,
            operator=operator,
            elsewhere=elsewhere,
        )
        for number, state, reason, at, operator, elsewhere in rows
    ]


def refusals_since_active(
    connection: Connection, mandate: Mandate, codes: frozenset[str], *, with_some_of: Sequence[str]
) -> int:
    """Of how many collections banks refused something of this mandate, for one of ``codes``, since it was last made active.

    The debits whose plain references are ``with_some_of`` are counted among them; one that no collection here asked for
    counts for itself.
    """
    since = connection.exec_driver_sql(
        "SELECT max(at_utc) FROM mandate_step WHERE mandate = ? AND state = 'active'", (mandate.mandate,)
    ).scalar_one()
    places = ", ".join("?" for _ in codes)
    found = connection.exec_driver_sql(
        "SELECT count(DISTINCT coalesce(collection_id, refused.plain)) FROM (SELECT plain FROM bank_entry "
        "WHERE mandate = ? AND outcome IN ('rejected', 'returned') AND at_utc >= ? "
        f"AND reason_code IN ({places}){' UNION ALL SELECT ?' * len(with_some_of)}) AS refused "
        "LEFT JOIN debit_item ON debit_item.plain = refused.plain",
        (mandate.mandate, since, *sorted(codes), *with_some_of),
    ).scalar_one()
    return int(found)


def _mandate(row: tuple[object, ...]) -> Mandate:
    reference, account, state, number, signed_on, reason, details = row
    assert isinstance(number, int)
    # Purged: the mandate stands, and nobody is named by it any more.
    told = json.loads(str(details)) if details is not None else {"holder": "", "number": ""}
    return Mandate(
        mandate=str(reference),
        account=str(account),
        state=MandateState(str(state)),
        number=number,
        signed_on=date.fromisoformat(str(signed_on)),
        bank=BankDetails(holder=told["holder"], number=told["number"], bic=told.get("bic", "")),
        reason=None if reason is None else str(reason),
    )
