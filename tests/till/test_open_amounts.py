"""What is open follows from both files, whatever central's snapshot contains so far (invariant 17)."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos.domain.bill import AppliedPayment, open_on
from pos.domain.payment_event import Overpayment
from pos.store import outbox
from pos.store.payments import own_allocations
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.open_bills import catch_up, catch_up_on, open_bills
from tests.builders.tills import (
    CASHIER,
    account,
    bill,
    cash,
    cheque,
    clock_of,
    close_stores,
    findings,
    make_till,
    money,
    opened,
    pay,
    reopened,
    tell,
    wish,
)
from tests.builders.tries import examples


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def open_on_7781(desk: Desk) -> tuple[str, str]:
    """As a deed sees it, and as the cache's view tells it."""
    view = account_view(desk, CASHIER, "BA-1")
    with desk.cache.read() as connection:
        told = connection.exec_driver_sql("SELECT open_minor FROM v_bill WHERE bill_no = '7781'").scalar_one()
    seen = next((entry.open for entry in view.bills if entry.bill.bill_no == "7781"), money("0"))
    return seen.plain(), f"{told / 1000:.3f}"


def acknowledge(desk: Desk, *, server_id: str = "P-1", applied_change: int | None = None) -> None:
    """Central took the only row that waits."""
    with desk.till.transaction() as unit:
        (row,) = outbox.unsent(unit.connection)
        outbox.freeze_body(unit.connection, row.outbox_id, b"{}")
        outbox.mark_sent(unit.connection, row.outbox_id, at=clock_of(desk).now())
        outbox.mark_acknowledged(
            unit.connection,
            row.outbox_id,
            server_id=server_id,
            server_href=None,
            applied_change=applied_change,
            at=clock_of(desk).now(),
        )
    catch_up_on(desk, ["7781"], ["BA-1"])


def pull(
    desk: Desk, remaining: str, *, applied: list[AppliedPayment] | None = None, seen_change: int | None = None
) -> None:
    told = bill(
        "7781", money("41.750"), remaining=money(remaining), applied=applied or [], seen_change=seen_change
    )
    tell(desk, bills=[told])


def test_a_payment_counts_before_central_has_heard_of_it(desk: Desk) -> None:
    pay(desk, cash("10"), allocate=[wish("7781")])
    catch_up(desk)

    assert open_on_7781(desk) == ("31.750", "31.750")


def test_a_pull_that_lacks_the_payment_does_not_open_the_bill_again(desk: Desk) -> None:
    pay(desk, cash("10"), allocate=[wish("7781")])
    pull(desk, "41.750")

    assert open_on_7781(desk) == ("31.750", "31.750")
    assert findings(desk) == []


def test_a_pull_that_contains_the_payment_does_not_take_it_twice(desk: Desk) -> None:
    taken = pay(desk, cash("10"), allocate=[wish("7781")])
    applied = AppliedPayment(
        payment_id="P-1", correlator_id=f"{taken.payment_event_id}-1", amount=money("10")
    )
    pull(desk, "31.750", applied=[applied])

    assert open_on_7781(desk) == ("31.750", "31.750")
    assert findings(desk) == []


def test_a_foreign_central_lists_the_payment_by_its_own_id(desk: Desk) -> None:
    pay(desk, cash("10"), allocate=[wish("7781")])
    acknowledge(desk, server_id="P-77")
    assert open_on_7781(desk) == ("31.750", "31.750")

    pull(desk, "31.750", applied=[AppliedPayment(payment_id="P-77", correlator_id=None, amount=money("10"))])

    assert open_on_7781(desk) == ("31.750", "31.750")
    assert findings(desk) == []


@pytest.mark.parametrize(("seen_change", "remaining"), [(6, "41.750"), (7, "31.750"), (8, "31.750")])
def test_a_change_number_says_whether_the_snapshot_contains_the_payment(
    desk: Desk, seen_change: int, remaining: str
) -> None:
    pay(desk, cash("10"), allocate=[wish("7781")])
    acknowledge(desk, applied_change=7)

    pull(desk, remaining, seen_change=seen_change)

    assert open_on_7781(desk) == ("31.750", "31.750")
    assert findings(desk) == []


def test_somebody_elses_payment_is_taken_off_too(desk: Desk) -> None:
    pay(desk, cash("10"), allocate=[wish("7781")])
    pull(desk, "21.750", applied=[AppliedPayment(payment_id="P-9", correlator_id="x-1", amount=money("20"))])

    assert open_on_7781(desk) == ("11.750", "11.750")


def test_a_bill_paid_here_and_elsewhere_is_not_below_zero(desk: Desk) -> None:
    pay(desk, cash("41.750"), allocate=[wish("7781")])
    pull(desk, "10")

    assert open_on_7781(desk) == ("0.000", "0.000")
    assert findings(desk) == []


def test_a_bill_cannot_be_paid_twice_here_before_central_answers(desk: Desk) -> None:
    pay(desk, cash("41.750"), allocate=[wish("7781")])
    pull(desk, "41.750")

    with pytest.raises(Exception, match="paid already"):
        pay(desk, cash("41.750"), allocate=[wish("7781")])


def test_the_deed_itself_goes_by_the_books_where_the_cache_lags(desk: Desk) -> None:
    pay(desk, cash("40"), allocate=[wish("7781")])

    assert pay(desk, cash("5")).receipt.allocations[0].open_before == money("1.750")


def test_both_legs_of_a_split_payment_are_counted(desk: Desk) -> None:
    taken = pay(desk, cheque("10"), cash("10"), allocate=[wish("7781", "20")])
    first = AppliedPayment(payment_id="P-1", correlator_id=f"{taken.payment_event_id}-1", amount=money("10"))
    pull(desk, "31.750", applied=[first])

    assert open_on_7781(desk) == ("21.750", "21.750")


def test_credit_counts_until_central_tells_an_account_that_contains_it(desk: Desk) -> None:
    pay(desk, cash("5"), account="BA-3", overpayment=Overpayment.CREDIT)
    catch_up(desk)
    assert account_view(desk, CASHIER, "BA-3").credit == money("5")

    acknowledge(desk, applied_change=7)
    for credit, seen_change in (("0", 6), ("5", 7), ("5", 8)):
        tell(desk, accounts=[account("BA-3", "李伟", credit=money(credit), seen_change=seen_change)])
        assert account_view(desk, CASHIER, "BA-3").credit == money("5")


def test_what_the_cache_missed_is_caught_up_at_the_next_start(tmp_path: Path) -> None:
    """The process may end between the commit and the cache."""
    desk = make_till(tmp_path)
    opened(desk)
    pay(desk, cash("10"), allocate=[wish("7781")])
    pay(desk, cash("5"), account="D-1")

    desk = reopened(desk)

    assert open_on_7781(desk) == ("31.750", "31.750")
    with desk.cache.read() as connection:
        told = connection.exec_driver_sql(
            "SELECT credit_minor FROM v_account WHERE account = 'D-1'"
        ).scalar_one()
    assert told == 5_000
    close_stores(desk)


@settings(max_examples=examples(10), deadline=None)
@given(
    told=st.lists(
        st.tuples(st.sampled_from(["none", "P-1", "P-2", "P-3"]), st.sampled_from([None, 3, 5, 7])),
        min_size=1,
        max_size=5,
    ),
    listed=st.lists(st.tuples(st.sampled_from(["P-1", "P-2", "P-9"]), st.integers(-1, 4)), max_size=3),
    seen_change=st.sampled_from([None, 3, 5, 6]),
)
def test_what_is_open_is_the_same_whether_payments_are_added_up_or_taken_one_by_one(
    told: list[tuple[str, int | None]], listed: list[tuple[str, int]], seen_change: int | None
) -> None:
    """``listed`` is what central has on the bill: its payment, and which of ours that is (-1: none)."""
    desk = make_till()
    opened(desk)
    for number in range(len(told)):
        pay(desk, cash(f"{number + 1}"), allocate=[wish("7781", f"{number + 1}")])
    with desk.till.transaction() as unit:
        rows = outbox.unsent(unit.connection)
        for row, (server_id, change) in zip(rows, told, strict=True):
            if server_id != "none":
                outbox.freeze_body(unit.connection, row.outbox_id, b"{}")
                outbox.mark_sent(unit.connection, row.outbox_id, at=clock_of(desk).now())
                outbox.mark_acknowledged(
                    unit.connection,
                    row.outbox_id,
                    server_id=server_id,
                    server_href=None,
                    applied_change=change,
                    at=clock_of(desk).now(),
                )
    applied = [
        AppliedPayment(
            payment_id=payment,
            correlator_id=rows[ours].correlator_id if 0 <= ours < len(rows) else None,
            amount=money("1"),
        )
        for payment, ours in dict(listed).items()
    ]
    snapshot = bill("7781", money("41.750"), applied=applied, seen_change=seen_change)
    with desk.till.read() as books:
        (added_up,) = open_bills(books, [snapshot])
        one_by_one = own_allocations(books, ["7781"])["7781"]

    assert added_up == open_on(snapshot, one_by_one)
    assert len(one_by_one) == len(told)
