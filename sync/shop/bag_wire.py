"""Bags between the tills of a shop, as central tells of them. Raises BadField."""

from __future__ import annotations

from collections.abc import Mapping

from pos.domain.shop_bag import BagAtCentral, BagPaper
from sync.told import clean_told
from sync.wire_json import BadField, read_money

TEXT_MAX = 80


def read_bag(told: object) -> BagAtCentral:
    """One bag of a list or an answer."""
    if not isinstance(told, Mapping):
        raise BadField("bag", "must be an object")
    counted = told.get("counted")
    return BagAtCentral(
        paper=BagPaper(
            number=_text(told, "id"),
            bag=_text(told, "bag"),
            amount=read_money(told.get("amount"), field="amount"),
        ),
        terminal=_text(told, "terminal"),
        state=_text(told, "state"),
        is_told=told.get("isTold") is True,
        acceptance=_text(told, "acceptance") if "acceptance" in told else "",
        accepted_by=_text(told, "acceptedBy") if "acceptedBy" in told else "",
        accepted_at=_text(told, "acceptedAt") if "acceptedAt" in told else "",
        counted=None if counted is None else read_money(counted, field="counted"),
    )


def _text(told: Mapping[str, object], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise BadField(name, "must be text")
    return clean_told(value, limit=TEXT_MAX)
