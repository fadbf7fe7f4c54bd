"""Where the money of a payment stands now: against bills, on accounts, in suspense, or paid for other things.

What was applied and credited when it came, and every refund and move since. Nothing leaves a payment that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency
from pos.domain.payment_mode import Purpose
from sync.central.refunds.incoming_refund import IncomingRefund


class StoodAs(StrEnum):
    """What money stands as: ``refund_part`` keeps it in these words.

    The last two stand beside the money: a rest of a bill that was cleared with it, and debt that it brought back.
    """

    BILL = "bill"
    CREDIT = "credit"
    ADVANCE = "advance"
    DEPOSIT = "deposit"
    SUSPENSE = "suspense"
    OTHER = "other"
    WRITE_OFF = "write_off"
    RECOVERY = "recovery"


KEPT_APART = (StoodAs.ADVANCE, StoodAs.DEPOSIT)
ON_ACCOUNT = (StoodAs.CREDIT, *KEPT_APART)
FIGURE_OF = {
    Purpose.ACCOUNT: StoodAs.CREDIT,
    Purpose.ADVANCE: StoodAs.ADVANCE,
    Purpose.DEPOSIT: StoodAs.DEPOSIT,
    Purpose.ITEMS: StoodAs.OTHER,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place of money. ``stands_as`` CREDIT stands for all that is on the account, however it is kept there."""

    stands_as: StoodAs
    account_id: str
    bill_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So much money put at a place, or (less than nothing) taken from it."""

    stood_as: StoodAs
    account_id: str
    bill_id: str | None
    amount: Money


def positions_of(
    connection: Connection, paid: Row[Any], *, but_hold: str | None = None, held_too: bool = False
) -> dict[Place, int]:
    """What is left of the payment ``paid`` (a row of FIND_PAID) at each place, in the order in which it came there.

    What is held for a refund of another terminal is left out, but not that of the hold ``but_hold``, nor with ``held_too``.
    """
    found: dict[Place, int] = {}

    def add(place: Place, minor: int) -> None:
        found[place] = found.get(place, 0) + minor

    for row in connection.execute(READ_APPLIED, {"id": paid.id}):
        add(Place(StoodAs.BILL, row.account_id, row.bill_id), row.amount_minor)
    add(Place(StoodAs.CREDIT, paid.account_id), paid.credit_minor)
    add(Place(StoodAs.SUSPENSE, paid.account_id), paid.suspense_minor - paid.moved_minor)
    add(Place(StoodAs.OTHER, paid.account_id), paid.other_minor)
    for row in connection.execute(READ_PARTS, {"id": paid.id}):
        stands_as = StoodAs(row.stood_as)
        kept = StoodAs.CREDIT if stands_as in ON_ACCOUNT else stands_as
        add(Place(kept, row.account_id, row.bill_id), row.amount_minor)
    for row in () if held_too else _held_parts(connection, paid.id, but_hold):
        stands_as = StoodAs(row.stood_as)
        kept = StoodAs.CREDIT if stands_as in ON_ACCOUNT else stands_as
        add(Place(kept, row.account_id, row.bill_id), -row.amount_minor)
    return {place: minor for place, minor in found.items() if minor > 0}


def take(connection: Connection, paid: Row[Any], told: IncomingRefund, amount: Money) -> list[Part]:
    """The parts of the payment that make up ``amount`` of the refund, each less than nothing; no more than is left.

    First as the till tells it; what central has placed otherwise (a bill wanted less, an account was unknown) is taken
    where it is: on the account, in suspense, from bills, the newest first, then from what was paid for other things.
    """
    left = positions_of(connection, paid, but_hold=told.hold_id)
    taken: list[tuple[Place, Purpose | None, int]] = []
    wanted = amount.minor

    def take_from(place: Place, purpose: Purpose | None, minor: int) -> None:
        nonlocal wanted
        part = min(left.get(place, 0), minor, wanted)
        if part > 0:
            left[place] -= part
            wanted -= part
            taken.append((place, purpose, part))

    for place, purpose, minor in _as_told(left, told):
        take_from(place, purpose, minor)
    for stands_as in (StoodAs.CREDIT, StoodAs.SUSPENSE, StoodAs.BILL, StoodAs.OTHER):
        for place in [one for one in reversed(left) if one.stands_as is stands_as]:
            take_from(place, None, wanted)
    assert wanted == 0, "no more than is left of the payment is taken"
    return list(_by_figure(connection, paid, taken, but_hold=told.hold_id))


def part_to_hold(connection: Connection, paid: Row[Any], amount: Money) -> list[Part]:
    """The parts, each more than nothing, that a refund of ``amount`` would take: off accounts, then bills, newest first.

    Together they are less than ``amount`` where less is there. What is in suspense belongs to nobody known, and what was
    paid for other things comes back by a reversal: neither is among them.
    """
    left, wanted = positions_of(connection, paid), amount.minor
    taken: list[tuple[Place, Purpose | None, int]] = []
    for stands_as in (StoodAs.CREDIT, StoodAs.BILL):
        for place in [one for one in reversed(left) if one.stands_as is stands_as]:
            part = min(left[place], wanted)
            if part > 0:
                taken.append((place, None, part))
                wanted -= part
    return [replace(part, amount=-part.amount) for part in _by_figure(connection, paid, taken)]


def _held_parts(connection: Connection, payment_id: str, but_hold: str | None) -> Iterable[Row[Any]]:
    return connection.execute(READ_HELD, {"id": payment_id, "but": but_hold or ""})


def _as_told(left: Iterable[Place], told: IncomingRefund) -> Iterator[tuple[Place, Purpose | None, int]]:
    bills = {place.bill_id: place for place in left if place.stands_as is StoodAs.BILL}
    others = [place for place in left if place.stands_as in (StoodAs.SUSPENSE, StoodAs.OTHER)]
    for bill_id, amount in told.bills.items():
        if bill_id in bills:
            yield bills[bill_id], None, amount.minor
    rest = told.amount.minor - sum(amount.minor for amount in told.bills.values())
    for part in told.on_account:
        rest -= part.amount.minor
        if part.purpose is not Purpose.SUSPENSE:
            yield Place(StoodAs.CREDIT, part.account_id), part.purpose, part.amount.minor
        else:
            yield from ((one, None, part.amount.minor) for one in others if one.stands_as is StoodAs.SUSPENSE)
    if told.is_ours:
        # What is neither a bill's nor on account was for items.
        yield from ((one, None, rest) for one in others if one.stands_as is StoodAs.OTHER)


def _by_figure(
    connection: Connection,
    paid: Row[Any],
    taken: Iterable[tuple[Place, Purpose | None, int]],
    *,
    but_hold: str | None = None,
) -> Iterator[Part]:
    """Money on an account leaves the figure that it is told for, or was kept as; what is not there any more is owed."""
    in_currency = currency(paid.currency)
    apart = {StoodAs(row.kept_as): int(row.minor) for row in connection.execute(READ_APART, {"id": paid.id})}
    for row in _held_parts(connection, paid.id, but_hold):
        if row.stood_as in apart and row.account_id == paid.account_id:
            apart[StoodAs(row.stood_as)] -= row.amount_minor
    sums: dict[tuple[StoodAs, Place], int] = {}
    for place, purpose, minor in taken:
        wanted: dict[StoodAs, int]
        if place.stands_as is not StoodAs.CREDIT:
            wanted = {place.stands_as: minor}
        elif purpose is not None:
            wanted = {FIGURE_OF[purpose]: minor}
        else:
            wanted = _untold(minor, apart if place.account_id == paid.account_id else {})
        for stood_as, part in wanted.items():
            there = part
            if stood_as in KEPT_APART:
                before = sums.get((stood_as, place), 0)
                there = min(part, max(0, _there(connection, place.account_id, stood_as) - before))
            for figure, out in ((stood_as, there), (StoodAs.CREDIT, part - there)):
                if out:
                    sums[(figure, place)] = sums.get((figure, place), 0) + out
    for (stood_as, place), minor in sums.items():
        amount = Money(-minor, in_currency)
        yield Part(stood_as=stood_as, account_id=place.account_id, bill_id=place.bill_id, amount=amount)


def _untold(minor: int, apart: Mapping[StoodAs, int]) -> dict[StoodAs, int]:
    """Without a word of the till: what the payment left there apart, then what is plain credit."""
    wanted: dict[StoodAs, int] = {}
    for figure in KEPT_APART:
        wanted[figure] = min(minor, max(0, apart.get(figure, 0)))
        minor -= wanted[figure]
    return wanted | {StoodAs.CREDIT: minor}


def _there(connection: Connection, account_id: str, figure: StoodAs) -> int:
    """What an account has as advance or deposit: these never fall below zero."""
    row = connection.execute(FIND_APART, {"id": account_id}).one()
    return int(row.advance_minor if figure is StoodAs.ADVANCE else row.deposit_minor)


FIND_PAID = text(
    "SELECT id, correlator_id, account_id, currency, amount_minor, credit_minor, suspense_minor, other_minor,"
    " refunded_minor, held_minor, terminal, epoch, sequence, body,"
    " (SELECT coalesce(sum(amount_minor), 0) FROM suspense_transfer WHERE payment_id = payment.id) AS moved_minor,"
    " (SELECT coalesce(sum(credited_minor), 0) FROM outcome WHERE payment_id = payment.id) AS outcome_minor"
    " FROM payment WHERE id = :id"
)
READ_APPLIED = text(
    "SELECT bill_id, bill.account_id, amount_minor FROM applied_payment"
    " JOIN bill ON bill.id = applied_payment.bill_id WHERE payment_id = :id ORDER BY item_no"
)
READ_PARTS = text(
    "SELECT stood_as, part.account_id, bill_id, part.amount_minor FROM refund_part AS part"
    " JOIN refund ON refund.id = part.refund_id WHERE refund.payment_id = :id"
    " AND stood_as NOT IN ('write_off', 'recovery') ORDER BY refund.change_number, part_no"
)
READ_HELD = text(
    "SELECT stood_as, part.account_id, part.bill_id, part.amount_minor FROM refund_hold_part AS part"
    " JOIN refund_hold_leg AS leg ON leg.hold_id = part.hold_id AND leg.payment_id = part.payment_id"
    " JOIN refund_hold AS hold ON hold.id = part.hold_id WHERE part.payment_id = :id AND part.hold_id <> :but"
    " AND leg.refund_id IS NULL AND hold.released_at IS NULL"
)
READ_APART = text(
    "SELECT kept_as, sum(minor) AS minor FROM (SELECT kept_as, amount_minor AS minor FROM kept_apart"
    " WHERE payment_id = :id UNION ALL SELECT stood_as, part.amount_minor FROM refund_part AS part"
    " JOIN refund ON refund.id = part.refund_id JOIN payment ON payment.id = refund.payment_id"
    " WHERE payment.id = :id AND part.account_id = payment.account_id AND stood_as IN ('advance', 'deposit'))"
    " AS apart GROUP BY kept_as"
)
FIND_APART = text("SELECT advance_minor, deposit_minor FROM account WHERE id = :id")
