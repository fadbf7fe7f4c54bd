"""What became of a batch at the accounting system: delivered, acknowledged or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a batch is. What was never delivered has no state; acknowledged is the end."""

    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"


class DeliveryWay(StrEnum):
    """How one knows."""

    FOLDER = "folder"
    HTTPS = "https"
    BY_HAND = "by_hand"


NEXT: Mapping[DeliveryState | None, frozenset[DeliveryState]] = {
    None: frozenset(DeliveryState),
    DeliveryState.DELIVERED: frozenset({DeliveryState.ACKNOWLEDGED, DeliveryState.REFUSED}),
    DeliveryState.REFUSED: frozenset({DeliveryState.DELIVERED, DeliveryState.ACKNOWLEDGED}),
    DeliveryState.ACKNOWLEDGED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One step of a batch there. ``reference`` is the accounting system's own number, ``reason`` why it was refused.

    ``file_digest`` is the SHA-256 of the file that was delivered, None where there was none to be told of.
    """

    state: DeliveryState
    way: DeliveryWay
    file_digest: str | None = None
    reference: str | None = None
    reason: str | None = None


def steps_after(before: Delivery | None, step: Delivery) -> tuple[Delivery, ...] | None:
    """What is to be kept of ``step`` after the last that is known; nothing where that is known, None where it cannot be.

    A batch that waits for its answer may be brought again, another way too; one that is refused was brought again
    before it is refused once more.
    """
    known = None if before is None else before.state
    if before == step or (known is step.state is DeliveryState.DELIVERED):
        return ()
    if step.state in NEXT[known]:
        return (step,)
    if known is step.state is DeliveryState.REFUSED and step.way is not DeliveryWay.BY_HAND:
        return (replace(step, state=DeliveryState.DELIVERED, reference=None, reason=None), step)
    return None
