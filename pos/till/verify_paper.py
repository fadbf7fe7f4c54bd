"""A receipt on paper against the books: its number and its mark, which nobody can make fit afterwards."""

from __future__ import annotations

import re

from pos.domain.errors import Refused
from pos.domain.pan_guard import refuse_card_number
from pos.store.receipts import receipt_facts
from pos.till.desk import Desk
from pos.till.verify_rows import Finding

_PRINTED = re.compile(
    r"[ ]*([A-Z0-9][A-Z0-9-]{0,39})[ ]+([0-9A-F]{4}(?:-[0-9A-F]{4}){2})[ ]*", re.IGNORECASE | re.ASCII
)


def paper_findings(desk: Desk, text: str) -> list[Finding]:
    """What does not hold of a receipt of which ``text`` gives number and mark, with a blank between.

    That is how they are printed, in words and as the QR code; capitals or not. Raises Refused ``bad_receipt_text`` or
    ``card_number_refused``.
    """
    told = _PRINTED.fullmatch(text)
    if told is None:
        raise Refused(
            "bad_receipt_text",
            "Give the receipt's number and its mark, with a blank between, as they are printed and as its QR code says.",
        )
    # The number alone: with the mark's digits behind it, an honest one could look like a card's.
    refuse_card_number(told[1], field="Receipt")
    number, mark = told[1].upper(), told[2].lower()
    with desk.till.read() as connection:
        facts = receipt_facts(connection, number)
    if facts is None:
        return [Finding(check="printed_receipt_is_in_the_books", where=number)]
    if facts.chain_mark != mark:
        return [Finding(check="printed_mark_differs", where=number)]
    return []
