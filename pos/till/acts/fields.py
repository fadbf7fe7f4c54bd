"""What acts of several subjects say in the same words: refs, amounts, tenders, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pos.domain.errors import Refused
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder

AmountText = Annotated[str, Field(max_length=24, description="Decimal text, such as 41.750, with a point.")]

IdText = Annotated[str, Field(max_length=160)]

CurrencyCode = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217; the shop's own where left out.")
]

Ref = Annotated[
    str, Field(min_length=1, max_length=200, description="Chosen by the caller; carried out once for ever.")
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AmountIn(Strict):
    """An amount; ``currency`` defaults to the shop's."""

    amount: AmountText
    currency: CurrencyCode | None = None


class PiecesIn(Strict):
    """So many notes or coins of one value, in the shop's currency."""

    value: AmountText
    pieces: Annotated[int, Field(ge=0, le=1_000_000)]


def told(pieces: Sequence[PiecesIn]) -> list[tuple[str, int]]:
    """The same as a deed takes it."""
    return [(one.value, one.pieces) for one in pieces]


class TenderLine(BaseModel):
    """One instrument. Beside mode and amount it holds the mode's own fields (config/payment_modes.toml), as texts.

    A card without any of them is asked for at the connected card terminal.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(max_length=400)]] = Field(init=False)

    mode: Annotated[str, Field(max_length=40)]
    amount: AmountText
    currency: CurrencyCode | None = None
    rate: Annotated[
        str | None,
        Field(
            max_length=24,
            description="What the payer was told that one unit of another currency is worth; refused where it changed.",
        ),
    ] = None
    attempt: Annotated[
        IdText | None, Field(description="A card payment that the connected terminal approved before.")
    ] = None
    micr: Annotated[
        str, Field(max_length=400, description="A cheque's MICR line as its reader sent it, for its fields.")
    ] = ""
    ticks: Annotated[
        list[Annotated[str, Field(max_length=40)]],
        Field(max_length=20, description="What was looked at on a third party's cheque."),
    ] = []


def tender_order(tender: TenderLine) -> TenderOrder:
    """As the till takes it: every field that the line has beside its own is the mode's."""
    return TenderOrder(
        mode=tender.mode,
        amount=tender.amount,
        details=dict(tender.__pydantic_extra__ or {}),
        currency=tender.currency,
        rate=tender.rate,
        attempt=tender.attempt,
        micr=tender.micr,
        ticks=tender.ticks,
    )


def require_shop_currency(desk: Desk, code: str | None) -> None:
    """Raises Refused ``currency_not_taken`` where an amount is said in another currency than the shop's own."""
    if code is not None and code != desk.identity.currency.code:
        raise Refused("currency_not_taken", f"This till takes {desk.identity.currency} only.", currency=code)
