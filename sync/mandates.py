"""The mandates of this till and of all others: steps taken here are told to central, and what it says is kept here.

Nothing waits for it, and it needs no queue: what central has not heard of lies in the books. Names and numbers of bank
accounts are composed as they are sent, and frozen nowhere: they can be purged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum, auto
from functools import partial
from typing import Any

from pos.domain.errors import DomainError
from pos.domain.mandate import BankDetails, Mandate, MandateState, clean_bank_number, clean_bic
from pos.domain.ports import Runner
from pos.domain.tender import plain_reference
from pos.domain.text_guard import clean_foreign, clean_reference
from pos.store.cache import CacheStore, marker, set_marker
from pos.store.mandates import UntoldStep, steps_written, untold_steps
from pos.store.times import from_utc_text, local
from pos.till.mandates import HOLDER_MAX, REASON_MAX, REFERENCE_MAX
from pos.till.mandates_elsewhere import MandateSaid, MandatesDesk, give_up, keep_said, note_heard
from sync.client import CentralClient
from sync.outcomes import OwnAnswer, Page
from sync.teller import Teller

PATH = "mandate"
MARKER = "mandates"
OTHER_ACCOUNT = "mandate_of_other_account"
KEY_REUSED = "key_reused"
AT_ONCE = 200
PAGE = 200
PAGES_MAX = 10_000


class Told(Enum):
    """What became of one step that was told."""

    TAKEN = auto()
    REFUSED = auto()
    NOT_NOW = auto()


class MandatesShared:
    """How far central has heard, so that nothing is asked while nothing is new."""

    def __init__(
        self, client: CentralClient, desk: MandatesDesk, cache: CacheStore, *, epoch: int, runner: Runner
    ) -> None:
        self._client = client
        self._desk = desk
        self._cache = cache
        self._epoch = epoch
        self._runner = runner
        self._teller: Teller[int] = Teller(desk.clock)

    async def tell(self) -> None:
        """Tell every step that central has not heard of. Never raises for the network."""
        await self._teller.tell(await self._runner.read(self._written), self._tell_all)

    async def _tell_all(self) -> bool:
        """What central refuses for good holds back the later steps of its own mandate, not of the others."""
        refused: set[str] = set()
        while untold := [
            one for one in await self._runner.read(self._untold) if one.mandate.mandate not in refused
        ]:
            for step in untold:
                if step.mandate.mandate in refused:
                    continue
                told = await self._tell_one(step)
                if told is Told.NOT_NOW:
                    return False
                if told is Told.REFUSED:
                    refused.add(step.mandate.mandate)
        return not refused

    async def _tell_one(self, step: UntoldStep) -> Told:
        body = told_step(step, terminal=self._desk.terminal, epoch=self._epoch)
        answer = await self._client.ask_own("POST", PATH, body=body)
        if not isinstance(answer, OwnAnswer):
            return Told.NOT_NOW
        known = step.mandate
        # A key that is another body's is this step's: it arrived, and its bank details were purged since.
        if answer.status in (200, 201) or (answer.status == 422 and _code(answer.told) == KEY_REUSED):
            await self._runner.till(partial(note_heard, self._desk, known.mandate, known.number))
            return Told.TAKEN
        if answer.status == 422 and _code(answer.told) == OTHER_ACCOUNT:
            why = "Another terminal has a mandate of this reference for another account"
            await self._runner.till(partial(give_up, self._desk, step.plain, why))
            return Told.REFUSED
        return Told.REFUSED if answer.for_good else Told.NOT_NOW

    async def take(self) -> None:
        """Keep what central says. Never raises for the network; what was not kept is asked for again."""
        since = await self._runner.read(self._marker)
        newest: int | None = None
        before: Page | None = None
        offset = 0
        for _ in range(PAGES_MAX):
            page = await self._client.mandates(offset=offset, limit=PAGE, changed_after=since)
            if not isinstance(page, Page):
                return
            newest = page.change if before is None else newest
            # Page by page: the counter's next deed waits for no more than one of them.
            said = [one for one in map(read_said, page.rows) if one is not None]
            if said and not await self._runner.till(partial(keep_said, self._desk, said)):
                return
            offset += len(page.rows)
            if page.ends(offset=offset, before=before):
                break
            before = page
        else:
            return
        if newest is not None and newest != since:
            await self._runner.cache(partial(self._keep_marker, newest))

    def _written(self) -> int:
        with self._desk.till.read() as connection:
            return steps_written(connection)

    def _untold(self) -> list[UntoldStep]:
        with self._desk.till.read() as connection:
            return untold_steps(connection, limit=AT_ONCE)

    def _marker(self) -> int | None:
        with self._cache.read() as connection:
            text = marker(connection, MARKER)
        return None if text is None else int(text)

    def _keep_marker(self, change: int) -> None:
        with self._cache.write() as connection:
            set_marker(connection, MARKER, str(change))


def told_step(step: UntoldStep, *, terminal: str, epoch: int) -> dict[str, object]:
    """A step as central is told of it, under a key that this step of this enrolment has for ever."""
    known = step.mandate
    named = f"{terminal}\x1f{epoch}\x1f{step.plain}\x1f{known.number}"
    body: dict[str, object] = {
        "correlatorId": hashlib.sha256(named.encode()).hexdigest(),
        "mandate": known.mandate,
        "account": {"id": known.account, "@referredType": "BillingAccount"},
        "state": str(known.state),
        "signedOn": known.signed_on.isoformat(),
        "registeredAt": from_utc_text(step.registered_at_utc).isoformat(),
        "holder": known.bank.holder,
        "bankAccount": known.bank.number,
        "bic": known.bank.bic,
        "terminal": terminal,
        "operator": step.operator,
        "decidedAt": local(step.at_utc, step.utc_offset_min).isoformat(),
        "@type": "CounterfoilMandate",
    }
    if known.reason is not None:
        body["reason"] = known.reason
    return body


def read_said(row: Any) -> MandateSaid | None:
    """None for a row that cannot be read: what is wrong with it is central's to mend."""
    try:
        reference = clean_reference(_text(row, "mandate"), field="Mandate", limit=REFERENCE_MAX)
        number, bic = _text(row, "bankAccount"), _text(row, "bic")
        reason = row.get("reason")
        return MandateSaid(
            mandate=Mandate(
                mandate=reference,
                account=clean_reference(_text(row["account"], "id"), field="Account", limit=40),
                state=MandateState(_text(row, "state")),
                number=1,
                signed_on=date.fromisoformat(_text(row, "signedOn")),
                bank=BankDetails(
                    holder=clean_foreign(_text(row, "holder"), limit=HOLDER_MAX),
                    number=clean_bank_number(number, field="Bank account") if number else "",
                    bic=clean_bic(bic, field="BIC"),
                ),
                reason=clean_foreign(reason, limit=REASON_MAX) if isinstance(reason, str) else None,
            ),
            plain=plain_reference(reference),
            terminal=clean_reference(_text(row, "terminal"), field="Terminal", limit=64),
            operator=clean_reference(_text(row, "operator"), field="User", limit=40),
            registered_at=_moment(_text(row, "registeredAt")),
        )
    except (DomainError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _moment(told: str) -> datetime:
    """Raises ValueError for none, and for one without its zone."""
    at = datetime.fromisoformat(told)
    if at.tzinfo is None:
        raise ValueError("a moment has its zone")
    return at


def _text(row: Mapping[str, object], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _code(told: object) -> object:
    return told.get("code") if isinstance(told, Mapping) else None
