"""Commission that was credited before there was a register of credits comes into it, and on its way to central."""

from __future__ import annotations

from importlib import import_module

from pos.domain.commission import CommissionAt, Settlement
from pos.store.migrate import HEAD
from pos.till.commissions import settle_commission
from pos.till.desk import Desk
from tests.builders.tills import (
    BACK_OFFICE,
    acknowledge_all,
    cash,
    clock_of,
    findings,
    pay,
    raw_connection,
    rows,
    sale,
)
from tests.till.books import sealed, spoil
from tests.till.test_commission import FOUR, selling

STEP = import_module("pos.store.migrations.versions.v0022_account_credits")
KEPT = (
    "credit_id",
    "payment_event_id",
    "leg",
    "settlement_id",
    "account",
    "amount_minor",
    "currency",
    "at_utc",
)
TOLD = ("payment_event_id", "leg", "correlator_id", "kind", "source_id", "account", "queue", "state")


def facts(desk: Desk) -> tuple[object, object]:
    register = sorted(tuple(row[name] for name in KEPT) for row in rows(desk, "account_credit"))
    told = sorted(
        tuple(row[name] for name in TOLD) for row in rows(desk, "outbox") if row["kind"] == "commission"
    )
    return register, told


def before_the_register(desk: Desk) -> None:
    spoil(desk, "DELETE FROM outbox WHERE kind = 'commission'")
    raw = raw_connection(desk.till.database)
    walls = raw.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'account_credit'"
    ).fetchall()
    raw.execute("DROP TABLE account_credit")
    raw.executescript(STEP.SCHEMA)
    for (wall,) in walls:
        raw.execute(wall)
    sealed(desk)


def test_what_was_credited_before_is_registered_and_told() -> None:
    assert STEP.revision <= HEAD
    gross = selling(settlement=Settlement.GROSS)
    pay(gross, cash("20"), account="D-1", lines=FOUR)
    settled = selling(CommissionAt.SETTLEMENT)
    for _ in range(2):
        pay(settled, cash("25"), account="D-1", lines=[*FOUR, sale("SERVICE")])
        clock_of(settled).advance(minutes=20)
    acknowledge_all(settled)
    settle_commission(settled, BACK_OFFICE, "D-1")
    pay(settled, cash("20"), account="D-2", lines=FOUR)
    net = selling()
    pay(net, cash("19.100"), account="D-1", lines=FOUR)
    withheld = selling(settlement=Settlement.GROSS, withheld="100")
    pay(withheld, cash("20"), account="D-1", lines=FOUR)

    for desk, credits_ in ((gross, 1), (settled, 2)):
        as_booked = facts(desk)
        assert len(rows(desk, "account_credit")) == credits_
        before_the_register(desk)
        assert facts(desk) == as_booked
        assert findings(desk) == []
    assert rows(net, "account_credit") == rows(withheld, "account_credit") == []
