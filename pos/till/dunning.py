"""A payment on accounts in collection: what the receipt says of it, and the row that remembers how they stood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pos.domain.dunning import Dunned, PaidBefore, clearing, is_dunned
from pos.domain.payment_event import PaymentEvent
from pos.domain.payment_mode import ModeKind
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.store.dunning import legs_not_final
from pos.till.desk import Deed
from pos.till.open_bills import open_bills


def accounts_in_collection(
    deed: Deed, event_id: str, event: PaymentEvent, accounts: Iterable[CachedAccount]
) -> list[Dunned]:
    """Those of the paid ``accounts`` that are in collection, by the books inside this very transaction."""
    return [
        _dunned(deed, event_id, event, account)
        for account in accounts
        if account.account in event.accounts and is_dunned(account.status, account.dunning_stage)
    ]


def _dunned(deed: Deed, event_id: str, event: PaymentEvent, account: CachedAccount) -> Dunned:
    desk, books = deed.desk, deed.unit.connection
    with desk.cache.read() as connection:
        bills = cached.bills_of_account(connection, account.account, open_only=True)
    own = [bill for bill in bills if bill.remaining.currency == event.currency]
    trusted = account.dealer_class in desk.policy.trusted_classes
    provisional = {
        mode.code: mode.final_when
        for mode in desk.modes.by_code.values()
        if not mode.final_at_once and not (trusted and mode.kind is ModeKind.CHEQUE)
    }
    return clearing(
        Dunned(account=account.account, status=account.status, stage=account.dunning_stage),
        event_id,
        event,
        open_bills(books, own),
        paid_before=[
            PaidBefore(correlator_id=correlator_id, final_when=provisional[mode])
            for correlator_id, mode in legs_not_final(books, account.account, list(provisional))
        ],
        today=deed.at.date(),
        trusted=trusted,
    )


def write_dunning(deed: Deed, event_id: str, found: Sequence[Dunned]) -> None:
    """Remember how each account stood: a bounce puts it back there, not to the start."""
    deed.unit.insert_all(
        "payment_dunning",
        [
            {
                "payment_event_id": event_id,
                "account": one.account,
                "status": one.status,
                "dunning_stage": one.stage,
                "clearing_legs": " ".join(one.clearing_legs),
                "final_now": None if not one.clears else int(not one.waits_for),
            }
            for one in found
        ],
    )
