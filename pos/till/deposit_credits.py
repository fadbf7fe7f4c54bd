"""What the bank credits of a deposit slip: in one sum, or cheque by cheque and bag by bag as it counted them.

Source: domain.md 3.3, 3.9 and rule 42.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from pos.domain.cash_bag import BagState
from pos.domain.cheque import ChequeState
from pos.domain.deposit import (
    BankedCheque,
    Cause,
    Credited,
    CreditedCheque,
    DepositSlip,
    credited_by_cheque,
    credited_in_one,
    credited_lines,
    state_after,
)
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money, parse_amount, parse_count
from pos.domain.posting import SourceKind
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry
from pos.till.approvals import use_or_ask
from pos.till.cash_bags import move_bags
from pos.till.deposits import DepositDone, bank_day, find_slip, move_cheques, step_of_slip
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.journal import book_entry
from pos.till.what_to_bank import cheque_name


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditOrder:
    """What the bank credited: one sum, or a line for each cheque (its id or serial number) and bag (its number).

    Amounts are as typed, or read already. ``reason`` is what the bank said of a bag in which it counted something else,
    or of a cheque that it credited with another sum; ``cause`` is why it did so, a code of ``Cause``.
    """

    amount: str | None = None
    cheques: Sequence[tuple[str, str | Money]] = ()
    on: str | None = None
    reason: str = ""
    cause: str = ""
    decimal_marks: str = "."


def confirm_deposit(
    desk: Desk, person: Person, number: str, told: CreditOrder, *, memo: Memo | None = None
) -> DepositDone:
    """The bank credited the slip: in one sum, which must be what is still to come, or cheque by cheque.

    What the bank's list does not name stays lodged; what it counted more or less in a bag is over or short, with its reason.
    A cheque with another sum takes a cause, a reason and a second person; its payer has paid it whole.
    Raises NotAuthorised, ApprovalNeeded, or Refused ``unknown_deposit``, ``bad_field``,
    ``bank_date_impossible``, what reading an amount raises, and what ``credited_in_one`` and ``credited_by_cheque`` raise.
    """

    def work(deed: Deed) -> DepositDone:
        slip = find_slip(deed, number)
        in_currency = slip.total.currency

        def read(told_amount: str | Money, *, of: str = "") -> Money:
            if isinstance(told_amount, Money):
                return told_amount
            # A bag may have been found empty.
            is_bag = any(bag.number == of.upper() for bag in slip.bags)
            reader = parse_count if is_bag else parse_amount
            return reader(told_amount, in_currency, decimal_marks=told.decimal_marks)

        if (told.amount is None) is not bool(told.cheques):
            raise Refused("what_was_credited", "Say what the bank credited: one sum, or cheque by cheque.")
        credited = (
            credited_in_one(slip, read(told.amount))
            if told.amount is not None
            else credited_by_cheque(
                slip,
                [
                    CreditedCheque(cheque=cheque_name(name), amount=read(amount, of=name))
                    for name, amount in told.cheques
                ],
                cause=_cause(told.cause),
            )
        )
        day = bank_day(deed, told.on, not_before=slip.lodged_on or slip.made_on)
        why = _reason_of(slip, credited, told.reason)
        _refuse_own_difference(deed, credited)
        _require_second(deed, slip, credited, why)
        by = "slip" if told.amount is not None else "cheque"
        return _credit(deed, slip, credited, day, by=by, reason=why)

    return perform(desk, person, "confirm_deposit", work, memo=memo)


def _reason_of(slip: DepositSlip, credited: Credited, reason: str) -> str | None:
    """What the bank said of bags in which it counted something else. Raises Refused ``deposit_differs`` without it."""
    differs = next((counted for counted in credited.bags if counted.over_short.minor), None)
    why = clean_entry(reason, field="Reason", limit=200)
    if differs is not None and not why:
        bag, currency_code = differs.bag, differs.credited.currency.code
        raise Refused(
            "deposit_differs",
            f"Bag {bag.number} was sealed with {bag.amount.plain()}, the bank counted {differs.credited.plain()}. "
            "Look again; if it is so, say what the bank says of it.",
            slip=slip.number,
            expected=bag.amount.plain(),
            bank=differs.credited.plain(),
            difference=differs.over_short.plain(),
            currency=currency_code,
        )
    if credited.otherwise and not why:
        raise Refused("reason_missing", "Say what the bank says of it.", field="reason")
    return why if differs is not None or credited.otherwise else None


def _cause(code: str) -> Cause | None:
    if code and code not in set(Cause):
        raise Refused("bad_field", f"Cause: {' or '.join(Cause)}.", field="cause", allowed=list(Cause))
    return Cause(code) if code else None


def _require_second(deed: Deed, slip: DepositSlip, credited: Credited, why: str | None) -> None:
    """Two people say that the bank credited a cheque with another sum. Raises ApprovalNeeded."""
    if not credited.otherwise:
        return
    told = [f"{one.cheque.cheque_id} {one.credited.minor}" for one in credited.otherwise]
    cause = credited.otherwise[0].cause
    content = {"slip": slip.number, "cheques": told, "cause": str(cause), "reason": why}
    sums = ", ".join(
        f"cheque {one.cheque.serial} over {one.cheque.amount.plain()} with {one.credited}"
        for one in credited.otherwise
    )
    what = f"the bank credited {sums} ({str(cause).replace('_', ' ')}: {why})"
    use_or_ask(deed, "confirm_deposit", content, what, "Another sum than the cheque's needs a second person.")


def _refuse_own_difference(deed: Deed, credited: Credited) -> None:
    """Who sealed a bag does not say what became of the rest. Raises NotAuthorised ``own_bag``."""
    for counted in credited.bags:
        if counted.over_short.minor and counted.bag.sealed_by == deed.person.user:
            raise NotAuthorised(
                "own_bag",
                f"You sealed bag {counted.bag.number} yourself: what is over or short in it another takes down.",
                bag=counted.bag.number,
            )


def _credit(
    deed: Deed, slip: DepositSlip, credited: Credited, day: date, *, by: str, reason: str | None
) -> DepositDone:
    """The credits first, the step last, so that the database itself can sum them."""
    to, step_id = state_after(slip, credited), deed.new_id()
    amount = credited.nominal(slip.total.currency)
    deed.unit.insert_all(
        "deposit_credit",
        [
            {"slip_id": slip.slip_id, "cheque_id": cheque.cheque_id, "step_id": step_id}
            for cheque in credited.cheques
        ],
    )
    deed.unit.insert_all(
        "deposit_difference",
        [
            {
                "slip_id": slip.slip_id,
                "cheque_id": one.cheque.cheque_id,
                "step_id": step_id,
                "credited_minor": one.credited.minor,
                "currency": one.credited.currency.code,
                "cause": str(one.cause),
                "reason": reason,
            }
            for one in credited.otherwise
        ],
    )
    deed.unit.insert_all(
        "deposit_bag_credit",
        [
            {
                "slip_id": slip.slip_id,
                "bag_id": counted.bag.bag_id,
                "step_id": step_id,
                "credited_minor": counted.credited.minor,
                "currency": counted.credited.currency.code,
                "reason": reason if counted.over_short.minor else None,
            }
            for counted in credited.bags
        ],
    )
    step_of_slip(
        deed,
        slip,
        to,
        step_id=step_id,
        bank_date=day.isoformat(),
        credited=amount,
        credited_by=by,
    )
    moved = {cheque.cheque_id: cheque for cheque in _move(deed, credited, reason)}
    counted_bags = move_bags(deed, [counted.bag for counted in credited.bags], BagState.CREDITED)
    bags = {bag.bag_id: bag for bag in counted_bags}
    book_entry(deed, SourceKind.DEPOSIT_CREDITED, step_id, credited_lines(slip, credited))
    cheques = tuple(moved.get(cheque.cheque_id, cheque) for cheque in slip.cheques)
    return DepositDone(
        slip=replace(
            slip,
            state=to,
            steps=slip.steps + 1,
            cheques=cheques,
            bags=tuple(bags.get(bag.bag_id, bag) for bag in slip.bags),
        )
    )


def _move(deed: Deed, credited: Credited, reason: str | None) -> list[BankedCheque]:
    """One more step of each cheque; one with another sum says so in its life."""
    differ = {one.cheque.cheque_id: one for one in credited.otherwise}
    whole = [cheque for cheque in credited.cheques if cheque.cheque_id not in differ]
    moved = list(move_cheques(deed, whole, ChequeState.CREDITED))
    for one in credited.otherwise:
        said = f"{one.credited.plain()}, {str(one.cause).replace('_', ' ')}: {reason}"
        moved += move_cheques(deed, [one.cheque], ChequeState.CREDITED, reason=said)
    return moved
