"""The English words of the cash office's papers, by the codes of ``pos.domain.sheet``."""

from __future__ import annotations

from types import MappingProxyType

SHEET_HEADING = MappingProxyType(
    {
        "pickup": "PICKUP TO THE SAFE",
        "loan": "LOAN FROM THE SAFE",
        "paid_in": "PAID IN",
        "paid_out": "PAID OUT",
        "move_undone": "CASH MOVE TAKEN BACK",
    }
)

SHEET = MappingProxyType(
    {
        "undoes": "Takes back",
        "reason": "Reason",
        "text": "For",
        "approver": "Approved by",
        "handed_over": "Handed over (signature):",
        "received_in_safe": "Received for the safe (signature):",
        "given_by_safe": "Given out of the safe (signature):",
        "received": "Received (signature):",
        "paid_in_by": "Paid in by (signature):",
        "cash_received": "Cash received (signature):",
    }
)
"""``{said}`` and ``{count}`` are filled in; a line of words alone has the words beside it."""

SHEET_SAID = MappingProxyType(
    {
        "found": "found",
        "other": "other",
        "postage": "postage",
        "supplies": "supplies",
        "transport": "transport",
    }
)
"""Codes among the words of the facts; what is not here is printed as it is."""
