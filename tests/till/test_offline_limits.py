"""Each way to pay up to its limits while central is silent (domain.md rules 51, 52, 54)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.errors import NeedsConfirmation, Refused
from pos.domain.money import currency as iso
from pos.domain.offline import Limit, OfflineLimits, OfflineUse, exceeded
from pos.store import cache as cached
from pos.store.times import utc_text
from pos.till.bank_receipts import verify_bank_receipt
from pos.till.basket import account_basket, modes_for, shut_modes, ways_to_pay
from pos.till.desk import Desk
from pos.till.enquiries import account_view, plan_payment, till_state
from pos.till.take_payment import PaymentTaken, take_payment
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    NOW,
    SUPERVISOR,
    acknowledge_all,
    bank_cash,
    card,
    cash,
    cheque,
    clock_of,
    findings,
    go_offline,
    make_till,
    money,
    opened,
    order,
    pay,
    rows,
    sale,
    stock,
)
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def cheque_of(desk: Desk, amount: str, serial: str, account: str = "BA-1") -> PaymentTaken:
    return pay(desk, cheque(amount, serial), account=account)


@pytest.mark.parametrize(
    ("limits", "taken", "next_", "limit", "left"),
    [
        ({"item": "10"}, ["10"], "10.001", "item", "10.000"),
        ({"customer": "15"}, ["10"], "5.001", "customer", "5.000"),
        ({"shift_total": "15"}, ["10", "4"], "1.001", "shift_total", "1.000"),
        ({"count": 2}, ["1", "1"], "1", "count", "0"),
        ({"hours": 1}, [], "1", "hours", "0"),
    ],
)
def test_beyond_an_offline_limit_a_mode_is_refused_and_cash_is_named(
    desk: Desk, limits: dict[str, str], taken: list[str], next_: str, limit: str, left: str
) -> None:
    """Rule 51: offline limits per tender type: item, customer, shift total, number, hours; cash last."""
    in_force = OfflineLimits(
        **{name: money(value) if isinstance(value, str) else value for name, value in limits.items()}  # type: ignore[arg-type]
    )
    go_offline(desk, minutes=61, cheque=in_force)
    for serial, amount in enumerate(taken):
        cheque_of(desk, amount, f"1{serial}")

    refusal = refused(desk, lambda: cheque_of(desk, next_, "99"))

    assert refusal.code == "offline_limit"
    assert (refusal.details["mode"], refusal.details["limit"], refusal.details["left"]) == (
        "cheque",
        limit,
        left,
    )
    others = refusal.details["others"]
    assert isinstance(others, list)
    assert "cheque" not in others
    assert others[-1] == "cash"
    assert "Take cash" in refusal.message
    assert pay(desk, cash(next_)).receipt.total == money(next_)


@pytest.mark.parametrize(
    "limits",
    [
        OfflineLimits(item=money("10")),
        OfflineLimits(customer=money("20")),
        OfflineLimits(shift_total=money("20")),
        OfflineLimits(count=2),
        OfflineLimits(hours=2),
        OfflineLimits(),
    ],
)
def test_up_to_an_offline_limit_a_mode_is_taken(desk: Desk, limits: OfflineLimits) -> None:
    """Rule 51, the good neighbour: exactly the limit."""
    go_offline(desk, minutes=61, cheque=limits)

    cheque_of(desk, "10", "1")
    cheque_of(desk, "10", "2")

    assert len(rows(desk, "cheque")) == 2
    assert findings(desk) == []


def test_the_limit_of_a_customer_is_his_own(desk: Desk) -> None:
    """Rule 51: another customer still pays so."""
    go_offline(desk, cheque=OfflineLimits(customer=money("5")))
    cheque_of(desk, "5", "1")

    cheque_of(desk, "5", "2", account="BA-5")

    with pytest.raises(Refused):
        cheque_of(desk, "1", "3")


def test_buyers_whom_nobody_knows_are_not_one_customer(desk: Desk) -> None:
    """Rule 51: they share an account; each stays within the limit by himself."""
    stock(desk)
    go_offline(desk, debit_card=OfflineLimits(customer=money("6")))
    for number in ("1", "2", "3"):
        pay(desk, card("5", rrn=number), account=None, lines=[sale("CHARGER", 4)])

    refusal = refused(desk, lambda: pay(desk, card("10", rrn="4"), account=None, lines=[sale("CHARGER", 8)]))
    assert (refusal.code, refusal.details["limit"]) == ("offline_limit", "customer")


def test_what_became_of_a_receipt_is_not_its_money_again(desk: Desk) -> None:
    """The outbox tells of a payment and then of its outcome: the sum at risk is that of the payment."""
    number = pay(desk, bank_cash("100"), account="D-1").receipt.receipt_number
    verify_bank_receipt(desk, BACK_OFFICE, number)

    assert till_state(desk).at_risk == money("100")


def test_two_tenders_of_one_payment_count_together(desk: Desk) -> None:
    """Rule 51."""
    go_offline(desk, debit_card=OfflineLimits(customer=money("10")))

    with pytest.raises(Refused) as refusal:
        pay(desk, card("6"), card("5", rrn="2"))

    assert refusal.value.details["limit"] == "customer"


def test_central_that_answered_a_short_while_ago_limits_nothing(desk: Desk) -> None:
    """Rule 54: online means that central answered."""
    go_offline(desk, minutes=9, cheque=OfflineLimits(count=1))

    cheque_of(desk, "1", "1")
    cheque_of(desk, "1", "2")


def test_what_central_has_acknowledged_no_longer_counts(desk: Desk) -> None:
    """Rule 54: an acknowledgement is an answer, whatever the last whole telling was."""
    go_offline(desk, cheque=OfflineLimits(count=1))
    cheque_of(desk, "1", "1")
    with pytest.raises(Refused):
        cheque_of(desk, "1", "2")

    acknowledge_all(desk)
    clock_of(desk).advance(minutes=30)

    cheque_of(desk, "1", "3")
    with pytest.raises(Refused):
        cheque_of(desk, "1", "4")


def test_a_till_that_was_never_answered_is_offline(desk: Desk) -> None:
    """Rule 54: a cache made anew knows of no answer."""
    go_offline(desk, cheque=OfflineLimits(count=1, hours=1))
    with desk.cache.write() as connection:
        connection.exec_driver_sql("DELETE FROM marker WHERE name = 'told_at'")

    cheque_of(desk, "1", "1")
    with pytest.raises(Refused) as refusal:
        cheque_of(desk, "1", "2")

    assert refusal.value.details["limit"] == "count"


def test_a_clock_before_the_last_answer_stops_nothing(desk: Desk) -> None:
    """Rule 54: the clock is not what says that central is silent."""
    go_offline(desk, cheque=OfflineLimits(count=1))
    with desk.cache.write() as connection:
        cached.set_marker(connection, "told_at", utc_text(NOW + timedelta(days=1)))

    cheque_of(desk, "1", "1")
    cheque_of(desk, "1", "2")


def test_an_override_names_the_supervisor_and_his_reason(desk: Desk) -> None:
    """Rule 52: within limits the company bears an offline loss; overrides name a person."""
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    go_offline(desk, cheque=OfflineLimits(item=money("5")))
    asked = order(desk, cheque("9"))

    warned = refused(desk, lambda: take_payment(desk, SUPERVISOR, asked))
    assert isinstance(warned, NeedsConfirmation)
    assert warned.as_json()["confirm"] == "offline_limit"
    confirmed = order(desk, cheque("9"), confirmed=["offline_limit"])
    assert refused(desk, lambda: take_payment(desk, SUPERVISOR, confirmed)).code == "reason_required"
    taken = take_payment(
        desk, SUPERVISOR, order(desk, cheque("9"), confirmed=["offline_limit"], reason="Known customer")
    )

    assert taken.receipt.total == money("9")
    last = rows(desk, "v_audit")[-1]
    assert (last["operator"], last["act"], last["result"], last["reason_code"]) == (
        "2002",
        "pay",
        "ok",
        "offline_limit: Known customer",
    )


def test_a_cashier_who_confirms_is_refused_all_the_same(desk: Desk) -> None:
    """Rule 52."""
    go_offline(desk, cheque=OfflineLimits(item=money("5")))
    asked = order(desk, cheque("9"), confirmed=["offline_limit"], reason="Please")

    refusal = refused(desk, lambda: take_payment(desk, CASHIER, asked))

    assert refusal.code == "offline_limit"
    assert not isinstance(refusal, NeedsConfirmation)


def test_a_mode_that_is_used_up_is_left_out_with_its_reason(desk: Desk) -> None:
    """Rule 51: when exceeded the mode greys out."""
    go_offline(desk, cheque=OfflineLimits(count=1), bank_cash=OfflineLimits(hours=1))
    clock_of(desk).advance(hours=2)
    cheque_of(desk, "1", "1")
    view = account_view(desk, CASHIER, "BA-1")
    basket = account_basket(desk, view, plan_payment(view), "e")

    assert set(view.closed) == {"cheque", "bank_cash"}
    assert "cheque" not in {mode.code for mode in modes_for(desk, CASHIER, basket)}
    assert list(shut_modes(desk, CASHIER, basket)) == ["cheque"]
    with pytest.raises(Refused) as refusal:
        ways_to_pay(desk, CASHIER, basket, [desk.modes["cheque"]])
    assert refusal.value.code == "offline_limit"
    assert "cheque" in {mode.code for mode in modes_for(desk, SUPERVISOR, basket)}
    assert till_state(desk).at_risk == money("1")


def test_the_settings_make_no_limits_for_a_home_without_central() -> None:
    """Rule 54: who never has a central can't be offline."""
    desk = make_till()
    opened(desk)
    clock_of(desk).advance(days=30)

    pay(desk, cheque("1"))

    assert account_view(desk, CASHIER, "BA-1").closed == {}


KWD = iso("KWD")


@given(
    cap=st.integers(1, 500),
    used=st.integers(0, 400),
    more=st.lists(st.integers(1, 300), min_size=1, max_size=4),
)
def test_what_is_within_a_limit_is_taken_and_nothing_beyond_it(cap: int, used: int, more: list[int]) -> None:
    """Rule 51: no split of the same money gets past a sum."""
    amounts = [money(str(part)) for part in more]
    use = OfflineUse(
        customer=money(str(used)), shift_total=money(str(used)), count=0, silent_for=timedelta(hours=1)
    )

    for name in (Limit.CUSTOMER, Limit.SHIFT_TOTAL):
        found = exceeded(OfflineLimits(**{str(name): money(str(cap))}), use, amounts)  # type: ignore[arg-type]
        assert (found is not None) == (used + sum(more) > cap)
        if found is not None:
            assert found.limit is name
            assert found.left == money(str(max(cap - used, 0)))
