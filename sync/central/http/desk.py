"""What every handler needs: the store, the ports and the addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pos.domain.payment_mode import PaymentModes
from pos.domain.ports import Clock, Randomness
from sync.central.http.turns import Turns
from sync.central.store.database import CentralStore
from sync.central.store.group_commit import GroupCommit
from sync.central.vouchers.issuers import VoucherIssuer
from sync.central.wire.links import Links


@dataclass(frozen=True, slots=True)
class CentralDesk:
    """Handed to each API when the app is made; nothing in central asks the machine itself.

    ``modes`` None: no way to pay is known, so the acceptance matrix is not asked. ``issuers`` by folded name. ``tolerance``
    is the most that a payment may clear of a bill without paying it, as decimal text in any currency; empty: nothing.
    ``group`` is how what a till waits for is written, ``turns`` how what takes long is read.
    """

    store: CentralStore
    clock: Clock
    randomness: Randomness
    links: Links
    modes: PaymentModes | None
    voucher_held_for: timedelta
    issuers: Mapping[str, VoucherIssuer]
    tolerance: str
    group: GroupCommit
    turns: Turns
