"""What became of a batch at the accounting system: delivered, acknowledged or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
