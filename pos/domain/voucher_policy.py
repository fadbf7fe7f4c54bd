"""What the shop allows of vouchers: how far they are taken while central does not answer, and how far issued alone.

Source: domain.md 3.5 and rule 51.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.text_guard import fold
from pos.domain.voucher import VoucherTerms, plain_code


@dataclass(frozen=True, slots=True, kw_only=True)
class PreauthorisedRange:
    """Codes of an outside issuer that are good for ``value`` each without being asked for, from first to last.

    By its contract the issuer answers for every one. What its own list then says otherwise, such as a smaller value, is
    refused by central like any other, keeps nothing at the issuer, and waits for a person to claim it there.
    """

    issuer: str
    first: str
    last: str
    value: Money
    expires: date

    def holds(self, issuer: str, code: str) -> bool:
        """Whether this very code of ``issuer`` is within."""
        plain, first, last = plain_code(code), plain_code(self.first), plain_code(self.last)
        of_this = " ".join(fold(issuer).split()) == " ".join(fold(self.issuer).split())
        return of_this and len(plain) == len(first) and first <= plain <= last


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherPolicy:
    """Caps in the shop's currency; None: not at all. ``offline_max_hours`` counts since central last answered."""

    offline_max_each: Money | None = None
    offline_max_shift: Money | None = None
    offline_max_hours: int = 24
    issue_alone_up_to: Money | None = None
    preauthorised: Sequence[PreauthorisedRange] = ()

    @property
    def takes_offline(self) -> bool:
        """Whether this shop takes any voucher that central was not asked for."""
        return self.offline_max_each is not None and self.offline_max_shift is not None

    def preauthorised_terms(self, issuer: str, code: str) -> VoucherTerms | None:
        """What an outside voucher is good for without its issuer's word; None: nothing."""
        for allowed in self.preauthorised:
            if allowed.holds(issuer, code):
                return VoucherTerms(value=allowed.value, expires=allowed.expires)
        return None

    def require_within(self, *, amount: Money, in_shift: Money, since_answer: timedelta | None) -> None:
        """The caps of rule 51. ``in_shift`` was taken so before; ``since_answer`` None: central has never answered.

        Raises Refused ``voucher_over_offline_cap``, ``voucher_over_shift_cap`` or ``voucher_offline_too_long``.
        """
        assert self.offline_max_each is not None
        assert self.offline_max_shift is not None
        if since_answer is None or since_answer > timedelta(hours=self.offline_max_hours):
            raise Refused(
                "voucher_offline_too_long",
                f"Central has not answered for more than {self.offline_max_hours} hours: vouchers are not taken "
                "without it any more. Choose another way to pay.",
                hours=self.offline_max_hours,
            )
        if amount > self.offline_max_each:
            raise Refused(
                "voucher_over_offline_cap",
                f"Central does not answer, and without it a voucher pays {self.offline_max_each.plain()} at most. "
                "Take the rest another way.",
                cap=self.offline_max_each.plain(),
                currency=amount.currency.code,
            )
        self.require_shift_cap(in_shift + amount, in_shift)

    def require_shift_cap(self, with_this: Money, in_shift: Money) -> None:
        """Raises Refused ``voucher_over_shift_cap`` where the shift's sum ``with_this`` is more than it may take."""
        assert self.offline_max_shift is not None
        if with_this > self.offline_max_shift:
            left = max(self.offline_max_shift - in_shift, Money(0, with_this.currency))
            raise Refused(
                "voucher_over_shift_cap",
                f"Central does not answer, and this shift may take vouchers of {left.plain()} more without it. "
                "Choose another way to pay.",
                left=left.plain(),
                currency=left.currency.code,
            )
