"""A terminal's own totals beside the till's: since the last time, where they differ, kept as a row (3.8)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.card import CardDeclined, CardNotReached, TerminalTotals, TotalsLine, TotalsOutcome
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money, currency
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.till.card_totals import CardReconciliation, compare, reconcile_cards
from pos.till.desk import Desk
from pos.till.take_payment import take_payment
from tests.builders.cards import NO_ANSWER, FakeCards, ask, by_terminal
from tests.builders.tills import (
    CASHIER,
    SUPERVISOR,
    card,
    findings,
    make_till,
    money,
    opened,
    order,
    pay,
    rows,
    wish,
)


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def line(kind: str, brand: str, count: int, amount: str) -> TotalsLine:
    return TotalsLine(kind=kind, brand=brand, count=count, amount=money(amount))


def told(*lines: TotalsLine, period: str = "1") -> TerminalTotals:
    return TerminalTotals(reconciliation=period, lines=lines)


def reconcile(desk: Desk, totals: TotalsOutcome, person: Person = SUPERVISOR) -> CardReconciliation:
    terminal = FakeCards()
    terminal.totals = totals
    return asyncio.run(reconcile_cards(desk, person, terminal, InlineRunner()))


def by_card(desk: Desk, amount: str, terminal: FakeCards) -> None:
    asked = order(desk, by_terminal(amount), allocate=[wish("7781", amount)])
    take_payment(desk, CASHIER, ask(desk, asked, terminal))


def test_the_totals_agree_with_what_was_taken_there(desk: Desk) -> None:
    terminal = FakeCards()
    by_card(desk, "10", terminal)
    by_card(desk, "5.500", terminal)
    pay(desk, card("2", "777", card_terminal="T7"), allocate=[wish("7782", "2")])

    found = reconcile(desk, told(line("debit", "VISA", 2, "15.500")))

    assert found.agrees
    (visa,) = found.compared
    assert (visa.brand, visa.own_count, visa.own) == ("VISA", 2, money("15.500"))
    (row,) = rows(desk, "card_reconciliation")
    assert (row["agrees"], row["number"], json.loads(str(row["own_json"]))) == (
        1,
        1,
        [["debit", "VISA", 2, 15500]],
    )
    assert findings(desk) == []


@pytest.mark.parametrize(
    "lines",
    [
        [line("debit", "VISA", 3, "16"), line("reverse_debit", "VISA", 1, "6")],
        [line("debit", "VISA", 3, "16"), line("credit", "VISA", 1, "6")],
        [line("debit", "", 2, "10")],
        [line("debit", "VISA", 2, "10"), line("declined", "AMEX", 4, "99")],
    ],
)
def test_compared_is_what_stands_on_cards_in_the_end(desk: Desk, lines: Sequence[TotalsLine]) -> None:
    terminal = FakeCards()
    by_card(desk, "4", terminal)
    by_card(desk, "6", terminal)

    assert reconcile(desk, told(*lines)).agrees


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [line("debit", "VISA", 1, "10.001")],
        [line("debit", "VISA", 2, "10")],
        [line("debit", "AMEX", 1, "10")],
    ],
)
def test_a_difference_is_said_by_brand_and_kept(desk: Desk, lines: Sequence[TotalsLine]) -> None:
    by_card(desk, "10", FakeCards())

    found = reconcile(desk, told(*lines))

    assert not found.agrees
    assert any(not one.agrees for one in found.compared)
    assert rows(desk, "card_reconciliation")[0]["agrees"] == 0


def test_the_next_one_counts_from_the_last(desk: Desk) -> None:
    terminal = FakeCards()
    by_card(desk, "10", terminal)
    reconcile(desk, told(line("debit", "VISA", 1, "10")))
    by_card(desk, "3", terminal)

    found = reconcile(desk, told(line("debit", "VISA", 1, "3"), period="2"))

    assert (found.agrees, found.number, found.since is not None) == (True, 2, True)


def test_a_period_is_reconciled_once(desk: Desk) -> None:
    reconcile(desk, told(period="7"))

    with pytest.raises(Refused) as refusal:
        reconcile(desk, told(period="7"))
    assert refusal.value.code == "reconciled_already"
    assert len(rows(desk, "card_reconciliation")) == 1


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (NO_ANSWER, "card_terminal_unreachable"),
        (CardNotReached(reason="not there."), "card_terminal_unreachable"),
        (CardDeclined(code="Busy", reason="Busy"), "card_totals_refused"),
    ],
)
def test_without_totals_nothing_is_kept(desk: Desk, outcome: TotalsOutcome, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        reconcile(desk, outcome)

    assert refusal.value.code == code
    assert rows(desk, "card_reconciliation") == []


def test_a_cashier_closes_no_terminals_period(desk: Desk) -> None:
    with pytest.raises(NotAuthorised):
        reconcile(desk, told(), CASHIER)


@given(
    st.lists(
        st.tuples(st.sampled_from(["VISA", "AMEX", ""]), st.integers(0, 9), st.integers(0, 10**9)), max_size=6
    )
)
def test_what_is_told_as_the_books_have_it_always_agrees(made: list[tuple[str, int, int]]) -> None:
    kwd = currency("KWD")
    lines = [TotalsLine(kind="debit", brand=b, count=n, amount=Money(minor, kwd)) for b, n, minor in made]

    assert all(one.agrees for one in compare(lines, lines, kwd))
