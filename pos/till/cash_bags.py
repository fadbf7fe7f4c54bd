"""Cash of the safe goes into a sealed, numbered bag, and so to the bank on a deposit slip; or it is opened again.

No entry is booked: the cash is in the safe until the bank or its carrier took the slip. Source: domain.md 3.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pos.domain.business_day import business_date
from pos.domain.cash_bag import BagState, CashBag
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_amount, zero
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.cash_bags import bag_by_number, bag_steps_gone, loose_in_safe
from pos.store.times import offset_minutes, utc_text
from pos.till.desk import Deed, Desk, Memo, perform

SEAL, OPEN = "bag_cash", "open_bag"


def bag_cash(
    desk: Desk,
    person: Person,
    number: str,
    amount: str,
    *,
    decimal_marks: str = ".",
    memo: Memo | None = None,
) -> CashBag:
    """Seal ``amount`` (as typed, in the shop's currency) into the bag of this printed number.

    Foreign notes stay in the safe: no bag takes them. Raises NotAuthorised, or Refused ``bag_taken``, ``not_in_coins``,
    ``bag_over_safe``, or what reading number and amount raises.
    """

    def work(deed: Deed) -> CashBag:
        deed.shift = None
        return seal_bag(deed, number, amount, decimal_marks=decimal_marks)

    return perform(desk, person, SEAL, work, memo=memo)


def seal_bag(deed: Deed, number: str, amount: str, *, decimal_marks: str) -> CashBag:
    """The same as a part of another deed. Raises as ``bag_cash``."""
    desk = deed.desk
    named = deed.subject = clean_reference(number, field="Bag", limit=40).upper()
    counted = parse_amount(amount, desk.identity.currency, decimal_marks=decimal_marks)
    if counted.minor % desk.policy.cash_rounding.coin_minor:
        raise Refused("not_in_coins", f"There are no coins for {counted}. Count again.", field="amount")
    before = bag_by_number(deed.unit.connection, named)
    if before is not None and before.state not in (BagState.CREDITED, BagState.OPENED, BagState.SENT):
        raise Refused("bag_taken", f"Bag {named} is {before.state} already. Look at its number.", bag=named)
    _require_in_safe(deed, counted)
    bag = CashBag(
        bag_id=deed.new_id(),
        number=named,
        amount=counted,
        sealed_on=business_date(deed.at, desk.policy.day_starts),
        sealed_by=deed.person.user,
    )
    deed.unit.insert(
        "cash_bag",
        {
            "bag_id": bag.bag_id,
            "number": bag.number,
            "amount_minor": bag.amount.minor,
            "currency": bag.amount.currency.code,
            "business_date": bag.sealed_on.isoformat(),
            "sealed_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": bag.sealed_by,
        },
    )
    move_bags(deed, [bag], BagState.SEALED)
    return bag


def _require_in_safe(deed: Deed, counted: Money) -> None:
    """Raises Refused ``bag_over_safe`` where the safe did not take in so much."""
    loose = loose_in_safe(deed.unit.connection, counted.currency)
    if counted > loose:
        left = max(loose, zero(counted.currency))
        raise Refused(
            "bag_over_safe",
            f"The safe took in {left.plain()} that is in no bag yet. Count again; what is in a drawer is not in the safe.",
            in_safe=left.plain(),
            currency=counted.currency.code,
            field="amount",
        )


def open_bag(desk: Desk, person: Person, number: str, reason: str, *, memo: Memo | None = None) -> CashBag:
    """Open a bag that is on no slip: its cash is loose in the safe again.

    Raises NotAuthorised, or Refused ``unknown_bag``, ``bag_not_in_safe`` or ``reason_missing``.
    """

    def work(deed: Deed) -> CashBag:
        deed.shift = None
        bag = find_bag(deed, number)
        require_in_safe(bag)
        why = clean_entry(reason, field="Reason", limit=200)
        if not why:
            raise Refused("reason_missing", "Say why the bag is opened.")
        (opened,) = move_bags(deed, [bag], BagState.OPENED, reason=why)
        return opened

    return perform(desk, person, OPEN, work, memo=memo)


def find_bag(deed: Deed, number: str) -> CashBag:
    """The bag of this number. Raises Refused ``unknown_bag``."""
    named = deed.subject = clean_reference(number, field="Bag", limit=40).upper()
    bag = bag_by_number(deed.unit.connection, named)
    if bag is None:
        raise Refused("unknown_bag", f"There is no bag {named} at this terminal.", bag=named)
    return bag


def require_in_safe(bag: CashBag) -> None:
    """Raises Refused ``bag_not_in_safe``."""
    if bag.state is not BagState.SEALED:
        where = "" if bag.slip is None else f" on deposit slip {bag.slip}"
        raise Refused("bag_not_in_safe", f"Bag {bag.number} is {bag.state} already{where}.", bag=bag.number)


def move_bags(
    deed: Deed, bags: Sequence[CashBag], to: BagState, *, reason: str | None = None
) -> tuple[CashBag, ...]:
    """One more step of each bag; the bags as they are then."""
    deed.unit.insert_all(
        "cash_bag_event",
        [
            {
                "bag_id": bag.bag_id,
                "number": bag_steps_gone(deed.unit.connection, bag.bag_id) + 1,
                "state": str(to),
                "at_utc": utc_text(deed.at),
                "operator": deed.person.user,
                "reason": reason,
            }
            for bag in bags
        ],
    )
    return tuple(replace(bag, state=to) for bag in bags)
