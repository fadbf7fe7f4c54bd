"""Bags between the tills of a shop, as central tells of them. Raises BadField."""

from __future__ import annotations

from collections.abc import Mapping

from pos.domain.money import Currency, Money
from pos.domain.shop_bag import PAPER_MAX, BagAtCentral, BagPaper
from sync.told import clean_told
from sync.wire_json import BadField, read_money


def read_bag(told: object) -> BagAtCentral:
    """One bag of a list or an answer."""
    if not isinstance(told, Mapping):
        raise BadField("bag", "must be an object")
    amount, is_accepted = read_money(told.get("amount"), field="amount"), "acceptance" in told
    return BagAtCentral(
        paper=BagPaper(
            number=_text(told, "id"),
            bag=_text(told, "bag"),
            amount=amount,
        ),
        terminal=_text(told, "terminal"),
        state=_text(told, "state"),
        is_told=told.get("isTold") is True,
        acceptance=_text(told, "acceptance") if is_accepted else "",
        accepted_by=_text(told, "acceptedBy") if is_accepted else "",
        accepted_at=_text(told, "acceptedAt") if is_accepted else "",
        counted=_counted(told, amount.currency) if is_accepted else None,
    )


def _counted(told: Mapping[str, object], in_currency: Currency) -> Money:
    counted = read_money(told.get("counted"), field="counted")
    if counted.minor < 0 or counted.currency != in_currency:
        raise BadField("counted", "must be what may lie in the bag")
    return counted


def _text(told: Mapping[str, object], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise BadField(name, "must be text")
    return clean_told(value, limit=PAPER_MAX)
