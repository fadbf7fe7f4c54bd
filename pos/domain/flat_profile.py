"""How a bank's own file is laid out: lines of columns, or of places. Said in ``bank_files.toml``. Source: ecosystem.md 9."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pos.domain.bank_file import EntryKind
from pos.domain.payment_mode import ModeKind


class FlatForm(StrEnum):
    """CSV: columns with a sign between them. FIXED: each field at its places of the line."""

    CSV = "csv"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a field stands: the ``first`` column of a CSV, or the places ``first`` to ``last`` of a line; all from 1."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatProfile:
    """A layout of files about payments ``of`` a kind. ``kind_at`` says where a line names its own kind: ``header``,
    ``detail`` or ``trailer`` by ``kinds``.

    Without it every line is a detail, behind the first where ``names_first`` (a CSV with the names of its columns).
    ``implied_decimals``: amounts are in minor units without a mark. ``statuses`` says what a status means; without a place
    for it every detail means ``default_status``. ``reasons`` makes of a bank's code one of the settings.
    """

    name: str
    form: FlatForm
    encoding: str
    of: ModeKind = ModeKind.DIRECT_DEBIT
    delimiter: str = ";"
    decimal_mark: str = "."
    implied_decimals: bool = False
    date_format: str = "%Y-%m-%d"
    names_first: bool = False
    kind_at: Place | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, Place] = field(default_factory=dict)
    detail: Mapping[str, Place] = field(default_factory=dict)
    trailer: Mapping[str, Place] = field(default_factory=dict)
    statuses: Mapping[str, EntryKind] = field(default_factory=dict)
    default_status: EntryKind = EntryKind.PAID
    reasons: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
