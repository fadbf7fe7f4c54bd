"""Cheques and bags of cash to the bank: a slip is made, lodged with the bank's reference, confirmed by what it credits.

No shift is needed: the slip's cheques are of shifts that were counted, and the entries are of the day on which the bank's
word was heard. Source: domain.md 3.3, 3.9 and rules 38 and 42; reliability.md 5.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pos.domain.business_day import business_date
from pos.domain.cash_bag import BagState, CashBag
from pos.domain.cheque import IN_HAND, ChequeState
from pos.domain.deposit import (
    CHEQUES_MAX,
    BankAccount,
    BankedCheque,
    Credited,
    CreditedCheque,
    DepositSlip,
    SlipState,
    by_age,
    credited_by_cheque,
    credited_in_one,
    credited_lines,
    lodged_lines,
    slip_series,
    state_after,
)
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Currency, Money, currency, parse_amount, parse_count
from pos.domain.payment_mode import ModeKind
from pos.domain.posting import SourceKind
from pos.domain.role import Grant, Person
from pos.domain.tender import read_date
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.cash_bags import bags_in_safe
from pos.store.deposits import (
    cheques_in_hand,
    drop_waiting_prints,
    named_cheques,
    represented,
    slip_by_number,
    slips_in,
    steps_gone,
)
from pos.store.times import offset_minutes, utc_text
from pos.till.cash_bags import find_bag, move_bags, require_in_safe
from pos.till.deposit_paper import slip_facts
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.gate import require_right
from pos.till.journal import book_entry
from pos.till.receipt_paper import with_mark, write_paper

LISTED_MAX = 500
BAGS_MAX = 50
LIVING = tuple(state for state in SlipState if state.is_alive)
ENDED = tuple(state for state in SlipState if not state.is_alive)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositDone:
    """The slip as it stands now, and what whoever made it should know of its cheques."""

    slip: DepositSlip
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditOrder:
    """What the bank credited: one sum, or a line for each cheque (its id or serial number) and bag (its number).

    Amounts are as typed, or read already. ``reason`` is what the bank said of a bag in which it counted something else.
    """

    amount: str | None = None
    cheques: Sequence[tuple[str, str | Money]] = ()
    on: str | None = None
    reason: str = ""
    decimal_marks: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequesInHand:
    """What may go to the bank now, the oldest first, and how many cheques lie in a shift that is still open."""

    cheques: tuple[BankedCheque, ...]
    in_open_shift: int
    bags: tuple[CashBag, ...] = ()


def cheques_to_deposit(desk: Desk, person: Person, bank_account: str | None = None) -> ChequesInHand:
    """What may be paid into this account now. Raises NotAuthorised or Refused ``unknown_bank_account``."""
    require_enquiry(desk, person)
    in_currency = _currency_of(desk, desk.policy.deposits.account(bank_account))
    if person.only_account is not None:
        return ChequesInHand(cheques=(), in_open_shift=0)
    with desk.till.read() as connection:
        found = cheques_in_hand(connection, in_currency, lies_in(desk), limit=LISTED_MAX)
        bags = bags_in_safe(connection, in_currency, limit=BAGS_MAX)
    return replace(_sorted_out(found), bags=tuple(bags))


def deposit_slips(
    desk: Desk, person: Person, *, states: Sequence[SlipState] = LIVING, limit: int = LISTED_MAX
) -> list[DepositSlip]:
    """The slips in ``states``, the newest first. Raises NotAuthorised."""
    require_enquiry(desk, person)
    if person.only_account is not None:
        return []
    with desk.till.read() as connection:
        return slips_in(connection, states, lies_in(desk), limit=limit)


def lies_in(desk: Desk) -> Mapping[str, str]:
    """The ledger account of each way to pay by cheque."""
    return {mode.code: mode.ledger_account for mode in desk.modes.of_kind(ModeKind.CHEQUE)}


def deposit_cheques(
    desk: Desk,
    person: Person,
    cheques: Sequence[str] | None = None,
    *,
    bags: Sequence[str] | None = None,
    bank_account: str | None = None,
    memo: Memo | None = None,
) -> DepositDone:
    """Put cheques and bags of cash on a slip and print it: cheques named by id or receipt and bags by number; where neither
    are named (None), all that may go, the oldest first.

    Raises NotAuthorised (``over_limit``), or Refused ``unknown_bank_account``, ``no_cheques_to_deposit``,
    ``unknown_cheque``, ``cheque_named_twice``, ``cheque_not_in_hand``, ``shift_not_closed``, ``bank_account_currency``,
    ``too_many_cheques``, ``unknown_bag`` or ``bag_not_in_safe``.
    """

    def work(deed: Deed) -> DepositDone:
        deed.shift = None
        account = desk.policy.deposits.account(bank_account)
        in_currency = _currency_of(desk, account)
        if cheques is None and bags is None:
            in_safe = bags_in_safe(deed.unit.connection, in_currency, limit=BAGS_MAX)
            return _make(deed, account, by_age(_all_in_hand(deed, in_currency, or_bags=in_safe)), in_safe)
        packed = _named_bags(deed, bags or (), in_currency)
        chosen = _named_in_hand(deed, cheques or (), in_currency) if cheques or not packed else []
        return _make(deed, account, by_age(chosen), packed)

    return perform(desk, person, "deposit_cheques", work, memo=memo)


def lodge_deposit(
    desk: Desk,
    person: Person,
    number: str,
    reference: str,
    *,
    on: str | None = None,
    memo: Memo | None = None,
) -> DepositDone:
    """The bank took the slip: its reference and its day (today where ``on`` is None).

    Raises NotAuthorised (``over_limit``), or Refused ``unknown_deposit``, ``deposit_state``, ``bad_date`` or
    ``bank_date_impossible``.
    """

    def work(deed: Deed) -> DepositDone:
        slip = _find(deed, number)
        slip.require_step(SlipState.LODGED)
        _require_within_limit(deed, "lodge_deposit", slip.total)
        given = clean_reference(reference, field="Reference", limit=40)
        day = _bank_day(deed, on, not_before=slip.made_on)
        step_id = _step(deed, slip, SlipState.LODGED, bank_date=day.isoformat(), reference=given)
        moved = _move(deed, slip.cheques, ChequeState.LODGED)
        bags = move_bags(deed, slip.bags, BagState.LODGED)
        book_entry(deed, SourceKind.DEPOSIT_LODGED, step_id, lodged_lines(slip))
        return DepositDone(
            slip=replace(
                slip,
                state=SlipState.LODGED,
                steps=slip.steps + 1,
                reference=given,
                lodged_on=day,
                cheques=moved,
                bags=bags,
            )
        )

    return perform(desk, person, "lodge_deposit", work, memo=memo)


def confirm_deposit(
    desk: Desk, person: Person, number: str, told: CreditOrder, *, memo: Memo | None = None
) -> DepositDone:
    """The bank credited the slip: in one sum, which must be what is still to come, or cheque by cheque.

    What the bank's list does not name stays lodged; what it counted more or less in a bag is over or short, with its reason.
    Raises NotAuthorised, or Refused ``unknown_deposit``,
    ``bank_date_impossible``, what reading an amount raises, and what ``credited_in_one`` and ``credited_by_cheque`` raise.
    """

    def work(deed: Deed) -> DepositDone:
        slip = _find(deed, number)
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
                    CreditedCheque(cheque=_name(name), amount=read(amount, of=name))
                    for name, amount in told.cheques
                ],
            )
        )
        day = _bank_day(deed, told.on, not_before=slip.lodged_on or slip.made_on)
        why = _reason_of(slip, credited, told.reason)
        _refuse_own_difference(deed, credited)
        by = "slip" if told.amount is not None else "cheque"
        return _credit(deed, slip, credited, day, by=by, reason=why)

    return perform(desk, person, "confirm_deposit", work, memo=memo)


def cancel_deposit(
    desk: Desk, person: Person, number: str, reason: str, *, memo: Memo | None = None
) -> DepositDone:
    """A slip that the bank has not got is taken back: its number stays used, its cheques may go on another.

    Raises NotAuthorised (``over_limit``), or Refused ``unknown_deposit``, ``deposit_state`` or ``reason_missing``.
    """

    def work(deed: Deed) -> DepositDone:
        slip = _find(deed, number)
        slip.require_step(SlipState.CANCELLED)
        _require_within_limit(deed, "cancel_deposit", slip.total)
        why = clean_entry(reason, field="Reason", limit=200)
        if not why:
            raise Refused("reason_missing", "Say why the slip is cancelled.")
        _step(deed, slip, SlipState.CANCELLED, reason=why)
        back = represented(deed.unit.connection, slip.cheques)
        again = [cheque for cheque in slip.cheques if cheque.cheque_id in back]
        fresh = [cheque for cheque in slip.cheques if cheque.cheque_id not in back]
        moved = by_age(
            (
                *_move(deed, fresh, ChequeState.RECEIVED, reason=slip.number),
                *_move(deed, again, ChequeState.REPRESENTED, reason=slip.number),
            )
        )
        bags = move_bags(deed, slip.bags, BagState.SEALED, reason=slip.number)
        drop_waiting_prints(deed.unit.connection, slip.number, at_utc=utc_text(deed.at))
        return DepositDone(
            slip=replace(
                slip, state=SlipState.CANCELLED, steps=slip.steps + 1, cheques=tuple(moved), bags=bags
            )
        )

    return perform(desk, person, "cancel_deposit", work, memo=memo)


# --- which cheques -----------------------------------------------------------------------------------------------


def _currency_of(desk: Desk, account: BankAccount) -> Currency:
    return currency(account.currency) if account.currency else desk.identity.currency


def _sorted_out(found: Sequence[BankedCheque]) -> ChequesInHand:
    ready = tuple(cheque for cheque in found if not cheque.in_open_shift)
    return ChequesInHand(cheques=ready, in_open_shift=len(found) - len(ready))


def _all_in_hand(deed: Deed, in_currency: Currency, *, or_bags: Sequence[CashBag]) -> Sequence[BankedCheque]:
    """The oldest first; more than a slip takes wait for the next one. None is needed where there are bags."""
    found = _sorted_out(
        cheques_in_hand(deed.unit.connection, in_currency, lies_in(deed.desk), limit=LISTED_MAX)
    )
    if not found.cheques and not or_bags:
        waits = f" {found.in_open_shift} in a shift that is still open: close it first."
        raise Refused(
            "no_cheques_to_deposit",
            f"No cheque waits for the bank.{waits if found.in_open_shift else ''}",
            in_open_shift=found.in_open_shift,
        )
    return found.cheques[:CHEQUES_MAX]


def _named_in_hand(deed: Deed, names: Sequence[str], in_currency: Currency) -> Sequence[BankedCheque]:
    found: list[BankedCheque] = []
    for name in names:
        named = named_cheques(deed.unit.connection, _name(name), lies_in(deed.desk))
        if not named:
            raise Refused(
                "unknown_cheque", "There is no such cheque, and no receipt with one.", cheque=name[:80]
            )
        for cheque in named:
            _require_in_hand(cheque, in_currency)
        found += named
    if not found:
        raise Refused("no_cheques_to_deposit", "No cheque is chosen.", in_open_shift=0)
    for cheque in found:
        if sum(other.cheque_id == cheque.cheque_id for other in found) > 1:
            raise Refused(
                "cheque_named_twice", f"Cheque {cheque.serial} is named twice.", cheque=cheque.cheque_id
            )
    if len(found) > CHEQUES_MAX:
        raise Refused(
            "too_many_cheques", f"A deposit slip takes {CHEQUES_MAX} cheques. Make two.", limit=CHEQUES_MAX
        )
    return found


def _named_bags(deed: Deed, numbers: Sequence[str], in_currency: Currency) -> Sequence[CashBag]:
    found: list[CashBag] = []
    for number in numbers:
        bag = find_bag(deed, number)
        require_in_safe(bag)
        if bag in found:
            raise Refused("cheque_named_twice", f"Bag {bag.number} is named twice.", bag=bag.number)
        if bag.amount.currency != in_currency:
            raise Refused(
                "bank_account_currency",
                f"This bank account takes {in_currency}. Choose another account.",
                bag=bag.number,
            )
        found.append(bag)
    if len(found) > BAGS_MAX:
        raise Refused("too_many_cheques", f"A deposit slip takes {BAGS_MAX} bags. Make two.", limit=BAGS_MAX)
    return found


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
    return why if differs is not None else None


def _refuse_own_difference(deed: Deed, credited: Credited) -> None:
    """Who sealed a bag does not say what became of the rest. Raises NotAuthorised ``own_bag``."""
    for counted in credited.bags:
        if counted.over_short.minor and counted.bag.sealed_by == deed.person.user:
            raise NotAuthorised(
                "own_bag",
                f"You sealed bag {counted.bag.number} yourself: what is over or short in it another takes down.",
                bag=counted.bag.number,
            )


def _require_in_hand(cheque: BankedCheque, in_currency: Currency) -> None:
    if cheque.state not in IN_HAND:
        where = "" if cheque.slip is None else f" on deposit slip {cheque.slip}"
        raise Refused(
            "cheque_not_in_hand",
            f"Cheque {cheque.serial} is {cheque.state} already{where}.",
            cheque=cheque.cheque_id,
            state=str(cheque.state),
            slip=cheque.slip,
        )
    if cheque.in_open_shift:
        raise Refused(
            "shift_not_closed",
            f"Cheque {cheque.serial} is in a shift that is still open: it has to be counted first. Close the shift.",
            cheque=cheque.cheque_id,
        )
    if cheque.amount.currency != in_currency:
        raise Refused(
            "bank_account_currency",
            f"This bank account takes {in_currency}. Choose another account.",
            cheque=cheque.cheque_id,
        )


def _name(text: str) -> str:
    return clean_reference(text, field="Cheque", limit=80)


# --- writing -----------------------------------------------------------------------------------------------------


def _make(
    deed: Deed, account: BankAccount, cheques: Sequence[BankedCheque], bags: Sequence[CashBag]
) -> DepositDone:
    desk = deed.desk
    series = slip_series(desk.identity.series)
    counter = deed.unit.next_number(f"receipt:{series}")
    slip = DepositSlip(
        slip_id=deed.new_id(),
        number=desk.identity.receipt_number(counter, series),
        account=account,
        made_on=business_date(deed.at, desk.policy.day_starts),
        made_by=deed.person.user,
        cheques=tuple(cheques),
        bags=tuple(bags),
        state=SlipState.MADE,
        steps=0,
    )
    deed.subject = slip.number
    _require_within_limit(deed, "deposit_cheques", slip.total)
    _write_slip(deed, slip)
    _step(deed, slip, SlipState.MADE)
    moved = _move(deed, slip.cheques, ChequeState.BATCHED)
    packed = move_bags(deed, slip.bags, BagState.BATCHED)
    facts = with_mark(slip_facts(deed, slip), deed.unit.chain.head)
    write_paper(deed, facts, counter, series=series, event_id=None)
    today = deed.at.date()
    told = (cheque.warning(desk.policy.cheques, today=today) for cheque in slip.cheques)
    return DepositDone(
        slip=replace(slip, steps=1, cheques=moved, bags=packed),
        warnings=tuple(warning for warning in told if warning),
    )


def _write_slip(deed: Deed, slip: DepositSlip) -> None:
    """The cheques and bags first, the slip last, so that the database itself can sum them."""
    deed.unit.insert_all(
        "deposit_bag",
        [
            {"slip_id": slip.slip_id, "place": place, "bag_id": bag.bag_id}
            for place, bag in enumerate(slip.bags, start=1)
        ],
    )
    deed.unit.insert_all(
        "deposit_cheque",
        [
            {"slip_id": slip.slip_id, "place": place, "cheque_id": cheque.cheque_id}
            for place, cheque in enumerate(slip.cheques, start=1)
        ],
    )
    deed.unit.insert(
        "deposit_slip",
        {
            "slip_id": slip.slip_id,
            "receipt_number": slip.number,
            "bank_account": slip.account.code,
            "ledger_account": slip.account.ledger_account,
            "business_date": slip.made_on.isoformat(),
            "made_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": slip.made_by,
            "cheques": len(slip.cheques),
            "bags": len(slip.bags) or None,
            "amount_minor": slip.total.minor,
            "currency": slip.total.currency.code,
        },
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
    _step(
        deed,
        slip,
        to,
        step_id=step_id,
        bank_date=day.isoformat(),
        credited=amount,
        credited_by=by,
    )
    moved = {cheque.cheque_id: cheque for cheque in _move(deed, credited.cheques, ChequeState.CREDITED)}
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


def _step(
    deed: Deed,
    slip: DepositSlip,
    to: SlipState,
    *,
    step_id: str | None = None,
    credited: Money | None = None,
    **told: str,
) -> str:
    """One more step of the slip; its id."""
    step = step_id or deed.new_id()
    columns = ("bank_date", "reference", "credited_by", "reason")
    deed.unit.insert(
        "deposit_slip_event",
        {
            "step_id": step,
            "slip_id": slip.slip_id,
            "number": slip.steps + 1,
            "state": str(to),
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "amount_minor": (credited or slip.total).minor,
            **{column: told.get(column) for column in columns},
        },
    )
    return step


def _move(
    deed: Deed, cheques: Sequence[BankedCheque], to: ChequeState, *, reason: str | None = None
) -> tuple[BankedCheque, ...]:
    """One more step of each cheque; the cheques as they are then."""
    gone = steps_gone(deed.unit.connection, cheques)
    deed.unit.insert_all(
        "cheque_event",
        [
            {
                "cheque_id": cheque.cheque_id,
                "number": gone[cheque.cheque_id] + 1,
                "state": str(to),
                "at_utc": utc_text(deed.at),
                "operator": deed.person.user,
                "reason": reason,
            }
            for cheque in cheques
        ],
    )
    return tuple(replace(cheque, state=to) for cheque in cheques)


def _find(deed: Deed, number: str) -> DepositSlip:
    """The slip to do something with. Raises Refused ``unknown_deposit``."""
    named = clean_reference(number, field="Deposit slip", limit=40).upper()
    # The back office works beside whatever shift is open: its deed is no part of that.
    deed.shift, deed.subject = None, named
    slip = slip_by_number(deed.unit.connection, named, lies_in(deed.desk))
    if slip is None:
        raise Refused("unknown_deposit", f"There is no deposit slip {named} at this terminal.", slip=named)
    return slip


def _bank_day(deed: Deed, on: str | None, *, not_before: date) -> date:
    """The bank's day: today unless it says another. Raises Refused ``bad_date`` or ``bank_date_impossible``."""
    today = deed.at.date()
    day = today if on is None else read_date(on, field="Date")
    if not not_before <= day <= today:
        raise Refused(
            "bank_date_impossible",
            f"The bank's day is from {not_before} to today. Look at its stamp.",
            earliest=not_before.isoformat(),
            latest=today.isoformat(),
        )
    return day


def _require_within_limit(deed: Deed, act: str, amount: Money) -> None:
    """Raises NotAuthorised ``over_limit`` where the right has a limit and ``amount`` is more."""
    limit = deed.desk.policy.deposits.limit
    limited = require_right(deed.desk, act, deed.person) is Grant.LIMIT
    if limited and limit is not None and amount > limit:
        raise NotAuthorised(
            "over_limit",
            f"You may bank {limit.plain()} on one slip, this is {amount.plain()}. The back office may.",
            limit=limit.plain(),
            amount=amount.plain(),
            currency=limit.currency.code,
        )
