"""Counterfeit and damaged notes and foreign coins: a declared line of the count, not a shortage."""

import pytest

from pos.domain.errors import Refused
from pos.till.balances import ledger_balances
from pos.till.desk import Desk
from tests.builders.tills import (
    BACK_OFFICE,
    cash,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
)
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    """The drawer holds 70.000: a float of 20 and 50 of a dealer."""
    desk = make_till()
    opened(desk)
    pay(desk, cash("50"), account="D-1")
    return desk


def balances(desk: Desk) -> dict[str, str]:
    booked = ledger_balances(desk, BACK_OFFICE)
    return {row.ledger_account: row.balance.plain() for row in booked if row.balance}


@pytest.mark.parametrize(
    ("kind", "ledger_account"),
    [
        ("counterfeit", "counterfeit_cash"),
        ("damaged", "damaged_cash"),
        ("foreign_coins", "foreign_coins"),
    ],
)
def test_a_declared_note_is_no_shortage(desk: Desk, kind: str, ledger_account: str) -> None:
    """Rule 62: what is declared is counted apart, posted to its own account and answered apart."""
    count(desk, "65", declared={kind: "5"})

    done = closed(desk)

    assert (done.expected_cash, done.counted_cash, done.over_short) == (
        money("70"),
        money("70"),
        money("0"),
    )
    assert [(line.kind, line.amount) for line in done.declared] == [(kind, money("5"))]
    assert balances(desk) == {"dealer_account": "-50.000", "safe": "45.000", ledger_account: "5.000"}
    assert findings(desk) == []


@pytest.mark.parametrize(("counted", "over_short"), [("64", "-1.000"), ("66", "1.000"), ("0", "-65.000")])
def test_what_is_missing_beside_a_declared_note_is_a_shortage(
    desk: Desk, counted: str, over_short: str
) -> None:
    """Rule 62: a declared line covers itself only."""
    count(desk, counted, declared={"counterfeit": "5"})
    with pytest.raises(Refused) as refusal:
        closed(desk)
    assert refusal.value.code == "count_differs"

    assert closed(desk, "counted twice").over_short == money(over_short)
    assert findings(desk) == []


def test_several_kinds_stand_in_one_count(desk: Desk) -> None:
    count(desk, "50", declared={"counterfeit": "5", "damaged": "10", "foreign_coins": "5"})

    assert closed(desk).over_short == money("0")
    assert len(rows(desk, "shift_count_declared")) == 3
    assert findings(desk) == []


def test_a_count_without_declared_lines_stays_what_it_was(desk: Desk) -> None:
    count(desk, "70")

    assert closed(desk).declared == ()
    assert rows(desk, "shift_count_declared") == []


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ({"fake": "5"}, "unknown_declared"),
        ({"": "5"}, "unknown_declared"),
        ({"counterfeit": "0"}, "amount_not_positive"),
        ({"counterfeit": "-5"}, "bad_amount"),
        ({"counterfeit": "5.0001"}, "amount_too_precise"),
    ],
)
def test_a_bad_declared_line_is_not_kept(desk: Desk, declared: dict[str, str], code: str) -> None:
    assert refused(desk, lambda: count(desk, "65", declared=declared)).code == code


def test_a_recount_may_declare_something_else(desk: Desk) -> None:
    count(desk, "65")
    count(desk, "65", declared={"damaged": "5"})

    assert closed(desk).over_short == money("0")
    assert balances(desk)["damaged_cash"] == "5.000"


def test_blind_close_the_refusal_of_a_declared_count_tells_nothing(desk: Desk) -> None:
    told = count(desk, "1", declared={"counterfeit": "5"})
    assert {name for name in dir(told) if not name.startswith("_")} == {"shift_id", "number"}

    with pytest.raises(Refused) as refusal:
        closed(desk)
    assert refusal.value.details == {}
    assert not [sign for sign in refusal.value.message if sign.isdigit()]
