"""What a float or a count is made of: notes and coins by value, and the slips of the ways to pay that are no cash.

A slip that is missing is not missing money: it is named and signed for, and nothing is posted. Source: domain.md 3.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pos.domain.denominations import Pieces, read_pieces, require_sum
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_count, zero
from pos.domain.payment_mode import ModeKind
from pos.domain.sheet import SheetLine
from pos.store.shifts import ExpectedTender, Shift, open_shift, taken_in
from pos.till.desk import Deed, Desk

SLIPS_MAX = 100_000
NO_SLIPS = (ModeKind.CASH, ModeKind.CHEQUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlipOrder:
    """How many slips of a way to pay were found, and what they sum to, as text in the shop's currency."""

    mode: str
    count: int
    amount: str


def read_told_pieces(
    deed: Deed, cash: Money, told: Sequence[tuple[str, int]], decimal_marks: str
) -> list[Pieces]:
    """The notes and coins of ``cash``; none where they need not be told.

    Raises Refused ``pieces_missing``, ``pieces_differ`` or what ``read_pieces`` raises.
    """
    policy = deed.desk.policy.shift
    if not told:
        if policy.by_denomination and cash.minor:
            raise Refused("pieces_missing", "Count by notes and coins: * opens their list.", field="pieces")
        return []
    pieces = read_pieces(told, cash.currency, known=policy.denominations, decimal_marks=decimal_marks)
    require_sum(pieces, cash)
    return pieces


def write_pieces(deed: Deed, table: str, of: Mapping[str, object], pieces: Sequence[Pieces]) -> None:
    """Before the float or count itself, so that the database can sum them."""
    deed.unit.insert_all(
        table, [{**of, "value_minor": one.value.minor, "pieces": one.pieces} for one in pieces]
    )


def pieces_line(one: Pieces) -> SheetLine:
    """As a paper of the cash office lists it."""
    return SheetLine(code="pieces", said=one.value.plain(), count=one.pieces, amount=one.amount)


def read_slips(
    deed: Deed, shift: Shift, orders: Sequence[SlipOrder], decimal_marks: str
) -> dict[str, tuple[int, Money]]:
    """The slips that were found, by way to pay; a way that was taken and is not named has none.

    Raises Refused ``unknown_mode``, ``named_twice``, ``bad_count`` or what ``parse_count`` raises.
    """
    modes = deed.desk.modes
    found = dict.fromkeys(
        slips_expected(deed.desk, taken_in(deed.unit.connection, shift)), (0, zero(shift.currency))
    )
    named: set[str] = set()
    for order in orders:
        if order.mode not in modes.by_code or modes[order.mode].kind in NO_SLIPS:
            raise Refused("unknown_mode", "Slips are of a card, a voucher or another paper.", field="slips")
        if order.mode in named:
            raise Refused("named_twice", "The same line stands in this count twice. Count it in one.")
        if not 0 <= order.count <= SLIPS_MAX:
            raise Refused("bad_count", "Count the slips in whole numbers.", field="slips")
        named.add(order.mode)
        amount = parse_count(order.amount, shift.currency, decimal_marks=decimal_marks)
        found[order.mode] = (order.count, amount)
    return found


def write_slips(deed: Deed, count_id: str, slips: Mapping[str, tuple[int, Money]]) -> None:
    """Before the count itself."""
    deed.unit.insert_all(
        "shift_count_slip",
        [
            {"count_id": count_id, "mode": mode, "slips": count, "amount_minor": amount.minor}
            for mode, (count, amount) in slips.items()
        ],
    )


def slips_expected(desk: Desk, taken: Sequence[ExpectedTender]) -> dict[str, tuple[int, Money]]:
    """What the books hold of each way to pay that leaves a slip."""
    return {one.mode: (one.count, one.amount) for one in taken if desk.modes[one.mode].kind not in NO_SLIPS}


def slips_taken(desk: Desk) -> list[str]:
    """The ways with slips that the open shift took: what a count asks for. It tells no amount."""
    with desk.till.read() as connection:
        shift = open_shift(connection)
        return [] if shift is None else list(slips_expected(desk, taken_in(connection, shift)))
