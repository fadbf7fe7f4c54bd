"""Numbers that name no account here: mistyped ones are told from those that nobody has. Source: domain.md rule 28."""

from __future__ import annotations

from pos.domain.check_digit import is_mistyped
from pos.domain.errors import Refused
from pos.till.desk import Desk


def unknown_account(desk: Desk, account_id: str) -> Refused:
    """The refusal to raise: ``mistyped_account`` where the check digit is wrong, else ``unknown_account``."""
    if is_mistyped(account_id, desk.policy.check_digit):
        return Refused(
            "mistyped_account",
            f"Account {account_id} is mistyped: its check digit is wrong. Type it again.",
            account=account_id,
        )
    return Refused("unknown_account", f"Account {account_id} is not known here.", account=account_id)


def nothing_found(desk: Desk, query: str) -> str:
    """What to say of a query that found nothing."""
    if is_mistyped(query, desk.policy.check_digit):
        return f"Nothing found for {query}. As an account number it is mistyped: its check digit is wrong."
    return f"Nothing found for {query}. Check the number, or type a name."
