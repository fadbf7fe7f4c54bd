"""Taking money out of suspense: its owner is found, and it goes to the account, bills first or as asked.

A linked, balanced entry of its own; no money moves, so no shift is needed. Central is told of it behind the payment that
brought the money. Source: domain.md section 1, 3.9, 3.11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pos.domain.allocation import Allocation, Wish, allocate_as_asked, allocate_oldest_first
from pos.domain.bill import OpenBill
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, parse_amount
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.posting import SourceKind
from pos.domain.role import Person
from pos.domain.suspense import SuspenseItem, choose_item, part_of, resolved_lines
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.store.outbox import TRANSFER, queue_of_leg
from pos.store.payments import taken_by
from pos.store.suspense import items_of, waiting_items
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import require_second
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.journal import book_entry
from pos.till.known_accounts import unknown_account
from pos.till.open_bills import open_bills
from pos.till.own_accounts import refuse_own_accounts
from pos.till.payment_order import AllocateOrder
from pos.till.take_payment import read_wish

ACT = "resolve_suspense"
LISTED_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOrder:
    """What of which sum goes to whom, as typed. ``item`` tells sums of one receipt apart; ``amount`` None: all that is left.

    ``allocate``: the bills that are paid with it; none: the oldest due ones. What they leave is credit.
    """

    receipt: str
    account: str
    item: int | None = None
    amount: str | None = None
    allocate: Sequence[AllocateOrder] = ()
    reason: str | None = None
    decimal_marks: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseResolved:
    """What was moved; ``left`` is what is still in suspense of that sum."""

    transfer_id: str
    receipt_number: str
    account: str
    amount: Money
    left: Money
    parts: tuple[Allocation, ...]


def suspense_items(desk: Desk, person: Person, *, limit: int = LISTED_MAX) -> list[SuspenseItem]:
    """What nobody has claimed, the oldest first; a dealer's people see none of it. Raises NotAuthorised."""
    require_enquiry(desk, person)
    if person.only_account is not None:
        return []
    with desk.till.read() as connection:
        return waiting_items(connection, limit)


def resolve_suspense(
    desk: Desk, person: Person, order: ResolveOrder, *, memo: Memo | None = None
) -> SuspenseResolved:
    """Move money out of suspense to an account.

    Raises NotAuthorised, Refused ``approval_required`` (an item beyond what one person may move alone), the codes of
    ``choose_item``, ``part_of`` and ``allocate_as_asked``, ``one_account_only``, ``unknown_account``, ``own_account`` or
    ``account_other_currency``.
    """
    resolved = perform(
        desk,
        person,
        ACT,
        lambda deed: _resolve(deed, order),
        memo=memo,
        # How much it is decides whether a second person is asked for, and that is known inside only.
        alone=True,
    )
    desk.touched_bills.extend(part.bill_no for part in resolved.parts if part.bill_no is not None)
    desk.touched_accounts.append(resolved.account)
    return resolved


def _resolve(deed: Deed, order: ResolveOrder) -> SuspenseResolved:
    number = clean_reference(order.receipt, field="Receipt", limit=40).upper()
    deed.shift, deed.subject = None, number
    reason = deed.reason_code = clean_entry(order.reason or "", field="Reason", limit=200) or None
    item = choose_item(items_of(deed.unit.connection, number), number, order.item)
    amount = part_of(item, _amount(order, item.left.currency))
    what = f"{amount} of suspense {number} to account {clean_reference(order.account, field='Account', limit=40)}"
    # The whole item counts: a large one is not moved alone part by part.
    if item.amount.minor > deed.desk.policy.payments.resolve_alone_up_to_minor:
        cashier = taken_by(deed.unit.connection, number)
        require_second(deed, ACT, asdict(order), what, not_by=[] if cashier is None else [cashier])
    account = _find_account(deed, order.account, item.left.currency)
    refuse_own_accounts(deed, ACT, {"own": asdict(order)}, what, [account])
    parts = _allocate(deed, order, account, amount)
    transfer_id = deed.new_id()
    _write(deed, item, transfer_id, account, parts, reason)
    book_entry(
        deed,
        SourceKind.SUSPENSE_RESOLVED,
        transfer_id,
        resolved_lines(parts, account.kind, from_account=deed.desk.policy.suspense_account),
    )
    return SuspenseResolved(
        transfer_id=transfer_id,
        receipt_number=number,
        account=account.account,
        amount=amount,
        left=item.left - amount,
        parts=tuple(parts),
    )


def _amount(order: ResolveOrder, in_currency: Currency) -> Money | None:
    if order.amount is None:
        return None
    return parse_amount(order.amount, in_currency, decimal_marks=order.decimal_marks)


def _find_account(deed: Deed, account_id: str, in_currency: Currency) -> CachedAccount:
    account_id = clean_reference(account_id, field="Account", limit=40)
    with deed.desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None or not deed.person.may_see(account.account):
        raise unknown_account(deed.desk, account_id)
    if account.currency != in_currency:
        raise Refused(
            "account_other_currency",
            f"Account {account_id} is kept in {account.currency}.",
            account=account_id,
        )
    return account


def _allocate(deed: Deed, order: ResolveOrder, account: CachedAccount, amount: Money) -> list[Allocation]:
    with deed.desk.cache.read() as connection:
        told = cached.bills_of_account(connection, account.account, open_only=True)
    of_account = [bill for bill in told if bill.remaining.currency == amount.currency]
    bills: dict[str, OpenBill] = {
        bill.bill.bill_no: bill for bill in open_bills(deed.unit.connection, of_account)
    }
    parts: list[Allocation] = []
    left = amount
    if account.kind is PayerKind.DEALER:
        # A dealer has no bills.
        pass
    elif order.allocate:
        wishes = [read_wish(deed.desk, wish, order.decimal_marks) for wish in order.allocate]
        _refuse_other_accounts(wishes, account.account)
        parts, left = allocate_as_asked(amount, wishes, payer_account=account.account, bills=bills)
    else:
        parts, left = allocate_oldest_first(amount, bills.values())
    if left:
        parts = [*parts, Allocation(account=account.account, bill_no=None, bill_id=None, amount=left)]
    return parts


def _refuse_other_accounts(wishes: Sequence[Wish], account: str) -> None:
    """A transfer has one account; what is left of it is that account's plain credit."""
    for wish in wishes:
        if wish.keep is not Purpose.ACCOUNT or wish.account not in (None, account):
            raise Refused(
                "one_account_only", f"This money goes to account {account}: to its bills, or as its credit."
            )


def _write(
    deed: Deed,
    item: SuspenseItem,
    transfer_id: str,
    account: CachedAccount,
    parts: Sequence[Allocation],
    reason: str | None,
) -> None:
    code = item.amount.currency.code
    deed.unit.insert_all(
        "suspense_transfer_part",
        [
            {
                "transfer_id": transfer_id,
                "number": number,
                "bill_no": part.bill_no,
                "bill_id": part.bill_id,
                "amount_minor": part.amount.minor,
                "currency": code,
            }
            for number, part in enumerate(parts, start=1)
        ],
    )
    deed.unit.insert(
        "suspense_transfer",
        {
            "transfer_id": transfer_id,
            "suspense_id": item.suspense_id,
            "account": account.account,
            "amount_minor": sum(part.amount.minor for part in parts),
            "currency": code,
            "resolved_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": deed.person.user,
            "reason": reason,
        },
    )
    deed.unit.insert("outbox", _message(deed, item, transfer_id, account))


def _message(deed: Deed, item: SuspenseItem, transfer_id: str, account: CachedAccount) -> dict[str, object]:
    """In the queue of the leg that brought the money, not in the owner's: neither may wait for the other's payments."""
    return {
        "payment_event_id": item.payment_event_id,
        "leg": item.leg,
        "correlator_id": transfer_id,
        "kind": TRANSFER,
        "source_id": transfer_id,
        "account": account.account,
        "queue": queue_of_leg(deed.unit.connection, item.payment_event_id, item.leg),
        "state": "waiting",
        "changed_at_utc": utc_text(deed.at),
    }
