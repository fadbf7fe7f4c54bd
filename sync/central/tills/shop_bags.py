"""Bags of cash between the tills of a shop, as those tell of them: central lets one till have each bag.

A till tells whenever it can, so who accepted a bag may be heard before who sent it. The first acceptance stands until it is
undone; another one, or one of a bag that came back, is answered 409, and its till shows it. Every step is kept with its id:
told again it changes nothing. Source: domain.md 3.9; reliability.md section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.money import Money, currency
from sync.central.http.answers import answer_list, answer_one, json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.store.database import next_change
from sync.central.wire.dealer_view import OF_OWN_TILLS
from sync.central.wire.errors import ApiError
from sync.central.wire.fields import needed_text
from sync.central.wire.links import RESOURCE_ID, SHOP_BAG_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import BadField, money_json, read_money


class BagDeed(StrEnum):
    """What a till tells of a bag."""

    SENT = "sent"
    RECALLED = "recalled"
    ACCEPTED = "accepted"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """``of`` is the acceptance that is told or undone, for a sender its sending; ``terminal`` who tells."""

    step_id: str
    deed: BagDeed
    of: str
    paper: str
    terminal: str
    shop: str
    bag: str
    amount: Money
    counted: Money | None
    at: str


def shop_bag_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the bags."""

    async def collection(request: Request) -> Response:
        if request.method == "POST":
            return _tell(desk, _read(read_object(await read_body(request))))
        return await answer_list(desk, request, SHOP_BAGS)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, SHOP_BAGS)

    return [
        Route(SHOP_BAG_PATH, collection, methods=["GET", "POST"]),
        Route(f"{SHOP_BAG_PATH}/{{id}}", one, methods=["GET"]),
    ]


def _read(body: Mapping[str, object]) -> _Step:
    deed = needed_text(body, "deed")
    if deed not in set(BagDeed):
        raise BadField("deed", f"must be one of {', '.join(BagDeed)}")
    terminal, paper, shop = (needed_text(body, name) for name in ("terminal", "paper", "shop"))
    for name, value in (("terminal", terminal), ("paper", paper)):
        if RESOURCE_ID.fullmatch(value) is None:
            raise BadField(name, "must be plain letters, digits, dots and dashes")
    amount = read_money(body.get("amount"), field="amount")
    counted = read_money(body["counted"], field="counted") if "counted" in body else None
    if amount.minor <= 0 or (counted is not None and counted.minor < 0):
        raise BadField("amount", "must be more than zero, and what was counted not less")
    if (deed == BagDeed.ACCEPTED) is not (counted is not None):
        raise BadField("counted", "is told of a bag that is accepted, and of no other")
    if counted is not None and counted.currency != amount.currency:
        raise BadField("counted", "must be in the currency of amount")
    parts = paper.split("-")
    if parts[0] != shop or len(parts) < 5:
        raise BadField("paper", "must be a number of this shop")
    if deed in (BagDeed.SENT, BagDeed.RECALLED) and _sender(paper) != terminal:
        raise BadField("terminal", "must be who sent the bag")
    return _Step(
        step_id=f"{terminal} {deed} {needed_text(body, 'id')}",
        deed=BagDeed(deed),
        of=needed_text(body, "id"),
        paper=paper,
        terminal=terminal,
        shop=shop,
        bag=needed_text(body, "bag"),
        amount=amount,
        counted=counted,
        at=needed_text(body, "at"),
    )


def _sender(paper: str) -> str:
    """The terminal of shop-terminal-series-kind-counter; its name may have dashes."""
    return "-".join(paper.split("-")[1:-3])


def _tell(desk: CentralDesk, step: _Step) -> Response:
    """201 for a step that is new, 200 for one told before, 409 for one that cannot be: nothing of it is kept."""
    with desk.store.write() as connection:
        known = connection.execute(FIND_STEP, {"id": step.step_id}).one_or_none()
        if known is None:
            at = desk.clock.now().isoformat(timespec="microseconds")
            row = connection.execute(FIND, {"paper": step.paper}).one_or_none()
            if step.deed is BagDeed.ACCEPTED:
                _require_one_owner(connection, step)
            _write(connection, row, _after(row, step), step, at=at)
            values = {"id": step.step_id, "paper": step.paper, "terminal": step.terminal}
            values |= {"deed": str(step.deed), "happened_at": step.at, "told_at": at}
            connection.execute(INSERT_STEP, values)
        row = connection.execute(FIND, {"paper": step.paper}).one()
        (resource,) = _compose(connection, [row], desk.links)
    return json_answer(resource, status=201 if known is None else 200, headers={"Location": resource["href"]})


def _require_one_owner(connection: Connection, step: _Step) -> None:
    """A dealer's shop may have the number of another's. Raises ApiError 409: its till then shows it as refused."""
    tills = {"sender": _sender(step.paper), "here": step.terminal}
    if connection.execute(OWNERS, tills).scalar_one() > 1:
        raise ApiError(409, "bag_not_here", "This bag left a till of another company.")


def _after(row: Row[Any] | None, step: _Step) -> dict[str, object]:
    """How the bag stands after the step. Raises ApiError 409."""
    nobody: dict[str, object] = {
        "accepted_by": None, "acceptance": None, "counted_minor": None, "accepted_at": None
    }  # fmt: skip
    state = None if row is None else row.state
    now = nobody if row is None else {name: getattr(row, name) for name in nobody}
    match step.deed:
        case BagDeed.SENT:
            same = row is None or _same(row, step)
            # Who sent it knows what it was: who accepted another bag under its paper is told so when it asks.
            kept = state if same and state is not None else "on_the_way"
            return (now if same else nobody) | {"state": kept, "is_told": 1, "sent_at": step.at}
        case BagDeed.RECALLED:
            if row is not None and state == "accepted":
                raise ApiError(409, "bag_accepted", f"Till {row.accepted_by} has accepted this bag.")
            return nobody | {"state": "recalled", "is_told": 1}
        case BagDeed.ACCEPTED:
            if row is not None and state == "accepted":
                raise ApiError(
                    409,
                    "bag_accepted",
                    f"Till {row.accepted_by} accepted this bag on {row.accepted_at[:10]}.",
                )
            if row is not None and not _same(row, step):
                raise ApiError(
                    409,
                    "bag_differs",
                    "The bag that left with this paper was another, or had another amount.",
                )
            if state == "recalled":
                raise ApiError(409, "bag_recalled", "This bag came back to the till that sent it.")
            assert step.counted is not None
            return {
                "state": "accepted",
                "accepted_by": step.terminal,
                "acceptance": step.of,
                "counted_minor": step.counted.minor,
                "accepted_at": step.at,
            }
        case BagDeed.UNDONE:
            if row is None or (row.acceptance, row.accepted_by) != (step.of, step.terminal):
                raise ApiError(409, "bag_not_accepted", "This acceptance does not stand.")
            return nobody | {"state": "on_the_way"}


def _same(row: Row[Any], step: _Step) -> bool:
    return (row.bag, row.currency, row.amount_minor) == (
        step.bag,
        step.amount.currency.code,
        step.amount.minor,
    )


def _write(
    connection: Connection, row: Row[Any] | None, after: Mapping[str, object], step: _Step, *, at: str
) -> None:
    told = {
        "paper": step.paper,
        "terminal": _sender(step.paper),
        "shop": step.shop,
        "bag": step.bag,
        "currency": step.amount.currency.code,
        "amount_minor": step.amount.minor,
        "told_at": at,
        "change_number": next_change(connection),
    }
    if row is None:
        before: dict[str, object] = dict.fromkeys(_STANDS) | {"is_told": 0}
        connection.execute(INSERT, before | dict(after) | told)
        return
    before = {name: getattr(row, name) for name in _STANDS}
    connection.execute(CHANGE, before | dict(after) | told)


def _compose(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    return [
        {
            "id": row.paper,
            "href": links.of(SHOP_BAG_PATH, row.paper),
            "shop": row.shop,
            "terminal": row.terminal,
            "bag": row.bag,
            "amount": _money(row.amount_minor, row.currency),
            "state": row.state,
            "isTold": bool(row.is_told),
            **({"sentAt": row.sent_at} if row.sent_at is not None else {}),
            **(
                {
                    "acceptedBy": row.accepted_by,
                    "acceptance": row.acceptance,
                    "counted": _money(row.counted_minor, row.currency),
                    "acceptedAt": row.accepted_at,
                }
                if row.acceptance is not None
                else {}
            ),
            "toldAt": row.told_at,
            "changeNumber": row.change_number,
            "@type": "CounterfoilShopBag",
        }
        for row in rows
    ]


def _money(minor: int, code: str) -> dict[str, object]:
    return money_json(Money(minor, currency(code)))


def bag_faults(connection: Connection, *, at: datetime) -> Iterator[tuple[str, str]]:
    """(paper, what) of every bag that is long on its way, or that only who accepted it has told of."""
    for row in connection.execute(
        OVERDUE, {"sent_before": _before(at, LONG), "told_before": _before(at, LATE)}
    ):
        amount = Money(row.amount_minor, currency(row.currency))
        if row.state == "on_the_way":
            yield row.paper, f"bag {row.bag} of {amount} left {row.terminal}, and nobody has accepted it"
        else:
            said = f"bag {row.bag} of {amount} was accepted at {row.accepted_by}"
            yield row.paper, f"{said}, and {row.terminal} has not told that it was sent"


def _before(at: datetime, since: timedelta) -> str:
    return (at - since).isoformat(timespec="microseconds")


LONG = timedelta(days=7)
"""A bag goes from one till of a shop to another in a day or two."""
LATE = timedelta(hours=24)
"""A till may be without a line for a while; after a day somebody should ask for it."""
OVERDUE = text(
    "SELECT paper, terminal, bag, currency, amount_minor, state, accepted_by FROM shop_bag"
    " WHERE (state = 'on_the_way' AND told_at <= :sent_before) OR (state = 'accepted' AND is_told = 0"
    " AND told_at <= :told_before) ORDER BY paper"
)
_STANDS = ("state", "is_told", "sent_at", "accepted_by", "acceptance", "counted_minor", "accepted_at")
_COLUMNS = (
    "paper, terminal, shop, bag, currency, amount_minor, state, is_told, sent_at, accepted_by, acceptance, counted_minor,"
    " accepted_at, told_at, change_number"
)
FIND = text(f"SELECT {_COLUMNS} FROM shop_bag WHERE paper = :paper")
OWNERS = text(
    "SELECT count(DISTINCT coalesce((SELECT dealer FROM terminal WHERE terminal.id = till.id), ''))"
    " FROM (SELECT CAST(:sender AS TEXT) AS id UNION ALL SELECT CAST(:here AS TEXT)) AS till"
)
FIND_STEP = text("SELECT id FROM shop_bag_step WHERE id = :id")
INSERT = text(
    f"INSERT INTO shop_bag ({_COLUMNS}) VALUES (:paper, :terminal, :shop, :bag, :currency, :amount_minor, :state, :is_told,"
    " :sent_at, :accepted_by, :acceptance, :counted_minor, :accepted_at, :told_at, :change_number)"
)
CHANGE = text(
    "UPDATE shop_bag SET bag = :bag, currency = :currency, amount_minor = :amount_minor, state = :state,"
    " is_told = :is_told, sent_at = :sent_at, accepted_by = :accepted_by, acceptance = :acceptance,"
    " counted_minor = :counted_minor, accepted_at = :accepted_at, told_at = :told_at, change_number = :change_number"
    " WHERE paper = :paper"
)
INSERT_STEP = text(
    "INSERT INTO shop_bag_step (id, paper, terminal, deed, happened_at, told_at)"
    " VALUES (:id, :paper, :terminal, :deed, :happened_at, :told_at)"
)

SHOP_BAGS = Collection(
    path=SHOP_BAG_PATH,
    table="shop_bag",
    select=f"SELECT {_COLUMNS} FROM shop_bag",
    attributes=frozenset(
        {
            "id", "href", "shop", "terminal", "bag", "amount", "state", "isTold", "sentAt", "acceptedBy", "acceptance",
            "counted", "acceptedAt", "toldAt", "changeNumber", "@type",
        }
    ),
    columns={
        "id": Column("paper"),
        "shop": Column("shop"),
        "terminal": Column("terminal"),
        "acceptedBy": Column("accepted_by"),
        "state": Column("state"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "paper", "changeNumber": "change_number"},
    default_order="change_number",
    compose=_compose,
    for_dealer=OF_OWN_TILLS,
)  # fmt: skip
