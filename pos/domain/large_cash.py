"""Large amounts of cash: from when a payer must show a document, and how much is taken at all.

The threshold counts all cash of one payer in one business day, so that splitting it does not help; foreign notes count by
their value. Source: domain.md rule 61.
"""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.text_guard import clean_entry, clean_reference

NUMBER_MAX = 40
NAME_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDocument:
    """The document that somebody showed; ``name`` empty: as on the account."""

    kind: str
    number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeCash:
    """The shop's thresholds; None: there is none. ``documents`` are the kinds of document that count."""

    identify_from: Money | None = None
    refuse_from: Money | None = None
    documents: tuple[str, ...] = ()

    def wants_identity(self, day: Money) -> bool:
        """Whether ``day``, all cash of a payer in one business day, makes a document necessary.

        Raises Refused ``cash_over_cap`` where it is more than the shop takes at all.
        """
        if self.refuse_from is not None and day >= self.refuse_from:
            raise Refused(
                "cash_over_cap",
                f"{day.plain()} in cash from one payer on one day is too much: less than {self.refuse_from.plain()} is "
                "taken. Take the rest another way.",
                cash_today=day.plain(),
                refuse_from=self.refuse_from.plain(),
                currency=day.currency.code,
            )
        return self.identify_from is not None and day >= self.identify_from

    def identity_needed(self, day: Money) -> Refused:
        """The refusal of a payment that lacks the document."""
        assert self.identify_from is not None, "asked only where there is a threshold"
        return Refused(
            "identity_needed",
            f"{day.plain()} in cash from this payer today. From {self.identify_from.plain()} on, ask for a document "
            "and enter it.",
            cash_today=day.plain(),
            identify_from=self.identify_from.plain(),
            currency=day.currency.code,
            documents=list(self.documents),
        )


NO_THRESHOLDS = LargeCash()


def read_document(*, kind: str, number: str, name: str, documents: tuple[str, ...]) -> IdentityDocument:
    """A document as typed. Raises Refused ``unknown_document``, or what ``clean_reference`` and ``clean_entry`` raise."""
    if kind not in documents:
        raise Refused(
            "unknown_document", f"The document is one of {', '.join(documents)}.", allowed=list(documents)
        )
    return IdentityDocument(
        kind=kind,
        number=clean_reference(number, field="Document number", limit=NUMBER_MAX),
        name=clean_entry(name, field="Name on the document", limit=NAME_MAX),
    )
