"""Who may do what: the permission table as data, and the one gate that reads it.

The table itself is ``config/roles.toml``; an act without a row there cannot be done by anybody. Source: reliability.md 5.1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pos.domain.errors import NotAuthorised


class Role(StrEnum):
    """What a person is at the shop. A person may have several; sellers never administer."""

    CASHIER = "cashier"
    SUPERVISOR = "supervisor"
    DEALER = "dealer"
    BACK_OFFICE = "back_office"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Grant(StrEnum):
    """How far a right goes, each meaning one thing.

    ALONE: without anybody else. LIMIT: alone, within the limit that the deed itself knows (the own shift, the own account).
    REASON: alone, but with a reason given. SECOND: with an approval of another person. READ: to look at. NO: not at all.
    """

    ALONE = "alone"
    LIMIT = "limit"
    REASON = "reason"
    SECOND = "second"
    READ = "read"
    NO = "no"

    @property
    def allows_deed(self) -> bool:
        """Whether something may be done by it, and not only looked at."""
        return self not in (Grant.NO, Grant.READ)


_STRENGTH = (Grant.NO, Grant.READ, Grant.SECOND, Grant.REASON, Grant.LIMIT, Grant.ALONE)


class ActKind(StrEnum):
    """What an act touches: it decides which roles may never have it."""

    MONEY = "money"
    COUNTER = "counter"
    LOOK = "look"
    ADMIN = "admin"
    ANYBODY = "anybody"


_KINDS = {
    ActKind.MONEY: """
        pay sell override_price hold_voucher ask_card void refund swap_tender no_sale open_shift count close_shift
        accept_over_short confirm_refund bounce_cheque represent_cheque undo_bounce resolve_suspense transfer reallocate
        reverse key_direct_debit pay_post_dated withdraw_post_dated
        replace_cheque return_cheque bag_cash open_bag deposit_cheques lodge_deposit cancel_deposit confirm_deposit
        clear_cheque confirm_match verify_bank_receipt reject_bank_receipt unblock_dealer settle_commission pickup
        loan paid_in paid_out safe_count hand_over accept_hand_over undo_hand_over resolve_card reconcile_cards
        count_sheet issue_voucher mandate close_day import override_offline_limit hold_refund undo_cash_move collect_debits
        demand_bill
        ledger_batch
        send_bag recall_bag accept_bag undo_accept_bag settle_bank_entry
        """,
    ActKind.COUNTER: "confirm_person confirm_clock confirm_store resolve_conflict approve decline",
    ActKind.LOOK: "reprint see_expected report_large_cash report_signals export enquire read_audit",
    ActKind.ADMIN: "add_user change_user reset_pin change_settings enrol revoke restore keys",
    ActKind.ANYBODY: "sign_in sign_out lock unlock confirm_pin change_pin note ask_elsewhere abandon",
}

ACTS: Mapping[str, ActKind] = {act: kind for kind, acts in _KINDS.items() for act in acts.split()}
"""Every act that there is, or that a later version will have."""

ADMINISTRATION = frozenset(act for act, kind in ACTS.items() if kind is ActKind.ADMIN)
"""What only an admin does, and never alone."""

NOTED = frozenset({"session_end", "script", "clock_behind", "mark_lost", "roster"})
"""What the program itself writes into the audit; nobody does it, so nobody needs a right for it."""

ANSWERS = frozenset({"approve", "decline"})
"""What a second person says to a request."""

OF_ADMINS = ANSWERS | {"read_audit"}
"""What an admin may have beside the acts of administration."""

MONEY_ROLES = frozenset({Role.CASHIER, Role.SUPERVISOR, Role.DEALER, Role.BACK_OFFICE})


def named_roles(roles: Iterable[str]) -> str:
    """Roles as a cashier reads them."""
    return ", ".join(role.replace("_", " ") for role in roles) or "nobody"


def roles_problem(roles: Collection[Role]) -> str | None:
    """Why one person may not have all of ``roles``, or None: an admin never sells, a seller never administers or audits."""
    for apart in (Role.ADMIN, Role.AUDITOR):
        if apart in roles and MONEY_ROLES & set(roles):
            return f"the role {apart} goes with no role that moves money"
    return None


@dataclass(frozen=True, slots=True)
class PermissionTable:
    """For each act, what each role may do."""

    grants: Mapping[str, Mapping[Role, Grant]]

    def grant(self, act: str, roles: Collection[Role]) -> Grant:
        """The furthest grant any of ``roles`` has for ``act``; NO for an act the table does not know."""
        row = self.grants.get(act, {})
        return max((row.get(role, Grant.NO) for role in roles), key=_STRENGTH.index, default=Grant.NO)

    def require(self, act: str, roles: Collection[Role]) -> Grant:
        """The grant for ``act``, if only to look. Raises NotAuthorised ``not_allowed`` naming who may."""
        found = self.grant(act, roles)
        if found is Grant.NO:
            raise self._not_allowed(act, "You may not do this.", {Grant.NO})
        return found

    def require_deed(self, act: str, roles: Collection[Role]) -> Grant:
        """The grant for ``act``, to do it. Raises NotAuthorised ``not_allowed`` naming who may."""
        if self.require(act, roles) is Grant.READ:
            raise self._not_allowed(act, "You may look at this, not do it.", {Grant.NO, Grant.READ})
        return self.grant(act, roles)

    def _not_allowed(self, act: str, said: str, without: Collection[Grant]) -> NotAuthorised:
        allowed = [str(role) for role, grant in self.grants.get(act, {}).items() if grant not in without]
        return NotAuthorised(
            "not_allowed", f"{said} Who may: {named_roles(allowed)}.", act=act, allowed=allowed
        )

    @property
    def missing(self) -> list[str]:
        """The acts that it has no row for: those that came with a later version than the table, as a rule."""
        return sorted(ACTS.keys() - self.grants.keys())

    def problem(self) -> tuple[str, str] | None:
        """What no shop's table may say: the key that says it, and what is allowed there. None: it is sound."""
        for act in sorted(self.grants.keys() - ACTS.keys()):
            return act, "an act of this program"
        for act in self.missing:
            return act, f"a row for each act, if only an empty one, as {act} = {{}}"
        for act, row in self.grants.items():
            for role, grant in row.items():
                allowed = _grant_problem(ACTS[act], act, role, grant)
                if allowed is not None:
                    return f"{act}.{role}", allowed
        for role in Role:
            if self.grant("see_expected", {role}) is not Grant.NO and self.grant("count", {role}).allows_deed:
                return f"see_expected.{role}", "no: who counts a drawer does not see what is expected in it"
        return None


def _grant_problem(kind: ActKind, act: str, role: Role, grant: Grant) -> str | None:
    """What ``role`` may have of ``act`` instead of ``grant``; None where that may be."""
    if grant is Grant.NO:
        return None
    if kind is ActKind.ADMIN:
        return None if (role, grant) == (Role.ADMIN, Grant.SECOND) else "second, for admin alone"
    if role is Role.ADMIN and kind is not ActKind.ANYBODY and act not in OF_ADMINS:
        return "no: an admin administers and does nothing else"
    if role is Role.AUDITOR and kind in (ActKind.MONEY, ActKind.COUNTER) and grant is not Grant.READ:
        return "read or no: an auditor moves nothing"
    if act in ANSWERS and grant is not (Grant.LIMIT if role is Role.ADMIN else Grant.ALONE):
        # An admin answers what admins ask for and nothing else; nobody else answers that.
        return "limit or no" if role is Role.ADMIN else "alone or no"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody signed in at this terminal. ``accounts`` are the person's own and those linked to them."""

    user: str
    name: str
    roles: frozenset[Role]
    dealer: str | None = None
    accounts: frozenset[str] = frozenset()

    @property
    def only_account(self) -> str | None:
        """The one account that a dealer's own people see; None for the operator's people, who see every one."""
        return (self.dealer or "") if self.roles <= {Role.DEALER} else None

    def may_see(self, account: str | None) -> bool:
        """What a dealer's people may not see reads to them as what is not there."""
        return self.only_account is None or account == self.only_account
