"""What each route asks of a token. A route that is not on the list is open to nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from sync.central.access.tokens import caller_with
from sync.central.http.desk import CentralDesk
from sync.central.http.limits import charge
from sync.central.http.watch import CLIENT
from sync.central.wire.callers import Caller, ClientKind, Scope, asked_by
from sync.central.wire.errors import ApiError, operator_alone
from sync.central.wire.links import (
    ACCOUNT_PATH,
    APPROVAL_PATH,
    BILL_CYCLE_PATH,
    BILL_DOCUMENT_PATH,
    BILL_HUB_PATH,
    BILL_ON_DEMAND_PATH,
    BILL_PATH,
    BILL_SCHEMA_PATH,
    CHARGE_PATH,
    CHEQUE_PATH,
    COMMISSION_PATH,
    DISHONOUR_PATH,
    ENROLMENT_PATH,
    HEAD_PATH,
    HEALTH_PATH,
    HUB_KEY_PATH,
    ITEM_PATH,
    LEDGER_BATCH_PATH,
    MANDATE_PATH,
    METRICS_PATH,
    OPENAPI_PATH,
    OUTCOME_PATH,
    OWN_PATH,
    PAYMENT_HUB_PATH,
    PAYMENT_PATH,
    PERSON_CHANGE_PATH,
    PERSON_PATH,
    POSSIBLE_DOUBLE_PATH,
    RATE_PATH,
    READY_PATH,
    RECONNECTION_PATH,
    REFUND_HOLD_PATH,
    REFUND_PATH,
    REFUNDABLE_PATH,
    SESSION_PATH,
    SHIFT_TOTAL_PATH,
    SHOP_BAG_PATH,
    SHOP_TILL_PATH,
    TERMINAL_PATH,
    TOKEN_PATH,
    TRANSFER_PATH,
    VOUCHER_HOLD_PATH,
    VOUCHER_KEY_PATH,
    VOUCHER_PATH,
)

REALM = 'Bearer realm="counterfoil"'
TOKEN_MAX = 200


class NoScope(Enum):
    """``OPEN``: no token is asked for. ``KNOWN``: any token of this central."""

    OPEN = "open"
    KNOWN = "known"


Need = Scope | NoScope


def _read(scope: Need, *paths: str) -> dict[tuple[str, str], Need]:
    """A collection and each of its resources."""
    return {("GET", at): scope for path in paths for at in (path, f"{path}/{{id}}")}


def _posted(scope: Need, *paths: str) -> dict[tuple[str, str], Need]:
    return {("POST", path): scope for path in paths}


def _hub(scope: Need, path: str) -> dict[tuple[str, str], Need]:
    return {("POST", path): scope, ("DELETE", f"{path}/{{id}}"): scope}


NEEDS: Mapping[tuple[str, str], Need] = {
    **_read(Scope.PAYMENT_READ, PAYMENT_PATH),
    **_posted(Scope.PAYMENT_WRITE, PAYMENT_PATH),
    **_read(Scope.REFUND_READ, REFUND_PATH),
    ("GET", REFUNDABLE_PATH): Scope.REFUND_WRITE,
    **_posted(Scope.REFUND_WRITE, REFUND_PATH),
    **_read(Scope.BILL_READ, BILL_PATH, RATE_PATH, BILL_ON_DEMAND_PATH, BILL_CYCLE_PATH),
    **_posted(Scope.BILL_WRITE, BILL_ON_DEMAND_PATH),
    ("GET", f"{BILL_DOCUMENT_PATH}/{{id}}"): Scope.BILL_READ,
    ("PATCH", f"{BILL_PATH}/{{id}}"): Scope.BILL_WRITE,
    **_hub(Scope.PAYMENT_LISTEN, PAYMENT_HUB_PATH),
    **_hub(Scope.BILL_LISTEN, BILL_HUB_PATH),
    **_read(Scope.ACCOUNT_READ, ACCOUNT_PATH),
    **_read(Scope.CATALOGUE_READ, ITEM_PATH),
    ("GET", VOUCHER_KEY_PATH): Scope.CATALOGUE_READ,
    **_read(
        Scope.TILL,
        SHIFT_TOTAL_PATH,
        CHEQUE_PATH,
        RECONNECTION_PATH,
        POSSIBLE_DOUBLE_PATH,
        DISHONOUR_PATH,
        CHARGE_PATH,
        MANDATE_PATH,
        LEDGER_BATCH_PATH,
        SHOP_BAG_PATH,
    ),
    ("GET", SHOP_TILL_PATH): Scope.TILL,
    **_posted(
        Scope.TILL,
        OUTCOME_PATH,
        TRANSFER_PATH,
        COMMISSION_PATH,
        DISHONOUR_PATH,
        CHARGE_PATH,
        MANDATE_PATH,
        REFUND_HOLD_PATH,
    ),
    **_posted(
        Scope.TILL,
        VOUCHER_HOLD_PATH,
        VOUCHER_PATH,
        HEAD_PATH,
        SHIFT_TOTAL_PATH,
        APPROVAL_PATH,
        LEDGER_BATCH_PATH,
        SHOP_BAG_PATH,
        SHOP_TILL_PATH,
    ),
    ("DELETE", f"{REFUND_HOLD_PATH}/{{id}}"): Scope.TILL,
    ("DELETE", f"{VOUCHER_HOLD_PATH}/{{id}}"): Scope.TILL,
    ("GET", f"{VOUCHER_HOLD_PATH}/{{id}}/rest"): Scope.TILL,
    ("DELETE", f"{VOUCHER_HOLD_PATH}/{{id}}/rest"): Scope.TILL,
    **_read(Scope.TILL, PERSON_PATH),
    ("GET", PERSON_CHANGE_PATH): Scope.TILL,
    ("POST", PERSON_CHANGE_PATH): Scope.TILL,
    ("GET", HEAD_PATH): Scope.TILL,
    ("GET", APPROVAL_PATH): Scope.TILL,
    ("DELETE", f"{APPROVAL_PATH}/{{id}}"): Scope.TILL,
    ("POST", f"{APPROVAL_PATH}/{{id}}/answer"): Scope.TILL,
    ("GET", f"{SESSION_PATH}/{{operator}}"): Scope.TILL,
    ("PUT", f"{SESSION_PATH}/{{operator}}"): Scope.TILL,
    ("GET", f"{TERMINAL_PATH}/{{id}}"): Scope.TILL,
    ("GET", OWN_PATH): NoScope.KNOWN,
    ("GET", OPENAPI_PATH): NoScope.OPEN,
    ("GET", BILL_SCHEMA_PATH): NoScope.KNOWN,
    ("GET", HUB_KEY_PATH): NoScope.KNOWN,
    ("POST", ENROLMENT_PATH): NoScope.OPEN,
    ("POST", TOKEN_PATH): NoScope.OPEN,
    ("GET", HEALTH_PATH): NoScope.OPEN,
    ("GET", READY_PATH): NoScope.OPEN,
    ("GET", METRICS_PATH): Scope.METRICS_READ,
}


OPERATORS_ALONE = frozenset(
    ("POST", path)
    for path in (
        VOUCHER_PATH,
        TRANSFER_PATH,
        COMMISSION_PATH,
        CHARGE_PATH,
        MANDATE_PATH,
        BILL_ON_DEMAND_PATH,
    )
)
"""What no dealer's till does: make vouchers and bills, decide whose money of an unknown owner is, give its dealer
commission, charge what a bank's file told of, keep mandates.
"""

TILLS_TOO = frozenset({("POST", BILL_ON_DEMAND_PATH)})
"""What a till may whatever its enrolment says, beside the clients that have the scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How central asks who speaks. ``open_metrics``: its figures are told to anybody who can reach it."""

    open_metrics: bool = False


def needs_of(route: Route, access: Access) -> dict[str, Need]:
    """What ``route`` asks by method; a method that is not here is open to nobody."""
    if access.open_metrics and route.path == METRICS_PATH:
        return {"GET": NoScope.OPEN}
    methods = (route.methods or set()) - {"HEAD"}
    return {method: NEEDS[method, route.path] for method in methods if (method, route.path) in NEEDS}


def guard(routes: Sequence[Route], desk: CentralDesk, access: Access) -> list[Route]:
    """The same routes, each behind its gate."""
    for route in routes:
        operators, tills = (
            frozenset(method for method, path in named if path == route.path)
            for named in (OPERATORS_ALONE, TILLS_TOO)
        )
        route.app = _Gate(route.app, desk, needs_of(route, access), operators, tills)
    return list(routes)


def charge_whoever(desk: CentralDesk) -> Callable[[AsgiScope], None]:
    """What charges a request that no gate is asked about: to the client of its token, or else to its address."""

    def charged(scope: AsgiScope) -> None:
        with suppress(ApiError):
            scope[CLIENT] = _caller(desk, scope).client_id
        charge(scope, scope.get(CLIENT))

    return charged


class _Gate:
    """Lets a request through that has the token which its route asks for, and tells those behind it who asks."""

    def __init__(
        self,
        app: ASGIApp,
        desk: CentralDesk,
        needs: Mapping[str, Need],
        operators: frozenset[str],
        tills: frozenset[str],
    ) -> None:
        self._app = app
        self._tills = tills
        self._operators = operators
        self._desk = desk
        self._needs = needs

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        need = self._needs.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if need is NoScope.OPEN:
            if scope["path"] not in (HEALTH_PATH, READY_PATH):
                charge(scope, None)
            await self._app(scope, receive, send)
            return
        try:
            found = _caller(self._desk, scope)
        except ApiError:
            # Whoever tries tokens is known by its address alone.
            charge(scope, None)
            raise
        scope[CLIENT] = found.client_id
        charge(scope, found.client_id)
        is_tills = found.kind is ClientKind.TERMINAL and scope["method"] in self._tills
        if not is_tills and not _may(found, need):
            wanted = f', scope="{need}"' if isinstance(need, Scope) else ""
            raise ApiError(
                403,
                "scope_missing",
                "This client may not do that.",
                headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope"{wanted}'},
            )
        if found.dealer is not None and scope["method"] in self._operators:
            raise operator_alone()
        with asked_by(found):
            await self._app(scope, receive, send)


def _caller(desk: CentralDesk, scope: AsgiScope) -> Caller:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        raise ApiError(401, "token_missing", "Send a token.", headers={"WWW-Authenticate": REALM})
    kind, _, token = given[0].decode("latin-1").partition(" ")
    found = None
    if len(given) == 1 and kind.lower() == "bearer" and 0 < len(token) <= TOKEN_MAX:
        with desk.store.read() as connection:
            found = caller_with(connection, token.strip(), at=desk.clock.now())
    if found is None:
        raise ApiError(
            401,
            "token_refused",
            "This token does not serve, or not any more. Ask for a new one.",
            headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
        )
    return found


def _may(found: Caller, need: Need | None) -> bool:
    if need is None or not isinstance(need, Scope):
        return need is NoScope.KNOWN
    # What is the tills' comes from a till, whatever a client's row says.
    return need in found.scopes and (need is not Scope.TILL or found.kind is ClientKind.TERMINAL)
