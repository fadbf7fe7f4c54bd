"""Central as an ASGI app. Handlers call the store inline: no thread, so a simulation can run it in its own loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from starlette.applications import Starlette
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
from sync.central.http.answers import answering
from sync.central.http.arrival import Arrival
from sync.central.http.desk import CentralDesk
from sync.central.http.limits import Buckets, Limits, Shelf
from sync.central.http.refusals import internal_error, refusal_of
from sync.central.http.turns import Turns
from sync.central.http.watch import Visit, Watch
from sync.central.hub.events import EventRecorder
from sync.central.hub.listeners import ListenerHosts
from sync.central.ledger.batches import ledger_batch_routes
from sync.central.operating.metrics import Metrics, TimedStore
from sync.central.payments.mandates import mandate_routes
from sync.central.refunds.debit_charges import debit_charge_routes
from sync.central.store.database import CentralStore
from sync.central.store.group_commit import GroupCommit
from sync.central.tills.heads import head_routes
from sync.central.tills.sessions import session_routes
from sync.central.tills.shift_totals import shift_total_routes
from sync.central.tills.shop_bags import shop_bag_routes
from sync.central.tills.shop_tills import shop_till_routes
from sync.central.vouchers.issuers import VoucherIssuer
from sync.central.wire.links import Links

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
        *shop_bag_routes(desk),
        *shop_till_routes(desk),
        *person_routes(desk),
        *outcome_routes(desk),
        *transfer_routes(desk),
        *commission_routes(desk),
        *dishonour_routes(desk),
        *debit_charge_routes(desk),
        *mandate_routes(desk),
        *hub_routes(desk, listeners or ListenerHosts()),
        *own_routes(desk),
        *openapi_routes(),
        *operating_routes(desk, metrics),
    ]
    if access is not None:
        routes += token_routes(desk)
    for route in routes:
        route.app = answering(route.endpoint)
    if access is not None:
        routes = guard(routes, desk, access)
    app = Starlette(routes=routes)
    # In the place of the library's own layers: an error is answered once, where all answers pass.
    app.middleware_stack = Watch(
        Arrival(app.router, charge_address=access is None),
        clock=clock,
        randomness=randomness,
        tell=[metrics.count, *tell],
        refusal_of=refusal_of,
        internal_error=internal_error,
    )
    app.router.redirect_slashes = False
    app.state.stopping = False
    app.state.limits = limits or Limits()
    app.state.charge_stray = None if access is None else charge_whoever(desk)
    app.state.buckets = None if limits is None else Buckets(limits, clock, shelf)
    return app
