"""Debt given up and debt that comes back: the residue of a bill cleared by policy, and a write-off that a payment undoes.

Source: domain.md rules 6 and 18, section 3.11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pos.domain.allocation import Allocation
from pos.domain.money import Money
from pos.domain.payment_mode import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class FundedAllocation:
    """The part of an allocation that one tender (by its place) paid."""

    tender: int
    allocation: Allocation
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """The rest of a bill that is cleared with a payment; ``tender`` is that of the leg which tells central of it."""

    tender: int
    account: str
    bill_no: str
    bill_id: str | None
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How much of an account's written-off debt a leg (by tender and account) brings back."""

    tender: int
    account: str
    amount: Money


def clear_residues(allocations: Sequence[Allocation], tolerance_minor: int) -> list[Allocation]:
    """The allocations, each with the rest of its bill cleared where that rest is within the tolerance (rule 6).

    A bill with a disputed part keeps its rest: that one is argued about, not forgotten.
    """
    return [
        replace(part, written_off=part.open_after)
        if part.open_after is not None and 0 < part.open_after.minor <= tolerance_minor and not part.disputed
        else part
        for part in allocations
    ]


def write_offs_of(funded: Sequence[FundedAllocation]) -> list[WriteOff]:
    """What was cleared, each told by the leg of the last tender that paid the bill."""
    found: dict[str, WriteOff] = {}
    for part in funded:
        cleared = part.allocation
        if cleared.bill_no is not None and cleared.written_off is not None:
            found[cleared.bill_no] = WriteOff(
                tender=part.tender,
                account=cleared.account,
                bill_no=cleared.bill_no,
                bill_id=cleared.bill_id,
                amount=cleared.written_off,
            )
    return list(found.values())


def recoveries_of(funded: Sequence[FundedAllocation], written_off: Mapping[str, Money]) -> list[Recovery]:
    """What is paid on the bills of a written-off account brings its debt back first, as far as it was given up (rule 18).

    ``written_off`` is by account.
    """
    left = dict(written_off)
    found: dict[tuple[int, str], Money] = {}
    for part in funded:
        account = part.allocation.account
        if part.allocation.purpose is not Purpose.BILLS or account not in left:
            continue
        back = min(part.amount, left[account])
        if back.minor > 0:
            left[account] = left[account] - back
            key = (part.tender, account)
            found[key] = found[key] + back if key in found else back
    return [
        Recovery(tender=tender, account=account, amount=amount) for (tender, account), amount in found.items()
    ]
