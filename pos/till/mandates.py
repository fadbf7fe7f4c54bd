"""Mandates at the counter: registered, changed, made active again and ended, each by a step that stays.

Source: domain.md 3.10; reliability.md 5.1 (a cashier within the own shift).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.mandate import BankDetails, Mandate, MandateState, clean_bank_number, clean_bic, step
from pos.domain.payment_mode import ModeKind, PayerKind, Purpose
from pos.domain.role import Grant, Person
from pos.domain.tender import plain_reference, read_date
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.mandates import STEPS, MandateStep, every_mandate, mandate_called, mandates_of, steps_of
from pos.store.times import offset_minutes, utc_text
from pos.store.unit_of_work import UnitOfWork
from pos.till.booking import new_salt, personal_digest
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look, require_right
from pos.till.known_accounts import unknown_account
from pos.till.own_accounts import refuse_own_accounts

ACT = "mandate"
LISTED_MAX = 500
REFERENCE_MAX, HOLDER_MAX, REASON_MAX = 35, 70, 200


class MandateDeed(StrEnum):
    """What is done with a mandate."""

    REGISTER = "register"
    CHANGE = "change"
    ACTIVATE = "activate"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateOrder:
    """What is asked for, as typed. Of a change, what is left empty stays as it was."""

    deed: MandateDeed
    mandate: str
    account: str = ""
    holder: str = ""
    number: str = ""
    bic: str = ""
    signed_on: str = ""
    reason: str = ""


def keep_mandate(desk: Desk, person: Person, order: MandateOrder, *, memo: Memo | None = None) -> Mandate:
    """Carry out ``order``; answers the mandate as it is then.

    Raises NotAuthorised, ApprovalNeeded for an own account, or Refused ``no_open_shift`` and ``shift_of_other`` (who has
    the right within a limit), ``unknown_mandate``, ``mandate_known``, ``mandate_state``, ``unknown_account``,
    ``mode_not_for_payer``, ``bad_bank_account``, ``bad_bic``, ``bad_date``, ``date_in_future``, ``field_missing`` or
    ``reason_missing``.
    """

    def work(deed: Deed) -> Mandate:
        if require_right(desk, ACT, person) is Grant.LIMIT:
            deed.require_shift()
        reference = deed.subject = clean_reference(order.mandate, field="Mandate", limit=REFERENCE_MAX)
        known = mandate_called(deed.unit.connection, plain_reference(reference))
        match order.deed:
            case MandateDeed.REGISTER:
                return _register(deed, order, reference, known)
            case MandateDeed.CHANGE:
                return _change(deed, order, _found(known, reference))
            case MandateDeed.ACTIVATE:
                return _activate(deed, order, _found(known, reference))
            case MandateDeed.END:
                return _end(deed, order, _found(known, reference))

    return perform(desk, person, ACT, work, memo=memo)


def mandates(desk: Desk, person: Person, *, account: str | None = None) -> list[Mandate]:
    """The mandates of an account, or without one all that are not ended. Raises NotAuthorised."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        if account is None:
            return every_mandate(connection, limit=LISTED_MAX)
        return mandates_of(connection, clean_reference(account, field="Account", limit=40))


def mandate_life(desk: Desk, person: Person, mandate: str) -> tuple[Mandate, list[MandateStep]]:
    """A mandate and all that became of it. Raises NotAuthorised or Refused ``unknown_mandate``."""
    require_look(desk, ACT, person)
    reference = clean_reference(mandate, field="Mandate", limit=REFERENCE_MAX)
    with desk.till.read() as connection:
        found = _found(mandate_called(connection, plain_reference(reference)), reference)
        return found, steps_of(connection, found.mandate, here=desk.identity.terminal)


def _found(known: Mandate | None, reference: str) -> Mandate:
    if known is None:
        raise Refused("unknown_mandate", f"There is no mandate {reference} here.", mandate=reference)
    return known


def _register(deed: Deed, order: MandateOrder, reference: str, known: Mandate | None) -> Mandate:
    plain = plain_reference(reference)
    if known is not None or not plain:
        raise Refused(
            "mandate_known",
            f"Mandate {reference} is registered already: every mandate has a reference of its own.",
            mandate=reference,
        )
    account = _account(deed, order.account)
    mandate = Mandate(
        mandate=reference,
        account=account,
        state=MandateState.ACTIVE,
        number=1,
        signed_on=_signed_on(deed, order.signed_on),
        bank=_bank(order, None),
    )
    _refuse_own(deed, mandate, "register")
    put_mandate(deed.unit, mandate, plain, at=deed.at)
    return write_step(deed, mandate)


def put_mandate(unit: UnitOfWork, mandate: Mandate, plain: str, *, at: datetime) -> None:
    """Write that there is a mandate; its first step is written behind that."""
    unit.insert(
        "mandate",
        {
            "mandate": mandate.mandate,
            "plain": plain,
            "account": mandate.account,
            "registered_at_utc": utc_text(at),
            "utc_offset_min": offset_minutes(at),
        },
    )


def _change(deed: Deed, order: MandateOrder, known: Mandate) -> Mandate:
    """Another bank account, another name or another signature; the account that is paid for stays the same."""
    step(known, MandateState.ACTIVE)
    if known.state is not MandateState.ACTIVE:
        raise Refused(
            "mandate_state",
            f"Mandate {known.mandate} is suspended: activate it with what is another now.",
            mandate=known.mandate,
            state=str(known.state),
        )
    return _again(deed, order, known, "change")


def _activate(deed: Deed, order: MandateOrder, known: Mandate) -> Mandate:
    """Collect again by a mandate that was suspended."""
    if known.state is not MandateState.SUSPENDED:
        raise Refused(
            "mandate_state",
            f"Mandate {known.mandate} is {known.state}, not suspended.",
            mandate=known.mandate,
            state=str(known.state),
        )
    return _again(deed, order, known, "activate")


def _again(deed: Deed, order: MandateOrder, known: Mandate, what: str) -> Mandate:
    if order.account and clean_reference(order.account, field="Account", limit=40) != known.account:
        raise Refused(
            "mandate_of_other_account",
            f"Mandate {known.mandate} is of account {known.account}. For another account take a new mandate.",
            mandate=known.mandate,
            account=known.account,
        )
    anew = Mandate(
        mandate=known.mandate,
        account=known.account,
        state=MandateState.ACTIVE,
        number=known.number + 1,
        signed_on=_signed_on(deed, order.signed_on) if order.signed_on else known.signed_on,
        bank=_bank(order, known.bank),
        reason=_reason(order, needed=False),
    )
    _refuse_own(deed, anew, what)
    return write_step(deed, anew)


def _end(deed: Deed, order: MandateOrder, known: Mandate) -> Mandate:
    step(known, MandateState.ENDED)
    return write_step(deed, _gone_on(known, MandateState.ENDED, _reason(order, needed=True)))


def suspend_within(deed: Deed, mandate: Mandate, reason: str, run_id: str) -> Mandate:
    """Write, in a transaction that has begun, that banks refused: nothing is collected by it any more."""
    step(mandate, MandateState.SUSPENDED)
    return write_step(deed, _gone_on(mandate, MandateState.SUSPENDED, reason), run_id=run_id)


def _gone_on(mandate: Mandate, to: MandateState, reason: str | None) -> Mandate:
    return Mandate(
        mandate=mandate.mandate,
        account=mandate.account,
        state=to,
        number=mandate.number + 1,
        signed_on=mandate.signed_on,
        bank=mandate.bank,
        reason=reason,
    )


def write_step(deed: Deed, mandate: Mandate, *, run_id: str | None = None) -> Mandate:
    """Write the mandate's latest step, with the bank details in a row of their own."""
    put_step(deed.unit, mandate, salt=new_salt(deed), at=deed.at, operator=deed.person.user, run_id=run_id)
    return mandate


def put_step(
    unit: UnitOfWork, mandate: Mandate, *, salt: str, at: datetime, operator: str, run_id: str | None = None
) -> None:
    """The same in a transaction that no person's deed is."""
    unit.next_number(STEPS)
    bank = mandate.bank
    details = json.dumps(
        {"holder": bank.holder, "number": bank.number, "bic": bank.bic}, ensure_ascii=False, sort_keys=True
    )
    unit.insert(
        "mandate_step",
        {
            "mandate": mandate.mandate,
            "number": mandate.number,
            "state": str(mandate.state),
            "signed_on": mandate.signed_on.isoformat(),
            "person_digest": personal_digest(salt, details),
            "reason": mandate.reason,
            "run_id": run_id,
            "at_utc": utc_text(at),
            "operator": operator,
        },
    )
    unit.insert(
        "mandate_person",
        {"mandate": mandate.mandate, "number": mandate.number, "salt": salt, "details_json": details},
    )


def _account(deed: Deed, text: str) -> str:
    """The account that is to be paid for: direct debit is for subscribers alone (rule 50)."""
    account_id = clean_reference(text, field="Account", limit=40)
    with deed.desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None or not deed.person.may_see(account_id):
        raise unknown_account(deed.desk, account_id)
    for mode in deed.desk.modes.of_kind(ModeKind.DIRECT_DEBIT):
        purposes = mode.accepts.get(PayerKind(account.kind), frozenset())
        mode.require_accepted(account.kind, min(purposes, default=Purpose.BILLS))
    return account_id


def _bank(order: MandateOrder, before: BankDetails | None) -> BankDetails:
    holder = clean_entry(order.holder, field="Account holder", limit=HOLDER_MAX) or (
        before.holder if before else ""
    )
    if not holder:
        raise Refused("field_missing", "Account holder is missing.", field="holder")
    number = clean_bank_number(order.number, field="Bank account") if order.number.strip() else ""
    if not number and before is None:
        raise Refused("field_missing", "Bank account is missing.", field="number")
    return BankDetails(
        holder=holder,
        number=number or (before.number if before else ""),
        # Another number is at a bank of its own.
        bic=clean_bic(order.bic, field="BIC") or (before.bic if before and not number else ""),
    )


def _signed_on(deed: Deed, text: str) -> date:
    today = deed.at.date()
    signed = read_date(text, field="Signed on") if text.strip() else today
    if signed > today:
        raise Refused("date_in_future", f"Signed on: {signed} is after today.", field="signed_on")
    return signed


def _reason(order: MandateOrder, *, needed: bool) -> str | None:
    reason = clean_entry(order.reason, field="Reason", limit=REASON_MAX)
    if needed and not reason:
        raise Refused("reason_missing", "Say why the mandate ends.", field="reason")
    return reason or None


def _refuse_own(deed: Deed, mandate: Mandate, what: str) -> None:
    with deed.desk.cache.read() as connection:
        account = cached.account_by_id(connection, mandate.account)
    content = {"deed": what, "mandate": mandate.mandate, "number": mandate.bank.number}
    refuse_own_accounts(
        deed,
        ACT,
        content,
        f"{what} mandate {mandate.mandate} of {mandate.account}",
        [] if account is None else [account],
    )
