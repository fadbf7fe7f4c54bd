"""Names stand in side rows that can be purged; nothing that is chained or kept for ever holds one."""

import pytest

from pos.till.desk import Desk
from pos.till.papers import show_receipt
from tests.builders.tills import CASHIER, cash, cheque, dump, findings, make_till, opened, pay

PAYER, DRAWER, PHONE = "Zoë O'Brien", "Lina Al-Sabah", "55510001"
SIDE_ROWS = ("payer_person", "tender_person")


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    pay(desk, cheque("10", drawer=DRAWER), cash("50"))
    return desk


def purge(desk: Desk) -> None:
    with desk.till.transaction() as unit:
        for table in SIDE_ROWS:
            unit.connection.exec_driver_sql(f"DELETE FROM {table}")


def test_names_stand_in_their_side_rows_alone(desk: Desk) -> None:
    kept = dump(desk)

    holding = {
        table for table, rows in kept.items() if any(name in "\n".join(rows) for name in (PAYER, DRAWER))
    }
    assert holding == set(SIDE_ROWS)
    assert not [rows for rows in kept.values() if PHONE in "\n".join(rows)]


def test_names_are_on_the_receipt_while_they_are_kept(desk: Desk) -> None:
    facts = show_receipt(desk, CASHIER, "S014-T1-A-000001")

    assert facts.payer_name == PAYER
    assert dict(facts.tenders[0].details)["drawer"] == DRAWER


def test_a_purge_breaks_neither_chain_nor_receipt(desk: Desk) -> None:
    before = show_receipt(desk, CASHIER, "S014-T1-A-000001")

    purge(desk)

    assert findings(desk) == []
    after = show_receipt(desk, CASHIER, "S014-T1-A-000001")
    assert after.payer_name is None
    assert dict(after.tenders[0].details) == {"serial": "000123", "bank": "001", "date": "2026-11-21"}
    assert (after.total, after.change, after.allocations, after.chain_mark) == (
        before.total,
        before.change,
        before.allocations,
        before.chain_mark,
    )
    assert after.operator_name == CASHIER.name


def test_the_same_name_leaves_another_digest_each_time(desk: Desk) -> None:
    pay(desk, cheque("1", serial="2", drawer=DRAWER), account="D-1")

    with desk.till.read() as connection:
        payers = connection.exec_driver_sql("SELECT payer_digest FROM payment_event").scalars().all()
        drawers = (
            connection.exec_driver_sql("SELECT person_digest FROM tender WHERE mode = 'cheque'")
            .scalars()
            .all()
        )
    assert len(set(payers)) == len(set(drawers)) == 2
