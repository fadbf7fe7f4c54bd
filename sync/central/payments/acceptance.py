"""The acceptance matrix at central: which way to pay serves whom, for what. Source: domain.md section 0, rule 50.

Only ways to pay that are ours by name are judged; a foreign client's own are taken as they come.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from pos.domain.errors import Refused
from pos.domain.imported_record import FILE_KINDS
from pos.domain.money import total
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentMode, PaymentModes, Purpose, as_judged
from pos.domain.voucher import Residual
from sync.central.payments.incoming import IncomingPayment
from sync.central.payments.known import Known
from sync.central.vouchers.issuing import terms_of
from sync.central.vouchers.vouchers import find_voucher, voucher_of_hold
from sync.central.wire.errors import ApiError

PAYER_KINDS = frozenset(PayerKind)
FIELDS = {"mode_not_for_payer": "paymentMethod.name", "mode_not_for_purpose": "paymentItem"}
"""What a refusal of the matrix is about."""


FIND_ACCOUNT_OF_BILL = text("SELECT account_id FROM bill WHERE id = :id")


def require_accepted(
    connection: Connection, incoming: IncomingPayment, known: Known, modes: PaymentModes | None
) -> None:
    """Raises ApiError 400 ``mode_not_for_payer``, ``mode_not_for_purpose`` or ``voucher_not_held``, naming the field."""
    mode = None if modes is None else modes.by_code.get(incoming.method_name or "")
    if mode is None:
        return
    purposes = purposes_of(incoming)
    if mode.kind is ModeKind.VOUCHER and leaves_credit(connection, incoming):
        # Its own rule puts the rest on the account, whatever vouchers may pay for otherwise.
        purposes = [purpose for purpose in purposes if purpose is not Purpose.ACCOUNT]
    for payer in _payer_kinds(incoming, known):
        for purpose in purposes:
            try:
                own = payer is PayerKind.WALK_IN and pays_own_charges(connection, incoming, known)
                weighed = as_judged(payer, purpose, own=own)
                mode.require_accepted(payer, _of_file(mode, incoming, payer, weighed))
            except Refused as refusal:
                raise ApiError(400, refusal.code, refusal.message, field=FIELDS[refusal.code]) from None
    if mode.kind is ModeKind.VOUCHER and incoming.voucher_hold is None and incoming.voucher_taken is None:
        message = f"{mode.label}: no voucher is held for this payment."
        raise ApiError(400, "voucher_not_held", message, field="voucherHold")


def _of_file(mode: PaymentMode, incoming: IncomingPayment, payer: PayerKind, purpose: Purpose) -> Purpose:
    """A bank's file tells of money that is there: what no bill takes lies on the account of whoever may pay so, or in
    suspense until its owner is known.
    """
    if (
        not incoming.by_file
        or mode.kind not in FILE_KINDS
        or purpose not in (Purpose.ACCOUNT, Purpose.SUSPENSE)
    ):
        return purpose
    return min(mode.accepts.get(payer, frozenset()), default=purpose)


def pays_own_charges(connection: Connection, incoming: IncomingPayment, known: Known) -> bool:
    """Whether its bills are all of the payment's own account, which is none that is kept here: what walk-in buyers owe for
    cheques that bounced.
    """
    if known.account_kind is not None:
        return False
    accounts = {
        connection.execute(FIND_ACCOUNT_OF_BILL, {"id": item.target_id}).scalar_one_or_none()
        for item in incoming.items
        if item.is_bill
    }
    return accounts == {incoming.account_id}


def leaves_credit(connection: Connection, incoming: IncomingPayment) -> bool:
    """Whether the voucher behind the money is one whose rest is credit on the payer's account."""
    if incoming.voucher_taken is not None:
        taken = incoming.voucher_taken
        voucher = find_voucher(connection, taken.issuer_here, (taken.digest,))
    else:
        voucher = (
            None if incoming.voucher_hold is None else voucher_of_hold(connection, incoming.voucher_hold)
        )
    return voucher is not None and terms_of(voucher).residual is Residual.CREDIT


def purposes_of(incoming: IncomingPayment) -> Sequence[Purpose]:
    """What the money is for, by its items; what no item claims is for the account."""
    found = {Purpose.BILLS if item.is_bill else Purpose.ITEMS for item in incoming.items}
    named = [item.amount for item in incoming.items if item.amount is not None]
    takes_all = len(named) < len(incoming.items)
    kept_apart = total(incoming.kept_apart.values(), incoming.amount.currency)
    if not takes_all and total(named, incoming.amount.currency) + kept_apart < incoming.amount:
        found.add(Purpose.ACCOUNT)
    found.update(incoming.kept_apart)
    return [purpose for purpose in Purpose if purpose in found]


def _payer_kinds(incoming: IncomingPayment, known: Known) -> list[PayerKind]:
    """As whom the payer is judged: by what it says it is, and by what its accounts say.

    A dealer's account makes a dealer of whoever else the payer claims to be. A payer that claims to be a dealer, but pays
    for a subscriber's account and names no dealer's, is judged as both. Nobody: neither is known, and nothing is judged.
    """
    role = incoming.payer_role
    claimed = PayerKind(role) if role in PAYER_KINDS else None
    if PayerKind.DEALER in (known.payer_kind, known.account_kind):
        return [PayerKind.DEALER]
    kind = known.payer_kind or known.account_kind
    if claimed is None:
        return [] if kind is None else [kind]
    if claimed is PayerKind.DEALER and kind is not None:
        return [claimed, kind]
    return [claimed]
