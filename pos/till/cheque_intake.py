"""A cheque on its way in: read from the reader's line or by hand, and never taken twice.

Source: domain.md 3.3 and rules 37 to 43.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pos.domain.cheque import Cheque, ChequeIdentity, ChequePayer, open_micr, read_cheque
from pos.domain.cheque_digest import ChequeDigest
from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.payment_mode import PaymentMode
from pos.domain.tender import read_details
from pos.store.cache import CachedAccount
from pos.store.known_cheques import is_known_elsewhere
from pos.store.payments import cheque_known
from pos.store.post_dated import post_dated_known
from pos.till.desk import Deed, Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeAsTyped:
    """A cheque tender's own fields as text, the line of its reader, and what was ticked on its paper."""

    details: Mapping[str, str]
    micr: str
    ticks: Sequence[str]


def read_cheque_tender(
    desk: Desk, mode: PaymentMode, typed: ChequeAsTyped, amount: Money, *, today: date
) -> tuple[dict[str, str], Cheque]:
    """The cleaned fields of a cheque tender, and the cheque.

    Raises what ``open_micr``, ``read_details`` and ``read_cheque`` raise.
    """
    fields, line = open_micr(typed.details, typed.micr, desk.policy.cheques.layouts)
    details = read_details(mode, fields)
    cheque = read_cheque(details, amount, today=today, micr=line, ticks=typed.ticks)
    # A payer must find the cheque again by what the receipt says, also where nobody typed its date.
    return {**details, "date": cheque.dated.isoformat()}, cheque


def payer_of_cheque(account: CachedAccount, *, cash_only: bool) -> ChequePayer:
    """What of ``account`` decides; ``cash_only`` counts every account that would be credited."""
    return ChequePayer(name=account.name, account_class=account.dealer_class, cash_only=cash_only)


def refuse_twins(cheques: Iterable[Cheque]) -> None:
    """Raises Refused ``cheque_named_twice``."""
    seen: list[ChequeIdentity] = []
    for cheque in cheques:
        if any(cheque.identity.same_as(other) for other in seen):
            raise Refused("cheque_named_twice", f"Cheque {cheque.serial} is in this payment twice.")
        seen.append(cheque.identity)


def refuse_taken_cheque(deed: Deed, cheque: Cheque) -> None:
    """Raises Refused ``cheque_taken_before``."""
    known = cheque_known(deed.unit.connection, cheque)
    how = "was taken already with receipt"
    complete = cheque.identity.branch and cheque.identity.account
    other = "" if complete else " Is it another one? Type its branch and account, too."
    if known is None:
        known = post_dated_known(deed.unit.connection, cheque)
        how = "is in the register of post-dated cheques with note"
    if known is not None:
        raise Refused("cheque_taken_before", f"Cheque {cheque.serial} {how} {known}.{other}", receipt=known)
    with deed.desk.cache.read() as connection:
        elsewhere = is_known_elsewhere(connection, ChequeDigest.of(cheque.identity), dated=cheque.dated)
    if elsewhere:
        raise Refused(
            "cheque_taken_before",
            f"Cheque {cheque.serial} was taken already in another shop.{other}",
            elsewhere=True,
        )
