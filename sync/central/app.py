"""Central as an ASGI app. Handlers call the store inline: no thread, so a simulation can run it in its own loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus

from sqlalchemy.exc import DataError, OperationalError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.payment_mode import PaymentModes
from pos.domain.ports import Clock, Randomness
from sync.central.access.gate import Access, charge_whoever, guard
from sync.central.api.approvals import approval_routes
from sync.central.api.bills import bill_routes
from sync.central.api.commissions import commission_routes
from sync.central.api.dishonours import dishonour_routes
from sync.central.api.hub import hub_routes
from sync.central.api.openapi import openapi_routes
from sync.central.api.operating import operating_routes
from sync.central.api.outcomes import outcome_routes
from sync.central.api.own import own_routes
from sync.central.api.payments import payment_routes
from sync.central.api.people import person_routes
from sync.central.api.refund_holds import refund_hold_routes
from sync.central.api.refunds import refund_routes
from sync.central.api.tokens import token_routes
from sync.central.api.transfers import transfer_routes
from sync.central.api.vouchers import voucher_routes
from sync.central.bills.documents import DrawBill, document_routes
from sync.central.http.answers import error_answer
from sync.central.http.arrival import CardGuard, RateLimit
from sync.central.http.desk import CentralDesk
from sync.central.http.limits import Buckets, Limits, Shelf, charge_stray
from sync.central.http.turns import Turns
from sync.central.http.watch import REQUEST_ID, Visit, Watch, id_of, note_code
from sync.central.hub.events import EventRecorder
from sync.central.hub.listeners import ListenerHosts
from sync.central.ledger.batches import ledger_batch_routes
from sync.central.operating.metrics import Metrics, TimedStore
from sync.central.refunds.debit_charges import debit_charge_routes
from sync.central.store.database import CentralStore
from sync.central.store.group_commit import GroupCommit
from sync.central.tills.heads import head_routes
from sync.central.tills.sessions import session_routes
from sync.central.tills.shift_totals import shift_total_routes
from sync.central.vouchers.issuers import VoucherIssuer
from sync.central.wire.errors import ApiError
from sync.central.wire.links import Links
from sync.wire_json import BadField

DEFAULT_BASE_URL = "http://127.0.0.1"


VOUCHER_HELD_H = 24


def make_app(
    store: CentralStore,
    *,
    clock: Clock,
    randomness: Randomness,
    base_url: str | None = None,
    modes: PaymentModes | None = None,
    voucher_held_h: int = VOUCHER_HELD_H,
    issuers: Mapping[str, VoucherIssuer] | None = None,
    tolerance: str = "",
    limits: Limits | None = None,
    shelf: Shelf | None = None,
    metrics: Metrics | None = None,
    tell: Sequence[Callable[[Visit], None]] = (),
    access: Access | None = None,
    draw_bill: DrawBill | None = None,
    listeners: ListenerHosts | None = None,
    recorder: EventRecorder | None = None,
) -> Starlette:
    """The server over ``store``. ``base_url`` begins every href; it is never taken from a client's Host header.

    ``modes`` is the acceptance matrix that payments are held against; a held voucher lapses after ``voucher_held_h`` hours.
    ``issuers`` are the outside issuers of vouchers with lists of their own, by folded name. ``tolerance`` is the most of a
    bill that a payment may clear. ``tell`` and ``metrics`` hear of every request that has ended.
    ``limits`` None: every client as often as it likes, each body up to the usual limits. ``shelf`` is where it is kept what
    each has left; None: in this process.
    ``access``: every route but a few asks for a token; None: whoever asks may do all.
    ``draw_bill`` makes the PDF of a bill; None: no bill has a paper here.

    ``listeners`` are the hosts that may be told of events; None: this machine only. They are told by whoever has the
    ``recorder``. ``app.state.stopping`` is to be set once the process is asked to end.
    """
    metrics = metrics or Metrics()
    links = Links((base_url or DEFAULT_BASE_URL).rstrip("/"))
    held_for = timedelta(hours=voucher_held_h)
    store.before_commit = recorder or EventRecorder(clock)
    timed = TimedStore(store, clock, metrics)
    desk = CentralDesk(
        timed,
        clock,
        randomness,
        links,
        modes,
        held_for,
        issuers or {},
        tolerance,
        GroupCommit(timed),
        Turns(),
    )
    routes: list[Route] = [
        *payment_routes(desk),
        *refund_routes(desk),
        *refund_hold_routes(desk),
        *approval_routes(desk),
        *bill_routes(desk),
        *document_routes(desk, draw_bill),
        *voucher_routes(desk),
        *session_routes(desk),
        *head_routes(desk),
        *shift_total_routes(desk),
        *ledger_batch_routes(desk),
        *person_routes(desk),
        *outcome_routes(desk),
        *transfer_routes(desk),
        *commission_routes(desk),
        *dishonour_routes(desk),
        *debit_charge_routes(desk),
        *hub_routes(desk, listeners or ListenerHosts()),
        *own_routes(desk),
        *openapi_routes(),
        *operating_routes(desk, metrics),
    ]
    if access is not None:
        routes = guard([*routes, *token_routes(desk)], desk, access)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Watch, clock=clock, randomness=randomness, tell=[metrics.count, *tell]),
            *([] if access is not None else [Middleware(RateLimit)]),
            Middleware(CardGuard),
        ],
        exception_handlers={
            ApiError: _refused,
            BadField: _bad_field,
            HTTPException: _http_refusal,
            ClientDisconnect: _client_gone,
            OperationalError: _store_unavailable,
            DataError: _unkeepable,
            Exception: _internal_error,
        },
    )
    app.router.redirect_slashes = False
    app.state.stopping = False
    app.state.limits = limits or Limits()
    app.state.charge_stray = None if access is None else charge_whoever(desk)
    app.state.buckets = None if limits is None else Buckets(limits, clock, shelf)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    note_code(request.scope, error.code)
    return error_answer(error)


async def _bad_field(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadField)
    return await _refused(request, ApiError(400, "bad_field", f"{error}.", field=error.field))


async def _http_refusal(request: Request, error: Exception) -> Response:
    """The framework's own 404 and 405."""
    assert isinstance(error, HTTPException)
    try:
        charge_stray(request.scope)
    except ApiError as over_the_rate:
        return await _refused(request, over_the_rate)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return await _refused(request, ApiError(error.status_code, code, error.detail, headers=error.headers))


async def _client_gone(request: Request, _error: Exception) -> Response:
    """It hung up in the middle of its body; nobody hears this."""
    return await _refused(request, ApiError(400, "client_gone", "The body did not come whole."))


async def _store_unavailable(request: Request, _error: Exception) -> Response:
    """Locked by another process, disk full, file gone: nothing was committed, and the client may try again."""
    return await _refused(
        request,
        ApiError(503, "store_unavailable", "The store cannot be used now.", headers={"Retry-After": "2"}),
    )


async def _unkeepable(request: Request, _error: Exception) -> Response:
    """A NUL in a name, say: no store has it, and one kind of store is not even asked for it."""
    return await _refused(
        request, ApiError(400, "bad_value", "Something in the request is nothing that could be kept.")
    )


async def _internal_error(request: Request, _error: Exception) -> Response:
    """Answered outside of all else, so the request's id is put on here."""
    request_id = id_of(request.scope)
    return error_answer(
        ApiError(
            500,
            "internal_error",
            "The server failed. The payment's outcome is unknown.",
            headers={} if request_id is None else {REQUEST_ID: request_id},
        )
    )
