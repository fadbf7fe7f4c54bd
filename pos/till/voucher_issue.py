"""Issuing a voucher: written down, asked of central under an id of our own, and told once. The code stands nowhere.

Source: domain.md 3.5 and rule 46; reliability.md 5.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial

from pos.domain.errors import Refused
from pos.domain.money import parse_amount
from pos.domain.ports import Runner
from pos.domain.role import Person
from pos.domain.tender import read_date
from pos.domain.text_guard import clean_foreign, clean_reference
from pos.domain.voucher import (
    Residual,
    VoucherIssued,
    VoucherPress,
    VoucherRefused,
    VoucherTerms,
    VoucherUnanswered,
    VoucherWanted,
)
from pos.store import cache as cached
from pos.store.unit_of_work import CommitFailed, WriteFailed
from pos.store.vouchers import add_issue, issue_asked_before, settle_issue
from pos.till.approvals import require_second
from pos.till.desk import Deed, Desk, Memo, audit_refusal, nothing_booked, perform, remember
from pos.till.own_accounts import refuse_own_accounts

ACT = "issue_voucher"
EXPIRES_WITHIN = timedelta(days=3_660)
UNANSWERED = "Central does not answer. Whether the voucher is issued is not known: send the same again."


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueOrder:
    """A voucher as it is asked for: amounts as text in the shop's currency, the last day as 2027-01-31."""

    value: str
    expires: str
    account: str | None = None
    minimum: str | None = None
    combinable: bool = True
    residual: Residual = Residual.FORFEIT
    decimal_marks: str = "."

    @property
    def digest(self) -> str:
        """What tells two orders under one reference apart."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


async def issue_voucher(
    desk: Desk,
    person: Person,
    order: IssueOrder,
    press: VoucherPress | None,
    runner: Runner,
    *,
    asked_by: str | None = None,
    memo: Memo | None = None,
) -> VoucherIssued:
    """Have central issue a voucher. ``asked_by``: the caller's own reference; the same one again asks for the same voucher.

    ``press`` None: this till has no central. Raises NotAuthorised, or Refused ``approval_required`` over the cap of what one
    person may issue, ``voucher_needs_central``, ``voucher_not_issued``, ``unknown_account``, ``bad_expiry``,
    ``ref_reused`` or what the reading of amounts and dates raises.
    """
    if press is None:
        raise Refused("voucher_needs_central", "Vouchers are issued by central, and this till has none.")
    wanted = await runner.till(partial(_write_down, desk, person, order, asked_by))
    told = await press.issue(wanted)
    match told:
        case VoucherIssued():
            await runner.till(partial(_settle, desk, wanted, told, memo))
            return told
        case VoucherRefused(code=code, message=message):
            await runner.till(partial(_settle, desk, wanted, None, None))
            refusal = Refused(code, clean_foreign(message, limit=300))
        case VoucherUnanswered():
            refusal = Refused("voucher_needs_central", UNANSWERED)
    await runner.till(partial(audit_refusal, desk, person, ACT, wanted.issue_id, refusal))
    raise refusal


def _write_down(desk: Desk, person: Person, order: IssueOrder, asked_by: str | None) -> VoucherWanted:
    """The asking is in the books before it leaves; an unanswered one is asked under the same id again."""

    def work(deed: Deed) -> VoucherWanted:
        before = None if asked_by is None else issue_asked_before(deed.unit.connection, asked_by)
        if before is not None and before.asked_digest != order.digest:
            raise Refused("ref_reused", "This ref was used for another voucher. Choose a new one.")
        wanted = VoucherWanted(
            issue_id=deed.new_id() if before is None else before.issue_id,
            terminal=desk.identity.terminal,
            terms=_read_terms(deed, order),
            account=_read_account(deed, order.account),
        )
        deed.subject = wanted.issue_id
        if before is None:
            if not _is_within_cap(desk, order):
                cap = desk.policy.vouchers.issue_alone_up_to
                above = "every voucher" if cap is None else f"a voucher above {cap}"
                said = f"In this shop {above} needs a second person."
                require_second(deed, ACT, asdict(order), _what(wanted), said)
            _refuse_own_account(deed, order, wanted)
            add_issue(
                deed.unit.connection,
                wanted,
                operator=person.user,
                asked_by=asked_by,
                asked_digest=order.digest,
                at=deed.at,
            )
        return wanted

    return perform(desk, person, ACT, work, alone=True)


def _what(wanted: VoucherWanted) -> str:
    bound = "" if wanted.account is None else f" for account {wanted.account}"
    return f"a voucher of {wanted.terms.value}{bound}, good until {wanted.terms.expires}"


def _refuse_own_account(deed: Deed, order: IssueOrder, wanted: VoucherWanted) -> None:
    if wanted.account is not None:
        with deed.desk.cache.read() as connection:
            known = cached.account_by_id(connection, wanted.account)
        own = {"own": asdict(order)}
        refuse_own_accounts(deed, ACT, own, _what(wanted), [] if known is None else [known])


def _is_within_cap(desk: Desk, order: IssueOrder) -> bool:
    """Whether one person is enough; what cannot be read is refused for that, not for a second person."""
    cap = desk.policy.vouchers.issue_alone_up_to
    try:
        value = parse_amount(order.value, desk.identity.currency, decimal_marks=order.decimal_marks)
    except Refused:
        return True
    return cap is not None and value <= cap


def _read_terms(deed: Deed, order: IssueOrder) -> VoucherTerms:
    in_currency = deed.desk.identity.currency
    expires, today = read_date(order.expires, field="Last day"), deed.at.date()
    if not today <= expires <= today + EXPIRES_WITHIN:
        raise Refused(
            "bad_expiry",
            f"Last day: a day from today on, within {EXPIRES_WITHIN.days} days. Write it as {_example(today)}.",
        )
    return VoucherTerms(
        value=parse_amount(order.value, in_currency, decimal_marks=order.decimal_marks),
        expires=expires,
        residual=order.residual,
        combinable=order.combinable,
        minimum=None
        if order.minimum is None
        else parse_amount(order.minimum, in_currency, decimal_marks=order.decimal_marks),
    )


def _example(today: date) -> str:
    return f"{today.year + 1}-01-31"


def _read_account(deed: Deed, account: str | None) -> str | None:
    if account is None:
        return None
    cleaned = clean_reference(account, field="Account", limit=40)
    with deed.desk.cache.read() as connection:
        known = cached.account_by_id(connection, cleaned)
    if known is None or not deed.person.may_see(cleaned):
        raise Refused("unknown_account", f"Account {cleaned} is not known here.", account=cleaned)
    return cleaned


def _settle(desk: Desk, wanted: VoucherWanted, told: VoucherIssued | None, memo: Memo | None) -> None:
    """Write down what became of the asking: never the code."""
    at = desk.clock.now()
    with _refusing(), desk.till.transaction() as unit:
        settle_issue(unit.connection, wanted.issue_id, serial=None if told is None else told.serial, at=at)
        if memo is not None:
            remember(unit, memo, told, at=at)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (WriteFailed, CommitFailed) as failure:
        raise nothing_booked(failure.reason) from failure
