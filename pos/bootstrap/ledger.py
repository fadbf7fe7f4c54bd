"""Delivering batches: the way that the settings name, and the books that keep what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from pos.bootstrap.central_key import read_secret_file
from pos.bootstrap.homes import OpenTill
from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery, DeliveryState
from pos.domain.ledger_feed import Deliverer, LedgerBatch
from pos.domain.role import Person
from pos.till.ledger_batches import ledger_batch
from pos.till.ledger_delivery import (
    batches_to_deliver,
    delivery_of,
    note_delivery,
    require_not_acknowledged,
    told,
)
from sync.ledger.delivery import NotYet, Parcel, parcel_of, put_in_folder
from sync.ledger.endpoint import Endpoint
from sync.ledger.files import BatchForm

Bring = Callable[[Parcel], Awaitable[Delivery | NotYet]]


def deliver_batches(
    till: OpenTill, person: Person, number: str | None = None
) -> Iterator[tuple[str, Delivery | str]]:
    """Bring every batch that waits, or the one of ``number``; each with what became of it, or why it could not be brought.

    Raises NotAuthorised, or Refused ``not_delivered_here``, ``unknown_batch``, ``batch_acknowledged`` or ``bad_settings``.
    """
    if number is None:
        batches, way = batches_to_deliver(till.desk, person), till.settings.till.ledger
        # A batch keeps who delivers it: what was left to this till before the settings changed nobody else brings.
        if not batches or not (way.folder or way.url):
            _require_here(till.desk.policy.ledger.delivered_by)
    else:
        batches = [ledger_batch(till.desk, person, number)]
        _require_here(batches[0].delivered_by)
        require_not_acknowledged(till.desk, person, number)
    # A turn of the loop each: what is told was committed before the next one is brought.
    for batch in batches:
        before = delivery_of(till.desk, person, batch.number)
        if number is not None and before is not None and before.state is DeliveryState.DELIVERED:
            # It is meant to be brought once more.
            before = None
        outcome = asyncio.run(_bring(till, batch, before))
        if isinstance(outcome, NotYet):
            yield batch.number, outcome.reason
        else:
            yield batch.number, note_delivery(till.desk, person, batch.number, told(outcome))


def _require_here(deliverer: Deliverer) -> None:
    if deliverer is not Deliverer.TILL:
        who = "Nobody delivers" if deliverer is Deliverer.NOBODY else "Central delivers"
        raise Refused(
            "not_delivered_here",
            f"{who} these batches: [ledger] delivered_by in till.toml says so.",
            delivered_by=str(deliverer),
        )


async def _bring(till: OpenTill, batch: LedgerBatch, before: Delivery | None) -> Delivery | NotYet:
    form = BatchForm(till.settings.till.ledger.form)
    async with _way(till, before) as bring:
        return await bring(parcel_of(batch, form))


@asynccontextmanager
async def _way(till: OpenTill, before: Delivery | None) -> AsyncIterator[Bring]:
    told_of = till.settings.till.ledger
    if told_of.folder:
        folder = Path(told_of.folder)

        async def put(parcel: Parcel) -> Delivery | NotYet:
            return put_in_folder(folder, parcel, before)

        yield put
        return
    token = read_secret_file(Path(told_of.token_file), key="ledger.token_file") if told_of.token_file else ""
    endpoint = Endpoint(told_of.url, ca_file=told_of.ca_file, token=token, transport=till.machine.transport)
    try:
        yield endpoint.post
    finally:
        await endpoint.close()
