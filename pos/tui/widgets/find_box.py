"""The one box that finds everything, and how a hit is listed."""

from __future__ import annotations

from pos.till.enquiries import QUERY_MAX, Hit, HitKind
from pos.tui.widgets.entry import Box
from pos.tui.widgets.listing import Row


class FindBox(Box):
    """The one box. A full stop in an empty one is the menu's key."""

    def __init__(self, *, id: str, limit: int) -> None:
        super().__init__(id=id, limit=limit)

    def take(self, text: str) -> bool:
        """A scan in place of what stood here, without what doesn't print."""
        return super().take("".join(character for character in text if character.isprintable())[:QUERY_MAX])

    def leaves(self, character: str) -> bool:
        return character == "." and not self.value


def hit_row(hit: Hit) -> Row:
    """Number, name, phone or price, and what it is."""
    account, item, cheque = hit.account, hit.item, hit.cheque
    if item is not None:
        return Row(key=hit.key, cells=(item.item, item.name, str(item.price), str(hit.kind)))
    if cheque is not None:
        return Row(key=hit.key, cells=(cheque.serial, cheque.drawer, str(cheque.amount), str(hit.kind)))
    if account is None:
        name = "Walk-in buyer: bounced cheque" if hit.kind is HitKind.BILL else ""
        return Row(key=hit.key, cells=(hit.key, name, "", str(hit.kind)))
    marks = " ".join(
        word
        for word in ("CASH-ONLY" if account.cash_only else "", str(hit.kind) if hit.exact else "")
        if word
    )
    return Row(key=hit.key, cells=(hit.key, account.name, account.phone, marks))
