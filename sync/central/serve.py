"""Run central as a process: one event loop, one store; on a loopback host only, but with tokens and TLS."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from pos.domain.errors import Refused
from pos.domain.payment_mode import PaymentModes
from pos.domain.ports import Clock, Randomness
from sync.central.access.gate import Access
from sync.central.app import VOUCHER_HELD_H, make_app
from sync.central.bills.documents import DrawBill
from sync.central.http.connection import HEADERS_BYTES_MAX, shared_among
from sync.central.http.handshakes import HandshakeLimits, agreed_first
from sync.central.http.limits import Limits
from sync.central.http.request_log import LibraryLog, RequestLog
from sync.central.http.tls import ServerTls, TlsFiles
from sync.central.hub.delivery import GIVE_UP_DAYS, EventDelivery
from sync.central.hub.events import EventRecorder
from sync.central.hub.listener_client import ListenerClient
from sync.central.hub.listeners import ListenerHosts
from sync.central.hub.set_aside import LOGGER as EVENTS_LOGGER
from sync.central.operating.metrics import Metrics
from sync.central.operating.shared_figures import shelf_of_workers
from sync.central.operating.workers import Worker, watch_workers
from sync.central.schema.opening import open_central
from sync.central.vouchers.issuers import VoucherIssuer
from sync.central.wire.links import Links
from sync.wire_json import dumps

GRACE_S = 5
KEEP_ALIVE_S = 75
"""Longer than a till's own patience: a server that closes first turns a send into an unknown outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who may be told of events, and how: ``ca`` is a file of authorities for their certificates, None: the well-known ones.

    What nobody acknowledges for ``give_up_days`` is tried no more until a person says so.
    """

    hosts: ListenerHosts = field(default_factory=ListenerHosts)
    ca: Path | None = None
    give_up_days: int = GIVE_UP_DAYS


def serve(
    db_url: str,
    *,
    host: str,
    port: int,
    clock: Clock,
    randomness: Randomness,
    base_url: str | None = None,
    modes: PaymentModes | None = None,
    voucher_held_h: int = VOUCHER_HELD_H,
    issuers: Mapping[str, VoucherIssuer] | None = None,
    tolerance: str = "",
    draw_bill: DrawBill | None = None,
    listeners: Listeners | None = None,
    out: TextIO | None = None,
    log: TextIO | None = None,
    drain_s: int = 0,
    limits: Limits | None = None,
    tls: TlsFiles | None = None,
    access: Access | None = None,
    worker: Worker | None = None,
    lifeline: int | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first. Port 0 takes a free one.

    Once asked to end it is no longer ready, and still serves for ``drain_s`` seconds (a second signal ends them), so that
    whoever shares out the work can look elsewhere. ``listeners``: who may be told of events; None: this machine only.

    Writes one JSON line to ``out`` (default: standard output) when the port answers, and to ``log``, where one is given,
    a line for each request. ``access`` None: it asks nobody for a token. SIGHUP has the files of ``tls``
    read again, for connections from then on. Raises Refused ``not_loopback``, ``bad_tls_files`` or ``address_unavailable``
    and StoreUnavailable, each before anything is announced. ``worker``: it is one of several on one port.
    ``lifeline`` is a pipe whose other end somebody holds: once nobody does, central ends as by a signal.
    """
    refuse_open_host(host, authenticated=access is not None, secured=tls is not None)
    secured = None if tls is None else ServerTls(tls)
    store = open_central(db_url)
    # The name may stand for two addresses, and a free port would then be another on each.
    numeric = "127.0.0.1" if host == "localhost" else host

    metrics, request_log = Metrics(), None if log is None else RequestLog(log, clock)
    metrics.of_process(log_dropped=None if request_log is None else lambda: request_log.dropped)

    shelf = shelf_of_workers()
    listeners, recorder = listeners or Listeners(), EventRecorder(clock)

    def address_at(bound_port: int) -> str:
        address = f"[{numeric}]" if ":" in numeric else numeric
        return base_url or f"{'http' if secured is None else 'https'}://{address}:{bound_port}"

    def app_at(bound_port: int) -> Starlette:
        return make_app(
            store,
            clock=clock,
            randomness=randomness,
            base_url=address_at(bound_port),
            modes=modes,
            voucher_held_h=voucher_held_h,
            issuers=issuers,
            tolerance=tolerance,
            access=access,
            limits=limits,
            shelf=shelf,
            draw_bill=draw_bill,
            metrics=metrics,
            tell=() if request_log is None else (request_log.request,),
            listeners=listeners.hosts,
            recorder=recorder,
        )

    def delivery_at(bound_port: int) -> EventDelivery:
        return EventDelivery(
            store,
            ListenerClient(listeners.hosts, ca=listeners.ca),
            recorder,
            clock=clock,
            randomness=randomness,
            links=Links(address_at(bound_port).rstrip("/")),
            give_up_days=listeners.give_up_days,
        )

    try:
        with _libraries_told_to(request_log):
            server = _Announcing(
                numeric,
                port,
                app_at=app_at,
                delivery_at=delivery_at,
                out=out or sys.stdout,
                log=request_log,
                drain_s=drain_s,
                tls=secured,
                worker=worker,
                connections=(limits or Limits()).connections,
            )
            asyncio.run(_run(server, worker, lifeline))
    except (SystemExit, OverflowError):
        # The library ends the process over a taken port; ours tells whoever called. A port over 65535 overflows.
        raise _address_unavailable(host, port) from None
    finally:
        store.close()
        if shelf is not None:
            shelf.close()
        if request_log is not None:
            request_log.close()


def serve_with_workers(
    run: Callable[[Worker, TextIO], None], count: int, *, db_url: str, host: str, port: int, issuers: bool
) -> None:
    """Serve in ``count`` processes of their own, each of which does ``run``; see ``watch_workers``.

    Raises Refused ``workers_need_postgresql``; ``issuers_need_one_worker``, for two processes would write an outside
    issuer's list over each other; and ``address_unavailable``.
    """
    if not db_url.startswith("postgresql"):
        raise Refused(
            "workers_need_postgresql",
            "Several workers need a store in PostgreSQL; one in SQLite has one worker.",
        )
    if issuers:
        raise Refused(
            "issuers_need_one_worker", "Outside issuers' lists are kept by one worker: leave --workers 1."
        )
    try:
        socket = uvicorn.Config(
            "", host="127.0.0.1" if host == "localhost" else host, port=port, log_config=None
        ).bind_socket()
    except (SystemExit, OverflowError):
        raise _address_unavailable(host, port) from None
    try:
        watch_workers(count, run, socket=socket)
    finally:
        socket.close()


def _address_unavailable(host: str, port: int) -> Refused:
    return Refused(
        "address_unavailable",
        f"Central cannot listen on {host} port {port}. Is it taken?",
        host=host,
        port=port,
    )


def refuse_open_host(host: str, *, authenticated: bool, secured: bool) -> None:
    """Raises Refused ``not_loopback`` for a host that other machines could reach, without tokens or without TLS.

    A token that travels in the clear is anybody's.
    """
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if loopback or (authenticated and secured):
        return
    lacking = "tokens (--no-auth is for this machine alone)" if not authenticated else "TLS (--tls-cert)"
    raise Refused(
        "not_loopback",
        f"Without {lacking} central serves on a loopback host only, such as 127.0.0.1.",
        host=host,
    )


@contextmanager
def _libraries_told_to(log: RequestLog | None) -> Iterator[None]:
    """What the server library and what brings events warn of goes to ``log`` meanwhile, and nowhere else."""
    if log is None:
        yield
        return
    handler, loggers = LibraryLog(log), [logging.getLogger(name) for name in ("uvicorn", EVENTS_LOGGER)]
    propagated = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, before in zip(loggers, propagated, strict=True):
            logger.removeHandler(handler)
            logger.propagate = before


async def _run(server: _Announcing, worker: Worker | None, lifeline: int | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    loop.add_signal_handler(signal.SIGHUP, server.reload)
    held = lifeline if worker is None else worker.lifeline
    if held is not None:

        def left_alone() -> None:
            loop.remove_reader(held)
            server.stop()

        loop.add_reader(held, left_alone)
    await server.serve(sockets=None if worker is None else [worker.socket])


class _LateApp:
    """Stands in for the app until the port is known, and with it every href."""

    def __init__(self) -> None:
        self._app: Starlette | None = None
        self._known = asyncio.Event()

    def become(self, app: Starlette) -> None:
        self._app = app
        self._known.set()

    def is_stopping(self) -> None:
        """No longer ready."""
        if self._app is not None:
            self._app.state.stopping = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._known.wait()
        assert self._app is not None
        await self._app(scope, receive, send)


class _Announcing(uvicorn.Server):
    """Says so when it listens, and ends quietly: the stock server raises the signal again after a clean stop."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        app_at: Callable[[int], Starlette],
        delivery_at: Callable[[int], EventDelivery],
        out: TextIO,
        log: RequestLog | None,
        drain_s: int,
        tls: ServerTls | None,
        worker: Worker | None,
        connections: int,
    ) -> None:
        self._late = _LateApp()
        self._app_at = app_at
        self._delivery_at = delivery_at
        self._delivery: tuple[EventDelivery, asyncio.Task[None]] | None = None
        self._out = out
        self._log = log
        self._drain_s = drain_s
        self._asked = False
        self._tls = tls
        self._worker = worker
        made: Any = shared_among(connections)
        if tls is not None:
            made = agreed_first(made, tls.context, HandshakeLimits(of_address=connections))
        config = uvicorn.Config(
            self._late,
            host=host,
            port=port,
            http=made,
            h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        super().__init__(config)

    def stop(self) -> None:
        """A signal came; the second one does not wait."""
        if self._asked or self._drain_s == 0:
            self.should_exit = True
        else:
            asyncio.get_running_loop().call_later(self._drain_s, self._end)
        if not self._asked and self._log is not None:
            self._log.event("stopping")
        self._asked = True
        self._late.is_stopping()

    def reload(self) -> None:
        """The certificate was renewed; without TLS there is nothing to read again."""
        if self._tls is None:
            return
        try:
            self._tls.reload()
        except Refused:
            told = "tls_not_reloaded"
        else:
            told = "tls_reloaded"
        if self._log is not None:
            self._log.event(told)

    def _end(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets=sockets)
        bound_port = int(self.servers[0].sockets[0].getsockname()[1])
        self._late.become(self._app_at(bound_port))
        # What is there now stays to the end: no collection needs to walk it, and each would.
        gc.collect()
        gc.freeze()
        if self._worker is None or self._worker.tells_listeners:
            delivery = self._delivery_at(bound_port)
            self._delivery = (delivery, asyncio.create_task(delivery.run()))
        line = {"event": "listening", "host": self.config.host, "port": bound_port}
        self._out.write(dumps(line).decode() + "\n")
        self._out.flush()

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        await super().shutdown(sockets=sockets)
        if self._delivery is not None:
            delivery, running = self._delivery
            delivery.stop()
            await running

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
