"""The shop's list of rates as checked data: ``config/foreign_cash.toml`` read into ``ForeignCash``."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pos.domain.errors import Refused
from pos.domain.foreign_cash import RATE_PATTERN, ForeignCash, ListedRate
from pos.domain.iso_currencies import EXPONENT_BY_CODE
from pos.domain.money import Currency, currency, parse_amount


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RateEntry(_Strict):
    """One currency: what a unit of it is worth, on which day, and the smallest note that is taken."""

    rate: Annotated[str, Field(pattern=f"^{RATE_PATTERN}$")]
    valid_on: date
    lowest_note: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$")]


class RateList(_Strict):
    """``foreign_cash.toml``: the currencies that are taken beside the shop's own."""

    source: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[ -~]+$")] = "shop list"
    max_age_days: Annotated[int, Field(ge=0, le=366)] = 0
    rates: dict[str, RateEntry] = {}

    def problem(self) -> tuple[str, str] | None:
        """What a pattern cannot say: the key that is wrong, and what is allowed; None: nothing is."""
        for code, entry in self.rates.items():
            if code not in EXPONENT_BY_CODE:
                return f"rates.{code}", "an ISO 4217 code"
            if not entry.rate.strip("0."):
                return f"rates.{code}.rate", "more than zero"
            try:
                parse_amount(entry.lowest_note, currency(code))
            except Refused as refusal:
                return f"rates.{code}.lowest_note", refusal.message
        return None

    def as_policy(self, shop: Currency) -> ForeignCash:
        """Without the shop's own currency: one list may serve shops of several."""
        return ForeignCash(
            max_age_days=self.max_age_days,
            rates={
                code: ListedRate(
                    currency=currency(code),
                    rate=entry.rate,
                    source=self.source,
                    valid_on=entry.valid_on,
                    lowest_note=parse_amount(entry.lowest_note, currency(code)),
                )
                for code, entry in self.rates.items()
                if code != shop.code
            },
        )
