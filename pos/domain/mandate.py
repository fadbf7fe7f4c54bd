"""A direct-debit mandate: a payer's standing instruction, from its signature until it ends.

Source: domain.md section 1 (other modes) and 3.10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pos.domain.errors import Refused


class MandateState(StrEnum):
    """SUSPENDED: banks refused too often, or once for good; nothing is collected until somebody activates it again."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


_STEPS = {
    MandateState.ACTIVE: frozenset({MandateState.ACTIVE, MandateState.SUSPENDED, MandateState.ENDED}),
    MandateState.SUSPENDED: frozenset({MandateState.ACTIVE, MandateState.ENDED}),
    MandateState.ENDED: frozenset(),
}
"""From active to active: it was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankDetails:
    """Whose account at which bank is debited. ``bic`` empty: the bank is known by the number."""

    holder: str
    number: str
    bic: str = ""

    @property
    def ending(self) -> str:
        """The end of the number, as screens and papers show it."""
        return f"...{self.number[-4:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A mandate as it stands. ``number`` counts its steps; ``reason`` says why it is as it is."""

    mandate: str
    account: str
    state: MandateState
    number: int
    signed_on: date
    bank: BankDetails
    reason: str | None = None

    @property
    def may_collect(self) -> bool:
        """Whether money may be collected by it."""
        return self.state is MandateState.ACTIVE


def step(mandate: Mandate, to: MandateState) -> None:
    """Raises Refused ``mandate_state`` where the mandate does not go there."""
    if to not in _STEPS[mandate.state]:
        raise Refused(
            "mandate_state",
            f"Mandate {mandate.mandate} is {mandate.state}: this cannot be done with it.",
            mandate=mandate.mandate,
            state=str(mandate.state),
        )


_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
_NUMBER = re.compile(r"[A-Z0-9]{4,34}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")


def clean_bank_number(text: str, *, field: str) -> str:
    """The number of a bank account without blanks and dashes; what begins as an IBAN has the IBAN's check digits.

    Raises Refused ``bad_bank_account``.
    """
    number = text.upper().replace(" ", "").replace("-", "")
    if _NUMBER.fullmatch(number) is None:
        raise Refused(
            "bad_bank_account", f"{field}: 4 to 34 letters and digits, as the bank writes it.", field=field
        )
    if _IBAN.fullmatch(number) and not iban_holds(number):
        raise Refused(
            "bad_bank_account", f"{field}: this IBAN is mistyped. Compare it with the mandate.", field=field
        )
    return number


def iban_holds(number: str) -> bool:
    """Whether an IBAN's check digits fit (ISO 13616: the remainder by 97 is 1)."""
    turned = number[4:] + number[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def clean_bic(text: str, *, field: str) -> str:
    """A bank's identifier, 8 or 11 signs, or nothing. Raises Refused ``bad_bic``."""
    bic = text.upper().replace(" ", "")
    if bic and _BIC.fullmatch(bic) is None:
        raise Refused("bad_bic", f"{field}: 8 or 11 letters and digits.", field=field)
    return bic
