"""A note for the record is an audit row with its writer's name, and nothing takes it back."""

from __future__ import annotations

import pytest

from pos.domain.errors import Refused
from pos.domain.role import Person
from pos.till.notes import write_note
from tests.builders.tills import ADMIN, AUDITOR, CASHIER, DEALER, findings, make_till, rows


@pytest.mark.parametrize("person", [CASHIER, DEALER, ADMIN, AUDITOR])
@pytest.mark.parametrize("text", ["Drawer was left open at noon", "Kunde heißt 'Ömer', siehe Beleg", "=1+1"])
def test_anybody_keeps_a_note(person: Person, text: str) -> None:
    desk = make_till()

    write_note(desk, person, f" {text} ", about="T1-000001")

    (row,) = rows(desk, "audit")
    assert (row["act"], row["operator"], row["reason_code"], row["subject"]) == (
        "note",
        person.user,
        text,
        "T1-000001",
    )
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("text", "about", "code"),
    [
        ("", None, "note_empty"),
        ("  ", None, "note_empty"),
        ("card 4111 1111 1111 1111", None, "card_number_refused"),
        ("a note", "4111111111111111", "card_number_refused"),
        ("x" * 201, None, "text_too_long"),
    ],
)
def test_a_bad_note_is_not_kept(text: str, about: str | None, code: str) -> None:
    desk = make_till()

    with pytest.raises(Refused) as refusal:
        write_note(desk, CASHIER, text, about=about)

    assert refusal.value.code == code
    assert [row["result"] for row in rows(desk, "audit")] == ["refused"]
