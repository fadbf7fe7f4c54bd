"""Vouchers that a till took while central did not answer: redeemed when their payment arrives, if they still can be.

The first to arrive has it; what a till was allowed to take later is refused here and waits at that till for a person.
Source: domain.md 3.5 and 3.11; reliability.md invariant 39.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row

from pos.domain.money import Money
from pos.domain.voucher import Residual
from sync.central.vouchers.issuers import INTERNAL, IssuerRefuses, IssuerSilent, VoucherIssuer, folded_issuer
from sync.central.vouchers.issuing import is_redeemed, terms_of
from sync.central.vouchers.vouchers import (
    FIND_HOLD,
    FIND_REDEMPTION,
    find_voucher,
    issuer_unanswered,
    may_be_redeemed,
    note_outside,
    put_hold,
    used_with,
)
from sync.central.wire.errors import ApiError
from sync.wire_json import dumps


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOffline:
    """A voucher as a till took it on its own word. ``issuer`` None: one of ours. ``amount`` is what its tender brought.

    ``on`` is the day in the shop when it was taken: a voucher that was good then is good when it arrives.
    """

    digest: str
    issuer: str | None
    amount: Money
    on: date

    @property
    def issuer_here(self) -> str:
        return INTERNAL if self.issuer is None else folded_issuer(self.issuer)


def hold_id_of(payment_event_id: str, issuer: str | None, digest: str) -> str:
    """The hold that central writes for a voucher which came with its payment: one for all legs of the event."""
    named = INTERNAL if issuer is None else folded_issuer(issuer)
    return f"offline-{hashlib.sha256(dumps([payment_event_id, named, digest])).hexdigest()[:40]}"


def hold_taken(
    connection: Connection,
    taken: TakenOffline,
    *,
    payment_event_id: str,
    terminal: str | None,
    mode: str | None,
    account_id: str,
    at: datetime,
    issuers: Mapping[str, VoucherIssuer],
) -> str:
    """The hold under which the payment redeems the voucher; written now, or by an earlier leg of the same event.

    Raises ApiError 409 ``voucher_used``, ``voucher_not_known``, ``voucher_expired``, ``voucher_value_exceeded`` or
    ``voucher_not_issued``, 503 where the issuer does not answer, or the payment that it is the rest of may still come.
    """
    hold_id = hold_id_of(payment_event_id, taken.issuer, taken.digest)
    if connection.execute(FIND_HOLD, {"id": hold_id}).one_or_none() is not None:
        return hold_id
    voucher = find_voucher(connection, taken.issuer_here, (taken.digest,))
    if voucher is not None:
        redemption = connection.execute(FIND_REDEMPTION, {"voucher_id": voucher.id}).one_or_none()
        if redemption is not None:
            raise used_with(connection, redemption.hold_id, "Another payment used this voucher first")
        _require_issued(connection, voucher)
    issuer = issuers.get(taken.issuer_here)
    if issuer is not None:
        voucher = _authorised(connection, issuer, taken, hold_id)
    if voucher is None:
        raise _refused("voucher_not_known", "No such voucher was ever issued here.")
    terms = terms_of(voucher)
    if terms.value.currency != taken.amount.currency or terms.value < taken.amount:
        raise _refused(
            "voucher_value_exceeded", f"This voucher is worth {terms.value}, less than {taken.amount}."
        )
    if terms.expires < taken.on:
        raise _refused("voucher_expired", f"This voucher had expired: its last day was {terms.expires}.")
    if terms.residual is Residual.NEW_VOUCHER and terms.value != taken.amount:
        raise _refused(
            "voucher_value_exceeded", f"Of this voucher {terms.value} are taken, or nothing, without central."
        )
    now = at.astimezone(UTC).isoformat(timespec="microseconds")
    row = {
        "id": hold_id,
        "voucher_id": voucher.id,
        "terminal": terminal,
        "payment_event_id": payment_event_id,
        "mode": mode,
        "account_id": account_id,
        "approval": None,
        "asked_sha256": taken.digest,
        "made_at": now,
        # It was never promised to anybody: it serves the payment that it came with, or nothing.
        "lapses_at": now,
    }
    put_hold(connection, row, terms, taken.amount)
    return hold_id


def _require_issued(connection: Connection, voucher: Row[Any]) -> None:
    """The rest of another voucher counts once that one was used; before that, both could be spent."""
    if voucher.promised_by is None or is_redeemed(connection, voucher.promised_by):
        return
    if may_be_redeemed(connection, voucher.promised_by):
        raise ApiError(
            503,
            "voucher_not_issued_yet",
            "The payment that this voucher is the rest of has not come yet.",
            field="voucherTaken",
        )
    raise _refused("voucher_not_issued", "The payment that this voucher is the rest of never came.")


def _authorised(connection: Connection, issuer: VoucherIssuer, taken: TakenOffline, hold_id: str) -> Row[Any]:
    """The issuer is asked now; what central holds of it for somebody else stands in the way there too."""
    try:
        told = issuer.authorise(hold_id, taken.digest)
    except IssuerSilent:
        raise issuer_unanswered() from None
    if isinstance(told, IssuerRefuses):
        raise _refused("voucher_used", f"The issuer does not honour this voucher: {told.reason}.")
    return note_outside(connection, taken.issuer_here, taken.digest, told)


def _refused(code: str, message: str) -> ApiError:
    return ApiError(409, code, message, field="voucherTaken")
