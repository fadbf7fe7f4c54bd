"""A post-dated cheque: a paper in the register, no payment before its date. Source: domain.md 3.3 and rules 22 and 39.

On its date it is credited by a payment event of its own; before, it may be held back, or withdrawn by whoever gave it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.money import Money


class PostDatedState(StrEnum):
    """Where it is. Withdrawn and credited are its ends."""

    REGISTERED = "registered"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    CREDITED = "credited"

    @property
    def is_alive(self) -> bool:
        """Whether the paper is still in the register."""
        return self in (PostDatedState.REGISTERED, PostDatedState.HELD)


_STEPS = {
    PostDatedState.REGISTERED: {
        PostDatedState.HELD,
        PostDatedState.WITHDRAWN,
        PostDatedState.CREDITED,
    },
    PostDatedState.HELD: {PostDatedState.WITHDRAWN, PostDatedState.CREDITED},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostDatedCheque:
    """A cheque of the register. ``note`` is the number of its paper; it is due on ``dated``."""

    post_dated_id: str
    note: str
    payer_account: str
    payer_name: str
    bank: str
    serial: str
    dated: date
    amount: Money
    state: PostDatedState

    def is_due(self, *, today: date) -> bool:
        """Whether it may go to the bank."""
        return self.state.is_alive and self.dated <= today


def step(now: PostDatedState, to: PostDatedState) -> PostDatedState:
    """``to``, if it may follow. Raises Refused ``post_dated_state``."""
    if to not in _STEPS.get(now, set()):
        raise Refused(
            "post_dated_state", f"This cheque is {now}: it cannot be {to}.", state=str(now), wanted=str(to)
        )
    return to


def note_series(receipt_series: str) -> str:
    """The series of notes beside a series of receipts. Its dash keeps it apart from every series of letters."""
    return f"{receipt_series}-PD"
