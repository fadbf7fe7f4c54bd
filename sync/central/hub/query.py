"""What a listener wants to be told: the ``query`` of its subscription, read once and held against each event.

``eventType=PaymentCreateEvent&account.id=BA-1``: all must hold; the same name twice, or several types with commas between
them, hold if one does. Names are those of the event's envelope, of its resource as in the resource's own list, or the
whole path (``event.payment.account.id``), with the lists' operators. Source: tmf.md section 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from sync.central.bills.bills import BILLS
from sync.central.bills.on_demand import BILLS_ON_DEMAND
from sync.central.hub.event_types import TYPES_OF, Api, Kind
from sync.central.payments.payments import PAYMENTS
from sync.central.refunds.refunds import REFUNDS
from sync.central.wire.errors import ApiError
from sync.central.wire.links import Links
from sync.central.wire.query import Collection, parse_list_query
from sync.central.wire.row_match import RowCondition, row_matches

QUERY_MAX = 1_000

ENVELOPE = frozenset(
    {
        "eventId", "eventTime", "eventType", "correlationId", "domain", "title", "priority", "timeOcurred",
        "fieldPath", "event",
    }
)  # fmt: skip

ATTRIBUTES = {
    Api.PAYMENT: ENVELOPE | PAYMENTS.attributes | REFUNDS.attributes,
    Api.BILL: ENVELOPE | BILLS.attributes | BILLS_ON_DEMAND.attributes,
}

Conditions = Sequence[Sequence[RowCondition]]


@lru_cache(maxsize=256)
def read_query(api: Api, query: str) -> Conditions:
    """The conditions of a subscription's query. Raises ApiError 400 naming what is no attribute, or no event type."""
    if len(query) > QUERY_MAX:
        raise ApiError(400, "bad_field", f"query is longer than {QUERY_MAX} characters.", field="query")
    parameters: list[tuple[str, str]] = []
    for written, value in _pairs(query):
        name = written.strip()
        if name in ("fields", "offset", "limit", "sort", "href"):
            raise ApiError(400, "bad_query", f"query: {name} does not choose events.", field="query")
        values = _types(api, value) if name == "eventType" else [value.strip()]
        parameters += [(name, one) for one in values]
    return parse_list_query(parameters, _events_of(api), Links("")).row_conditions


def wants(conditions: Conditions, kind: Kind, event: Mapping[str, Any]) -> bool:
    """Whether an event of that kind of resource is one that the conditions ask for."""
    resource = event["event"][kind.attribute]
    return row_matches({**event, **resource, kind.attribute: resource}, conditions)


def _pairs(query: str) -> list[tuple[str, str]]:
    if not query.strip():
        return []
    try:
        return parse_qsl(
            query.removeprefix("?"), keep_blank_values=True, strict_parsing=True, max_num_fields=50
        )
    except ValueError:
        raise ApiError(400, "bad_field", "query must be name=value, with & between.", field="query") from None


def _types(api: Api, value: str) -> list[str]:
    """The names as events bear them; the first letter may be small, as in the listeners' paths."""
    known = {name.lower(): name for name in TYPES_OF[api]}
    found = [known.get(one.strip().lower()) for one in value.split(",")]
    named = [one for one in found if one is not None]
    if len(named) < len(found):
        raise ApiError(400, "bad_query", "query names an eventType that is never told here.", field="query")
    return named


def _events_of(api: Api) -> Collection:
    return Collection(
        path="",
        table="",
        select="",
        attributes=ATTRIBUTES[api] | {kind.attribute for kind in Kind if kind.api is api},
        columns={},
        sorts={},
        default_order="",
        compose=lambda _connection, _rows, _links: [],
    )
