"""Vouchers asked for behind the wire: the till's voucher desk over the client of central."""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.voucher import VoucherAsked, VoucherOutcome
from sync.client import CentralClient


@dataclass(frozen=True, slots=True)
class CentralVouchers:
    """A ``VoucherDesk``: central reserves and releases; nothing here keeps a code."""

    client: CentralClient

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        """Reserve at central; never raises for the network."""
        return await self.client.reserve_voucher(asked)

    async def release(self, hold_id: str) -> bool:
        """Let go of a hold; False: central did not answer."""
        return await self.client.release_voucher(hold_id)
