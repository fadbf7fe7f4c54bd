"""A note for the record: what somebody wants to be known later, kept with their name among the audit rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pos.domain.errors import Refused
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.till.desk import Deed, Desk, Memo, perform

ACT = "note"
ABOUT_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """When the note was written, and what it is about."""

    at: datetime
    about: str | None


def write_note(
    desk: Desk, person: Person, text: str, *, about: str | None = None, memo: Memo | None = None
) -> Noted:
    """Keep ``text`` (200 characters) about a receipt, an account or nothing in particular; nothing takes it back.

    Raises Refused ``note_empty`` or what the cleaning of texts raises.
    """

    def work(deed: Deed) -> Noted:
        if deed.reason_code is None:
            raise Refused("note_empty", "Type what is to be kept.", field="text")
        if about is not None and about.strip():
            deed.subject = clean_reference(about, field="About", limit=ABOUT_MAX)
        return Noted(at=deed.at, about=deed.subject)

    return perform(desk, person, ACT, work, memo=memo, reason=text)
