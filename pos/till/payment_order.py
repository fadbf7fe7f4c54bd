"""A payment as the counter asks for it, as typed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pos.domain.errors import NeedsConfirmation
from pos.domain.payment_event import (
    Overpayment,
)
from pos.domain.payment_mode import PayerKind, Purpose
from pos.till.cheque_intake import (
    ChequeAsTyped,
)
from pos.till.desk import Desk
from pos.till.large_cash import IdentityOrder
from pos.till.selling import SaleOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderOrder:
    """A tender as typed: the mode's code, the amount as text, the mode's own fields as text.

    ``currency`` is that of the amount (None: the shop's own), ``rate`` what the payer was told that it is worth.
    ``attempt``: the card attempt that the terminal approved for it; the slip is the till's own then, ``details`` are empty.
    A cheque may come with the MICR line that a reader sent, and with what was ticked on its paper.
    """

    mode: str
    amount: str
    details: Mapping[str, str]
    currency: str | None = None
    rate: str | None = None
    attempt: str | None = None
    micr: str = ""
    ticks: Sequence[str] = ()

    @property
    def as_cheque(self) -> ChequeAsTyped:
        return ChequeAsTyped(details=self.details, micr=self.micr, ticks=self.ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateOrder:
    """A wish as typed: a bill or an account, and how much of it.

    ``keep_as``: how money on account is kept; in suspense it goes by its ``reference``. ``by_default`` True: the order of
    the shop chose it and not the payer.
    """

    bill: str | None = None
    amount: str | None = None
    account: str | None = None
    keep_as: Purpose = Purpose.ACCOUNT
    reference: str | None = None
    by_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """A payment as the counter asks for it. ``payment_event_id`` is made when the payment screen opens.

    Amounts are texts in the shop's currency, with marks of ``decimal_marks``. A walk-in buyer has no ``payer_account``.
    ``confirmed`` are the codes of the warnings that somebody has read and overruled, ``reason`` why, where it is asked for;
    ``identity`` is the document that the payer showed, which is kept only where so much cash needs one.
    """

    payment_event_id: str
    payer_kind: PayerKind
    payer_account: str | None
    tenders: Sequence[TenderOrder]
    allocate: Sequence[AllocateOrder] = ()
    lines: Sequence[SaleOrder] = ()
    overpayment: Overpayment | None = None
    decimal_marks: str = "."
    confirmed: Sequence[str] = ()
    reason: str | None = None
    identity: IdentityOrder | None = None


def order_mark(desk: Desk, order: PaymentOrder) -> str:
    """A keyed digest of all that an order asks for: another order under the same event id is told from a retry by it."""
    plain = json.dumps(asdict(order), sort_keys=True, ensure_ascii=False, default=str)
    return hmac.new(desk.till.keys.marks, plain.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def order_content(order: PaymentOrder) -> dict[str, object]:
    """All that an order asks for, without the id that each trial of it has: what a second person approves."""
    content = asdict(order)
    for of_the_trial in ("payment_event_id", "confirmed"):
        del content[of_the_trial]
    return content


def warn(order: PaymentOrder, code: str, message: str, **details: object) -> None:
    """Stop for a person's look. Raises NeedsConfirmation unless ``order`` has ``code`` confirmed."""
    if code not in order.confirmed:
        raise NeedsConfirmation(code, message, **details)


def is_of_nobody(order: PaymentOrder) -> bool:
    """Money of a subscriber whom nobody knows: all of it goes into suspense."""
    return (
        order.payer_account is None
        and order.payer_kind is PayerKind.SUBSCRIBER
        and bool(order.allocate)
        and all(wish.keep_as is Purpose.SUSPENSE for wish in order.allocate)
    )
