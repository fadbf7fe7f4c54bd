"""A second person: asked for by a deed that is refused, approved by somebody else, used once by the same deed again.

Source: domain.md rule 33; reliability.md 5.3.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pos.domain.approval import APPROVED_FOR, ApprovalNeeded, Wanted
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import ADMINISTRATION, Grant, Person, roles_problem
from pos.domain.session import elapsed
from pos.domain.text_guard import clean_reference
from pos.store import cache as cached
from pos.store.approvals import Approval, Request, approvals_for, request_by_id, use_approval, write_approval
from pos.store.people import roster_entry
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_alone, require_right

ACT = "approve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What was approved, for whom, and until when it can be done."""

    request_id: str
    act: str
    requester: str
    expires: datetime


def require_second(deed: Deed, act: str, content: Mapping[str, object]) -> None:
    """The person may do ``act`` alone, or another has approved exactly ``content``; the approval is used up.

    Raises NotAuthorised, Refused ``reason_required``, or ApprovalNeeded.
    """
    if require_right(deed.desk, act, deed.person) is Grant.SECOND:
        use_or_ask(deed, act, content, "This needs a second person.")
    else:
        require_alone(deed.desk, act, deed.person, reason=deed.reason_code)


def use_or_ask(
    deed: Deed,
    act: str,
    content: Mapping[str, object],
    said: str,
    *,
    accounts: Collection[str] = (),
    **details: object,
) -> None:
    """Use the approval of exactly ``content``, whatever the person's right. Raises ApprovalNeeded where there is none."""
    wanted = Wanted(act=act, digest=_content_digest(deed, act, content), accounts=accounts)
    for approval in approvals_for(deed.unit.connection, wanted.digest, deed.person.user):
        if _holds(deed, act, approval):
            use_approval(deed.unit, approval.approval_id, deed_id=deed.deed_id, at=deed.at)
            return
    raise ApprovalNeeded(said, wanted, **details)


def approve(desk: Desk, person: Person, request_id: str, *, memo: Memo | None = None) -> Approved:
    """``person`` approves what another asked for; it is good for five minutes, once, for exactly that.

    Raises NotAuthorised (``own_request``, ``not_yours_to_approve``), or Refused ``unknown_request`` or ``request_used``.
    """

    def work(deed: Deed) -> Approved:
        number = deed.subject = clean_reference(request_id, field="Request", limit=20).upper()
        request = request_by_id(deed.unit.connection, number)
        if request is None:
            raise Refused(
                "unknown_request", f"There is no request {number} at this terminal.", request=number
            )
        _require_other(deed, request)
        if request.used:
            raise Refused("request_used", f"Request {number} was approved and done.", request=number)
        approval = Approval(
            approval_id=deed.new_id(), approver=person.user, given=desk.moment, expires=deed.at + APPROVED_FOR
        )
        write_approval(deed.unit, number, approval, terminal=desk.identity.terminal)
        return Approved(
            request_id=number, act=request.act, requester=request.requester, expires=approval.expires
        )

    return perform(desk, person, ACT, work, memo=memo)


def _content_digest(deed: Deed, act: str, content: Mapping[str, object]) -> str:
    """Change one unit of the content, and it is another. Keyed: what is asked for may be found by trying otherwise."""
    plain = json.dumps(
        [act, deed.desk.identity.terminal, dict(content)], sort_keys=True, ensure_ascii=False, default=_plain
    )
    key = deed.desk.till.keys.marks
    return hmac.new(key, b"approval\x1f" + plain.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _plain(value: object) -> object:
    """What JSON has no form for, always in the same one: a set has no order of its own."""
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def _holds(deed: Deed, act: str, approval: Approval) -> bool:
    """Not too old by either clock, and of somebody who still may approve this."""
    now = deed.desk.moment
    same_run = approval.given.boot == now.boot and now.monotonic_s >= approval.given.monotonic_s
    if not same_run or now.wall < approval.given.wall or elapsed(approval.given, now) >= APPROVED_FOR:
        return False
    entry = roster_entry(deed.unit.connection, approval.approver)
    if entry is None or not entry.active or approval.approver == deed.person.user:
        return False
    return roles_problem(entry.person.roles) is None and _may_approve(deed.desk, entry.person, act)


def _may_approve(desk: Desk, person: Person, act: str) -> bool:
    """An admin approves administration and nothing else; nobody else approves administration."""
    grant = desk.permissions.grant(ACT, person.roles)
    if not grant.allows_deed:
        return False
    return (act in ADMINISTRATION) is (grant is Grant.LIMIT)


def _require_other(deed: Deed, request: Request) -> None:
    """Raises NotAuthorised ``own_request`` or ``not_yours_to_approve``."""
    person = deed.person
    if request.requester == person.user:
        raise NotAuthorised("own_request", "You asked for this: another person must approve it.")
    if not _may_approve(deed.desk, person, request.act):
        raise NotAuthorised(
            "not_yours_to_approve", "An admin approves what admins do, and nobody else does.", act=request.act
        )
    own = person.accounts | ({person.dealer} if person.dealer is not None else frozenset())
    if own & request.accounts or customers_of(deed.desk, own) & customers_of(deed.desk, request.accounts):
        raise NotAuthorised(
            "own_request", "This is about your own account, or one linked to it: another must."
        )


def customers_of(desk: Desk, accounts: Collection[str]) -> set[str]:
    """The customers who hold ``accounts``."""
    with desk.cache.read() as connection:
        known = [cached.account_by_id(connection, account) for account in accounts]
    return {account.customer for account in known if account is not None and account.customer}
