"""``pos demo --headless``: the whole main job by one command, and what it leaves behind for other programs to read."""

from __future__ import annotations

import fcntl
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pos.settings import read_settings, sample_folder
from tests.builders.homes import Ended, ForkingPos, plain_pos
from tests.builders.pdf_reader import text_of

KWD = re.compile(r"-?\d+\.\d{3}")

VIEWS = {
    "v_payment": "payment_event_id receipt_number terminal epoch sequence shift_id business_date taken_at_utc operator "
    "payer_kind payer_account amount_minor currency state",
    "v_tender": "tender_id payment_event_id mode amount_minor change_minor currency state",
    "v_allocation": "allocation_id payment_event_id tender_id account bill_no amount_minor currency",
    "v_journal": "entry_id line_no business_date source_kind source_id ledger_account debit_minor credit_minor currency",
    "v_receipt": "receipt_number series counter kind payment_event_id copies_printed",
    "v_shift": "shift_id operator business_date state currency float_minor expected_cash_minor counted_cash_minor "
    "over_short_minor",
    "v_cheque": "cheque_id tender_id bank serial amount_minor currency cheque_date state",
    "v_refund": "payment_event_id amount_minor currency state",
    "v_transfer": "payment_event_id amount_minor currency state from_account to_account",
    "v_outbox": "outbox_id payment_event_id leg correlator_id kind state attempts",
    "v_audit": "audit_id at_utc operator act result reason_code shift_id",
    "v_bill": "bill_no account currency amount_due_minor open_minor due_date state",
    "v_account": "account kind name currency credit_minor",
}
"""Names and columns that other programs rely on (interface.md section 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The demo's folder and what it said."""

    folder: Path
    ended: Ended

    @property
    def till(self) -> Path:
        return self.folder / "till"

    @property
    def central_db(self) -> str:
        return f"sqlite:///{self.folder / 'central' / 'central.db'}"

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The answers to the payments that were taken."""
        return [line for line in self.ended.lines if line.get("act") in ("pay", "sell") and line["ok"]]

    @property
    def by_file(self) -> int:
        """How many payments the bank's file brought."""
        (told,) = [line for line in self.ended.lines if line.get("step") == "direct_debits"]
        return int(told["posted"])

    @contextmanager
    def books(self, name: str = "till.db") -> Iterator[sqlite3.Connection]:
        """A connection that is not ours and can only read."""
        with closing(sqlite3.connect(f"file:{self.till / name}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection


@pytest.fixture(scope="session")
def demo(run_folder: Path) -> Demo:
    """One run for all workers: the first takes the lock and runs it, the others read what it said."""
    shared = run_folder / "demo"
    shared.mkdir(exist_ok=True)
    folder, told = shared / "shop", shared / "told.json"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            ended = plain_pos("demo", "--headless", "--json", "--home", str(folder))
            told.write_text(json.dumps([ended.status, ended.out, ended.err]))
        status, out, err = json.loads(told.read_text())
    return Demo(folder=folder, ended=Ended(status=status, out=out, err=err))


def minor(text: str) -> int:
    """KWD in fils."""
    assert KWD.fullmatch(text), f"{text!r} has not the three digits of its currency"
    return int(text.replace(".", ""))


# --- what it says --------------------------------------------------------------------------------------------


def test_it_ends_with_0_and_its_last_line_says_that_all_held(demo: Demo) -> None:
    assert demo.ended.status == 0, demo.ended
    assert demo.ended.last["ok"] is True
    assert [line["step"] for line in demo.ended.lines if "step" in line] == [
        "direct_debits",
        "printed",
        "synced",
        "ledger_fed",
        "till_verified",
        "central_verified",
        "done",
    ]
    assert [line["findings"] for line in demo.ended.lines if "findings" in line] == [0, 0]


def test_every_line_of_its_output_is_one_json_object(demo: Demo) -> None:
    assert demo.ended.out.endswith("\n")
    assert all(isinstance(json.loads(line), dict) for line in demo.ended.out.splitlines())


def test_beside_its_output_it_says_one_note(demo: Demo) -> None:
    assert demo.ended.err == f"The sample shop is in {demo.folder}.\n"


def test_its_shop_charges_a_fee_for_a_cheque_that_bounces(demo: Demo) -> None:
    settings = read_settings(home=demo.till)
    assert settings.sources["till.toml"] == demo.till / "config" / "till.toml"
    assert settings.till.cheques.dishonour.fee == "5.000"
    assert settings.till.cheques.dishonour.fee_tax_rate == "0"


def test_it_counts_the_payments_that_it_took(demo: Demo) -> None:
    with demo.books() as books:
        (kept,) = books.execute("SELECT count(*) FROM v_payment").fetchone()
    assert demo.ended.last["payments"] == len(demo.taken) + demo.by_file == kept


MATRIX = {
    "cash": {"subscriber", "dealer", "walk_in"},
    "cheque": {"subscriber", "dealer", "walk_in"},
    "debit_card": {"subscriber", "dealer", "walk_in"},
    "credit_card": {"subscriber", "dealer", "walk_in"},
    "bank_cash": {"dealer"},
    "bank_cheque": {"dealer"},
    "direct_debit": {"subscriber"},
    "internal_voucher": {"subscriber", "dealer"},
    "external_voucher": {"subscriber", "dealer"},
    "atm": {"subscriber", "dealer"},
}
"""The requirement, written out again: who may pay with what."""


def test_it_takes_every_mode_from_every_payer_that_may_pay_with_it(demo: Demo) -> None:
    with demo.books() as books:
        seen = {
            tuple(row)
            for row in books.execute(
                "SELECT DISTINCT mode, payer_kind FROM v_tender JOIN v_payment USING (payment_event_id)"
            )
        }
    assert seen == {(mode, payer) for mode, payers in MATRIX.items() for payer in payers}


def test_it_pays_many_bills_and_bills_beside_items_and_with_several_tenders(demo: Demo) -> None:
    with demo.books() as books:
        (most_bills, most_tenders) = books.execute(
            "SELECT (SELECT max(bills) FROM (SELECT count(DISTINCT bill_no) AS bills FROM v_allocation "
            "GROUP BY payment_event_id)), (SELECT max(tenders) FROM (SELECT count(*) AS tenders FROM v_tender "
            "GROUP BY payment_event_id))"
        ).fetchone()
        both = books.execute(
            "SELECT count(*) FROM (SELECT 1 FROM v_allocation GROUP BY payment_event_id "
            "HAVING count(bill_no) > 0 AND count(item) > 0)"
        ).fetchone()
    assert most_bills > 1
    assert most_tenders == 3
    assert tuple(both) == (1,)


def test_what_the_matrix_does_not_allow_is_refused_by_its_code_and_books_nothing(demo: Demo) -> None:
    refused = [line for line in demo.ended.lines if line["ok"] is False]
    not_taken = sum(3 - len(payers) for payers in MATRIX.values())
    assert Counter(line["error"]["code"] for line in refused) == {
        "mode_not_for_payer": not_taken,
        "mode_not_for_purpose": 1,
        "not_allowed": 1,
    }
    with demo.books() as books:
        audited = books.execute(
            "SELECT count(*) FROM v_audit WHERE act IN ('pay', 'sell', 'hold_voucher') "
            "AND result IN ('refused', 'denied')"
        ).fetchone()
    assert tuple(audited) == (len(refused),)


def test_the_direct_debit_came_by_the_banks_file_and_in_no_shift(demo: Demo) -> None:
    with demo.books() as books:
        taken = books.execute(
            "SELECT DISTINCT operator, mode = 'direct_debit', shift_id IS NULL FROM v_payment "
            "JOIN v_tender USING (payment_event_id) ORDER BY operator"
        ).fetchall()
        (file,) = books.execute("SELECT * FROM v_bank_file").fetchall()
        entries = books.execute("SELECT outcome, remarks FROM v_bank_entry").fetchall()
    assert [tuple(row) for row in taken] == [("1001", 0, 0), ("4001", 1, 1)]
    assert (file["state"], file["entries"]) == ("ended", demo.by_file)
    assert {tuple(row) for row in entries} == {("posted", "")}


def test_a_file_of_the_bank_lies_there_to_try_with_debits_that_pay_bills_and_one_of_nobody(
    demo: Demo,
    pos: ForkingPos,
) -> None:
    file = demo.folder / "bank" / "bank-today.csv"
    assert read_settings(home=demo.till).till.direct_debit.folder == str(file.parent)
    tried = pos.run(
        *("--home", str(demo.till), "--json", "import", "direct-debit", str(file), "--profile", "csv"),
        *("--dry-run", "--user", "4001", "--pin-fd", "3"),
        pin="619405",
    )
    assert tried.status == 0, tried
    told = tried.last
    assert told["entries"] == 10
    assert told["outcomes"]["posted"]["count"] >= told["outcomes"]["suspense"]["count"] > 0, told


def test_a_sale_is_posted_to_revenue_and_output_tax(demo: Demo) -> None:
    with demo.books() as books:
        sold = books.execute("SELECT sum(amount_minor), sum(tax_minor) FROM v_sale_line").fetchone()
        posted = dict(
            tuple(row)
            for row in books.execute(
                "SELECT ledger_account, sum(credit_minor - debit_minor) FROM v_journal GROUP BY ledger_account"
            )
        )
    assert posted["item_revenue"] == sold[0] - sold[1] > 0
    assert posted["output_tax"] == sold[1] > 0


def test_the_code_of_a_voucher_is_in_no_file_of_the_till(demo: Demo) -> None:
    shop = json.loads((sample_folder() / "fixture-kwd.json").read_text(encoding="utf-8"))
    codes = [voucher["code"] for voucher in shop["vouchers"]]
    with demo.books() as books:
        (used,) = books.execute("SELECT count(*) FROM v_tender WHERE mode LIKE '%voucher'").fetchone()
    kept = b"".join(path.read_bytes() for path in sorted(demo.till.rglob("*")) if path.is_file())
    assert used > 3
    assert not [code for code in codes if code.encode() in kept or code.replace("-", "").encode() in kept]


def test_money_is_told_with_the_digits_of_its_currency(demo: Demo) -> None:
    told: list[str] = []

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                walk(part, key)
        elif isinstance(value, list):
            for part in value:
                walk(part, name)
        elif name in {
            "amount",
            "change",
            "credit",
            "float",
            "expected_cash",
            "counted_cash",
            "over_short",
            "open",
        }:
            assert value is None or KWD.fullmatch(value), (name, value)
            told.append(name)

    for line in demo.ended.lines:
        walk(line, "")
    assert len(told) > 60


# --- the paper -----------------------------------------------------------------------------------------------


def test_there_is_a_receipt_in_three_forms_for_each_payment_and_a_z_report_and_nothing_else(
    demo: Demo,
) -> None:
    """What the bank's file brought is on no paper: nobody waits for it at the counter."""
    papers = [*(line["receipt"] for line in demo.taken), "S014-T2-A-Z-000001"]
    expected = {f"{paper}.{suffix}" for paper in papers for suffix in ("txt", "pdf", "escpos")}
    assert {path.name for path in (demo.till / "receipts").iterdir()} == expected


@pytest.mark.parametrize("suffix", ["txt", "pdf"])
def test_the_amounts_on_each_receipt_are_those_of_the_books(demo: Demo, suffix: str) -> None:
    with demo.books() as books:
        payments = books.execute("SELECT * FROM v_payment WHERE shift_id IS NOT NULL").fetchall()
        for payment in payments:
            path = demo.till / "receipts" / f"{payment['receipt_number']}.{suffix}"
            text = text_of(path.read_bytes()) if suffix == "pdf" else path.read_text(encoding="utf-8")
            (total,) = re.findall(r"TOTAL KWD +([\d,]+\.\d{3})", text)
            (change,) = re.findall(r"CHANGE +([\d,]+\.\d{3})", text)
            tenders = books.execute(
                "SELECT sum(amount_minor + rounding_minor), sum(change_minor) FROM v_tender WHERE payment_event_id = ?",
                (payment["payment_event_id"],),
            ).fetchone()
            assert minor(total.replace(",", "")) == payment["amount_minor"]
            assert minor(change.replace(",", "")) == tenders[1]
            assert payment["amount_minor"] == tenders[0] - tenders[1]
            assert payment["receipt_number"] in text
            assert (payment["payer_account"] in text) is (payment["payer_kind"] != "walk_in")


# --- the books -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_another_program_can_read_the_view_with_its_frozen_columns(demo: Demo, view: str) -> None:
    with demo.books("cache.db" if view in ("v_bill", "v_account") else "till.db") as books:
        columns = ", ".join(VIEWS[view].split())
        rows = books.execute(f"SELECT {columns} FROM {view}").fetchall()
        kinds = books.execute(f"SELECT * FROM {view}").description
    assert {name for name, *_ in kinds} >= set(VIEWS[view].split())
    assert (rows == []) is (view in ("v_refund", "v_transfer"))
    assert all(
        type(row[name]) is int for row in rows for name in VIEWS[view].split() if name.endswith("_minor")
    )


def test_every_journal_entry_balances_and_every_payment_has_one(demo: Demo) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    with demo.books() as books:
        for row in books.execute("SELECT * FROM v_journal"):
            sums[row["entry_id"], row["currency"]] += row["debit_minor"] - row["credit_minor"]
        booked = {
            tuple(row)
            for row in books.execute(
                "SELECT source_id, sum(credit_minor) FROM v_journal WHERE source_kind = 'payment' "
                "AND ledger_account <> 'cash_rounding' GROUP BY source_id"
            )
        }
        taken = {tuple(row) for row in books.execute("SELECT payment_event_id, amount_minor FROM v_payment")}
    assert set(sums.values()) == {0}
    assert booked == taken


def test_the_shift_is_closed_on_the_cash_that_was_expected(demo: Demo) -> None:
    with demo.books() as books:
        (shift,) = books.execute("SELECT * FROM v_shift ORDER BY number").fetchall()
        (cash,) = books.execute(
            "SELECT sum(amount_minor - change_minor) FROM v_tender WHERE mode = 'cash'"
        ).fetchone()
        moved = dict(
            tuple(row)
            for row in books.execute(
                "SELECT ledger_account, sum(debit_minor - credit_minor) FROM v_journal GROUP BY ledger_account"
            )
        )
    assert shift["state"] == "closed"
    assert shift["expected_cash_minor"] == shift["counted_cash_minor"] == shift["float_minor"] + cash
    assert shift["over_short_minor"] == 0
    assert (moved["cash_in_till"], moved["safe"]) == (0, cash), (
        "the drawer is empty, the takings are in the safe"
    )


def test_what_is_open_on_a_bill_is_what_was_due_less_what_was_paid_here(demo: Demo) -> None:
    with demo.books() as books:
        paid = dict(
            tuple(row)
            for row in books.execute(
                "SELECT bill_no, sum(v_allocation.amount_minor) FROM v_allocation JOIN v_payment USING (payment_event_id) "
                "WHERE bill_no IS NOT NULL AND shift_id IS NOT NULL GROUP BY bill_no"
            )
        )
    told = {
        part["bill"]: minor(part["open"])
        for line in demo.taken
        for part in line["allocations"]
        if part["bill"] is not None
    }
    assert set(told) == set(paid)
    with demo.books("cache.db") as cache:
        for bill_no, open_minor in told.items():
            (kept,) = cache.execute("SELECT open_minor FROM v_bill WHERE bill_no = ?", (bill_no,)).fetchone()
            assert kept == open_minor


# --- central -------------------------------------------------------------------------------------------------


def test_central_has_one_row_for_each_leg(demo: Demo, pos: ForkingPos) -> None:
    ended = pos.run("central", "payments", "--json", "--db", demo.central_db, pin=None)
    assert (ended.status, ended.err) == (0, "")
    with demo.books() as books:
        legs = books.execute(
            "SELECT terminal, epoch, sequence, receipt_number, leg.amount_minor, leg.currency, leg.account "
            "FROM leg JOIN payment_event USING (payment_event_id) ORDER BY sequence, leg"
        ).fetchall()
    rows = [
        (
            row["terminal"],
            row["epoch"],
            row["sequence"],
            row["receipt_number"],
            minor(row["amount"]),
            row["currency"],
            row["account"],
        )
        for row in ended.lines
    ]
    assert sorted(rows) == sorted(tuple(leg) for leg in legs)
    of_receipt = Counter(row["receipt_number"] for row in ended.lines if "-DD-" not in row["receipt_number"])
    assert of_receipt == {line["receipt"]: len(line["tenders"]) for line in demo.taken}, (
        "a split payment gives a row for each tender, with one receipt number"
    )


def test_nothing_waits_any_more(demo: Demo, pos: ForkingPos) -> None:
    ended = pos.run("--home", str(demo.till), "--json", "outbox", pin=None)
    assert (ended.status, ended.out, ended.err) == (0, "", "Nothing waits.\n")
    with demo.books() as books:
        states = {row[0] for row in books.execute("SELECT state FROM v_outbox")}
    assert states == {"acknowledged"}


def test_afterwards_till_and_central_still_agree(demo: Demo, pos: ForkingPos) -> None:
    with demo.books() as books:
        (url,) = books.execute("SELECT value FROM home WHERE name = 'central_url'").fetchone()
    port = str(urlsplit(url).port)
    with pos.start("central", "serve", "--db", demo.central_db, "--port", port, pin=None) as central:
        assert central.answer()["event"] == "listening"
        ended = pos.run("--home", str(demo.till), "--json", "verify", "--central", pin=None)
    assert (ended.status, ended.lines) == (0, [{"ok": True, "findings": 0}])
    theirs = pos.run("central", "verify", "--json", "--db", demo.central_db, pin=None)
    assert (theirs.status, theirs.lines) == (0, [{"ok": True, "findings": 0}])


def test_a_second_demo_in_the_same_folder_is_refused(demo: Demo, pos: ForkingPos) -> None:
    before = (demo.till / "till.db").read_bytes()
    ended = pos.run("demo", "--headless", "--json", "--home", str(demo.folder), pin=None)
    assert ended.status == 2
    assert (demo.till / "till.db").read_bytes() == before
