"""What central told of the other tills of the shop, in the cache: how far they are, and their bags on the way here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from pos.domain.money import Money, currency
from pos.domain.shop_bag import BagAtCentral, BagPaper
from pos.domain.till_standing import OtherTill, OtherTills, TillStanding
from pos.store import cache as cached
from pos.store.times import from_utc_text, utc_text

ASKED = "other_tills_at"


def put_other_tills(connection: Connection, tills: Sequence[OtherTill], *, at: datetime) -> None:
    """All of them as central told them at this moment, in place of what it told before."""
    connection.exec_driver_sql("DELETE FROM other_till")
    for till in tills:
        told = till.standing
        connection.exec_driver_sql(
            "INSERT INTO other_till (terminal, heard_at_utc, shift, operator, open_days, waiting, parked, bags, bags_minor, "
            "currency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                till.terminal,
                utc_text(till.heard_at),
                told.shift,
                told.operator,
                " ".join(day.isoformat() for day in told.open_days),
                told.waiting,
                told.parked,
                told.bags,
                None if told.bags_amount is None else told.bags_amount.minor,
                None if told.bags_amount is None else told.bags_amount.currency.code,
            ),
        )
    cached.set_marker(connection, ASKED, utc_text(at))


def other_tills(connection: Connection) -> OtherTills:
    """What was put last, by terminal."""
    asked = cached.marker(connection, ASKED)
    rows = connection.exec_driver_sql(
        "SELECT terminal, heard_at_utc, shift, operator, open_days, waiting, parked, bags, bags_minor, currency "
        "FROM other_till ORDER BY terminal"
    )
    return OtherTills(
        tills=tuple(
            OtherTill(
                terminal=terminal,
                heard_at=from_utc_text(heard),
                standing=TillStanding(
                    shift=shift,
                    operator=operator,
                    open_days=tuple(date.fromisoformat(day) for day in days.split()),
                    waiting=waiting,
                    parked=parked,
                    bags=bags,
                    bags_amount=None if minor is None else Money(minor, currency(code)),
                ),
            )
            for terminal, heard, shift, operator, days, waiting, parked, bags, minor, code in rows
        ),
        asked_at=None if asked is None else from_utc_text(asked),
    )


def put_bags_to_come(connection: Connection, bags: Sequence[BagAtCentral]) -> None:
    """Bags of other tills that nobody accepted yet, in place of those before."""
    connection.exec_driver_sql("DELETE FROM bag_to_come")
    for bag in bags:
        amount = bag.paper.amount
        connection.exec_driver_sql(
            "INSERT INTO bag_to_come (paper, bag, amount_minor, currency) VALUES (?, ?, ?, ?)",
            (bag.paper.number, bag.paper.bag, amount.minor, amount.currency.code),
        )


def bags_to_come(connection: Connection) -> list[BagPaper]:
    """The same, by paper."""
    rows = connection.exec_driver_sql(
        "SELECT paper, bag, amount_minor, currency FROM bag_to_come ORDER BY paper"
    )
    return [
        BagPaper(number=paper, bag=bag, amount=Money(minor, currency(code)))
        for paper, bag, minor, code in rows
    ]
