"""Running the bundled central server."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

if TYPE_CHECKING:
    from sync.central.http.tls import TlsFiles

from pos.cli import central_access, central_backup, central_hub, central_ledger
from pos.cli.output import Invocation
from pos.domain.bill_paper import BillPaper
from pos.domain.errors import Refused

app = typer.Typer(help="The bundled central server.", no_args_is_help=True)
app.add_typer(central_hub.app, name="hub")
app.add_typer(central_ledger.app, name="gl")

DbOption = Annotated[
    str, typer.Option("--db", help="Database URL: sqlite:///central.db or postgresql://user@host/central.")
]
FINDINGS = 6


@app.command("serve")
def serve(
    context: typer.Context,
    db: DbOption,
    host: Annotated[str, typer.Option("--host", help="A loopback host, or any with TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free port.")] = 8676,
    voucher_held_h: Annotated[
        int, typer.Option("--voucher-held-h", min=1, max=720, help="A voucher is held so many hours.")
    ] = 24,
    issuers: Annotated[
        Path | None,
        typer.Option(
            "--issuers",
            exists=True,
            file_okay=False,
            help="A folder of outside issuers' lists of vouchers, one JSON file each.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", dir_okay=False, help="A file for the log; without it: standard error."),
    ] = None,
    drain_s: Annotated[
        int,
        typer.Option(
            "--drain-s", min=0, max=300, help="Asked to stop, serve on for so long, no longer ready."
        ),
    ] = 0,
    per_s: Annotated[
        int, typer.Option("--requests-per-s", min=1, max=100_000, help="Of one client, on average.")
    ] = 100,
    burst: Annotated[
        int, typer.Option("--burst", min=1, max=1_000_000, help="Requests of one client at once.")
    ] = 3_000,
    body_bytes: Annotated[
        int, typer.Option("--body-bytes", min=1_000, max=10_000_000, help="The largest body that is read.")
    ] = 200_000,
    connections: Annotated[
        int,
        typer.Option(
            "--connections-of-address", min=1, max=1_000, help="Connections of one address at a time."
        ),
    ] = 250,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Begins every address that is told, such as of a proxy.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Central's certificate and its chain (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its key (PEM).")] = None,
    client_ca: Annotated[
        Path | None,
        typer.Option("--client-ca", help="Let in only clients with a certificate of this authority."),
    ] = None,
    listener_host: Annotated[
        list[str] | None,
        typer.Option(
            "--listener-host",
            help="A host name, address or network that may be told of events; again for each. Else this machine only.",
        ),
    ] = None,
    listener_ca: Annotated[
        Path | None,
        typer.Option(
            "--listener-ca", exists=True, dir_okay=False, help="Authorities of listeners' certificates, PEM."
        ),
    ] = None,
    give_up_days: Annotated[
        int, typer.Option("--give-up-days", min=1, max=90, help="An event is tried for so many days.")
    ] = 7,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, max=64, help="Processes on one port; more than 1 on PostgreSQL only."
        ),
    ] = 1,
    no_auth: Annotated[
        bool,
        typer.Option(
            "--no-auth", help="Ask nobody for a token: for conformance kits, on a loopback host alone."
        ),
    ] = False,
    until_stdin_ends: Annotated[
        bool, typer.Option("--until-stdin-ends", hidden=True, help="End with whoever holds standard input.")
    ] = False,
    open_metrics: Annotated[
        bool, typer.Option("--open-metrics", help="Tell /metrics to whoever asks, without a token.")
    ] = False,
) -> None:
    """Serve TMF676 and TMF678 until stopped; prints one JSON line when ready, and logs a line of JSON a request."""
    from sync.central.operating.shared_figures import shared_figures

    figures = ExitStack()
    if workers > 1 and db.startswith("postgresql"):
        # Before anything below loads what counts.
        figures.enter_context(shared_figures())
    from pos.machine import MachineClock, MachineRandomness, beside_the_loop
    from pos.settings import read_settings
    from receipts.bill_pdf import render_bill
    from sync.central.access.gate import Access
    from sync.central.http.limits import Limits
    from sync.central.hub.listeners import listener_hosts
    from sync.central.serve import Listeners, serve_with_workers
    from sync.central.serve import serve as serve_central
    from sync.central.vouchers.issuers import issuers_in

    call: Invocation = context.obj
    settings = read_settings(option=call.config)

    async def draw_bill(paper: BillPaper) -> bytes:
        return await beside_the_loop(partial(render_bill, paper, numbers=settings.till.amounts.number_format))

    with figures, ExitStack() as files:
        run = partial(
            serve_central,
            db,
            host=host,
            port=port,
            clock=MachineClock("UTC"),
            randomness=MachineRandomness(),
            modes=settings.modes,
            voucher_held_h=voucher_held_h,
            issuers={} if issuers is None else issuers_in(issuers),
            tolerance=settings.till.payments.tolerance,
            draw_bill=draw_bill,
            log=sys.stderr if log is None else files.enter_context(_log_file(log)),
            drain_s=drain_s,
            base_url=None if base_url is None else _base_url(base_url),
            tls=_tls_files(tls_cert, tls_key, client_ca),
            access=None if no_auth else Access(open_metrics=open_metrics),
            limits=Limits(per_s=per_s, burst=burst, body_bytes=body_bytes, connections=connections),
            lifeline=sys.stdin.fileno() if until_stdin_ends else None,
            listeners=Listeners(
                hosts=listener_hosts(listener_host or ()), ca=listener_ca, give_up_days=give_up_days
            ),
        )
        if workers == 1:
            run()
            return
        serve_with_workers(
            lambda worker, out: run(worker=worker, out=out),
            workers,
            db_url=db,
            host=host,
            port=port,
            issuers=issuers is not None,
        )


def _tls_files(cert: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    from sync.central.http.tls import TlsFiles

    if cert is None and key is None and client_ca is None:
        return None
    if cert is None or key is None:
        raise typer.BadParameter("--tls-cert and --tls-key go together, and --client-ca with both.")
    return TlsFiles(cert=cert, key=key, client_ca=client_ca)


def _base_url(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise typer.BadParameter("--base-url is an http or https address, such as https://central.example.")
    return url


def _log_file(path: Path) -> TextIO:
    """Opened to append, for nobody but the owner."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused("log_unavailable", f"The log cannot be written: {error.strerror}.") from error
    return os.fdopen(opened, "a", encoding="utf-8")


vouchers = typer.Typer(help="Vouchers that the operator issues.", no_args_is_help=True)
app.add_typer(vouchers, name="voucher")


@vouchers.command("key")
def voucher_key(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="make, list or withdraw")],
    db: DbOption,
    key: Annotated[str | None, typer.Argument(metavar="KEY", help="The key to withdraw.")] = None,
) -> int:
    """The keys that vouchers are signed with. A new one signs from now on; a withdrawn one counts at no till any more."""
    from pos.machine import MachineClock, MachineRandomness
    from sync.central.schema.opening import open_central
    from sync.central.vouchers.keys import list_keys, make_key, withdraw_key

    if action not in ("make", "list", "withdraw") or (action == "withdraw") is (key is None):
        raise typer.BadParameter("Say make, list, or withdraw and the key.")
    call: Invocation = context.obj
    at, store = MachineClock("UTC").now(), open_central(db)
    try:
        with store.write() as connection:
            if action == "make":
                make_key(connection, MachineRandomness(), at=at)
            elif key is not None and not withdraw_key(connection, key, at=at):
                raise Refused("unknown_key", f"There is no key {key} that could be withdrawn.")
            keys = list_keys(connection)
    finally:
        store.close()
    for one in keys:
        state = "signs" if one.signs and one.withdrawn_at is None else "known"
        state = "withdrawn" if one.withdrawn_at is not None else state
        data = {"key": one.key_id, "public_key": one.public_key, "made_at": one.made_at, "state": state}
        call.line(data, f"{one.key_id}  {state:9}  {one.public_key}")
    return 0


@app.command("fixture")
def fixture(context: typer.Context, file: Path, db: DbOption) -> None:
    """Load or update accounts, bills, rates, items and vouchers from a fixture file."""
    from pos.fixture import read_fixture
    from pos.machine import MachineClock
    from sync.central.hub.events import EventRecorder
    from sync.central.operating.fixture import load_fixture
    from sync.central.schema.opening import open_central
    from sync.wire_json import loads

    call: Invocation = context.obj
    read_fixture(file)
    store = open_central(db)
    store.before_commit = EventRecorder(MachineClock("UTC"))
    try:
        counts = load_fixture(store, loads(file.read_bytes()))
    finally:
        store.close()
    call.line({"ok": True, "loaded": counts}, ", ".join(f"{count} {name}" for name, count in counts.items()))


app.command("terminal")(central_access.terminal)
app.command("client")(central_access.client)
app.command("clients")(central_access.clients)
app.command("audit")(central_access.audit)
app.command("backup")(central_backup.backup)
app.command("restore")(central_backup.restore)
app.command("person")(central_access.person)


@app.command("payments")
def payments(context: typer.Context, db: DbOption) -> None:
    """Every payment that central has, one row a leg."""
    from sync.central.payments.payments import list_payments
    from sync.central.schema.opening import open_central

    call: Invocation = context.obj
    store = open_central(db)
    try:
        for row in list_payments(store):
            data = {
                "id": row.payment_id,
                "terminal": row.terminal,
                "epoch": row.epoch,
                "sequence": row.sequence,
                "leg": row.leg,
                "receipt_number": row.receipt_number,
                "correlator_id": row.correlator_id,
                "account": row.account,
                "amount": row.amount.plain(),
                "currency": row.amount.currency.code,
                "suspense": row.suspense.plain(),
                "held": row.held,
            }
            call.line(
                data,
                f"{row.receipt_number or '-':20} leg {row.leg or '-'}  {row.account:12} {row.amount.plain():>14}"
                + ("  HELD: this cheque was presented before" if row.held else ""),
            )
    finally:
        store.close()


@app.command("refund-holds")
def refund_holds(
    context: typer.Context,
    db: DbOption,
    release: Annotated[
        str | None, typer.Option("--release", metavar="HOLD", help="Let go of one whose terminal never will.")
    ] = None,
) -> None:
    """What terminals hold of other terminals' payments, to pay it back."""
    from pos.machine import MachineClock
    from sync.central.refunds.holds import open_refund_holds, release_refund_hold
    from sync.central.schema.opening import open_central
    from sync.central.wire.errors import ApiError

    call: Invocation = context.obj
    store = open_central(db)
    try:
        with store.write() as connection:
            if release is not None:
                if release not in {one.hold_id for one in open_refund_holds(connection)}:
                    raise Refused("unknown_refund_hold", f"There is no hold {release} that could be let go.")
                try:
                    release_refund_hold(connection, release, at=MachineClock("UTC").now())
                except ApiError as used:
                    raise Refused(used.code, used.message) from used
            holds = open_refund_holds(connection)
    finally:
        store.close()
    for one in holds:
        data = {
            "hold": one.hold_id,
            "terminal": one.terminal,
            "operator": one.operator,
            "receipt_number": one.receipt_number,
            "amount": one.amount.plain(),
            "currency": one.amount.currency.code,
            "made_at": one.made_at,
        }
        call.line(
            data, f"{one.hold_id}  {one.terminal:10} {one.receipt_number:24} {one.amount}  {one.made_at}"
        )


@app.command("verify")
def verify(context: typer.Context, db: DbOption) -> int:
    """Check central's own books; exit 6 with a list of findings."""
    from pos.machine import MachineClock
    from pos.settings import read_settings
    from sync.central.operating.verify import verify_central
    from sync.central.schema.opening import open_central

    call: Invocation = context.obj
    store = open_central(db)
    try:
        findings = verify_central(
            store, modes=read_settings(option=call.config).modes, at=MachineClock("UTC").now()
        )
    finally:
        store.close()
    for finding in findings:
        data = {"ok": False, "subject": finding.subject, "id": finding.subject_id, "message": finding.message}
        call.line(data, f"{finding.subject} {finding.subject_id}: {finding.message}")
    call.line(
        {"ok": not findings, "findings": len(findings)},
        "Central's books are sound." if not findings else f"{len(findings)} findings.",
    )
    return FINDINGS if findings else 0
