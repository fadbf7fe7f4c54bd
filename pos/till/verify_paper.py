"""A receipt on paper against the books: its number and its mark, which nobody can make fit afterwards."""

from __future__ import annotations

from pos.domain.errors import Refused
from pos.domain.text_guard import clean_entry
from pos.store.receipts import receipt_facts
from pos.till.desk import Desk
from pos.till.verify_rows import Finding


def paper_findings(desk: Desk, text: str) -> list[Finding]:
    """What does not hold of a receipt of which ``text`` gives number and mark, with a blank between, as printed.

    Raises Refused ``bad_receipt_text``.
    """
    parts = clean_entry(text, field="Receipt", limit=200).split()
    if len(parts) != 2:
        raise Refused(
            "bad_receipt_text",
            "Give the receipt's number and its mark, with a blank between: both are printed on it.",
        )
    number, mark = parts
    with desk.till.read() as connection:
        facts = receipt_facts(connection, number)
    if facts is None:
        return [Finding(check="printed_receipt_is_in_the_books", where=number)]
    if facts.chain_mark != mark.lower():
        return [Finding(check="printed_mark_differs", where=number)]
    return []
