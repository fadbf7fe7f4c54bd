"""Who is told of events at the bundled central server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation
from pos.domain.errors import Refused

if TYPE_CHECKING:
    from sync.central.hub.subscriptions import ListenerShown

app = typer.Typer(help="Who is told what becomes of payments, refunds and bills.", no_args_is_help=True)

DbOption = Annotated[str, typer.Option("--db", help="Database URL, such as sqlite:///central.db.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The subscription's id.")]


@app.command("list")
def list_all(context: typer.Context, db: DbOption) -> None:
    """Every listener, how many events wait for it, and what it answered last if it takes none."""
    from sync.central.hub.subscriptions import list_listeners
    from sync.central.schema.opening import open_central

    call: Invocation = context.obj
    store = open_central(db)
    try:
        with store.read() as connection:
            listeners = list_listeners(connection)
    finally:
        store.close()
    for one in listeners:
        data = {
            "id": one.hub_id,
            "hub": one.api.value,
            "callback": one.callback,
            "query": one.query,
            "state": one.state,
            "made_at": one.made_at,
            "delivered": one.delivered,
            "delivered_at": one.delivered_at,
            "waiting": one.waiting,
            "dead": one.dead,
            "oldest_at": one.oldest_at,
            "failing_since": one.failing_since,
            "last_error": one.last_error,
        }
        call.line(data, _shown(one))


def _shown(one: ListenerShown) -> str:
    how = f"{one.delivered} told, {one.waiting} waiting, {one.dead} given up"
    fault = "" if one.last_error is None else f"  {one.last_error}"
    return f"{one.hub_id}  {one.api.value:7} {one.state:7} {one.callback}  {how}{fault}"


@app.command("remove")
def remove(context: typer.Context, hub_id: IdArgument, db: DbOption) -> None:
    """Tell a listener nothing more; what waits for it is dropped."""
    from pos.machine import MachineClock
    from sync.central.hub.subscriptions import unsubscribe
    from sync.central.schema.opening import open_central

    call: Invocation = context.obj
    store = open_central(db)
    try:
        with store.write() as connection:
            if not unsubscribe(connection, hub_id, at=MachineClock("UTC").now()):
                raise _unknown(hub_id)
    finally:
        store.close()
    call.line({"ok": True, "id": hub_id}, f"{hub_id} is told nothing more.")


@app.command("retry")
def retry(context: typer.Context, hub_id: IdArgument, db: DbOption) -> None:
    """Start a listener that was stopped, and send at once what waits for it or was given up."""
    from pos.machine import MachineClock
    from sync.central.hub.subscriptions import try_again
    from sync.central.schema.opening import open_central

    call: Invocation = context.obj
    store = open_central(db)
    try:
        with store.write() as connection:
            count = try_again(connection, hub_id, at=MachineClock("UTC").now())
    finally:
        store.close()
    if count is None:
        raise _unknown(hub_id)
    call.line({"ok": True, "id": hub_id, "events": count}, f"{count} events are sent to {hub_id} now.")


@app.command("key")
def key(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="make, list or withdraw")],
    db: DbOption,
    key_id: Annotated[str | None, typer.Argument(metavar="KEY", help="The key to withdraw.")] = None,
) -> None:
    """The keys that events are signed with, each until it is withdrawn; listeners read them at /counterfoil/v1/hubKey."""
    from pos.machine import MachineClock, MachineRandomness
    from sync.central.hub.keys import list_keys, make_key, withdraw_key
    from sync.central.schema.opening import open_central

    if action not in ("make", "list", "withdraw") or (action == "withdraw") is (key_id is None):
        raise typer.BadParameter("Say make, list, or withdraw and the key.")
    call: Invocation = context.obj
    at, store = MachineClock("UTC").now(), open_central(db)
    try:
        with store.write() as connection:
            if action == "make":
                make_key(connection, MachineRandomness(), at=at)
            elif key_id is not None and not withdraw_key(connection, key_id, at=at):
                raise Refused("unknown_key", f"There is no key {key_id} that could be withdrawn.")
            keys = list_keys(connection)
    finally:
        store.close()
    for one in keys:
        state = "signs" if one.withdrawn_at is None else "withdrawn"
        data = {"key": one.key_id, "public_key": one.public_key, "made_at": one.made_at, "state": state}
        call.line(data, f"{one.key_id}  {state:9}  {one.public_key}")


def _unknown(hub_id: str) -> Refused:
    return Refused("unknown_listener", f"There is no listener {hub_id}.")
