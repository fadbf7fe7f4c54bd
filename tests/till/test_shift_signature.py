"""Each close is signed by the terminal: an auditor shows with the public key alone what the shift was."""

from dataclasses import replace

import pytest

from pos.domain.signature import public_key_of, sign
from pos.store.shift_signatures import signature_faults, signed_message
from pos.till.desk import Desk
from tests.builders.tills import (
    KEYS,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    opened,
    pay,
    rows,
    wish,
)
from tests.till.books import spoil

PUBLIC_KEY = public_key_of(KEYS.sign).hex()


@pytest.fixture
def desk() -> Desk:
    """Two shifts closed, one after the other, and a third one open."""
    desk = make_till()
    for _ in range(2):
        opened(desk)
        pay(
            desk,
            cash("5"),
            cheque("10", serial=f"00{len(rows(desk, 'shift'))}"),
            allocate=[wish(account="BA-1", amount="15")],
        )
        count(desk, "25", cheques="10", cheque_count=1)
        closed(desk)
        clock_of(desk).advance(hours=1)
    opened(desk)
    pay(desk, cash("1"))
    return desk


def faults(desk: Desk, public_key: str = PUBLIC_KEY) -> list[tuple[str, str]]:
    with desk.till.read() as connection:
        return list(signature_faults(connection, public_keys=frozenset({public_key})))


def test_each_closed_shift_is_signed(desk: Desk) -> None:
    assert [row["shift_id"] for row in rows(desk, "shift_signature")] == [
        row["shift_id"] for row in rows(desk, "shift_close")
    ]
    assert faults(desk) == []
    assert findings(desk) == []


def test_an_auditor_needs_no_secret_and_knows_the_terminal(desk: Desk) -> None:
    desk.till = replace_keys(desk)
    assert faults(desk) == []
    other = public_key_of(bytes(32)).hex()
    assert {check for check, _ in faults(desk, other)} == {"shift_is_signed_by_this_terminal"}


def replace_keys(desk: Desk):  # type: ignore[no-untyped-def]
    desk.till.keys = replace(KEYS, chain=b"unknown", sign=b"unknown")
    return desk.till


FIRST = "(SELECT shift_id FROM shift_signature ORDER BY chain_no LIMIT 1)"
EVENT = f"(SELECT payment_event_id FROM payment_event WHERE shift_id = {FIRST})"


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("shift_is_as_it_was_signed", f"UPDATE shift_close SET reason = 'x' WHERE shift_id = {FIRST}"),
        ("shift_is_as_it_was_signed", f"UPDATE tender SET amount_minor = 1 WHERE payment_event_id = {EVENT}"),
        ("shift_is_as_it_was_signed", f"UPDATE receipt SET counter = 9 WHERE payment_event_id = {EVENT}"),
        ("shift_is_as_it_was_signed", "UPDATE journal_line SET debit_minor = 7 WHERE debit_minor = 5000"),
        ("shift_is_as_it_was_signed", f"DELETE FROM payment_event WHERE shift_id = {FIRST}"),
        ("shift_signature_holds", f"UPDATE shift_signature SET rows_sha256 = 'x' WHERE shift_id = {FIRST}"),
        ("shift_signature_holds", f"UPDATE shift_signature SET signature = '00' WHERE shift_id = {FIRST}"),
        ("shift_signature_holds", f"UPDATE shift_signature SET signature = 'no' WHERE shift_id = {FIRST}"),
        ("shift_signature_holds", f"UPDATE shift_signature SET chain_no = chain_no + 1 WHERE shift_id = {FIRST}"),
    ],
)  # fmt: skip
def test_what_was_changed_after_the_close_is_named(desk: Desk, check: str, statement: str) -> None:
    spoil(desk, statement)

    shift = rows(desk, "shift")[0]["shift_id"]
    assert (check, shift) in faults(desk)


def test_a_signature_that_was_taken_away_is_missed(desk: Desk) -> None:
    spoil(desk, "DELETE FROM shift_signature WHERE chain_no = (SELECT max(chain_no) FROM shift_signature)")

    assert "closed_shift_is_signed" in {finding.check for finding in findings(desk)}


def test_who_has_not_the_private_key_cannot_sign_again(desk: Desk) -> None:
    row = rows(desk, "shift_signature")[0]
    number = row["chain_no"]
    assert isinstance(number, int)
    forged = sign(bytes(32), signed_message(str(row["shift_id"]), number, str(row["mark"]), "0" * 64)).hex()
    spoil(
        desk,
        f"UPDATE shift_signature SET rows_sha256 = '{'0' * 64}', signature = '{forged}' WHERE chain_no = {number}",
    )

    assert ("shift_signature_holds", row["shift_id"]) in faults(desk)
