"""What a payment screen shows of the basket that it is to pay."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from pos.domain.payment_mode import Purpose
from pos.till.basket import Basket
from pos.tui.seat import Seat
from pos.tui.widgets.columns import cut, fitted, shown

LINES_MAX = 4


def summary(seat: Seat, basket: Basket) -> Text:
    """Who pays, what for, and what was given, in at most ``LINES_MAX`` lines below the name."""
    text = Text(no_wrap=True, overflow="crop")
    text.append(f" {payer_name(basket)}  {basket.payer.currency}", "bold")
    lines = list(_lines(seat, basket))
    for line in lines if len(lines) <= LINES_MAX else lines[: LINES_MAX - 1]:
        text.append(f"\n   {line}")
    if len(lines) > LINES_MAX:
        more = f"{len(lines) - LINES_MAX + 1} more"
        given = f", given {seat.shown(basket.handed_over)}" if basket.given else ""
        text.append(f"\n   and {more}: to pay {seat.shown(basket.to_pay)}{given}")
    return text


def payer_name(basket: Basket) -> str:
    """Account and name; a walk-in buyer has neither."""
    if basket.keeps_nothing:
        return "Sale without a customer"
    return f"{shown(basket.payer.account)}  {cut(shown(basket.payer.name), 50)}"


def _lines(seat: Seat, basket: Basket) -> Iterator[str]:
    if basket.in_place_of is not None:
        anew = basket.in_place_of
        what = (
            f"In place of cheque {shown(anew.serial)}"
            if anew.cheque
            else f"Receipt {shown(anew.receipt)}, paid another way"
        )
        yield f"{what}: {seat.shown(basket.to_pay)}"
        yield from _given(seat, basket)
        return
    for part in basket.plan.parts:
        rest = part.open_after
        stays = f"   {seat.shown(rest)} stays open" if rest else ""
        of_other = "" if part.account == basket.payer.account else f"   of {shown(part.account)}"
        yield f"Bill {fitted(part.bill_no or '', 18)}{seat.shown(part.amount):>18}{stays}{of_other}"
    for one in basket.kept:
        word = "Security deposit" if one.purpose is Purpose.DEPOSIT else "Advance"
        yield f"{fitted(word, 23)}{seat.shown(one.amount):>18}"
    if basket.lines:
        count = sum(line.quantity for line in basket.lines)
        yield f"{fitted(f'Items, {count} in all', 23)}{seat.shown(basket.sale):>18}   tax {seat.shown(basket.tax)} in it"
    if basket.commission_kept:
        yield f"{'Less commission':23}{seat.shown(-basket.commission_kept):>18}"
    if basket.is_empty:
        yield "No bill and no item: the money goes on account"
    yield from _given(seat, basket)


def _given(seat: Seat, basket: Basket) -> Iterator[str]:
    for given in basket.given:
        came_in = ""
        if given.foreign is not None:
            notes, rate = (
                seat.shown_with_currency(given.foreign.amount),
                seat.in_words(str(given.foreign.rate)),
            )
            came_in = f"   {notes} at {rate}"
        yield f"{fitted(f'Given: {given.mode.label}', 23)}{seat.shown(given.amount):>18}{came_in}"
