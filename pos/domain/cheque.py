"""A cheque at the counter: its identity, and what makes it unfit to be taken.

Identity is bank, branch, account and serial; zeros in front are part of it. Source: domain.md rules 37 to 43.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.money import Money


class ChequeState(StrEnum):
    """Where a cheque is between the counter and the bank; this step knows its beginning."""

    RECEIVED = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequePolicy:
    """The shop's rules: how old a cheque may be, and the most one may be worth (None: no cap)."""

    stale_after_days: int
    max_amount: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeIdentity:
    """What makes two cheques one: letters in one case, no blanks or dashes; zeros in front count."""

    bank: str
    branch: str
    account: str
    serial: str

    def same_as(self, other: ChequeIdentity) -> bool:
        """Whether both are one cheque; a branch or account that is not known on one side tells nothing."""
        return (
            (self.bank, self.serial) == (other.bank, other.serial)
            and ("" in (self.branch, other.branch) or self.branch == other.branch)
            and ("" in (self.account, other.account) or self.account == other.account)
        )


def _plain(text: str) -> str:
    return re.sub(r"[ \-./]", "", text).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheque:
    """A cheque as read at the counter. ``account`` and ``branch`` are empty where the paper shows none."""

    bank: str
    branch: str
    account: str
    serial: str
    drawer: str
    dated: date
    amount: Money

    @property
    def identity(self) -> ChequeIdentity:
        return ChequeIdentity(
            bank=_plain(self.bank),
            branch=_plain(self.branch),
            account=_plain(self.account),
            serial=_plain(self.serial),
        )


def read_cheque(details: Mapping[str, str], amount: Money, *, today: date) -> Cheque:
    """A cheque from a tender's cleaned details; the date defaults to ``today`` (the business date)."""
    return Cheque(
        bank=details["bank"],
        branch=details.get("branch", ""),
        account=details.get("account", ""),
        serial=details["serial"],
        drawer=details.get("drawer", ""),
        dated=date.fromisoformat(details["date"]) if "date" in details else today,
        amount=amount,
    )


def refuse_cash_only(cash_only: bool) -> None:
    """Raises Refused ``cheque_account_cash_only`` for an account that cheques are not taken from."""
    if cash_only:
        raise Refused(
            "cheque_account_cash_only", "This account is cash-only: no cheque is taken. Press F5 for cash."
        )


def check_cheque(cheque: Cheque, policy: ChequePolicy, *, today: date, cash_only: bool) -> None:
    """Raises Refused ``cheque_account_cash_only``, ``cheque_over_cap``, ``cheque_post_dated`` or ``cheque_stale``."""
    refuse_cash_only(cash_only)
    if policy.max_amount is not None and cheque.amount > policy.max_amount:
        raise Refused(
            "cheque_over_cap",
            f"A cheque may be {policy.max_amount.plain()} at most.",
            cap=policy.max_amount.plain(),
            currency=policy.max_amount.currency.code,
        )
    if cheque.dated > today:
        raise Refused(
            "cheque_post_dated",
            f"The cheque is dated {cheque.dated.isoformat()}, after today. It cannot be taken as a payment.",
            date=cheque.dated.isoformat(),
        )
    if today - cheque.dated > timedelta(days=policy.stale_after_days):
        raise Refused(
            "cheque_stale",
            f"The cheque is older than {policy.stale_after_days} days. Ask for a new one.",
            date=cheque.dated.isoformat(),
        )
