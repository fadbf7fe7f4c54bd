"""Cheques and bags of cash to the bank: a slip is made, and lodged with the bank's reference or cancelled.

No shift is needed: the slip's cheques are of shifts that were counted, and the entries are of the day on which the bank's
word was heard. Source: domain.md 3.3, 3.9 and rules 38 and 42; reliability.md 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from pos.domain.business_day import business_date
from pos.domain.carrier import Carrier
from pos.domain.cash_bag import BagState, CashBag
from pos.domain.cheque import ChequeState
from pos.domain.deposit import (
    BankAccount,
    BankedCheque,
    DepositSlip,
    SlipState,
    by_age,
    lodged_lines,
    slip_series,
)
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money
from pos.domain.posting import SourceKind
from pos.domain.role import Grant, Person
from pos.domain.tender import read_date
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.cash_bags import bags_in_safe
from pos.store.deposits import (
    drop_waiting_prints,
    represented,
    slip_by_number,
    slips_in,
    steps_gone,
)
from pos.store.times import offset_minutes, utc_text
from pos.till.carriers import hand_to_carrier
from pos.till.cash_bags import move_bags
from pos.till.deposit_paper import slip_facts
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.gate import require_right
from pos.till.journal import book_entry
from pos.till.receipt_paper import with_mark, write_paper
from pos.till.what_to_bank import (
    BAGS_MAX,
    LISTED_MAX,
    all_in_hand,
    currency_of,
    lies_in,
    named_bags,
    named_in_hand,
)

LIVING = tuple(state for state in SlipState if state.is_alive)
ENDED = tuple(state for state in SlipState if not state.is_alive)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositDone:
    """The slip as it stands now, and what whoever made it should know of its cheques."""

    slip: DepositSlip
    warnings: tuple[str, ...] = ()


def deposit_slips(
    desk: Desk, person: Person, *, states: Sequence[SlipState] = LIVING, limit: int = LISTED_MAX
) -> list[DepositSlip]:
    """The slips in ``states``, the newest first. Raises NotAuthorised."""
    require_enquiry(desk, person)
    if person.only_account is not None:
        return []
    with desk.till.read() as connection:
        return slips_in(connection, states, lies_in(desk), limit=limit)


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
    ``too_many_cheques``, ``unknown_bag``, ``bag_not_in_safe``, ``bag_named_twice`` or ``too_many_bags``.
    """

    def work(deed: Deed) -> DepositDone:
        deed.shift = None
        account = desk.policy.deposits.account(bank_account)
        in_currency = currency_of(desk, account)
        if cheques is None and bags is None:
            in_safe = bags_in_safe(deed.unit.connection, in_currency, limit=BAGS_MAX)
            return _make(deed, account, by_age(all_in_hand(deed, in_currency, or_bags=in_safe)), in_safe)
        packed = named_bags(deed, bags or (), in_currency)
        chosen = named_in_hand(deed, cheques or (), in_currency) if cheques or not packed else []
        return _make(deed, account, by_age(chosen), packed)

    return perform(desk, person, "deposit_cheques", work, memo=memo)


def lodge_deposit(
    desk: Desk,
    person: Person,
    number: str,
    reference: str,
    *,
    on: str | None = None,
    carrier: Carrier | None = None,
    memo: Memo | None = None,
) -> DepositDone:
    """The bank took the slip, or its ``carrier``: the reference of either and the day (today where ``on`` is None).

    Raises NotAuthorised (``over_limit``), or Refused ``unknown_deposit``, ``deposit_state``, ``bad_date``,
    ``bank_date_impossible`` or ``carrier_incomplete``.
    """

    def work(deed: Deed) -> DepositDone:
        slip = find_slip(deed, number)
        slip.require_step(SlipState.LODGED)
        _require_within_limit(deed, "lodge_deposit", slip.total)
        given = clean_reference(reference, field="Reference", limit=40)
        day = bank_day(deed, on, not_before=slip.made_on)
        step_id = step_of_slip(deed, slip, SlipState.LODGED, bank_date=day.isoformat(), reference=given)
        moved = move_cheques(deed, slip.cheques, ChequeState.LODGED)
        bags = move_bags(deed, slip.bags, BagState.LODGED)
        book_entry(deed, SourceKind.DEPOSIT_LODGED, step_id, lodged_lines(slip))
        slip = replace(
            slip,
            state=SlipState.LODGED,
            steps=slip.steps + 1,
            reference=given,
            lodged_on=day,
            cheques=moved,
            bags=bags,
        )
        if carrier is not None:
            slip = replace(slip, carrier=hand_to_carrier(deed, slip, step_id, carrier))
        return DepositDone(slip=slip)

    return perform(desk, person, "lodge_deposit", work, memo=memo)


def cancel_deposit(
    desk: Desk, person: Person, number: str, reason: str, *, memo: Memo | None = None
) -> DepositDone:
    """A slip that the bank has not got is taken back: its number stays used, its cheques may go on another.

    Raises NotAuthorised (``over_limit``), or Refused ``unknown_deposit``, ``deposit_state`` or ``reason_missing``.
    """

    def work(deed: Deed) -> DepositDone:
        slip = find_slip(deed, number)
        slip.require_step(SlipState.CANCELLED)
        _require_within_limit(deed, "cancel_deposit", slip.total)
        why = clean_entry(reason, field="Reason", limit=200)
        if not why:
            raise Refused("reason_missing", "Say why the slip is cancelled.")
        step_of_slip(deed, slip, SlipState.CANCELLED, reason=why)
        back = represented(deed.unit.connection, slip.cheques)
        again = [cheque for cheque in slip.cheques if cheque.cheque_id in back]
        fresh = [cheque for cheque in slip.cheques if cheque.cheque_id not in back]
        moved = by_age(
            (
                *move_cheques(deed, fresh, ChequeState.RECEIVED, reason=slip.number),
                *move_cheques(deed, again, ChequeState.REPRESENTED, reason=slip.number),
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
    step_of_slip(deed, slip, SlipState.MADE)
    moved = move_cheques(deed, slip.cheques, ChequeState.BATCHED)
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


def step_of_slip(
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


def move_cheques(
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


def find_slip(deed: Deed, number: str) -> DepositSlip:
    """The slip to do something with. Raises Refused ``unknown_deposit``."""
    named = clean_reference(number, field="Deposit slip", limit=40).upper()
    # The back office works beside whatever shift is open: its deed is no part of that.
    deed.shift, deed.subject = None, named
    slip = slip_by_number(deed.unit.connection, named, lies_in(deed.desk))
    if slip is None:
        raise Refused("unknown_deposit", f"There is no deposit slip {named} at this terminal.", slip=named)
    return slip


def bank_day(deed: Deed, on: str | None, *, not_before: date) -> date:
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
