"""What a home knows of itself: which terminal it is, its enrolment epoch, its receipt series, its shop."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.errors import Refused
from pos.domain.money import Currency, currency
from pos.domain.receipt import ShopHeading
from pos.store.unit_of_work import UnitOfWork

TRAINING = "training"
"""The row of a home where people practise. No other home has it."""
TRAINING_SERIES = "TRAINING"
"""Its receipts are numbered in this one, which no enrolment has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One installation. ``epoch`` rises with each enrolment, ``series`` with each restore; neither is ever reused.

    ``training``: people practise here. Nothing of it is true, nothing of it leaves the home, and it stays so for ever.
    """

    terminal: str
    epoch: int
    series: str
    shop: ShopHeading
    currency: Currency
    time_zone: str
    central_url: str
    training: bool = False

    def refuse_training(self, what: str) -> None:
        """Raises Refused ``training`` in a home where people practise."""
        if self.training:
            raise Refused("training", f"This is training: {what}.")

    def receipt_number(self, counter: int, series: str | None = None) -> str:
        """``shop-terminal-series-counter`` (domain.md rule 19)."""
        return f"{self.shop.shop}-{self.terminal}-{series or self.series}-{counter:06d}"


def read_identity(connection: Connection) -> Identity | None:
    """The identity written at ``pos init``; None for a home that has none yet."""
    values = {str(row[0]): str(row[1]) for row in connection.exec_driver_sql("SELECT name, value FROM home")}
    if "terminal" not in values:
        return None
    shop = json.loads(values["shop"])
    return Identity(
        terminal=values["terminal"],
        epoch=int(values["epoch"]),
        series=values["series"],
        shop=ShopHeading(
            shop=shop["shop"],
            name=shop["name"],
            address=tuple(shop["address"]),
            tax_number=shop["tax_number"],
        ),
        currency=currency(values["currency"]),
        time_zone=values["time_zone"],
        central_url=values["central_url"],
        training=TRAINING in values,
    )


def write_identity(connection: Connection, identity: Identity) -> None:
    """Write the identity of a new home."""
    shop = {
        "shop": identity.shop.shop,
        "name": identity.shop.name,
        "address": identity.shop.address,
        "tax_number": identity.shop.tax_number,
    }
    values = {
        "terminal": identity.terminal,
        "epoch": str(identity.epoch),
        "series": identity.series,
        "shop": json.dumps(shop, ensure_ascii=False),
        "currency": identity.currency.code,
        "time_zone": identity.time_zone,
        "central_url": identity.central_url,
        **({TRAINING: "1"} if identity.training else {}),
    }
    connection.exec_driver_sql("INSERT INTO home (name, value) VALUES (?, ?)", list(values.items()))
    connection.exec_driver_sql(
        "INSERT INTO ledger_series (series, entries_before) VALUES (?, 0)", (identity.series,)
    )


def renew_identity(unit: UnitOfWork, *, epoch: int, series: str) -> None:
    """The till goes on under another epoch, and numbers its receipts in that one's series."""
    for name, value in (("epoch", str(epoch)), ("series", series)):
        unit.connection.exec_driver_sql("UPDATE home SET value = ? WHERE name = ?", (value, name))
    booked = unit.connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM journal_entry").scalar_one()
    unit.insert("ledger_series", {"series": series, "entries_before": booked})
