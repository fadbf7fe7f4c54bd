"""Sales, papers and held vouchers: the database itself refuses what does not fit, over any connection."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def raw(books: Path) -> Iterator[sqlite3.Connection]:
    """Any program's connection to the books, with the driver's own settings."""
    connection = sqlite3.connect(books, isolation_level=None)
    yield connection
    connection.close()


def refused(raw: sqlite3.Connection, statement: str, *values: object) -> str:
    with pytest.raises(sqlite3.IntegrityError) as refusal:
        raw.execute(statement, values)
    return str(refusal.value)


TENDER = (
    "INSERT INTO tender (tender_id, payment_event_id, number, mode, amount_minor, change_minor, currency, "
    "details_json, person_digest, voucher_hold) "
)

EVENT = (
    "INSERT INTO payment_event VALUES ('p', 'S014-T1-A-000099', 'T1', 1, 99, "
    "(SELECT shift_id FROM v_shift WHERE state = 'open'), '2026-11-21', 't', 180, '1001', 'walk_in', 'WALK-IN', NULL, "
    "?, 'KWD', NULL)"
)


def lay_sale(
    raw: sqlite3.Connection,
    *,
    lines: list[tuple[int, int, str]],
    paid: list[tuple[int | None, str | None, int]],
    hold: str | None = None,
    mode: str = "cash",
) -> int:
    """Lines as (price, quantity, currency), parts paid as (line, bill, amount), by one tender; the sum of the parts."""
    whole = sum(minor for _, _, minor in paid)
    raw.execute("BEGIN")
    raw.execute(TENDER + "VALUES ('t', 'p', 1, ?, ?, 0, 'KWD', '{}', NULL, ?)", (mode, whole, hold))
    raw.execute("INSERT INTO payment VALUES ('y', 'p', 'WALK-IN', ?, 'KWD')", (whole,))
    raw.execute("INSERT INTO leg VALUES ('p', 1, 't', 'WALK-IN', ?, 'KWD')", (whole,))
    for number, (price, quantity, code) in enumerate(lines, start=1):
        raw.execute(
            "INSERT INTO sale_line VALUES ('p', ?, 'X', 'Thing', ?, ?, ?, 'VAT', '5', 0, ?)",
            (number, quantity, price, price * quantity, code),
        )
    for number, (line, bill, minor) in enumerate(paid, start=1):
        raw.execute(
            "INSERT INTO allocation (allocation_id, payment_event_id, payment_id, tender_id, leg, number, account, bill_no, "
            "amount_minor, currency, sale_line) VALUES (?, 'p', 'y', 't', 1, ?, 'WALK-IN', ?, ?, 'KWD', ?)",
            (f"a{number}", number, bill, minor, line),
        )
    return whole


@pytest.mark.parametrize(
    ("lines", "paid"),
    [
        ([(5, 1, "KWD")], [(1, None, 5)]),
        ([(5, 2, "KWD"), (0, 3, "KWD")], [(1, None, 4), (1, None, 6)]),
        ([(5, 1, "KWD"), (7, 1, "KWD")], [(2, None, 7), (1, None, 5), (None, None, 3), (None, "7798", 2)]),
    ],
)
def test_a_sale_that_is_paid_whole_is_let_in(
    raw: sqlite3.Connection, lines: list[tuple[int, int, str]], paid: list[tuple[int | None, str | None, int]]
) -> None:
    assert raw.execute(EVENT, (lay_sale(raw, lines=lines, paid=paid),)).rowcount == 1


@pytest.mark.parametrize(
    ("lines", "paid", "told"),
    [
        ([(5, 1, "KWD")], [(1, None, 4)], "a line of the sale is not paid whole"),
        ([(5, 1, "KWD")], [(1, None, 6)], "a line of the sale is not paid whole"),
        ([(5, 1, "KWD")], [(None, None, 5)], "a line of the sale is not paid whole"),
        ([(5, 1, "KWD"), (7, 1, "KWD")], [(1, None, 12)], "a line of the sale is not paid whole"),
        (
            [(5, 1, "KWD"), (7, 1, "KWD")],
            [(1, None, 7), (2, None, 5)],
            "a line of the sale is not paid whole",
        ),
        ([(5, 1, "EUR")], [(1, None, 5)], "a line of the sale is not paid whole"),
        ([(5, 1, "KWD")], [(1, None, 5), (2, None, 1)], "an allocation names no line of the sale"),
        ([], [(1, None, 5)], "an allocation names no line of the sale"),
        ([(5, 1, "KWD")], [(1, "7798", 5)], "an allocation names no line of the sale"),
    ],
)
def test_a_sale_that_does_not_balance_is_refused(
    raw: sqlite3.Connection,
    lines: list[tuple[int, int, str]],
    paid: list[tuple[int | None, str | None, int]],
    told: str,
) -> None:
    assert refused(raw, EVENT, lay_sale(raw, lines=lines, paid=paid)) == told


@pytest.mark.parametrize(
    ("quantity", "price", "amount", "tax"),
    [(2, 5, 9, 0), (2, 5, 11, 0), (0, 5, 0, 0), (-1, 5, -5, 0), (1, -5, -5, 0), (1, 5, 5, 6), (1, 5, 5, -1)],
)
def test_a_line_is_quantity_times_price_with_its_tax_within(
    raw: sqlite3.Connection, quantity: int, price: int, amount: int, tax: int
) -> None:
    told = refused(
        raw,
        "INSERT INTO sale_line VALUES ('p', 1, 'X', 'Thing', ?, ?, ?, 'VAT', '5', ?, 'KWD')",
        quantity,
        price,
        amount,
        tax,
    )

    assert "CHECK" in told


@pytest.mark.parametrize("amount", [1.5, "many", None])
def test_a_price_is_a_whole_number(raw: sqlite3.Connection, amount: object) -> None:
    refused(
        raw, "INSERT INTO sale_line VALUES ('p', 1, 'X', 'T', 1, ?, ?, 'VAT', '5', 0, 'KWD')", amount, amount
    )


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("sale_line", "?, 77, 'X', 'Thing', 1, 0, 0, 'VAT', '5', 0, 'KWD'"),
        ("sale_serial", "'imei', '356938035643809', '356938035643809', ?, 1"),
    ],
)
def test_nothing_is_added_to_a_booked_sale(raw: sqlite3.Connection, table: str, values: str) -> None:
    event = raw.execute("SELECT payment_event_id FROM sale_line LIMIT 1").fetchone()[0]

    assert refused(raw, f"INSERT INTO {table} VALUES ({values})", event) == "the payment event is complete"


def test_a_serial_is_sold_once(raw: sqlite3.Connection) -> None:
    kind, body = raw.execute("SELECT kind, body FROM sale_serial").fetchone()

    for verb in ("INSERT", "INSERT OR REPLACE", "REPLACE"):
        told = refused(raw, f"{verb} INTO sale_serial VALUES (?, ?, 'another', 'p', 1)", kind, body)
        assert told == "sale_serial rows are never replaced"
    assert raw.execute("INSERT OR IGNORE INTO sale_serial VALUES ('imei', '1', '1', 'p', 1)").rowcount == 1
    assert "CHECK" in refused(raw, "INSERT INTO sale_serial VALUES ('mac', '1', '1', 'p', 1)")


def test_a_paper_is_taken_once_and_a_tender_has_one_paper(raw: sqlite3.Connection) -> None:
    instrument, tender = raw.execute("SELECT instrument, tender_id FROM instrument").fetchone()

    for statement, values in (
        ("INSERT INTO instrument VALUES (?, 't')", instrument),
        ("INSERT OR REPLACE INTO instrument VALUES (?, 't')", instrument),
        ("INSERT INTO instrument VALUES ('other', ?)", tender),
        ("INSERT OR REPLACE INTO instrument VALUES ('other', ?)", tender),
    ):
        assert refused(raw, statement, values) == "instrument rows are never replaced"


def test_no_row_of_the_sale_is_left_behind_without_its_event(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA foreign_keys=ON")
    for statement in (
        "INSERT INTO sale_serial VALUES ('imei', '1', '1', 'nothing', 1)",
        "INSERT INTO sale_line VALUES ('nothing', 1, 'X', 'Thing', 1, 0, 0, 'VAT', '5', 0, 'KWD')",
    ):
        raw.execute("BEGIN")
        raw.execute(statement)
        assert "FOREIGN KEY" in refused(raw, "COMMIT")
        raw.execute("ROLLBACK")


# --- held vouchers -------------------------------------------------------------------------------------------------

HOLD = (
    "INSERT INTO voucher_hold (hold_id, payment_event_id, mode, code_mark, account, amount_minor, currency, state, "
    "value_minor, expires, approval, asked_at_utc, changed_at_utc) "
    "VALUES (?, 'p', 'internal_voucher', 'd', 'BA-1', 5, 'KWD', ?, ?, '2027-01-01', NULL, 't', 't')"
)
STATES = ("asked", "reserved", "refused", "used", "abandoned", "released")


def used_hold(raw: sqlite3.Connection) -> str:
    return str(raw.execute("SELECT voucher_hold FROM tender WHERE voucher_hold IS NOT NULL").fetchone()[0])


def test_a_tender_with_its_reserved_hold_is_let_in(raw: sqlite3.Connection) -> None:
    raw.execute(HOLD, ("h", "reserved", 5))

    whole = lay_sale(raw, lines=[], paid=[(None, "7798", 5)], hold="h", mode="internal_voucher")

    assert raw.execute(EVENT, (whole,)).rowcount == 1


@pytest.mark.parametrize("state", [state for state in STATES if state != "reserved"])
def test_a_hold_that_is_not_reserved_serves_no_tender(raw: sqlite3.Connection, state: str) -> None:
    raw.execute(HOLD, ("h", state, 5))

    told = refused(raw, TENDER + "VALUES ('t', 'p', 1, 'internal_voucher', 5, 0, 'KWD', '{}', NULL, 'h')")

    assert told == "the voucher is not held for this payment"


@pytest.mark.parametrize(
    ("event", "mode", "amount", "code", "hold"),
    [
        ("q", "internal_voucher", 5, "KWD", "h"),
        ("p", "external_voucher", 5, "KWD", "h"),
        ("p", "internal_voucher", 4, "KWD", "h"),
        ("p", "internal_voucher", 6, "KWD", "h"),
        ("p", "internal_voucher", 5, "EUR", "h"),
        ("p", "internal_voucher", 5, "KWD", "other"),
    ],
)
def test_a_hold_serves_the_tender_it_was_asked_for(
    raw: sqlite3.Connection, event: str, mode: str, amount: int, code: str, hold: str
) -> None:
    raw.execute(HOLD, ("h", "reserved", 5))

    told = refused(
        raw,
        TENDER + "VALUES ('t', ?, 1, ?, ?, 0, ?, '{}', NULL, ?)",
        event,
        mode,
        amount,
        code,
        hold,
    )

    assert told == "the voucher is not held for this payment"


def test_a_hold_serves_one_tender(raw: sqlite3.Connection) -> None:
    raw.execute(HOLD, ("h", "reserved", 5))
    tender = TENDER + "VALUES (?, 'p', ?, 'internal_voucher', 5, 0, 'KWD', '{}', NULL, 'h')"
    raw.execute(tender, ("t", 1))

    assert raw.execute("SELECT state FROM voucher_hold WHERE hold_id = 'h'").fetchone() == ("used",)
    assert refused(raw, tender, "u", 2) in (
        "tender rows are never replaced",
        "the voucher is not held for this payment",
    )


def test_a_hold_is_used_by_a_tender_and_by_nothing_else(raw: sqlite3.Connection) -> None:
    raw.execute(HOLD, ("h", "reserved", 5))

    told = refused(raw, "UPDATE voucher_hold SET state = 'used' WHERE hold_id = 'h'")

    assert told == "no payment uses this voucher"


@pytest.mark.parametrize("state", [state for state in STATES if state != "used"])
def test_a_hold_that_was_used_stays_as_it_is(raw: sqlite3.Connection, state: str) -> None:
    told = refused(raw, "UPDATE voucher_hold SET state = ? WHERE hold_id = ?", state, used_hold(raw))

    assert told == "the hold has ended"


@pytest.mark.parametrize("end", ["released", "refused"])
@pytest.mark.parametrize("state", STATES)
def test_a_hold_that_has_ended_does_not_come_back(raw: sqlite3.Connection, end: str, state: str) -> None:
    raw.execute(HOLD, ("h", end, 5))
    if state == end:
        raw.execute("UPDATE voucher_hold SET state = ? WHERE hold_id = 'h'", (state,))
        return

    assert (
        refused(raw, "UPDATE voucher_hold SET state = ? WHERE hold_id = 'h'", state) == "the hold has ended"
    )


@pytest.mark.parametrize("state", ["asked", "reserved", "refused"])
def test_a_hold_that_nobody_waits_for_may_only_be_released(raw: sqlite3.Connection, state: str) -> None:
    raw.execute(HOLD, ("h", "abandoned", 5))

    assert (
        refused(raw, "UPDATE voucher_hold SET state = ? WHERE hold_id = 'h'", state) == "the hold has ended"
    )
    assert raw.execute("UPDATE voucher_hold SET state = 'released' WHERE hold_id = 'h'").rowcount == 1


@pytest.mark.parametrize(
    "column",
    ["hold_id", "payment_event_id", "mode", "code_mark", "account", "amount_minor", "currency"],
)
def test_a_hold_keeps_what_it_was_asked_for(raw: sqlite3.Connection, column: str) -> None:
    assert (
        refused(raw, f"UPDATE voucher_hold SET {column} = {column}") == "a hold keeps what it was asked for"
    )


def test_no_hold_goes_or_is_replaced(raw: sqlite3.Connection) -> None:
    assert refused(raw, "DELETE FROM voucher_hold") == "holds stay"
    assert (
        refused(raw, "INSERT OR REPLACE INTO voucher_hold SELECT * FROM voucher_hold")
        == "voucher_hold rows are never replaced"
    )


@pytest.mark.parametrize(
    ("state", "value"), [("reserved", 4), ("reserved", None), ("lost", 5), ("", 5), (None, 5)]
)
def test_a_hold_is_in_a_known_state_and_worth_its_amount(
    raw: sqlite3.Connection, state: str | None, value: int | None
) -> None:
    refused(raw, HOLD, "h", state, value)
