"""Who pays: the account as central told it, or nobody's."""

from __future__ import annotations

from pos.domain.errors import Refused
from pos.domain.money import Currency, zero
from pos.domain.payment_mode import PayerKind
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.till.desk import Desk
from pos.till.known_accounts import unknown_account
from pos.till.payment_order import PaymentOrder, is_of_nobody


def payer_account_of(desk: Desk, order: PaymentOrder) -> str:
    """The payer's account; a walk-in buyer's is the shop's own for such sales. Raises Refused ``unknown_account``."""
    if order.payer_account is not None:
        return order.payer_account
    if is_of_nobody(order):
        return desk.policy.suspense_account
    if order.payer_kind is not PayerKind.WALK_IN:
        raise Refused("unknown_account", "Say whose payment this is: the account is missing.")
    return desk.policy.walk_in_account


def read_payer(desk: Desk, person: Person, order: PaymentOrder, in_currency: Currency) -> CachedAccount:
    """Who pays. Raises Refused ``unknown_account``, ``mistyped_account``, ``wrong_payer_kind`` or that of its currency."""
    account_id = clean_reference(payer_account_of(desk, order), field="Account", limit=40)
    if order.payer_kind is PayerKind.WALK_IN and account_id == desk.policy.walk_in_account:
        if person.only_account is not None:
            raise Refused("unknown_account", f"Account {account_id} is not known here.", account=account_id)
        return walk_in_buyer(account_id, in_currency)
    if is_of_nobody(order):
        if person.only_account is not None:
            raise Refused("unknown_account", "Say whose payment this is: the account is missing.")
        return _nobody(account_id, PayerKind.SUBSCRIBER, in_currency)
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None or not person.may_see(account.account):
        raise unknown_account(desk, account_id)
    if account.kind is not order.payer_kind:
        raise Refused(
            "wrong_payer_kind",
            f"Account {account_id} is a {account.kind}'s, not a {order.payer_kind.replace('_', '-')}'s.",
            account=account_id,
            kind=str(account.kind),
        )
    require_currency(account, in_currency)
    return account


def walk_in_buyer(account_id: str, in_currency: Currency) -> CachedAccount:
    """Whoever buys at the counter without being a customer."""
    return _nobody(account_id, PayerKind.WALK_IN, in_currency)


def payer_again(desk: Desk, kind: PayerKind, account_id: str, in_currency: Currency) -> CachedAccount:
    """Who paid before, as central tells of them now. Raises Refused ``unknown_account``."""
    if kind is PayerKind.WALK_IN:
        return walk_in_buyer(account_id, in_currency)
    with desk.cache.read() as connection:
        known = cached.account_by_id(connection, account_id)
    if known is None:
        raise unknown_account(desk, account_id)
    return known


def _nobody(account_id: str, kind: PayerKind, in_currency: Currency) -> CachedAccount:
    none = zero(in_currency)
    return CachedAccount(
        account=account_id,
        kind=kind,
        name="",
        phone="",
        customer="",
        currency=in_currency,
        status="active",
        cash_only=False,
        dunning_stage=0,
        credit_told=none,
        credit=none,
        seen_change=None,
        told_at_utc="",
    )


def require_currency(account: CachedAccount, in_currency: Currency) -> None:
    """Raises Refused ``account_other_currency``: a till takes money in one currency."""
    if account.currency != in_currency:
        raise Refused(
            "account_other_currency",
            f"Account {account.account} is kept in {account.currency}, this till in {in_currency}.",
            account=account.account,
        )
