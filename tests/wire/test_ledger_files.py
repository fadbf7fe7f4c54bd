"""The feed as files: two other programs find it clean and find a planted error; nothing in it is a formula."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pos.domain.ledger_entry import accounts_of, batch_entries
from pos.domain.ledger_feed import AccountKind, LedgerBatch, PostingAccount
from pos.domain.receipt import ShopHeading
from pos.store.database import Database, StoreError
from pos.store.unit_of_work import TillStore
from pos.till.desk import Desk
from pos.till.ledger_batches import ledger_batches, make_batches
from pos.till.ledger_entries import behind, journal
from sync.ledger.files import BatchForm, JournalForm, batch_file, journal_file
from sync.ledger.tables import JOURNAL, ORACLE, SAP
from tests.builders.ledger import counted_day
from tests.builders.ledger_peers import PEERS, SUFFIX, balances_by_hledger, days_by_hledger, said_of
from tests.builders.tills import (
    BACK_OFFICE,
    KEYS,
    TODAY,
    cash,
    close_stores,
    closed,
    count,
    make_till,
    opened,
    pay,
    raw_connection,
    rows,
)


def batched() -> tuple[Desk, LedgerBatch]:
    desk = counted_day()
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)
    return desk, batch


def told(desk: Desk, form: JournalForm) -> str:
    with journal(desk, BACK_OFFICE) as known:
        return "".join(journal_file(form, known.accounts, known.currencies, known.entries))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def file_of(batch: LedgerBatch, form: BatchForm) -> str:
    return "".join(batch_file(form, [batch]))


@pytest.mark.parametrize("peer", PEERS)
def test_a_file_of_batches_between_which_an_account_became_another_kind_is_clean(
    peer: str, tmp_path: Path
) -> None:
    """What was made keeps its words; the name that another program knows an account by begins with its kind."""
    _, batch = batched()
    later = replace(
        batch,
        number=f"{batch.number[:-1]}2",
        lines=tuple(
            replace(line, kind=AccountKind.ASSET, name="Credit, now of assets")
            if line.kind is AccountKind.LIABILITY
            else line
            for line in batch.lines
        ),
    )
    text = "".join(batch_file(BatchForm(peer), [batch, later]))

    assert any(line.kind is AccountKind.LIABILITY for line in batch.lines)
    assert said_of(peer, tmp_path, text) == ""


@pytest.mark.parametrize(
    "named", ["date:2020-01-01", "date:never", "[2020-01-01]", "x [2020-13-01] y", "x date: 1"]
)
def test_no_name_of_a_customer_moves_a_posting_to_another_day(named: str, tmp_path: Path) -> None:
    """hledger reads a posting's own day out of its comment, and refuses a file in which it is none."""
    _, batch = batched()
    entry = next(iter(batch_entries(batch)))
    entry = entry._replace(
        lines=[(account, named, debit, credit, code) for account, _, debit, credit, code in entry.lines]
    )
    text = "".join(
        journal_file(JournalForm.HLEDGER, accounts_of([batch]), [batch.totals[0].debit.currency], [entry])
    )

    assert said_of("hledger", tmp_path, text) == ""
    assert days_by_hledger(tmp_path / "feed.journal") == {TODAY.isoformat()}


@pytest.mark.parametrize("peer", PEERS)
def test_another_program_finds_a_batch_clean(peer: str, tmp_path: Path) -> None:
    _, batch = batched()

    assert said_of(peer, tmp_path, file_of(batch, BatchForm(peer))) == ""


@pytest.mark.parametrize("peer", PEERS)
def test_another_program_takes_the_part_of_an_account_for_an_account(peer: str, tmp_path: Path) -> None:
    desk = make_till()
    part = PostingAccount(
        key="output_tax:5", code="2205", name="Output tax at 5 %", kind=AccountKind.LIABILITY
    )
    accounts = {**desk.policy.ledger.accounts, part.key: part}
    payments = replace(desk.policy.payments, tax_parts=frozenset({"5"}))
    desk.policy = replace(
        desk.policy, payments=payments, ledger=replace(desk.policy.ledger, accounts=accounts)
    )
    (batch,) = make_batches(counted_day(desk), BACK_OFFICE, TODAY)

    text = file_of(batch, BatchForm(peer))

    assert "2205-output-tax-5" in text
    assert said_of(peer, tmp_path, text) == ""
    assert said_of(peer, tmp_path, told(desk, JournalForm(peer))) == ""


@pytest.mark.parametrize("peer", PEERS)
def test_another_program_finds_the_journal_clean(peer: str, tmp_path: Path) -> None:
    desk, _ = batched()

    assert said_of(peer, tmp_path, told(desk, JournalForm(peer))) == ""


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("7.000 KWD", "7.001 KWD"), ("-20.000 KWD", "20.000 KWD"), ("-1.190 KWD", "-1.190 USD")],
)
def test_another_program_finds_a_wrong_amount(peer: str, right: str, wrong: str, tmp_path: Path) -> None:
    _, batch = batched()
    text = file_of(batch, BatchForm(peer))
    assert f" {right}" in text

    assert said_of(peer, tmp_path, text.replace(f" {right}", f" {wrong}")) != ""


@pytest.mark.parametrize("peer", PEERS)
def test_another_program_finds_an_account_that_nobody_declared(peer: str, tmp_path: Path) -> None:
    _, batch = batched()
    *before, last = file_of(batch, BatchForm(peer)).rpartition("1110-card-receivable")

    assert said_of(peer, tmp_path, "".join([*before[:-1], "1111-card-receivable", last])) != ""


@pytest.mark.parametrize("peer", PEERS)
def test_a_supplement_is_read_after_the_batch_that_declared_the_accounts(peer: str, tmp_path: Path) -> None:
    desk, batch = batched()
    opened(desk)
    pay(desk, cash("4"), account="BA-1")
    count(desk, "24")
    closed(desk)
    (supplement,) = make_batches(desk, BACK_OFFICE, TODAY)

    text = file_of(batch, BatchForm(peer)) + "".join(
        batch_file(BatchForm(peer), [supplement], accounts=False)
    )

    assert said_of(peer, tmp_path, text) == ""


def test_hledger_adds_up_what_the_books_hold(tmp_path: Path) -> None:
    desk, _batch = batched()
    text = told(desk, JournalForm.HLEDGER)
    assert said_of("hledger", tmp_path, text) == ""

    found = balances_by_hledger(tmp_path / f"feed{SUFFIX['hledger']}")

    assert found == {
        "assets:1010-cash-in-till": "0",
        "assets:1020-safe": "14.250 KWD",
        "assets:1030-cheques-in-hand": "5.000 KWD",
        "assets:1110-card-receivable": "7.000 KWD",
        "assets:1200-receivable": "-25.000 KWD",
        "liabilities:2200-output-tax": "-0.060 KWD",
        "revenues:4100-item-revenue": "-1.190 KWD",
    }


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_a_currency_with_other_digits_is_clean_too(peer: str, currency: str, tmp_path: Path) -> None:
    desk = make_till(currency=currency)
    opened(desk, "2000")
    pay(desk, cash("1000"), account="BA-1")
    with journal(desk, BACK_OFFICE) as known:
        text = "".join(journal_file(JournalForm(peer), known.accounts, known.currencies, known.entries))

    assert said_of(peer, tmp_path, text) == ""


HOSTILE = '=HYPERLINK("http://x.example","1")\n; account assets:x\n"} \\'


@pytest.mark.parametrize("peer", PEERS)
def test_a_hostile_name_breaks_no_line_of_another_programs_file(peer: str, tmp_path: Path) -> None:
    desk = counted_day()
    rules = desk.policy.ledger
    accounts = {key: replace(one, name=HOSTILE) for key, one in rules.accounts.items()}
    desk.policy = replace(
        desk.policy, ledger=replace(rules, accounts=accounts, categories={"payment": HOSTILE})
    )
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    assert said_of(peer, tmp_path, file_of(batch, BatchForm(peer))) == ""


@pytest.mark.parametrize("form", [BatchForm.CSV, BatchForm.ORACLE, BatchForm.SAP])
def test_no_cell_of_a_table_is_a_formula(form: BatchForm) -> None:
    desk = counted_day()
    rules = desk.policy.ledger
    accounts = {key: replace(one, name=HOSTILE, code="-1+1") for key, one in rules.accounts.items()}
    desk.policy = replace(
        desk.policy, ledger=replace(rules, accounts=accounts, categories={"payment": "@SUM(A1)"})
    )
    desk.identity = replace(desk.identity, shop=ShopHeading(shop="=1+1", name="", address=()))
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    for row in csv.reader(io.StringIO(file_of(batch, form), newline="")):
        assert [cell for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")] == []


def test_the_plain_table_has_a_row_a_line_with_exact_amounts() -> None:
    _, batch = batched()

    table = read(file_of(batch, BatchForm.CSV))

    assert len(table) == len(batch.lines)
    cash_taken = next(
        row for row in table if (row["event"], row["ledger_account"]) == ("payment", "cash_in_till")
    )
    assert (cash_taken["debit"], cash_taken["credit"], cash_taken["account"], cash_taken["postings"]) == (
        "14.250",
        "",
        "1010",
        "3",
    )
    assert {row["batch"] for row in table} == {batch.number}


def test_the_oracle_layout_has_the_names_of_its_interface_table() -> None:
    desk = counted_day()
    terms = {"ledger": "1001", "company": "KW01", "cost_centre": ""}
    desk.policy = replace(desk.policy, ledger=replace(desk.policy.ledger, terms=terms))
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    table = read(file_of(batch, BatchForm.ORACLE))

    assert tuple(table[0]) == ORACLE
    first = next(row for row in table if row["ENTERED_DR"] == "14.250")
    assert (first["STATUS"], first["ACTUAL_FLAG"], first["LEDGER_ID"]) == ("NEW", "A", "1001")
    assert (first["SEGMENT1"], first["SEGMENT2"], first["SEGMENT3"]) == ("KW01", "S014", "1010")
    assert (first["ENTERED_CR"], first["REFERENCE21"]) == ("", batch.number)


def test_a_document_of_the_sap_layout_balances_by_itself() -> None:
    _, batch = batched()

    table = read(file_of(batch, BatchForm.SAP))

    assert tuple(table[0]) == SAP
    sums: dict[str, int] = {}
    for row in table:
        minor = int(row["AMOUNT"].replace(".", ""))
        sums[row["DOCUMENT"]] = sums.get(row["DOCUMENT"], 0) + (
            minor if row["DEBIT_CREDIT"] == "S" else -minor
        )
    assert sums == {"1": 0, "2": 0, "3": 0}


def test_a_batch_as_json_tells_its_control_totals_and_digest() -> None:
    desk, batch = batched()

    found = json.loads(file_of(batch, BatchForm.JSON))

    assert found["totals"] == [{"currency": "KWD", "debit": "80.500", "credit": "80.500"}]
    assert found["sha256"] == rows(desk, "ledger_batch")[0]["digest"]
    assert len(found["lines"]) == found["lineCount"] == len(batch.lines)


def test_the_journal_names_the_receipt_of_every_entry() -> None:
    desk, batch = batched()

    table = read(told(desk, JournalForm.CSV))

    assert tuple(table[0]) == JOURNAL
    assert {(row["event"], row["number"]) for row in table} == {
        ("shift_opened", "shift 1"),
        *(("payment", f"S014-T1-A-00000{number}") for number in (1, 2, 3, 4)),
        ("shift_closed", "shift 1"),
    }
    assert {row["batch"] for row in table} == {batch.number}
    assert sum(int(row["debit"].replace(".", "") or 0) for row in table) == 80_500


def test_every_figure_of_a_batch_drills_to_its_receipts() -> None:
    desk, batch = batched()

    for line in batch.lines:
        found = behind(desk, BACK_OFFICE, batch.number, line.number)
        assert len(found) == line.postings
        assert sum(one.amount.minor for one in found) == line.debit.minor + line.credit.minor
    cash_taken = next(line for line in batch.lines if (line.event, line.code) == ("payment", "1010"))
    papers = [one.paper for one in behind(desk, BACK_OFFICE, batch.number, cash_taken.number)]
    assert papers == ["S014-T1-A-000001", "S014-T1-A-000002", "S014-T1-A-000004"]


def test_what_lies_behind_a_figure_is_told_page_by_page() -> None:
    desk, batch = batched()
    line = next(line for line in batch.lines if line.postings == 3)
    whole = behind(desk, BACK_OFFICE, batch.number, line.number)

    first = behind(desk, BACK_OFFICE, batch.number, line.number, limit=2)
    rest = behind(desk, BACK_OFFICE, batch.number, line.number, after=first[-1].place)

    assert [*first, *rest] == whole
    assert len(first) == 2


def test_the_journal_of_a_batched_day_keeps_the_codes_that_the_batch_had() -> None:
    desk, _batch = batched()
    rules = desk.policy.ledger
    renamed = {key: replace(one, code=f"9{one.code}") for key, one in rules.accounts.items()}
    before = told(desk, JournalForm.CSV)
    desk.policy = replace(desk.policy, ledger=replace(rules, accounts=renamed))
    assert told(desk, JournalForm.CSV) == before

    opened(desk)

    assert {(row["account"], row["batch"]) for row in read(told(desk, JournalForm.CSV))[-2:]} == {
        ("91010", ""),
        ("91020", ""),
    }


def test_files_of_one_batch_are_the_same_bytes_at_every_export() -> None:
    desk, batch = batched()
    first = {form: file_of(batch, form) for form in BatchForm}
    opened(desk)
    pay(desk, cash("4"), account="BA-1")
    count(desk, "24")
    closed(desk)
    make_batches(desk, BACK_OFFICE, TODAY)

    (again, _) = ledger_batches(desk, BACK_OFFICE, TODAY)

    assert {form: file_of(again, form) for form in BatchForm} == first


def test_a_damaged_page_of_the_journal_ends_its_export(tmp_path: Path) -> None:
    desk = counted_day(make_till(tmp_path))
    make_batches(desk, BACK_OFFICE, TODAY)
    (page,) = (
        raw_connection(desk.till.database)
        .execute("SELECT rootpage FROM sqlite_schema WHERE name = 'journal_line'")
        .fetchone()
    )
    raw_connection(desk.till.database).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    close_stores(desk)
    books = tmp_path / "till.db"
    content = bytearray(books.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\xa5" * 4096
    books.write_bytes(bytes(content))
    desk = replace(make_till(), till=TillStore(Database(books), KEYS))

    with pytest.raises(StoreError) as stop:
        told(desk, JournalForm.CSV)

    assert stop.value.code == "store_damaged"
    close_stores(desk)
