"""Screens in a locale's number format: amounts whole at 80x24 up to the largest, typed strictly, books unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from pos.domain.money import MAX_MINOR, Money, currency
from pos.domain.number_format import number_format
from pos.domain.payment_mode import PayerKind
from pos.store import cache as cached
from pos.store.items import put_items
from pos.till.desk import Desk
from tests.builders.tills import account, bill, line, make_till, money, opened, rate, rows, tell
from tests.tui.counter import Counter, counter
from tests.tui.shelf import ITEMS, make_shop

KWD = currency("KWD")
LARGEST = Money(MAX_MINOR - 1, KWD)


def in_format(desk: Desk, locale: str, *, native: bool = False) -> Desk:
    desk.policy = replace(
        desk.policy,
        numbers=number_format(locale, native_digits=native),
        decimal_marks=number_format(locale).decimal_mark,
    )
    return desk


def fits(seat: Counter) -> bool:
    return max(cell_len(row) for row in seat.text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("locale", "native", "typed", "shown"),
    [
        ("de_DE", False, "1234,5", "1.234,500"),
        ("en_IN", False, "123456.5", "1,23,456.500"),
        ("fr_FR", False, "1234,5", "1\u00a0234,500"),
        ("ar_KW", True, "1234.5", "١٬٢٣٤٫٥٠٠"),
    ],
)
async def test_an_amount_is_typed_in_plain_digits_and_shown_in_the_shops_format(
    locale: str, typed: str, shown: str, *, native: bool
) -> None:
    desk = in_format(make_shop(), locale, native=native)
    tell(desk, accounts=[account("BA-77", "Nothing Owed")])
    async with counter(desk) as seat:
        await seat.open("BA-77")
        await seat.write(typed)
        await seat.press("f5", "enter")
        assert f"{shown} KWD taken" in seat.message
        assert shown in seat.text
    assert [row["amount_minor"] for row in rows(desk, "v_payment")] == [
        int(float(typed.replace(",", ".")) * 1000)
    ]


@pytest.mark.parametrize("typed", ["1.234", "1.234,5", "1,2,3"])
async def test_a_mark_that_groups_is_not_typed_and_never_guessed(typed: str) -> None:
    desk = in_format(make_shop(), "de_DE")
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write(typed)
        assert "Type the amount in plain digits, as in 12,000." in seat.text
        await seat.press("enter")
        assert seat.screen == "CashScreen"
    assert rows(desk, "v_payment") == []


async def test_what_a_rule_says_is_written_in_the_same_format() -> None:
    desk = in_format(make_shop(), "de_DE")
    async with counter(desk) as seat:
        await seat.open("7781")
        await seat.press("f5")
        assert "41,750" in seat.text
        await seat.press("escape")
        await seat.write("99")
        await seat.press("-")
        assert "41.750" not in seat.text
        assert "41,750" in seat.text


@pytest.mark.parametrize("locale", ["", "de_DE", "en_IN", "de_CH"])
async def test_the_largest_amounts_stand_whole_on_every_screen(locale: str) -> None:
    desk = make_till()
    opened(desk)
    holder = account("BA-9", "Kuwait National Petroleum Company", credit=Money(LARGEST.minor - 7, KWD))
    owed = bill("9001", LARGEST, of="BA-9", lines=[line("L1", LARGEST, name="Leased lines", rates=["R1"])])
    tell(desk, accounts=[holder], bills=[owed])
    with desk.cache.write() as connection:
        cached.put_rates(connection, [rate("R1", "9001", LARGEST)])
        put_items(connection, [replace(ITEMS[0], price=LARGEST)])
    shown = in_format(desk, locale).policy.numbers.shown if locale else desk.policy.numbers.shown
    async with counter(desk) as seat:
        await seat.open("BA-9")
        assert seat.text.count(shown(LARGEST)) >= 3, "balance, bill, open"
        assert shown(Money(LARGEST.minor - 7, KWD)) in seat.text
        assert fits(seat)
        await seat.press("space")
        assert fits(seat)
        assert seat.text.count(shown(LARGEST)) >= 4
        await seat.press("f3")
        assert seat.text.count(shown(LARGEST)) >= 5, "bill, open, net and amount of the line, its sums"
        assert f"open {shown(LARGEST)}" in seat.text
        assert fits(seat)
        await seat.press("enter")
        assert seat.text.count(shown(LARGEST)) >= 4
        assert fits(seat)
        await seat.press("escape", "escape", "f5")
        assert seat.text.count(shown(LARGEST)) >= 1
        assert fits(seat)
        await seat.press("enter")
        assert shown(LARGEST) in seat.text
        assert fits(seat)


@pytest.mark.parametrize("locale", ["de_DE", "en_IN"])
async def test_the_largest_sale_stands_whole(locale: str) -> None:
    desk = in_format(make_shop(), locale)
    with desk.cache.write() as connection:
        put_items(connection, [replace(ITEMS[0], price=LARGEST)])
    shown = desk.policy.numbers.shown
    async with counter(desk) as seat:
        await seat.open("ACC-01")
        assert seat.text.count(shown(LARGEST)) >= 4, "price, amount, sum, to pay"
        assert fits(seat)
        await seat.press("f5", "enter")
        assert shown(LARGEST) in seat.text
        assert fits(seat)


async def test_a_dealers_limit_stands_whole() -> None:
    desk = in_format(make_till(), "de_DE")
    opened(desk)
    dealer = account("D-9", "Gulf", kind=PayerKind.DEALER, credit=money("1"))
    tell(desk, accounts=[replace(dealer, credit_limit=LARGEST, dealer_class="A")])
    async with counter(desk) as seat:
        await seat.press("f9")
        assert desk.policy.numbers.shown(LARGEST) in seat.text
        await seat.open("D-9")
        assert desk.policy.numbers.shown(LARGEST) in seat.text
        assert fits(seat)
