"""A bill on demand at the counter: central is asked for it, and it comes with the bills that central tells."""

from __future__ import annotations

import hashlib
from functools import partial

from pos.domain.demanded_bill import (
    BillDemanded,
    BillPress,
    BillRefused,
    BillUnanswered,
    DemandOutcome,
)
from pos.domain.errors import DomainError, Refused
from pos.domain.ids import new_id
from pos.domain.payment_mode import PayerKind
from pos.domain.ports import Runner
from pos.domain.role import Person
from pos.domain.text_guard import clean_foreign, clean_reference
from pos.store.cache import account_by_id
from pos.till.desk import Deed, Desk, Memo, audit_refusal, perform
from pos.till.gate import require_alone, require_session
from pos.till.whose_till import require_whose_till

ACT = "demand_bill"
UNANSWERED_CODE = "bill_needs_central"
UNANSWERED = "Central did not answer. The bill may have been made: look among the bills, then ask again."


async def demand_bill(
    desk: Desk,
    person: Person,
    account: str,
    press: BillPress | None,
    runner: Runner,
    *,
    asked_by: str,
    memo: Memo | None = None,
) -> BillDemanded:
    """Have central make a bill of what is not billed yet. ``asked_by``: the same one again asks for the same bill.

    ``press`` None: this till has no central. Raises NotAuthorised, or Refused ``bill_needs_central``, ``unknown_account``,
    ``account_without_bills``, or what central says, such as ``nothing_to_bill``.
    """
    if press is None:
        raise Refused(UNANSWERED_CODE, "Bills are made by central, and this till has none.")
    found = await runner.till(partial(_require_account, desk, person, account))
    key = hashlib.sha256(f"{desk.identity.terminal}\n{asked_by}".encode()).hexdigest()[:40]
    outcome = await press.demand(found, key)
    return await runner.till(partial(_write_down, desk, person, found, outcome, memo))


def _require_account(desk: Desk, person: Person, account: str) -> str:
    """The account as it is called here, before anybody is asked; a refusal is audited."""
    subject = None
    try:
        require_session(desk, ACT, person)
        require_alone(desk, ACT, person)
        require_whose_till(desk.cache, ACT)
        subject = clean_reference(account, field="Account", limit=40)
        with desk.cache.read() as connection:
            known = account_by_id(connection, subject)
        if known is None:
            raise Refused("unknown_account", f"There is no account {subject}.", account=subject)
        if known.kind is not PayerKind.SUBSCRIBER:
            raise Refused("account_without_bills", f"Account {subject} has no bills.", account=subject)
    except DomainError as refusal:
        deed_id = new_id(desk.clock, desk.randomness)
        audit_refusal(desk, person, ACT, deed_id, refusal, subject=subject)
        raise
    return known.account


def _write_down(
    desk: Desk, person: Person, account: str, outcome: DemandOutcome, memo: Memo | None
) -> BillDemanded:
    """What central said, in the audit. Raises Refused where there is no bill, or nobody knows."""

    def work(deed: Deed) -> BillDemanded:
        deed.shift = None
        match outcome:
            case BillDemanded():
                return outcome
            case BillRefused(code=code, message=message):
                raise Refused(code, clean_foreign(message, limit=300), account=account)
            case BillUnanswered():
                raise Refused(UNANSWERED_CODE, UNANSWERED, account=account)

    return perform(desk, person, ACT, work, memo=memo, subject=account)
