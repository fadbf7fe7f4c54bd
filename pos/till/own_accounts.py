"""Nobody takes money on the own account, or on one linked to it: that needs a second person.

A dealer who enters payments for its own purchases is the normal case. Source: domain.md rule 64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pos.domain.errors import NotAuthorised
from pos.domain.role import Person
from pos.store.cache import CachedAccount
from pos.till.approvals import customers_of, use_or_ask
from pos.till.desk import Deed, Desk


def refuse_own_accounts(
    deed: Deed, act: str, content: Mapping[str, object], what: str, accounts: Iterable[CachedAccount]
) -> None:
    """Where one of ``accounts`` is the person's own, or of a customer who holds one of them, another approves ``content``.

    ``what`` says it in words. Raises ApprovalNeeded.
    """
    person = deed.person
    if not person.accounts:
        return
    customers = customers_of(deed.desk, person.accounts)
    own = [
        account.account
        for account in accounts
        if account.account != person.dealer
        and (account.account in person.accounts or account.customer in customers)
    ]
    if own:
        use_or_ask(
            deed,
            act,
            content,
            f"{what} (own account {own[0]})",
            f"Account {own[0]} is your own, or linked to yours: this needs a second person.",
            accounts=own,
            why="own_account",
            account=own[0],
        )


def refuse_own_dealer(desk: Desk, person: Person, accounts: Iterable[str]) -> None:
    """What the back office decides of a dealer is never of ``accounts`` of the person's own, or linked to them.

    Raises NotAuthorised ``own_deed``.
    """
    own = person.accounts | ({person.dealer} if person.dealer is not None else frozenset())
    if not own:
        return
    asked = frozenset(accounts)
    if asked & own or customers_of(desk, asked) & customers_of(desk, own):
        raise NotAuthorised(
            "own_deed", "This dealer is yourself, or linked to you. Another person decides on it."
        )
