"""Whose this till is, as central said it last: the operator's, or a dealer's, at which the operator decides nothing."""

from __future__ import annotations

from pos.domain.errors import Refused
from pos.store.cache import CacheStore, dealer_of_till

OPERATORS_ALONE = frozenset(
    "issue_voucher resolve_suspense settle_commission verify_bank_receipt reject_bank_receipt demand_bill "
    "mandate collect_debits import settle_bank_entry".split()
)
"""Deeds of which central would take nothing from a dealer's till."""


def tills_dealer(cache: CacheStore) -> str | None:
    """The account of the dealer whose till this is; None: it is the operator's."""
    with cache.read() as connection:
        return dealer_of_till(connection)


def require_whose_till(cache: CacheStore, act: str) -> None:
    """Raises Refused ``operator_alone`` for what only the operator's own tills do, at a dealer's."""
    dealer = tills_dealer(cache) if act in OPERATORS_ALONE else None
    if dealer is not None:
        raise Refused(
            "operator_alone",
            f"This till is dealer {dealer}'s. Only the operator's own tills do that.",
            dealer=dealer,
        )
