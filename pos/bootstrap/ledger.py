"""Delivering batches: the way that the settings name, and the books that keep what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from pos.bootstrap.central_key import read_secret_file
from pos.bootstrap.homes import OpenTill
from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery
from pos.domain.ledger_feed import Deliverer, LedgerBatch
from pos.domain.ports import Runner
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.till.gate import admit
from pos.till.ledger_batches import ACT, ledger_batch
from pos.till.ledger_delivery import (
    batches_to_deliver,
    delivery_of,
    note_delivery,
    require_not_acknowledged,
    told,
)
from sync.ledger.delivery import NotYet, Parcel, parcel_of, put_in_folder, to_go_on_from
from sync.ledger.endpoint import Endpoint
from sync.ledger.files import BatchForm

Bring = Callable[[Parcel], Awaitable[Delivery | NotYet]]


async def bring_batches(
    till: OpenTill, person: Person, number: str | None = None, *, runner: Runner
) -> AsyncIterator[tuple[str, Delivery | str]]:
    """Bring every batch that waits, or the one of ``number``: what is to be noted of each, or why it was not brought.

    Raises NotAuthorised, or Refused ``not_delivered_here``, ``unknown_batch``, ``batch_acknowledged`` or ``bad_settings``.
    """
    for batch in await runner.read(lambda: _to_bring(till, person, number)):
        known = await runner.read(partial(delivery_of, till.desk, person, batch.number))
        before = to_go_on_from(known, named=number is not None)
        outcome = await _bring(till, batch, before, runner)
        yield batch.number, outcome.reason if isinstance(outcome, NotYet) else told(outcome)


def _to_bring(till: OpenTill, person: Person, number: str | None) -> list[LedgerBatch]:
    admit(till.desk, ACT, person)
    if number is not None:
        batch = ledger_batch(till.desk, person, number)
        _require_here(batch.delivered_by, f"batch {number}: [ledger] delivered_by said so when it was made")
        require_not_acknowledged(till.desk, person, number)
        batches = [batch]
    else:
        batches = batches_to_deliver(till.desk, person)
    # A batch keeps who delivers it: what was left to this till before the settings changed nobody else brings.
    if not batches:
        says = "these batches: [ledger] delivered_by in till.toml says so"
        _require_here(till.desk.policy.ledger.delivered_by, says)
    elif not (till.settings.till.ledger.folder or till.settings.till.ledger.url):
        raise Refused(
            "not_delivered_here",
            "This till brings what was left to it, but [ledger] in till.toml names neither folder nor url any more.",
            delivered_by=str(Deliverer.TILL),
        )
    return batches


def deliver_batches(
    till: OpenTill, person: Person, number: str | None = None
) -> Iterator[tuple[str, Delivery | str]]:
    """As ``bring_batches``; what became of one is in the books before the next is brought."""
    with asyncio.Runner() as loop:
        brought = bring_batches(till, person, number, runner=InlineRunner())
        while (found := loop.run(_next(brought))) is not None:
            named, outcome = found
            yield (
                named,
                outcome if isinstance(outcome, str) else note_delivery(till.desk, person, named, outcome),
            )


Brought = tuple[str, Delivery | str]


async def _next(brought: AsyncIterator[Brought]) -> Brought | None:
    return await anext(brought, None)


class LedgerNow:
    """The way to the accounting system for a script, which waits for it."""

    def __init__(self, till: OpenTill) -> None:
        self._till = till

    def bring(self, person: Person, number: str | None) -> list[Brought]:
        """As ``bring_batches``."""

        async def all_of_them() -> list[Brought]:
            return [one async for one in bring_batches(self._till, person, number, runner=InlineRunner())]

        return asyncio.run(all_of_them())


def _require_here(deliverer: Deliverer, what: str) -> None:
    if deliverer is not Deliverer.TILL:
        who = "Nobody delivers" if deliverer is Deliverer.NOBODY else "Central delivers"
        raise Refused(
            "not_delivered_here",
            f"{who} {what}.",
            delivered_by=str(deliverer),
        )


async def _bring(
    till: OpenTill, batch: LedgerBatch, before: Delivery | None, runner: Runner
) -> Delivery | NotYet:
    form = BatchForm(till.settings.till.ledger.form)
    async with _way(till, before, runner) as bring:
        return await bring(parcel_of(batch, form))


@asynccontextmanager
async def _way(till: OpenTill, before: Delivery | None, runner: Runner) -> AsyncIterator[Bring]:
    told_of = till.settings.till.ledger
    if told_of.folder:
        folder = Path(told_of.folder)

        async def put(parcel: Parcel) -> Delivery | NotYet:
            return await runner.folder(partial(put_in_folder, folder, parcel, before))

        yield put
        return
    token = read_secret_file(Path(told_of.token_file), key="ledger.token_file") if told_of.token_file else ""
    endpoint = Endpoint(told_of.url, ca_file=told_of.ca_file, token=token, transport=till.machine.transport)
    try:
        yield endpoint.post
    finally:
        await endpoint.close()
