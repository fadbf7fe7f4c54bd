"""What the database itself says of cards: one at a time, one way, used by its own payment, never gone (rules 44, 45)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pos.till.take_payment import take_payment
from tests.builders.cards import FakeCards, ask, by_terminal
from tests.builders.tills import CASHIER, cash, close_stores, make_till, opened, order, pay, wish

KEY = (
    "attempt_id payment_event_id shift_id operator account mode amount_minor currency card_terminal script_ref "
    "asked_at_utc utc_offset_min"
).split()
STATES = "asked approved declined unknown used reversing reversed".split()
WAYS = {
    "asked": {"approved", "declined", "unknown"},
    "unknown": {"approved", "declined"},
    "declined": {"approved"},
    "approved": {"reversing"},
    "reversing": {"reversed"},
    "reversed": set(),
    "used": set(),
}
PATHS = {
    "asked": [],
    "unknown": ["unknown"],
    "declined": ["declined"],
    "approved": ["approved"],
    "reversing": ["approved", "reversing"],
    "reversed": ["approved", "reversing", "reversed"],
}


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Books with one payment by card and one in cash, and one card asked for another payment."""
    folder = tmp_path_factory.mktemp("cards")
    desk = make_till(folder)
    opened(desk)
    asked = order(desk, by_terminal("10"), allocate=[wish("7781", "10")])
    take_payment(desk, CASHIER, ask(desk, asked, FakeCards()))
    pay(desk, cash("1"), allocate=[wish("7782", "1")])
    close_stores(desk)
    return folder / "till.db"


@pytest.fixture
def raw(paid: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    copy = tmp_path / "till.db"
    copy.write_bytes(paid.read_bytes())
    connection = sqlite3.connect(copy, isolation_level=None)
    insert(connection, "a")
    yield connection
    connection.close()


def insert(raw: sqlite3.Connection, name: str, *, event: str = "e", state: str = "asked") -> None:
    raw.execute(
        "INSERT INTO card_attempt (attempt_id, payment_event_id, shift_id, operator, account, mode, amount_minor, "
        "currency, card_terminal, asked_at_utc, utc_offset_min, state, slip_json, changed_at_utc) "
        "VALUES (?, ?, (SELECT shift_id FROM shift), '1001', 'BA-1', 'debit_card', 5, 'KWD', 'P', '', 0, ?, '{}', '')",
        (name, event, state),
    )


def go(raw: sqlite3.Connection, state: str, name: str = "a") -> None:
    raw.execute("UPDATE card_attempt SET state = ? WHERE attempt_id = ?", (state, name))


def refused(raw: sqlite3.Connection, statement: str, *values: object) -> str:
    with pytest.raises(sqlite3.IntegrityError) as refusal:
        raw.execute(statement, values)
    return str(refusal.value)


@pytest.mark.parametrize("state", sorted(PATHS))
def test_an_attempt_goes_its_way_and_no_other(raw: sqlite3.Connection, state: str) -> None:
    for step in PATHS[state]:
        go(raw, step)
    for other in STATES:
        if other == state or other in WAYS[state]:
            continue
        told = refused(raw, "UPDATE card_attempt SET state = ? WHERE attempt_id = 'a'", other)
        assert told in ("a card attempt does not go this way", "no payment uses this card attempt")


@pytest.mark.parametrize("other", STATES)
def test_what_a_payment_used_stays_used(raw: sqlite3.Connection, other: str) -> None:
    if other == "used":
        assert raw.execute("SELECT count(*) FROM card_attempt WHERE state = 'used'").fetchone() == (1,)
        return
    refused(raw, "UPDATE card_attempt SET state = ? WHERE state = 'used'", other)


@pytest.mark.parametrize("waits", ["asked", "unknown"])
def test_while_one_is_not_known_no_second_is_asked_for(raw: sqlite3.Connection, waits: str) -> None:
    """Rule 45: in the books themselves."""
    go(raw, waits)
    with pytest.raises(sqlite3.IntegrityError, match="not known yet"):
        insert(raw, "b")
    insert(raw, "b", event="another")


@pytest.mark.parametrize("ended", ["declined", "approved"])
def test_after_one_is_known_the_next_may_be_asked_for(raw: sqlite3.Connection, ended: str) -> None:
    go(raw, ended)
    insert(raw, "b")


def test_an_attempt_begins_as_asked(raw: sqlite3.Connection) -> None:
    for state in STATES[1:]:
        with pytest.raises(sqlite3.IntegrityError):
            insert(raw, "b", event="another", state=state)


def test_no_card_is_asked_for_a_payment_that_is_booked(raw: sqlite3.Connection) -> None:
    (event,) = raw.execute("SELECT payment_event_id FROM payment_event").fetchone()
    with pytest.raises(sqlite3.IntegrityError, match="the payment event is complete"):
        insert(raw, "b", event=event)


@pytest.mark.parametrize("column", KEY)
def test_an_attempt_keeps_what_it_was_asked_for(raw: sqlite3.Connection, column: str) -> None:
    told = refused(raw, f"UPDATE card_attempt SET {column} = {column} WHERE attempt_id = 'a'")
    assert told == "a card attempt keeps what it was asked for"


def test_an_attempt_is_used_by_a_slip_that_was_keyed_and_by_no_other(raw: sqlite3.Connection) -> None:
    go(raw, "approved")
    for instrument in (None, "card|none"):
        raw.execute("UPDATE card_attempt SET instrument = ? WHERE attempt_id = 'a'", (instrument,))
        told = refused(raw, "UPDATE card_attempt SET state = 'used' WHERE attempt_id = 'a'")
        assert told == "no payment uses this card attempt"
    raw.execute("INSERT INTO instrument SELECT 'card|none', tender_id FROM tender WHERE card_attempt IS NULL")

    raw.execute("UPDATE card_attempt SET state = 'used' WHERE attempt_id = 'a'")


def test_an_attempt_keeps_its_slip(raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE card_attempt SET instrument = 'card|none' WHERE attempt_id = 'a'")
    for other in ("'card|other'", "NULL"):
        told = refused(raw, f"UPDATE card_attempt SET instrument = {other} WHERE attempt_id = 'a'")
        assert told == "a card attempt keeps its slip"


def test_attempts_stay(raw: sqlite3.Connection) -> None:
    assert refused(raw, "DELETE FROM card_attempt") == "card attempts stay"
    told = refused(
        raw, "INSERT OR REPLACE INTO card_attempt SELECT * FROM card_attempt WHERE attempt_id = 'a'"
    )
    assert told in ("card_attempt rows are never replaced", "a card attempt of this payment is not known yet")


def test_what_is_abandoned_stays_so(raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE card_attempt SET abandoned = 1 WHERE attempt_id = 'a'")
    assert refused(raw, "UPDATE card_attempt SET abandoned = 0") == "a card attempt stays abandoned"


def test_an_approval_has_its_slip(raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE card_attempt SET slip_json = NULL WHERE attempt_id = 'a'")
    assert "CHECK" in refused(raw, "UPDATE card_attempt SET state = 'approved' WHERE attempt_id = 'a'")


TENDER = (
    "INSERT INTO tender (tender_id, payment_event_id, number, mode, amount_minor, change_minor, currency, details_json, "
    "card_attempt) VALUES ('t', ?, 1, ?, ?, 0, ?, '{}', 'a')"
)


@pytest.mark.parametrize(
    "spoilt",
    [("f", "debit_card", 5, "KWD"), ("e", "credit_card", 5, "KWD"), ("e", "debit_card", 6, "KWD"),
     ("e", "debit_card", 5, "EUR")],
)  # fmt: skip
def test_a_tender_uses_its_own_payments_approval_of_its_own_amount(
    raw: sqlite3.Connection, spoilt: tuple[object, ...]
) -> None:
    go(raw, "approved")
    assert refused(raw, TENDER, *spoilt) == "no card was approved for this"


@pytest.mark.parametrize("state", ["asked", "unknown", "declined", "reversing", "reversed"])
def test_a_tender_uses_only_what_was_approved(raw: sqlite3.Connection, state: str) -> None:
    for step in PATHS[state]:
        go(raw, step)
    assert refused(raw, TENDER, "e", "debit_card", 5, "KWD") == "no card was approved for this"


def test_a_tender_that_fits_uses_it_up(raw: sqlite3.Connection) -> None:
    go(raw, "approved")
    raw.execute("BEGIN")
    raw.execute(TENDER, ("e", "debit_card", 5, "KWD"))
    assert raw.execute("SELECT state FROM card_attempt WHERE attempt_id = 'a'").fetchone() == ("used",)
    raw.execute("ROLLBACK")
