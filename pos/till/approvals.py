"""A second person: asked for by a deed that is refused, approved by somebody else, used once by the same deed again.

Source: domain.md rule 33; reliability.md 5.3.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pos.domain.approval import APPROVED_FOR, OPEN_FOR, ApprovalNeeded, RequestState, Wanted
from pos.domain.approval_elsewhere import RequestElsewhere
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import ADMINISTRATION, Grant, Person, named_roles, roles_problem
from pos.domain.session import elapsed
from pos.domain.text_guard import clean_reference
from pos.store import cache as cached
from pos.store.approvals import (
    Approval,
    Request,
    approvals_for,
    request_by_id,
    requests_since,
    use_approval,
    write_approval,
    write_declined,
)
from pos.store.people import RosterEntry, roster_entry
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import audited_later, require_alone, require_right, require_session
from pos.till.offline_limits import is_offline
from pos.till.sign_in import CONFIRM_PIN, recognise

ACT, DECLINE = "approve", "decline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What was approved, for whom, and until when it can be done."""

    request_id: str
    act: str
    requester: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """What was said no to, and whose it was."""

    request_id: str
    act: str
    requester: str


def require_second(
    deed: Deed,
    act: str,
    content: Mapping[str, object],
    what: str,
    said: str = "This needs a second person.",
    *,
    not_by: Collection[str] = (),
    use: bool = True,
    elsewhere: bool = False,
) -> None:
    """The person may do ``act`` alone, or another has approved exactly ``content``; the approval is used up.

    ``what`` says the content in words, for whoever is asked; ``said`` why one is, to whoever asks. ``use`` False: what is
    approved is only prepared now, and the approval is used when it is done.

    Raises NotAuthorised, Refused ``reason_required``, or ApprovalNeeded.
    """
    if require_right(deed.desk, act, deed.person) is Grant.SECOND:
        use_or_ask(deed, act, content, what, said, not_by=not_by, use=use, elsewhere=elsewhere)
    else:
        require_alone(deed.desk, act, deed.person, reason=deed.reason_code)


def use_or_ask(
    deed: Deed,
    act: str,
    content: Mapping[str, object],
    what: str,
    said: str,
    *,
    accounts: Collection[str] = (),
    not_by: Collection[str] = (),
    use: bool = True,
    elsewhere: bool = False,
    **details: object,
) -> None:
    """Use the approval of exactly ``content``, whatever the person's right; ``elsewhere``: one of another terminal.

    ``use`` False: it must be there, and stays. Raises ApprovalNeeded where there is none, or Refused
    ``approval_needs_central`` where nobody elsewhere can be asked.
    """
    digest = _content_digest(deed, act, content)
    wanted = Wanted(act=act, digest=digest, what=what, accounts=accounts, not_by=not_by, elsewhere=elsewhere)
    for approval in approvals_for(deed.unit.connection, wanted.digest, deed.person.user):
        if _holds(deed, act, approval, elsewhere=elsewhere):
            if use:
                use_approval(deed.unit, approval.approval_id, deed_id=deed.deed_id, at=deed.at)
            deed.approver, deed.approval_id = approval.approver, approval.approval_id
            return
    if elsewhere:
        said = "This needs a second person at another terminal."
        if not deed.desk.policy.offline.has_central or is_offline(deed.desk, deed.unit.connection):
            raise Refused(
                "approval_needs_central",
                f"{said} Central does not answer now: do it again when it does.",
            )
    raise ApprovalNeeded(said, wanted, approvers=who_approves(deed.desk, act), **details)


def approve(desk: Desk, person: Person, request_id: str, *, memo: Memo | None = None) -> Approved:
    """``person`` approves what another asked for; it is good for five minutes, once, for exactly that.

    Raises NotAuthorised (``own_request``, ``not_yours_to_approve``), or Refused ``unknown_request``, ``request_used``,
    ``request_declined`` or ``request_lapsed``.
    """
    return _approve(desk, person, request_id, memo=memo)


def approve_at_the_seat(
    desk: Desk, user: str, pin: str, request_id: str, *, memo: Memo | None = None
) -> Approved:
    """Whoever gives this user number and PIN approves, beside the person who sits here and goes on sitting here.

    Raises as ``sign_in`` and ``approve``; NotAuthorised ``pin_is_first`` too.
    """

    person = recognise(desk, user, pin, act=CONFIRM_PIN, then=own_pin_of(desk, request_id))
    return _approve(desk, person, request_id, memo=memo, proved=True)


def own_pin_of(desk: Desk, subject: str) -> Callable[[Desk, RosterEntry], None]:
    """For ``recognise``: who signs at another's seat has a PIN of the own. It raises NotAuthorised ``pin_is_first``."""

    def own_pin(_: Desk, entry: RosterEntry) -> None:
        with audited_later(desk, ACT, entry.person, subject=subject):
            if entry.pin_is_first:
                raise NotAuthorised("pin_is_first", "Choose a PIN of your own first; only you will know it.")

    return own_pin


def decline(
    desk: Desk, person: Person, request_id: str, reason: str, *, memo: Memo | None = None
) -> Declined:
    """``person`` says no to what another asked for: it must be asked for anew.

    Raises as ``approve``, and Refused ``reason_required``.
    """

    def work(deed: Deed) -> Declined:
        request = _open_request(deed, request_id)
        if deed.reason_code is None:
            raise Refused(
                "reason_required", "Say why; it is kept with your name.", act=DECLINE, field="reason"
            )
        write_declined(
            deed.unit,
            request.request_id,
            decliner=person.user,
            reason=deed.reason_code,
            terminal=desk.identity.terminal,
            deed_id=deed.deed_id,
            at=deed.at,
        )
        return Declined(request_id=request.request_id, act=request.act, requester=request.requester)

    return perform(desk, person, DECLINE, work, memo=memo, reason=reason)


def requests_now(desk: Desk, person: Person, *, limit: int = 100) -> list[Request]:
    """What was asked for within a day, the latest first: the person's own, and what the person may approve."""
    with audited_later(desk, ACT, person):
        require_session(desk, ACT, person)
    now = desk.clock.now()
    with desk.till.read() as connection:
        found = requests_since(connection, now - OPEN_FOR, now=now, limit=limit)
    return [
        request
        for request in found
        if request.requester == person.user or may_approve(desk, person, request.act)
    ]


def request_of(desk: Desk, request_id: str) -> Request | None:
    """The request of this id, as it stands now."""
    with desk.till.read() as connection:
        return request_by_id(connection, request_id, now=desk.clock.now())


def who_approves(desk: Desk, act: str) -> list[str]:
    """The roles that may approve ``act``."""
    return [
        str(role)
        for role, grant in desk.permissions.grants.get(ACT, {}).items()
        if grant.allows_deed and (act in ADMINISTRATION) is (grant is Grant.LIMIT)
    ]


def _approve(
    desk: Desk, person: Person, request_id: str, *, memo: Memo | None, proved: bool = False
) -> Approved:
    def work(deed: Deed) -> Approved:
        request = _open_request(deed, request_id)
        if request.elsewhere:
            raise NotAuthorised(
                "needs_other_terminal", "This is approved at another terminal, where it is in the list too."
            )
        approval = Approval(
            approval_id=deed.new_id(),
            approver=person.user,
            given=desk.moment,
            expires=deed.at + APPROVED_FOR,
            terminal=desk.identity.terminal,
            offline=is_offline(desk, deed.unit.connection),
        )
        write_approval(deed.unit, request.request_id, approval)
        return Approved(
            request_id=request.request_id,
            act=request.act,
            requester=request.requester,
            expires=approval.expires,
        )

    return perform(desk, person, ACT, work, memo=memo, proved=proved)


def _open_request(deed: Deed, request_id: str) -> Request:
    """The request, if it still waits for an answer, and the person may give it."""
    number = deed.subject = clean_reference(request_id, field="Request", limit=20).upper()
    request = request_by_id(deed.unit.connection, number, now=deed.at)
    if request is None:
        raise Refused("unknown_request", f"There is no request {number} at this terminal.", request=number)
    require_other(deed, request)
    if request.state is RequestState.DONE:
        raise Refused("request_used", f"Request {number} was approved and done.", request=number)
    if request.state is RequestState.DECLINED:
        raise Refused(
            "request_declined", f"User {request.answered_by} said no to request {number}.", request=number
        )
    if request.state is RequestState.LAPSED:
        raise Refused(
            "request_lapsed", f"Request {number} is too old: whoever wants it asks anew.", request=number
        )
    return request


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


def _holds(deed: Deed, act: str, approval: Approval, *, elsewhere: bool) -> bool:
    """Not too old by either clock, and of somebody who still may approve this."""
    now = deed.desk.moment
    same_run = approval.given.boot == now.boot and now.monotonic_s >= approval.given.monotonic_s
    if not same_run or now.wall < approval.given.wall or elapsed(approval.given, now) >= APPROVED_FOR:
        return False
    if approval.approver == deed.person.user:
        return False
    from_here = approval.terminal == deed.desk.identity.terminal
    entry = roster_entry(deed.unit.connection, approval.approver)
    if entry is None:
        # Whoever is known only at another terminal was let in, and weighed, there.
        return not from_here
    if not entry.active or (elsewhere and from_here):
        return False
    return roles_problem(entry.person.roles) is None and may_approve(deed.desk, entry.person, act)


def may_approve(desk: Desk, person: Person, act: str) -> bool:
    """An admin approves administration and nothing else; nobody else approves administration."""
    grant = desk.permissions.grant(ACT, person.roles)
    if not grant.allows_deed:
        return False
    return (act in ADMINISTRATION) is (grant is Grant.LIMIT)


def require_other(deed: Deed, request: Request | RequestElsewhere) -> None:
    """Somebody else than who asked, or is concerned, whom the table lets decide.

    Raises NotAuthorised ``own_request``, ``own_deed`` or ``not_yours_to_approve``.
    """
    person = deed.person
    if request.requester == person.user:
        raise NotAuthorised("own_request", "You asked for this: another person must approve it.")
    if person.user in request.not_by:
        raise NotAuthorised("own_deed", "You took this payment yourself: another person must approve it.")
    if not may_approve(deed.desk, person, request.act):
        allowed = who_approves(deed.desk, request.act)
        raise NotAuthorised(
            "not_yours_to_approve",
            f"This is for others to decide. Who may: {named_roles(allowed)}.",
            act=request.act,
            allowed=allowed,
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
