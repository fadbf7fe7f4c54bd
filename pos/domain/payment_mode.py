"""The ten payment modes and the acceptance matrix, as values read from ``config/payment_modes.toml``.

A new mode that behaves like another is one edit there. The matrix is enforced here, so that screen, script, central and
imports obey alike. Source: domain.md section 0; tmf.md section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pos.domain.errors import Refused


class PayerKind(StrEnum):
    """Who hands over the money."""

    SUBSCRIBER = "subscriber"
    DEALER = "dealer"
    WALK_IN = "walk_in"


class Purpose(StrEnum):
    """What money of a payer may be for."""

    BILLS = "bills"
    ITEMS = "items"
    ACCOUNT = "account"
    ADVANCE = "advance"
    DEPOSIT = "deposit"
    SUSPENSE = "suspense"


def as_judged(payer: PayerKind, purpose: Purpose, *, own: bool) -> Purpose:
    """As what the acceptance matrix weighs it. A walk-in buyer's ``own`` bills are charges for cheques that bounced: by
    whatever pays for items these are paid too.
    """
    is_charge = own and payer is PayerKind.WALK_IN and purpose is Purpose.BILLS
    return Purpose.ITEMS if is_charge else purpose


_PAYS = {
    Purpose.BILLS: "bills",
    Purpose.ITEMS: "items",
    Purpose.ACCOUNT: "into an account",
    Purpose.ADVANCE: "an advance",
    Purpose.DEPOSIT: "a security deposit",
    Purpose.SUSPENSE: "into suspense",
}

KEPT_APART = frozenset({Purpose.ADVANCE, Purpose.DEPOSIT, Purpose.SUSPENSE})
"""Money on account that is not plain credit: each has a ledger account and a balance of its own."""


class ModeKind(StrEnum):
    """The family of rules that a mode follows; the mode's own code is a name only."""

    CASH = "cash"
    CHEQUE = "cheque"
    CARD = "card"
    BANK_RECEIPT = "bank_receipt"
    DIRECT_DEBIT = "direct_debit"
    VOUCHER = "voucher"
    ATM = "atm"


class FieldKind(StrEnum):
    """How a detail field is read and cleaned."""

    REFERENCE = "reference"
    NAME = "name"
    DATE = "date"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailField:
    """One field of a tender's own details, in the order the cashier is asked.

    ``pattern`` is what the whole text must match (empty: anything its kind admits), ``hint`` says it in words.
    """

    name: str
    label: str
    kind: FieldKind
    required: bool
    limit: int
    personal: bool = False
    pattern: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMode:
    """A mode with what it can do. ``ledger_account`` is a key of ``config/gl_accounts.toml``.

    ``available`` False: this shop does not take it; the answer is ``mode_not_available``. ``act`` is the right that taking
    it needs beside ``pay``. ``identity`` names the fields (``amount`` may be one) by which two tenders are the same paper.
    A paper whose date is more than ``max_age_days`` ago is not taken (0: however old), nor one whose date is more than
    ``max_ahead_days`` to come: a bank's receipt for a cheque states the day from which the money counts.
    ``final_when`` says what the money waits for after it is taken; empty: it is final at once.
    """

    code: str
    kind: ModeKind
    label: str
    accepts: Mapping[PayerKind, frozenset[Purpose]]
    gives_change: bool
    like_cash: bool
    opens_drawer: bool
    counted_at_close: bool
    final_when: str
    available: bool
    tmf_type: str
    channel: str
    ledger_account: str
    fields: tuple[DetailField, ...]
    identity: tuple[str, ...] = ()
    act: str = ""
    max_age_days: int = 0
    max_ahead_days: int = 0

    @property
    def final_at_once(self) -> bool:
        """Whether the money is certain when it is taken."""
        return not self.final_when

    def takes(self, payer: PayerKind, purpose: Purpose) -> bool:
        """Whether the acceptance matrix allows it."""
        return self.available and purpose in self.accepts.get(payer, frozenset())

    def require_payer(self, payer: PayerKind, purpose: Purpose) -> None:
        """Raises what ``require_accepted`` raises, or Refused ``mode_not_available``."""
        self.require_accepted(payer, purpose)
        if not self.available:
            raise Refused(
                "mode_not_available",
                f"{self.label} is not taken in this shop. Choose another way to pay.",
                mode=self.code,
            )

    def require_accepted(self, payer: PayerKind, purpose: Purpose) -> None:
        """The acceptance matrix alone. Raises Refused ``mode_not_for_payer`` or ``mode_not_for_purpose``."""
        purposes = self.accepts.get(payer, frozenset())
        if not purposes:
            raise Refused(
                "mode_not_for_payer",
                f"{self.label} is not taken from a {payer.replace('_', '-')}. Choose another way to pay.",
                mode=self.code,
                payer=str(payer),
            )
        if purpose not in purposes:
            raise Refused(
                "mode_not_for_purpose",
                f"{self.label} of a {payer.replace('_', '-')} cannot pay {_PAYS[purpose]}. Choose another way to pay.",
                mode=self.code,
                payer=str(payer),
                purpose=str(purpose),
            )


@dataclass(frozen=True, slots=True)
class PaymentModes:
    """All modes by code, in the order of the configuration."""

    by_code: Mapping[str, PaymentMode]

    def of_kind(self, kind: ModeKind) -> tuple[PaymentMode, ...]:
        """The modes of one family, in the order of the configuration."""
        return tuple(mode for mode in self.by_code.values() if mode.kind is kind)

    @property
    def not_final(self) -> frozenset[str]:
        """The codes of those whose money is not certain when it is taken."""
        return frozenset(mode.code for mode in self.by_code.values() if not mode.final_at_once)

    def __getitem__(self, code: str) -> PaymentMode:
        """Raises Refused ``unknown_mode``."""
        mode = self.by_code.get(code)
        if mode is None:
            raise Refused("unknown_mode", "There is no such way to pay.", allowed=list(self.by_code))
        return mode
