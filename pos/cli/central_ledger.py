"""The feed to the general ledger for the whole operator, from the batches that the tills told central."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.ledger import (
    UNREACHABLE,
    DayOption,
    OutOption,
    batch_text,
    read_day,
    require_new,
    state_of,
    write_new,
)
from pos.cli.output import Invocation
from pos.domain.errors import Refused
from pos.domain.ledger_feed import Deliverer
from sync.ledger.files import BatchForm, batch_file, batch_head

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pos.domain.ledger_delivery import Delivery
    from sync.central.store.database import CentralStore
    from sync.ledger.delivery import NotYet, Parcel

app = typer.Typer(help="The general ledger's batches of all tills, told and delivered.", no_args_is_help=True)

DbOption = Annotated[str, typer.Option("--db", help="Database URL, such as sqlite:///central.db.")]


@app.command("list")
def list_all(context: typer.Context, db: DbOption, business_date: DayOption = None) -> None:
    """The batches that tills told, with their control totals and what became of those that central delivers."""
    from sync.central.ledger.batches import told_batches
    from sync.central.ledger.deliveries import last_delivery

    call: Invocation = context.obj
    day = read_day(business_date)
    with _reading(db) as connection:
        for batch in told_batches(connection, day):
            step = last_delivery(connection, batch.number)
            state, words = state_of(batch, step, here=Deliverer.CENTRAL)
            call.line({**batch_head(batch), "state": state}, f"{batch_text(batch)}, {words}")


@app.command("make")
def make(
    context: typer.Context,
    db: DbOption,
    shop: Annotated[
        str, typer.Option("--shop", help="The shop that they are booked under; it has no tills.")
    ],
    time_zone: Annotated[
        str, typer.Option("--time-zone", help="Whose days they are, as Asia/Kuwait.")
    ] = "UTC",
) -> None:
    """Make the batches of what other clients than tills paid in and back: of every day that is over, what is in none yet.

    The accounts are those of gl_accounts.toml and payment_modes.toml in --config.
    """
    from pos.bootstrap.policy import ledger_rules
    from pos.machine import MachineClock
    from pos.settings import read_settings
    from sync.central.ledger.other_clients import OtherClients, make_batches, require_shop
    from sync.central.schema.opening import open_central

    call: Invocation = context.obj
    require_shop(shop)
    settings, now = read_settings(option=call.config), MachineClock(time_zone).now()
    assert now.tzinfo is not None
    clients = OtherClients(
        shop=shop,
        rules=ledger_rules(settings),
        modes=settings.modes,
        zone=now.tzinfo,
        closed_through=settings.till.ledger.closed_date,
    )
    store = open_central(db)
    try:
        due = make_batches(store, clients, at=now)
    finally:
        store.close()
    for batch in due:
        call.line(batch_head(batch), batch_text(batch))
    if not due:
        call.note("Nothing of other clients is in no batch.")


@app.command("export")
def export(
    context: typer.Context,
    format: Annotated[BatchForm, typer.Option("--format")],
    out: OutOption,
    db: DbOption,
    business_date: DayOption = None,
) -> None:
    """One file of every terminal's batches, of one day or all, as each till would write its own."""
    from sync.central.ledger.batches import told_batches

    call: Invocation = context.obj
    day = read_day(business_date)
    require_new(out)
    with _reading(db) as connection:
        batches = list(told_batches(connection, day))
    digest = write_new(out, batch_file(format, batches))
    data = {
        "ok": True,
        "file": str(out),
        "format": str(format),
        "sha256": digest,
        "batches": [batch_head(batch) for batch in batches],
    }
    call.line(data, f"{out}: batches {len(batches)}\nsha256 {digest}")


@app.command("deliver")
def deliver(
    context: typer.Context,
    db: DbOption,
    batch: Annotated[
        str | None, typer.Argument(help="This batch alone, also where it was refused; else all that wait.")
    ] = None,
    format: Annotated[BatchForm, typer.Option("--format")] = BatchForm.CSV,
    folder: Annotated[Path | None, typer.Option("--folder", help="Where to lay the files down.")] = None,
    url: Annotated[str, typer.Option("--url", help="Or the https address to post them to.")] = "",
    ca_file: Annotated[str, typer.Option("--ca", help="Certificates that vouch for it (PEM).")] = "",
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="A file of mode 0600 with its bearer token alone in it."),
    ] = None,
) -> int:
    """Bring the batches that central delivers to the accounting system; 7 where it cannot be reached."""
    from pos.bootstrap.central_key import read_secret_file
    from pos.domain.ledger_delivery import DeliveryState
    from pos.till_settings import url_problem
    from sync.central.ledger.deliveries import batches_to_deliver, last_delivery
    from sync.central.schema.opening import open_central
    from sync.ledger.delivery import parcel_of, put_in_folder, to_go_on_from
    from sync.ledger.endpoint import Endpoint

    call: Invocation = context.obj
    if (folder is None) is not bool(url):
        raise typer.BadParameter("Give --folder or --url, one of them.")
    if (problem := url_problem(url)) is not None:
        raise typer.BadParameter(f"--url: {problem}")
    token = "" if token_file is None else read_secret_file(token_file, key="--token-file")

    async def bring(parcel: Parcel, before: Delivery | None) -> Delivery | NotYet:
        if folder is not None:
            return put_in_folder(folder, parcel, before)
        endpoint = Endpoint(url, ca_file=ca_file, token=token)
        try:
            return await endpoint.post(parcel)
        finally:
            await endpoint.close()

    store = open_central(db)
    left = 0
    try:
        with store.read() as connection:
            waiting = batches_to_deliver(connection, batch)
            known = None if batch is None else last_delivery(connection, batch)
        if batch is not None and not waiting:
            raise Refused("unknown_batch", f"Central delivers no batch {batch}.", batch=batch)
        if batch is not None and known is not None and known.state is DeliveryState.ACKNOWLEDGED:
            raise Refused("batch_acknowledged", f"Batch {batch} is acknowledged already.", batch=batch)
        for one in waiting:
            with store.read() as connection:
                last = last_delivery(connection, one.number)
            before = to_go_on_from(last, named=batch is not None)
            left += not _kept(call, store, one.number, asyncio.run(bring(parcel_of(one, format), before)))
    finally:
        store.close()
    return UNREACHABLE if left else 0


def _kept(call: Invocation, store: CentralStore, number: str, outcome: Delivery | NotYet) -> bool:
    """Keep what became of a batch and tell it. False where it could not be brought."""
    from pos.machine import MachineClock
    from pos.till.ledger_delivery import told
    from sync.central.ledger.deliveries import note_delivery
    from sync.ledger.delivery import NotYet

    if isinstance(outcome, NotYet):
        call.failure("ledger_unreachable", f"{number}: {outcome.reason}")
        return False
    step = told(outcome)
    with store.write() as connection:
        if not note_delivery(connection, number, step, at=MachineClock("UTC").now()):
            raise Refused("batch_acknowledged", f"Batch {number} is acknowledged already.", batch=number)
    data = {
        "ok": True,
        "batch": number,
        "state": str(step.state),
        "reference": step.reference,
        "reason": step.reason,
        "file_sha256": step.file_digest,
    }
    call.line(data, f"{number}: {step.state} {step.reason or step.reference or ''}".rstrip())
    return True


@contextmanager
def _reading(db: str) -> Iterator[Connection]:
    from sync.central.schema.opening import open_central

    store = open_central(db)
    try:
        with store.read() as connection:
            yield connection
    finally:
        store.close()
