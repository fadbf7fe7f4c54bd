"""Vouchers asked for behind the wire: the till's voucher desk over the client of central."""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.voucher import IssueOutcome, VoucherAsked, VoucherOutcome, VoucherWanted
from sync.client import CentralClient


@dataclass(frozen=True, slots=True)
class CentralVouchers:
    """A ``VoucherDesk`` and a ``VoucherPress``: central reserves and releases; nothing here keeps a code."""

    client: CentralClient

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        """Reserve at central; never raises for the network."""
        return await self.client.reserve_voucher(asked)

    async def release(self, hold_id: str) -> bool:
        """Let go of a hold; False: central did not answer."""
        return await self.client.release_voucher(hold_id)

    async def issue(self, wanted: VoucherWanted) -> IssueOutcome:
        """Issue at central; never raises for the network."""
        return await self.client.issue_voucher(wanted)

    async def rest(self, hold_id: str) -> IssueOutcome:
        """The voucher over what is left of a held one; never raises for the network."""
        return await self.client.rest_of_voucher(hold_id)

    async def printed(self, hold_id: str) -> None:
        """Its code is to be told no more. Lost on the way, it is told to nobody who does not ask."""
        await self.client.voucher_printed(hold_id)
