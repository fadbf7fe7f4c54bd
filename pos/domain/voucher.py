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
from enum import StrEnum
from typing import Protocol

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.text_guard import fold

SHOWN_MAX = 4
WHEN_REDEEMED = "when central has redeemed it"
"""What the money of a voucher waits for that central has not reserved."""


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


class Residual(StrEnum):
    """What becomes of a voucher's value beyond what the payment takes of it. Never cash (rule 5)."""

    FORFEIT = "forfeit"
    CREDIT = "credit"
    NEW_VOUCHER = "new_voucher"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherTerms:
    """What a voucher says of itself. ``expires`` is its last day in shop time; ``minimum`` the least that it helps to pay.

    One that is not ``combinable`` is the only voucher of its payment.
    """

    value: Money
    expires: date
    residual: Residual = Residual.FORFEIT
    combinable: bool = True
    minimum: Money | None = None

    def left_of(self, amount: Money) -> Money:
        """What a payment that takes ``amount`` leaves of it."""
        return self.value - amount


def require_unexpired(terms: VoucherTerms, today: date) -> None:
    """Raises Refused ``voucher_expired``. ``today`` is the shop's own day: it ends at the shop's midnight."""
    if terms.expires < today:
        raise Refused(
            "voucher_expired",
            f"This voucher has expired: its last day was {terms.expires}. Choose another way to pay.",
            expires=terms.expires.isoformat(),
        )


def require_combinable(terms: VoucherTerms, vouchers: int) -> None:
    """Raises Refused ``voucher_not_combinable`` where it is one of several (``vouchers``) in a payment and says alone."""
    if vouchers > 1 and not terms.combinable:
        raise Refused(
            "voucher_not_combinable",
            "This voucher is not taken together with another one. Take one out with Esc.",
        )


def require_minimum(terms: VoucherTerms, bought: Money) -> None:
    """Raises Refused ``voucher_below_minimum``. ``bought`` are the bills and items that the payment pays."""
    if terms.minimum is not None and bought < terms.minimum:
        raise Refused(
            "voucher_below_minimum",
            f"This voucher is for bills of {terms.minimum} and more; this payment pays {bought.plain()}.",
            minimum=terms.minimum.plain(),
            pays=bought.plain(),
            currency=bought.currency.code,
        )


def terms_in_words(terms: VoucherTerms) -> list[str]:
    """What a voucher says of itself, for whoever is about to take it: in lines of a fair length."""
    rest = {
        Residual.FORFEIT: "the rest is lost",
        Residual.CREDIT: "the rest is credit on the account",
        Residual.NEW_VOUCHER: "the rest is a new voucher",
    }
    said = [f"worth {terms.value} until {terms.expires}, {rest[terms.residual]}"]
    more = [] if terms.minimum is None else [f"for bills of {terms.minimum.plain()} and more"]
    if not terms.combinable:
        more.append("not together with another one")
    return [*said, ", ".join(more)] if more else said


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

    terms: VoucherTerms
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


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherWanted:
    """A voucher that central is to issue. ``issue_id`` is ours and makes a retry harmless."""

    issue_id: str
    terminal: str
    terms: VoucherTerms
    account: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherIssued:
    """A voucher that central issued, with its code: it is shown or printed once, and kept nowhere."""

    serial: str
    code: str
    terms: VoucherTerms


IssueOutcome = VoucherIssued | VoucherRefused | VoucherUnanswered
VoucherOutcome = VoucherReserved | VoucherRefused | VoucherUnanswered


class VoucherDesk(Protocol):
    """Who reserves and releases vouchers: central, behind the wire."""

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        """Reserve; never raises for the network."""
        ...

    async def release(self, hold_id: str) -> bool:
        """Let go of a reservation, also of one that never arrived; False: central did not answer."""
        ...


class VoucherPress(Protocol):
    """Who issues vouchers: central, behind the wire. None of these raises for the network."""

    async def issue(self, wanted: VoucherWanted) -> IssueOutcome:
        """Issue a voucher, or tell again the one that this id was given."""
        ...

    async def rest(self, hold_id: str) -> IssueOutcome:
        """The voucher over what a payment left of a held one; refused until that payment has come to central."""
        ...

    async def printed(self, hold_id: str) -> None:
        """It is on paper: its code is to be told no more."""
        ...
