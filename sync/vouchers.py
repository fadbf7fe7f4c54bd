"""Vouchers asked for behind the wire: the till's voucher desk over the client of central."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pos.domain.voucher import (
    IssueOutcome,
    VoucherAsked,
    VoucherOutcome,
    VoucherRefused,
    VoucherUnanswered,
    VoucherWanted,
)
from sync.client import CentralClient
from sync.http_read import unreadable
from sync.outcomes import OwnAnswer, Unknown, Unreachable
from sync.voucher_wire import (
    NO_CHECKER,
    NO_CHECKER_STATUS,
    hold_body,
    hold_refusal,
    is_redeemed,
    issue_body,
    read_hold,
    read_issued,
)
from sync.wire_json import WireJsonError


@dataclass(frozen=True, slots=True)
class CentralVouchers:
    """A ``VoucherDesk`` and a ``VoucherPress``: central reserves and releases; nothing here keeps a code."""

    client: CentralClient

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        """Have central hold a voucher for a payment. Never raises for the network.

        Whatever cannot be read as a yes or a no is unanswered: the voucher may be held and must be released.
        """
        answer = await self.client.ask_own("POST", "voucherHold", body=hold_body(asked))
        if not isinstance(answer, OwnAnswer):
            return VoucherUnanswered(reason=answer.reason)
        if answer.status in (200, 201):
            try:
                return read_hold(answer.told, asked)
            except WireJsonError as error:
                return VoucherUnanswered(reason=unreadable(error).reason)
        refusal = None
        if 400 <= answer.status < 500 or answer.status in NO_CHECKER_STATUS:
            refusal = hold_refusal(answer.status, answer.told)
        return refusal or VoucherUnanswered(reason=answer.reason)

    async def release(self, hold_id: str) -> bool:
        """Let go of a hold, also of one that never arrived. False: no answer, so it must be asked again.

        A server that cannot hold vouchers holds none, and what a payment has used needs no release.
        """
        answer = await self.client.ask_own("DELETE", _hold(hold_id))
        if not isinstance(answer, OwnAnswer):
            return False
        if answer.status == 409:
            return is_redeemed(answer.told)
        return answer.status in NO_CHECKER_STATUS | {200, 204}

    async def issue(self, wanted: VoucherWanted) -> IssueOutcome:
        """Have a voucher issued, or be told again the one of this id. Unanswered: ask again under the same id."""
        answer = await self.client.ask_own("POST", "voucher", body=issue_body(wanted))
        return _read_issue_answer(answer, wanted.issue_id)

    async def rest(self, hold_id: str) -> IssueOutcome:
        """The voucher that central makes of what a payment left of a held one; never raises for the network."""
        return _read_issue_answer(await self.client.ask_own("GET", f"{_hold(hold_id)}/rest"), hold_id)

    async def printed(self, hold_id: str) -> None:
        """Its code is to be told no more. Lost on the way, it is told to nobody who does not ask."""
        await self.client.ask_own("DELETE", f"{_hold(hold_id)}/rest")


def _hold(hold_id: str) -> str:
    return f"voucherHold/{quote(hold_id, safe='')}"


def _read_issue_answer(answer: OwnAnswer | Unknown | Unreachable, own_id: str) -> IssueOutcome:
    """Whatever cannot be read as a yes or a no is unanswered: the voucher may be issued, and the same id asks for it."""
    if not isinstance(answer, OwnAnswer):
        return VoucherUnanswered(reason=answer.reason)
    if answer.status in (200, 201):
        try:
            return read_issued(answer.told, own_id)
        except WireJsonError as error:
            return VoucherUnanswered(reason=unreadable(error).reason)
    if answer.status in NO_CHECKER_STATUS and not isinstance(answer.told, Mapping):
        return NO_CHECKER
    if answer.for_good or answer.status == 409:
        return VoucherRefused(
            code="voucher_not_issued", message=f"Central issues no such voucher: {answer.reason}."
        )
    return VoucherUnanswered(reason=answer.reason)
