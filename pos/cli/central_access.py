"""Who may speak to central, and what happened to it: the operator's own commands beside the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pos.cli.output import Invocation

if TYPE_CHECKING:
    from sync.central.store.database import CentralStore

DbOption = Annotated[str, typer.Option("--db", help="Database URL, such as sqlite:///central.db.")]


@contextmanager
def _central(db: str) -> Iterator[CentralStore]:
    from sync.central.schema.opening import open_central

    store = open_central(db)
    try:
        yield store
    finally:
        store.close()


def client(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the back office calls it.")],
    db: DbOption,
    dealer: Annotated[
        str | None, typer.Option("--dealer", metavar="D", help="Whose it is: it sees this dealer's alone.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="What it may, such as payment.read; once for each.")
    ] = None,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Take its rights away, and those tokens that it has.")
    ] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="A new secret for it; the old one serves no more.")
    ] = False,
) -> None:
    """Make a client of central; its secret is shown once. Or give it a new secret, or revoke it."""
    from pos.machine import MachineClock, MachineRandomness
    from sync.central.access.clients import make_client, renew_client, revoke_client

    call: Invocation = context.obj
    at = MachineClock("UTC").now()
    if renew and (revoke or dealer or scope):
        raise typer.BadParameter("--renew stands alone: it changes nothing but the secret.")
    with _central(db) as store, store.write() as connection:
        if revoke:
            client_id = revoke_client(connection, name, at=at)
            data: dict[str, object] = {"ok": True, "name": name, "client_id": client_id, "revoked": True}
            said = f"{name} ({client_id}) may do nothing any more."
        else:
            randomness = MachineRandomness()
            made = (
                renew_client(connection, name, at=at, randomness=randomness)
                if renew
                else make_client(
                    connection, name, dealer=dealer, scopes=scope or (), at=at, randomness=randomness
                )
            )
            data = {
                "ok": True,
                "name": name,
                "kind": str(made.kind),
                "dealer": dealer,
                "scopes": sorted(made.scopes),
                "client_id": made.client_id,
                "client_secret": made.secret,
            }
            said = f"client id      {made.client_id}\nclient secret  {made.secret}\nThe secret is not shown again."
    call.line(data, said)


def terminal(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="code, retire, lost or list")],
    db: DbOption,
    terminal: Annotated[str | None, typer.Argument(metavar="T", help="The terminal; not for list.")] = None,
    dealer: Annotated[
        str | None,
        typer.Option(
            "--dealer", metavar="D", help="Whose till it is, for code: it knows this dealer's alone."
        ),
    ] = None,
) -> None:
    """A one-time code that enrols a terminal, the end of one that goes or was lost, or the list of all."""
    from pos.machine import MachineClock, MachineRandomness
    from sync.central.tills.terminals import Ending, end_terminal, make_terminal_code

    endings = {"retire": Ending.RETIRED, "lost": Ending.LOST}
    if action not in ("code", "list", *endings) or (action == "list") is (terminal is not None):
        raise typer.BadParameter("Say code, retire or lost and the terminal, or list.")
    if dealer is not None and action != "code":
        raise typer.BadParameter("A dealer is said with code alone.")
    call: Invocation = context.obj
    clock = MachineClock("UTC")
    with _central(db) as store:
        if terminal is None:
            _list_terminals(call, store)
        elif action == "code":
            code = make_terminal_code(
                store, terminal, clock=clock, randomness=MachineRandomness(), dealer=dealer
            )
            call.line({"ok": True, "terminal": terminal, "code": code, "dealer": dealer}, code)
        else:
            with store.write() as connection:
                end_terminal(connection, terminal, endings[action], at=clock.now())
            call.line(
                {"ok": True, "terminal": terminal, "state": str(endings[action])},
                f"{terminal} may not speak to central any more. What it has not sent yet waits in it for a new code.",
            )


def _list_terminals(call: Invocation, store: CentralStore) -> None:
    from sync.central.tills.terminals import list_terminals

    with store.read() as connection:
        found = list(list_terminals(connection))
    for one in found:
        state = one.ended or ("enrolled" if one.keyed else "no key")
        data = {
            "terminal": one.terminal,
            "epoch": one.epoch,
            "state": state,
            "dealer": one.dealer,
            "cloned_at": one.cloned_at,
        }
        clone = f"  A COPY WAS SEEN {one.cloned_at[:19]}" if one.cloned_at else ""
        whose = f"  dealer {one.dealer}" if one.dealer else ""
        call.line(data, f"{one.terminal:16} epoch {one.epoch:4}  {state}{whose}{clone}")


def clients(context: typer.Context, db: DbOption) -> None:
    """The clients of central but the tills, revoked ones too."""
    from sync.central.access.clients import list_clients

    call: Invocation = context.obj
    with _central(db) as store, store.read() as connection:
        found = list(list_clients(connection))
    for one in found:
        known = one.caller
        data = {
            "name": one.name,
            "client_id": known.client_id,
            "kind": str(known.kind),
            "dealer": known.dealer,
            "scopes": sorted(known.scopes),
            "made_at": one.made_at,
            "revoked_at": one.revoked_at,
            "to_renew": one.secret_sha256 == "" and one.revoked_at is None,
        }
        state = "revoked" if one.revoked_at else "may" if one.secret_sha256 else "to renew"
        call.line(
            data,
            f"{one.name:20} {known.client_id:20} {known.dealer or '-':10} {state:8} {' '.join(sorted(known.scopes))}",
        )


def audit(
    context: typer.Context,
    db: DbOption,
    after: Annotated[int, typer.Option("--after", min=0, help="Only events of a higher number.")] = 0,
    subject: Annotated[
        str | None, typer.Option("--of", metavar="ID", help="Only of this client, terminal or bill.")
    ] = None,
) -> None:
    """What happened to central itself: clients, enrolments, refused tokens, clones, bills changed by hand."""
    from sync.central.access.audit import events

    call: Invocation = context.obj
    with _central(db) as store, store.read() as connection:
        found = list(events(connection, after=after, subject=subject))
    for one in found:
        data = {
            "number": one.number,
            "at": one.at,
            "event": one.event,
            "subject": one.subject,
            "actor": one.actor,
            "detail": one.detail,
        }
        call.line(
            data,
            f"{one.number:6} {one.at[:19]} {one.event:20} {one.subject:24} {one.actor:20} {one.detail}".rstrip(),
        )


def person(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="disable, enable or list")],
    db: DbOption,
    user: Annotated[str | None, typer.Argument(metavar="NUMBER", help="The user; not for list.")] = None,
    dealer: Annotated[
        str | None, typer.Option("--dealer", metavar="D", help="Whose user it is; else the operator's own.")
    ] = None,
) -> None:
    """Let nobody in by a user number, at any till, from its next pull; let in again; or list everybody."""
    from pos.machine import MachineClock
    from sync.central.tills.people import set_active
    from sync.central.wire.dealer_view import BETWEEN

    if action not in ("disable", "enable", "list") or (action == "list") is (user is not None):
        raise typer.BadParameter("Say disable or enable and the user number, or list.")
    call: Invocation = context.obj
    with _central(db) as store:
        if user is None:
            _list_people(call, store)
            return
        active = action == "enable"
        with store.write() as connection:
            stored = user if dealer is None else f"{dealer}{BETWEEN}{user}"
            set_active(connection, stored, active=active, at=MachineClock("UTC").now())
    said = "is let in again" if active else "is let in nowhere any more"
    call.line(
        {"ok": True, "user": user, "dealer": dealer, "active": active},
        f"User {user} {said}, from each till's next pull.",
    )


def _list_people(call: Invocation, store: CentralStore) -> None:
    from sync.central.tills.people import list_people
    from sync.central.wire.dealer_view import BETWEEN

    with store.read() as connection:
        found = list(list_people(connection))
    for one in found:
        dealer, _, number = one.user.rpartition(BETWEEN)
        places = [
            {"terminal": terminal or None, "roles": list(roles), "active": active}
            for terminal, roles, active in one.places
        ]
        data = {
            "user": number,
            "dealer": dealer or None,
            "active": one.active,
            "roles_taken": list(one.taken),
            "changed_at": one.changed_at,
            "changed_by": one.changed_by or None,
            "changed_where": one.changed_where or None,
            "places": places,
        }
        where = "; ".join(
            f"{terminal or 'loaded'}: {', '.join(roles) or 'no role'}{'' if active else ' (disabled)'}"
            for terminal, roles, active in one.places
        )
        taken = f"  taken away: {', '.join(one.taken)}" if one.taken else ""
        shown = f"{number} of {dealer}" if dealer else number
        call.line(data, f"{shown:12} {'may' if one.active else 'disabled':8} {where}{taken}")
