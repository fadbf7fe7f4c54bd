"""Receipts again: the same facts, marked, counted and audited, and no money moved (invariants 27, 28)."""

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person
from pos.store.receipts import settle_print, stuck_papers, waiting_prints
from pos.till.desk import Desk
from pos.till.papers import COPIES_MAX, last_receipt_of, reprint, show_receipt
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    dump,
    findings,
    make_till,
    opened,
    pay,
    rows,
)

NUMBER = "S014-T1-A-000001"
PAPER = ("receipt_copy", "print_job", "audit", "chain_link", "counter")


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    pay(desk, cheque("10", drawer="Lina Al-Sabah"), cash("50"))
    return desk


def test_reprint_identical_marked_counted(desk: Desk) -> None:
    """Rule 34: a reprint says DUPLICATE n, date, operator, reason."""
    original = show_receipt(desk, CASHIER, NUMBER)
    before = dump(desk, without=PAPER)
    clock_of(desk).advance(hours=2)

    again = reprint(desk, SUPERVISOR, NUMBER, reason="lost")

    assert again.facts == original
    assert (again.copy.number, again.copy.is_duplicate, again.copy.operator, again.copy.reason) == (
        1,
        True,
        "2002",
        "lost",
    )
    assert again.copy.printed_at == clock_of(desk).now()
    assert dump(desk, without=PAPER) == before
    assert [row["copies_printed"] for row in rows(desk, "v_receipt")] == [1]
    assert [(row["number"], row["operator"], row["reason"]) for row in rows(desk, "receipt_copy")] == [
        (1, "2002", "lost")
    ]
    audit = rows(desk, "audit")[-1]
    assert (audit["act"], audit["result"], audit["operator"], audit["subject"]) == (
        "reprint",
        "ok",
        "2002",
        NUMBER,
    )
    assert findings(desk) == []


def test_each_reprint_has_the_next_number(desk: Desk) -> None:
    assert [reprint(desk, CASHIER, NUMBER).copy.number for _ in range(3)] == [1, 2, 3]


def test_reprints_have_an_end(desk: Desk) -> None:
    for _ in range(COPIES_MAX):
        reprint(desk, CASHIER, NUMBER)

    with pytest.raises(Refused) as refusal:
        reprint(desk, CASHIER, NUMBER)

    assert refusal.value.code == "too_many_copies"


def test_looking_at_a_receipt_counts_nothing(desk: Desk) -> None:
    before = dump(desk)

    facts = show_receipt(desk, CASHIER, f" {NUMBER} ")

    assert facts.receipt_number == NUMBER
    assert dump(desk) == before


def test_a_receipt_that_is_not_there_is_not_shown(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        show_receipt(desk, CASHIER, "S014-T1-A-000404")

    assert refusal.value.code == "unknown_receipt"


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, BACK_OFFICE, AUDITOR])
def test_who_may_reprint(desk: Desk, person: Person) -> None:
    assert reprint(desk, person, NUMBER).copy.operator == person.user


@pytest.mark.parametrize("person", [OTHER_CASHIER, SUPERVISOR])
def test_a_cashier_reprints_what_the_own_open_shift_issued(desk: Desk, person: Person) -> None:
    count(desk, "60", cheques="10", cheque_count=1)
    closed(desk, "short")
    opened(desk, person=person)
    pay(desk, cash("1"), account="D-1", person=person)

    assert reprint(desk, person, "S014-T1-A-000002").copy.number == 1
    if person is SUPERVISOR:
        reprint(desk, person, NUMBER)
        return
    for other in (CASHIER, person):
        with pytest.raises(NotAuthorised) as refusal:
            reprint(desk, other, NUMBER)
        assert refusal.value.code == "not_your_shift"
    last = rows(desk, "v_audit")[-1]
    assert (last["act"], last["result"], last["reason_code"], last["subject"]) == (
        "reprint",
        "denied",
        "not_your_shift",
        NUMBER,
    )


def test_an_admin_does_not_reprint(desk: Desk) -> None:
    with pytest.raises(NotAuthorised):
        reprint(desk, ADMIN, NUMBER)


def test_the_last_receipt_is_ones_own(desk: Desk) -> None:
    second = pay(desk, cash("1"), account="D-1").receipt.receipt_number

    assert last_receipt_of(desk, CASHIER) == second
    assert last_receipt_of(desk, OTHER_CASHIER) is None


def test_original_and_duplicates_wait_for_the_printer_in_order(desk: Desk) -> None:
    pay(desk, cash("1"), account="D-1")
    reprint(desk, CASHIER, NUMBER, reason="lost")
    reprint(desk, CASHIER, NUMBER, queue=False)

    with desk.till.read() as connection:
        waiting = waiting_prints(connection, 10)

    assert [(job.receipt_number, job.copy.number, job.copy.reason) for job in waiting] == [
        (NUMBER, 0, None),
        ("S014-T1-A-000002", 0, None),
        (NUMBER, 1, "lost"),
    ]
    assert waiting[0].facts == show_receipt(desk, CASHIER, NUMBER)


def test_print_failure_never_changes_money(desk: Desk) -> None:
    before = dump(desk, without=["print_job", "chain_link"])
    with desk.till.transaction() as unit:
        (job,) = waiting_prints(unit.connection, 10)
        settle_print(unit.connection, job.job_id, state="waiting", reason="no paper", at=clock_of(desk).now())

    with desk.till.read() as connection:
        (again,) = waiting_prints(connection, 10)
        assert again.attempts == 1
        assert stuck_papers(connection) == 1
    assert dump(desk, without=["print_job", "chain_link"]) == before

    with desk.till.transaction() as unit:
        settle_print(unit.connection, again.job_id, state="printed", reason=None, at=clock_of(desk).now())
    with desk.till.read() as connection:
        assert waiting_prints(connection, 10) == []
        assert stuck_papers(connection) == 0
    assert findings(desk) == []
