"""What a drawer holds beside the shop's own cash and cheques: notes of other currencies, and what is declared apart.

A counterfeit or damaged note and foreign coins are a line of the count, not a shortage. Source: domain.md rules 7 and 62.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pos.domain.errors import Refused
from pos.domain.foreign_cash import ForeignClosing
from pos.domain.money import Money, currency, parse_amount, parse_count, zero
from pos.store.shifts import Count, Declared, ForeignTaken, Shift, foreign_taken_in, open_shift
from pos.till.desk import Deed, Desk

NO_RATE = ("0", "no rate")
"""A currency that nobody took and the list has no more is worth nothing, so that a close never waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignCountOrder:
    """How much of another currency was counted, as text in that currency."""

    currency: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredOrder:
    """Cash that is no good, by its kind of the settings, as text in the shop's currency."""

    kind: str
    amount: str


def currencies_taken(desk: Desk) -> list[str]:
    """The other currencies that the open shift took: what a count asks for. It tells no amount."""
    with desk.till.read() as connection:
        shift = open_shift(connection)
        return (
            [] if shift is None else [one.amount.currency.code for one in foreign_taken_in(connection, shift)]
        )


def read_foreign_counts(
    deed: Deed, shift: Shift, orders: Sequence[ForeignCountOrder], decimal_marks: str
) -> list[Money]:
    """Raises Refused ``currency_not_taken``, ``named_twice`` or what ``parse_count`` raises."""
    taken = {one.amount.currency.code for one in foreign_taken_in(deed.unit.connection, shift)}
    _refuse_twice([order.currency for order in orders])
    for order in orders:
        if order.currency == shift.currency.code:
            raise Refused(
                "currency_not_taken",
                f"{order.currency} is the shop's own: count it as cash.",
                field="foreign",
            )
        if order.currency not in taken:
            deed.desk.policy.foreign_cash.listed(order.currency, shop=shift.currency)
    return [
        parse_count(order.amount, currency(order.currency), decimal_marks=decimal_marks) for order in orders
    ]


def read_declared(
    deed: Deed, shift: Shift, orders: Sequence[DeclaredOrder], decimal_marks: str
) -> list[Declared]:
    """Raises Refused ``unknown_declared``, ``named_twice`` or what ``parse_amount`` raises."""
    kinds = deed.desk.policy.declared
    _refuse_twice([order.kind for order in orders])
    for order in orders:
        if order.kind not in kinds:
            raise Refused(
                "unknown_declared", f"What is declared is one of {', '.join(kinds)}.", allowed=list(kinds)
            )
    return [
        Declared(
            kind=order.kind,
            ledger_account=kinds[order.kind],
            amount=parse_amount(order.amount, shift.currency, decimal_marks=decimal_marks),
        )
        for order in orders
    ]


def _refuse_twice(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise Refused("named_twice", "The same line stands in this count twice. Count it in one.")


def write_count_parts(
    deed: Deed, count_id: str, foreign: Sequence[Money], declared: Sequence[Declared]
) -> None:
    """Before the count itself: a count is complete when its own row is written."""
    deed.unit.insert_all(
        "shift_count_foreign",
        [
            {"count_id": count_id, "currency": amount.currency.code, "counted_minor": amount.minor}
            for amount in foreign
        ],
    )
    deed.unit.insert_all(
        "shift_count_declared",
        [
            {
                "count_id": count_id,
                "kind": line.kind,
                "ledger_account": line.ledger_account,
                "amount_minor": line.amount.minor,
            }
            for line in declared
        ],
    )


def close_foreign(deed: Deed, shift: Shift, count: Count) -> list[ForeignClosing]:
    """Each other currency that was taken or counted, at the rate of today; one that was not counted counts as none."""
    taken = {one.amount.currency.code: one for one in foreign_taken_in(deed.unit.connection, shift)}
    counted = {amount.currency.code: amount for amount in count.foreign}
    return [
        _foreign_closing(deed, shift, code, taken.get(code), counted.get(code))
        for code in sorted({*taken, *counted})
    ]


def _foreign_closing(
    deed: Deed, shift: Shift, code: str, taken: ForeignTaken | None, counted: Money | None
) -> ForeignClosing:
    none = zero(currency(code))
    rate, source = _rate_of_the_close(deed, code, taken)
    return ForeignClosing(
        expected=none if taken is None else taken.amount,
        counted=none if counted is None else counted,
        booked=zero(shift.currency) if taken is None else taken.booked,
        rate=rate,
        source=source,
    )


def _rate_of_the_close(deed: Deed, code: str, taken: ForeignTaken | None) -> tuple[str, str]:
    """A list that lost the currency, or is of tomorrow, leaves the last rate that it was taken at."""
    listed = deed.desk.policy.foreign_cash.rates.get(code)
    if listed is not None and listed.valid_on <= deed.at.date():
        return listed.rate, listed.named
    return NO_RATE if taken is None else (taken.rate, taken.source)


def write_foreign_closings(deed: Deed, shift: Shift, closings: Sequence[ForeignClosing]) -> None:
    """Before the closing itself: a shift is closed when that row is written."""
    deed.unit.insert_all(
        "shift_close_foreign",
        [
            {
                "shift_id": shift.shift_id,
                "currency": closing.expected.currency.code,
                "expected_minor": closing.expected.minor,
                "counted_minor": closing.counted.minor,
                "booked_minor": closing.booked.minor,
                "rate": closing.rate,
                "rate_source": closing.source,
                "value_minor": closing.value.minor,
                "over_short_minor": closing.over_short.minor,
                "exchange_minor": closing.exchange.minor,
            }
            for closing in closings
        ],
    )
