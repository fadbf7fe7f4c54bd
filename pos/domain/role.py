"""Who may do what: the permission table as data, and the one gate that reads it.

The table itself is ``config/roles.toml``; an act without a row there cannot be done by anybody. Source: reliability.md 5.1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    """How far a right goes: alone, within a limit, with a reason, with a second person, reading only, or not."""

    ALONE = "alone"
    LIMIT = "limit"
    REASON = "reason"
    SECOND = "second"
    READ = "read"
    NO = "no"


_STRENGTH = (Grant.NO, Grant.READ, Grant.SECOND, Grant.REASON, Grant.LIMIT, Grant.ALONE)


@dataclass(frozen=True, slots=True)
class PermissionTable:
    """For each act, what each role may do."""

    grants: Mapping[str, Mapping[Role, Grant]]

    def grant(self, act: str, roles: Collection[Role]) -> Grant:
        """The furthest grant any of ``roles`` has for ``act``; NO for an act the table does not know."""
        row = self.grants.get(act, {})
        return max((row.get(role, Grant.NO) for role in roles), key=_STRENGTH.index, default=Grant.NO)

    def require(self, act: str, roles: Collection[Role]) -> Grant:
        """The grant for ``act``. Raises NotAuthorised ``not_allowed`` naming who may."""
        found = self.grant(act, roles)
        if found is Grant.NO:
            allowed = [str(role) for role, grant in self.grants.get(act, {}).items() if grant is not Grant.NO]
            who = ", ".join(name.replace("_", " ") for name in allowed) or "nobody"
            raise NotAuthorised(
                "not_allowed", f"You may not do this. Who may: {who}.", act=act, allowed=allowed
            )
        return found


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
