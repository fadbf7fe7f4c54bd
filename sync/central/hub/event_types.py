"""The kinds of events that central tells, by API and resource, and how one is written.

Source: tmf.md section 2; TMF676 v4 (payment, refund) and TMF678 (customerBill; version 4 names no events, the names are
version 5's).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

Resource = Mapping[str, Any]


class Api(StrEnum):
    """Each has a hub of its own."""

    PAYMENT = "payment"
    BILL = "bill"


class Change(StrEnum):
    """What became of a resource."""

    CREATE = "Create"
    ATTRIBUTE = "AttributeValueChange"
    STATE = "StateChange"
    DELETE = "Delete"


class Kind(StrEnum):
    """A kind of resource, by its table."""

    PAYMENT = "payment"
    REFUND = "refund"
    BILL = "bill"
    BILL_ON_DEMAND = "bill_on_demand"

    @property
    def api(self) -> Api:
        return Api.PAYMENT if self in (Kind.PAYMENT, Kind.REFUND) else Api.BILL

    @property
    def attribute(self) -> str:
        """What the resource is called within an event."""
        named = {Kind.BILL: "customerBill", Kind.BILL_ON_DEMAND: "customerBillOnDemand"}
        return named.get(self, self.value)

    @property
    def shown(self) -> str:
        named = {Kind.BILL: "customer bill", Kind.BILL_ON_DEMAND: "customer bill on demand"}
        return named.get(self, self.value)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Of bills the specification names no change of a value and no end."""
        return tuple(Change) if self.api is Api.PAYMENT else (Change.CREATE, Change.STATE)

    def event_type(self, change: Change) -> str:
        return f"{self.attribute[0].upper()}{self.attribute[1:]}{change}Event"


TYPES_OF = {
    api: tuple(kind.event_type(change) for kind in Kind if kind.api is api for change in kind.changes)
    for api in Api
}

TITLES = {
    Change.CREATE: "{} created",
    Change.ATTRIBUTE: "{} changed",
    Change.STATE: "State of {} changed",
    Change.DELETE: "{} deleted",
}


def listener_path(event_type: str) -> str:
    """Where below its callback a listener is told: ``/listener/paymentCreateEvent``."""
    return f"/listener/{event_type[0].lower()}{event_type[1:]}"


def envelope(
    kind: Kind, change: Change, resource: Resource, *, at: str, field_path: str | None = None
) -> dict[str, Any]:
    """The event, without its eventId. ``field_path`` names the attribute that changed; ``timeOcurred`` is the standard's."""
    event: dict[str, Any] = {}
    if change is not Change.ATTRIBUTE:
        event |= {"id": resource["id"], "href": resource["href"]}
    correlator = resource.get("correlatorId")
    if isinstance(correlator, str):
        event["correlationId"] = correlator
    title = TITLES[change].format(kind.shown)
    event |= {
        "eventTime": at,
        "eventType": kind.event_type(change),
        "domain": kind.api.value,
        "title": title[0].upper() + title[1:],
        "priority": "normal",
        "timeOcurred": at,
    }
    if field_path is not None:
        event["fieldPath"] = field_path
    return event | {"event": {kind.attribute: resource}}
