"""Nobody takes money on the own account, or on one linked to it: that needs a second person.

A dealer who enters payments for its own purchases is the normal case. Source: domain.md rule 64.
"""

from __future__ import annotations

from collections.abc import Iterable

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.till.desk import Desk


def refuse_own_accounts(desk: Desk, person: Person, accounts: Iterable[CachedAccount]) -> None:
    """None of ``accounts`` is the person's own, nor of a customer who holds one of them.

    Raises Refused ``own_account``.
    """
    if not person.accounts:
        return
    customers = _customers_of(desk, person.accounts)
    for account in accounts:
        if account.account == person.dealer:
            continue
        if account.account in person.accounts or account.customer in customers:
            raise Refused(
                "own_account",
                f"Account {account.account} is your own, or linked to yours: this needs a second person. "
                "Somebody else takes it.",
                account=account.account,
            )


def refuse_own_dealer(desk: Desk, person: Person, accounts: Iterable[str]) -> None:
    """What the back office decides of a dealer is never of ``accounts`` of the person's own, or linked to them.

    Raises NotAuthorised ``own_deed``.
    """
    own = person.accounts | ({person.dealer} if person.dealer is not None else frozenset())
    if not own:
        return
    asked = frozenset(accounts)
    if asked & own or _customers_of(desk, asked) & _customers_of(desk, own):
        raise NotAuthorised(
            "own_deed", "This dealer is yourself, or linked to you. Another person decides on it."
        )


def _customers_of(desk: Desk, accounts: Iterable[str]) -> set[str]:
    with desk.cache.read() as connection:
        known = [cached.account_by_id(connection, account) for account in accounts]
    return {account.customer for account in known if account is not None and account.customer}
