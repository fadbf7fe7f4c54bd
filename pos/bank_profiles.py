"""The profiles of ``bank_files.toml``: how banks' own files are laid out. Source: the comments in that file."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pos.domain.bank_file import EntryKind
from pos.domain.flat_profile import FlatForm, FlatProfile, Place
from pos.domain.payment_mode import ModeKind
from pos.till_settings import Strict

ENCODINGS = ("utf-8", "utf-8-sig", "ascii", "latin-1", "cp1252", "cp1256", "utf-16")
HEADER = frozenset({"file_id", "date", "currency", "creditor"})
DETAIL = frozenset(
    {
        "status",
        "reference",
        "bank_reference",
        "mandate",
        "account",
        "bill",
        "amount",
        "currency",
        "date",
        "reason",
        "text",
    }
)
ATM_DETAIL = frozenset({"status", "trace", "atm", "account", "bill", "amount", "currency", "date"})
TRAILER = frozenset({"count", "total", "paid_total", "back_total"})

Where = Annotated[int, Field(ge=1, le=1000)] | Annotated[str, Field(pattern=r"^[0-9]{1,4}-[0-9]{1,4}$")]
ProfileName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Kind = Literal["accepted", "paid", "rejected", "returned"]


class BankProfile(Strict):
    """One layout."""

    of: Literal["direct_debit", "atm"] = "direct_debit"
    form: Literal["csv", "fixed"]
    encoding: str = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ";"
    decimal_mark: Literal[".", ","] = "."
    implied_decimals: bool = False
    date_format: Annotated[str, Field(pattern=r"^(%[YmdyHMS]|[-./ T:])+$")] = "%Y-%m-%d"
    names_first: bool = False
    kind: Where | None = None
    kinds: dict[str, Literal["header", "detail", "trailer"]] = {}
    header: dict[str, Where] = {}
    detail: dict[str, Where]
    trailer: dict[str, Where] = {}
    statuses: dict[str, Kind] = {}
    default_status: Kind = "paid"
    reasons: dict[str, Annotated[str, Field(pattern=r"^[A-Z0-9]{1,35}$")]] = {}
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in ENCODINGS:
            raise ValueError(f"one of {', '.join(ENCODINGS)}")
        codecs.lookup(value)
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> BankProfile:
        for name, found, known in (
            ("header", self.header, HEADER),
            ("detail", self.detail, ATM_DETAIL if self.of == "atm" else DETAIL),
            ("trailer", self.trailer, TRAILER),
        ):
            strange = sorted(set(found) - known)
            if strange:
                raise ValueError(f"{name} has {strange[0]}; it may have {', '.join(sorted(known))}")
        needed = ("trace", "atm", "account", "amount") if self.of == "atm" else ("reference", "amount")
        if not set(needed) <= set(self.detail):
            raise ValueError(f"detail needs {', '.join(needed)}")
        if self.of == "atm" and "date" not in {*self.detail, *self.header}:
            raise ValueError("header or detail needs date: the day on which it was paid")
        if (self.header or self.trailer) and self.kind is None:
            raise ValueError("a header or trailer needs kind: where a line says which it is")
        if self.kind is not None and "detail" not in self.kinds.values():
            raise ValueError("kinds must say which lines are a detail")
        if "status" in self.detail and not self.statuses:
            raise ValueError("statuses must say what each status means")
        for where in (self.kind, *self.header.values(), *self.detail.values(), *self.trailer.values()):
            if where is not None and isinstance(where, str) != (self.form == "fixed"):
                raise ValueError('a place is a column (3) of a csv, and places ("12-20") of a fixed form')
        return self

    def as_profile(self, name: str) -> FlatProfile:
        """The same as the domain's value."""
        return FlatProfile(
            name=name,
            of=ModeKind(self.of),
            form=FlatForm(self.form),
            encoding=self.encoding,
            delimiter=self.delimiter,
            decimal_mark=self.decimal_mark,
            implied_decimals=self.implied_decimals,
            date_format=self.date_format,
            names_first=self.names_first,
            kind_at=None if self.kind is None else _place(self.kind),
            kinds=self.kinds,
            header={key: _place(where) for key, where in self.header.items()},
            detail={
                "reference" if key == "trace" else key: _place(where) for key, where in self.detail.items()
            },
            trailer={key: _place(where) for key, where in self.trailer.items()},
            statuses={status: EntryKind(kind) for status, kind in self.statuses.items()},
            default_status=EntryKind(self.default_status),
            reasons=self.reasons,
            currency=self.currency,
        )


def _place(where: int | str) -> Place:
    if isinstance(where, int):
        return Place(first=where, last=where)
    first, _, last = where.partition("-")
    return Place(first=int(first), last=int(last))
