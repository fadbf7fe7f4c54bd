"""Asking for a voucher: it is reserved at central before the payment, redeemed by it, or released without it.

The code is worth money: it is sent to central once, kept nowhere, and shown by its end only. Source: domain.md 3.5 and
rule 46; reliability.md section 4 (vouchers).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pos.domain.money import Money
from pos.domain.text_guard import fold

SHOWN_MAX = 4


def plain_code(code: str) -> str:
    """A code as it is compared: upper case, without blanks and dashes."""
    return re.sub(r"[ \-]", "", code).upper()


def code_digest(code: str) -> str:
    """What central keeps of a code: a SHA-256 in hexadecimal, of its plain form."""
    return hashlib.sha256(plain_code(code).encode()).hexdigest()


def code_mark(key: bytes, code: str, issuer: str | None) -> str:
    """What a till keeps of a voucher: a keyed digest, so that nobody finds the code by trying; hexadecimal."""
    text = f"{plain_code(code)}|{fold(issuer or '')}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def shown_code(code: str) -> str:
    """What people see of a code: its last four signs, and never more than half of it."""
    plain = plain_code(code)
    return f"...{plain[len(plain) - min(SHOWN_MAX, len(plain) // 2) :]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherAsked:
    """A reservation as it is asked for. ``hold_id`` is ours and makes a retry harmless; ``issuer`` None: the operator."""

    hold_id: str
    payment_event_id: str
    terminal: str
    mode: str
    code: str
    issuer: str | None
    account: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherReserved:
    """Central holds the voucher for this payment. ``approval`` is an outside issuer's own reference."""

    value: Money
    expires: date
    approval: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherRefused:
    """Central said no: a stable code and a text fit for a cashier; ``value`` where more than that was asked for."""

    code: str
    message: str
    value: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherUnanswered:
    """No answer: whether it is reserved is unknown, so it must be released. Vouchers are not taken without one."""

    reason: str


VoucherOutcome = VoucherReserved | VoucherRefused | VoucherUnanswered


class VoucherDesk(Protocol):
    """Who reserves and releases vouchers: central, behind the wire."""

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        """Reserve; never raises for the network."""
        ...

    async def release(self, hold_id: str) -> bool:
        """Let go of a reservation, also of one that never arrived; False: central did not answer."""
        ...
