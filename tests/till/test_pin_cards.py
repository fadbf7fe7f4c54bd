"""Prepaid cards sold by their PIN: once, for final money, and printed in full on one paper only (rule 58)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from pos.bootstrap.homes import OpenTill
from pos.bootstrap.paper import (
    PaperDevices,
    print_in_background,
    print_receipts,
    receipt_text,
)
from pos.domain.catalogue import Item, SerialKind
from pos.domain.ports import PrinterUnavailable
from pos.domain.receipt import Copy
from pos.machine import InlineRunner
from pos.store.items import put_items
from pos.store.sealed_pins import open_pin, pin_place
from pos.till.desk import Desk
from pos.till.papers import reprint, show_receipt
from pos.till.script import Script
from receipts.printer import NoDrawer
from tests.builders.tills import (
    CASHIER,
    bank_cash,
    card,
    cash,
    cheque,
    dump,
    findings,
    grant_limit,
    iccid,
    make_till,
    money,
    open_home,
    opened,
    pay,
    raw_connection,
    rows,
    sale,
    stock,
)
from tests.paper.escpos_reader import read
from tests.paper.print_rows import Tray
from tests.till.books import refused

PIN, OTHER = "4827 1155 9036", "AB7K-93QX-PL02"
PLAIN, OTHER_PLAIN = "482711559036", "AB7K93QXPL02"
CARD = Item(
    item="PPD-05",
    name="Prepaid card 5",
    price=money("5"),
    tax_category="VAT",
    tax_rate=Decimal(5),
    serial=SerialKind.VOUCHER_PIN,
    ean=None,
)


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    with desk.cache.write() as connection:
        put_items(connection, [CARD, replace(CARD, item="PPD-10", price=money("10"))])
    grant_limit(desk, "1000")
    opened(desk)
    return desk


@pytest.fixture
def till(tmp_path: Path) -> Iterator[OpenTill]:
    """A home with one card sold whose receipt waits."""
    with open_home(tmp_path / "home") as home:
        opened(home.desk)
        with home.desk.cache.write() as connection:
            put_items(connection, [CARD])
        pay(home.desk, cash("10"), account=None, lines=[sale("PPD-05", 2, PIN, OTHER)])
        yield home


def number_of(till: OpenTill) -> str:
    return str(rows(till.desk, "v_receipt")[0]["receipt_number"])


def kept(desk: Desk) -> list[object]:
    return [
        open_pin(
            desk.till.keys.marks,
            str(row["pin"]),
            pin_place(str(row["payment_event_id"]), int(str(row["line"])), int(str(row["place"]))),
        )
        for row in rows(desk, "pin_to_print")
    ]


# --- selling ---------------------------------------------------------------------------------------------------------


def test_a_card_is_sold_by_its_pin_which_is_known_by_its_end_afterwards(desk: Desk) -> None:
    """Rule 58: the PIN is kept in one row that waits for the paper, and nowhere else."""
    receipt = pay(desk, cash("10"), account=None, lines=[sale("PPD-05", 2, PIN, OTHER)]).receipt

    assert receipt.sale[0].serials == ("...9036", "...PL02")
    assert kept(desk) == [PLAIN, OTHER_PLAIN]
    everything = json.dumps(dump(desk))
    for secret in (PIN, PLAIN, OTHER, OTHER_PLAIN, OTHER_PLAIN.lower()):
        assert secret not in everything
    assert findings(desk) == []


@pytest.mark.parametrize("again", [PIN, PLAIN, "4827-1155-9036"])
@pytest.mark.parametrize("buyer", [None, "D-1"])
def test_a_card_is_sold_once_for_ever(desk: Desk, again: str, buyer: str | None) -> None:
    number = pay(desk, cash("5"), account=None, lines=[sale("PPD-05", 1, PIN)]).receipt.receipt_number

    refusal = refused(desk, lambda: pay(desk, cash("5"), account=buyer, lines=[sale("PPD-05", 1, again)]))

    assert (refusal.code, refusal.details["receipt"]) == ("serial_sold_before", number)
    assert "9036" in refusal.message
    assert PLAIN not in json.dumps(refusal.as_json())
    pay(desk, cash("5"), account=buyer, lines=[sale("PPD-05", 1, OTHER)])
    pay(desk, cash("10"), account=buyer, lines=[sale("PPD-10", 1, PIN)])
    assert findings(desk) == []


def test_a_pin_is_one_pin_in_whatever_case_its_letters_are_typed(desk: Desk) -> None:
    lines = [sale("PPD-05", 1, OTHER), sale("PPD-05", 1, OTHER.lower())]

    refusal = refused(desk, lambda: pay(desk, cash("10"), account=None, lines=lines))

    assert refusal.code == "serial_named_twice"
    assert OTHER_PLAIN.lower() not in json.dumps(refusal.as_json()).lower()


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("1234567", "bad_serial"),
        ("12345678901234567", "bad_serial"),
        ("12345678", None),
        ("1234567890123456", None),
        ("ABCD-EFGH", None),
        ("1234_5678", "bad_serial"),
        ("PÏN123456", "bad_serial"),
        ("١٢٣٤٥٦٧٨", "bad_serial"),
        ("1234567\x00", "bad_serial"),
        ("", "bad_serial"),
        ("4111 1111 1111 1111", "card_number_refused"),
        ("378282246310005", "card_number_refused"),
    ],
)
def test_a_pin_has_8_to_16_letters_and_digits_and_is_no_card_number(
    desk: Desk, pin: str, code: str | None
) -> None:
    def sell() -> object:
        return pay(desk, cash("5"), account=None, lines=[sale("PPD-05", 1, pin)])

    if code is None:
        sell()
        return
    refusal = refused(desk, sell)
    assert refusal.code == code
    assert not pin or pin not in refusal.message


def test_a_script_is_told_the_end_of_a_pin_only_and_its_line_is_remembered_keyed(desk: Desk) -> None:
    line = json.dumps(
        {
            "ref": "p1",
            "act": "sell",
            "payer": {"kind": "walk_in"},
            "lines": [{"item": "PPD-05", "serials": [PIN]}],
            "tenders": [{"mode": "cash", "amount": "5"}],
        }
    )
    script = Script(desk, CASHIER)

    answer, again = script.run_line(line), script.run_line(line)

    assert answer["ok"], answer
    assert again == {**answer, "replayed": True}
    assert "9036" in json.dumps(answer)
    assert PLAIN not in json.dumps(answer) + json.dumps(rows(desk, "script_ref"))
    # Who has the file and all of the line but the PIN cannot try PINs against it.
    canonical = json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    plain = hashlib.sha256(canonical.encode()).hexdigest()
    assert rows(desk, "script_ref")[0]["body_digest"] != plain


# --- for which money -------------------------------------------------------------------------------------------------


def test_pins_are_held_back_from_a_dealer_whose_bank_receipt_nobody_confirmed(desk: Desk) -> None:
    """Rule 58: items by serial are released only after the payment state allows it."""
    lines = [sale("PPD-05", 1, PIN)]

    refusal = refused(desk, lambda: pay(desk, bank_cash("5"), account="D-1", lines=lines))

    assert (refusal.code, refusal.details["mode"]) == ("goods_held", "bank_cash")
    assert "in cash or by card" in refusal.message
    assert pay(desk, bank_cash("5"), account="D-1", lines=[sale("SIM-01", 1, iccid(1))]).receipt.provisional
    assert not pay(desk, cash("5"), account="D-1", lines=lines).receipt.provisional


def test_pins_are_held_back_from_a_cheque_and_given_for_a_card(desk: Desk) -> None:
    lines = [sale("PPD-05", 1, PIN)]

    assert refused(desk, lambda: pay(desk, cheque("5"), account=None, lines=lines)).code == "goods_held"
    assert kept(desk) == []
    pay(desk, card("5"), account=None, lines=lines)
    assert kept(desk) == [PLAIN]


def test_a_shop_may_hand_pins_over_for_money_that_is_not_final(desk: Desk) -> None:
    desk.policy = replace(desk.policy, items=replace(desk.policy.items, pins_need_final_money=False))

    assert pay(desk, bank_cash("5"), account="D-1", lines=[sale("PPD-05", 1, PIN)]).receipt.provisional


# --- on paper --------------------------------------------------------------------------------------------------------


def test_the_first_paper_gives_the_pins_away_and_no_other_ever_does(till: OpenTill) -> None:
    """Rule 58: PINs are never printed twice."""
    number = number_of(till)
    assert print_receipts(till).printed == 1

    first = (till.paths.receipts / f"{number}.txt").read_text()
    assert f"PIN {PLAIN}" in first
    assert f"PIN {OTHER_PLAIN}" in first
    assert kept(till.desk) == []

    reprint(till.desk, CASHIER, number)
    assert print_receipts(till).printed == 1
    again = (till.paths.receipts / f"{number}.duplicate-1.txt").read_text()
    assert "PIN ...9036" in again
    assert PLAIN not in again
    assert findings(till.desk) == []


def test_a_paper_that_did_not_come_out_leaves_the_pins_for_the_next_try(till: OpenTill) -> None:
    no_paper = Tray(papers=0, fault=PrinterUnavailable("The printer has no paper."))
    assert (
        print_receipts(till, devices_of=lambda _: PaperDevices(printer=no_paper, drawer=NoDrawer())).printed
        == 0
    )
    assert kept(till.desk) == [PLAIN, OTHER_PLAIN]

    tray = Tray()
    asyncio.run(
        print_in_background(
            till, InlineRunner(), devices_of=lambda _: PaperDevices(printer=tray, drawer=NoDrawer())
        )
    )

    [paper] = tray.papers.values()
    assert f"PIN {PLAIN}" in read(paper).text("cp1252")
    assert kept(till.desk) == []


def test_beside_a_receipt_printer_the_files_have_no_pin(till: OpenTill) -> None:
    print_receipts(till, devices_of=lambda _: PaperDevices(printer=Tray(), drawer=NoDrawer()))

    text = (till.paths.receipts / f"{number_of(till)}.txt").read_text()
    assert "PIN ...9036" in text
    assert PLAIN not in text


def test_a_duplicate_asked_for_while_the_first_paper_waits_has_no_pin(till: OpenTill) -> None:
    number = number_of(till)
    reprint(till.desk, CASHIER, number)

    assert print_receipts(till).printed == 2

    assert PLAIN in (till.paths.receipts / f"{number}.txt").read_text()
    assert PLAIN not in (till.paths.receipts / f"{number}.duplicate-1.txt").read_text()


def test_a_first_paper_that_can_never_be_made_leaves_its_pins_to_the_duplicate(till: OpenTill) -> None:
    number = number_of(till)
    raw_connection(till.desk.till.database).execute("UPDATE print_job SET state = 'failed'")
    reprint(till.desk, CASHIER, number)

    assert print_receipts(till).printed == 1

    assert PLAIN in (till.paths.receipts / f"{number}.duplicate-1.txt").read_text()
    assert kept(till.desk) == []


def test_neither_the_screen_nor_the_facts_show_a_pin_before_or_after_the_paper(till: OpenTill) -> None:
    number = number_of(till)

    before = receipt_text(till, show_receipt(till.desk, CASHIER, number), Copy())
    print_receipts(till)
    after = receipt_text(till, show_receipt(till.desk, CASHIER, number), Copy())

    assert before == after
    assert "PIN ...PL02" in after
    assert OTHER_PLAIN not in after


def test_what_was_printed_is_wiped_from_the_file(till: OpenTill) -> None:
    print_receipts(till)
    raw_connection(till.desk.till.database).execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert PLAIN.encode() not in till.paths.till_db.read_bytes()


# --- walls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM pin_to_print",
        "UPDATE pin_to_print SET pin = '00000000'",
        "INSERT OR REPLACE INTO pin_to_print SELECT payment_event_id, line, place, '0' FROM pin_to_print",
        "INSERT INTO pin_to_print SELECT payment_event_id, line, 7, '0' FROM pin_to_print LIMIT 1",
        "UPDATE sale_serial SET serial = '1'",
        "DELETE FROM sale_serial",
    ],
)
def test_the_database_keeps_a_pin_until_it_was_printed(till: OpenTill, statement: str) -> None:
    raw = raw_connection(till.desk.till.database)

    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(statement)

    assert kept(till.desk) == [PLAIN, OTHER_PLAIN]
