"""The feed of days drawn by chance equals the journal and the Z reports, and two other programs find it clean.

``LEDGER_ACTS=2000`` draws more acts; the whole gate does.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from pos.domain.ledger_feed import LedgerBatch
from pos.till.balances import ledger_balances
from pos.till.ledger_batches import make_batches
from pos.till.ledger_entries import behind, journal
from sync.ledger.files import BatchForm, JournalForm, batch_file, journal_file
from tests.builders.ledger_peers import PEERS, SUFFIX, balances_by_hledger, said_of
from tests.builders.random_day import RandomShop, random_days
from tests.builders.tills import BACK_OFFICE, findings, rows

ACTS = int(os.environ.get("LEDGER_ACTS", "160"))
AMOUNT = re.compile(r"(?<= )-?(\d+)\.(\d{3}) KWD")


@pytest.fixture(scope="module")
def shop() -> RandomShop:
    return random_days(ACTS)


@pytest.fixture(scope="module")
def batches(shop: RandomShop) -> tuple[LedgerBatch, ...]:
    return make_batches(shop.desk, BACK_OFFICE)


def journal_text(shop: RandomShop, peer: str) -> str:
    with journal(shop.desk, BACK_OFFICE) as known:
        return "".join(journal_file(JournalForm(peer), known.accounts, known.currencies, known.entries))


def test_the_days_hold_every_kind_of_act(shop: RandomShop) -> None:
    kinds = Counter(str(row["source_kind"]) for row in rows(shop.desk, "journal_entry"))

    assert shop.done.total() >= ACTS
    assert shop.done["hand_over"] > 0
    assert kinds.keys() >= {
        *("payment", "bank_receipt", "cash_move", "void", "refund", "shift_opened", "shift_closed"),
        *("deposit_lodged", "deposit_credited", "suspense_resolved"),
    }


def test_the_batches_are_the_journal_each_day_by_itself(
    shop: RandomShop, batches: tuple[LedgerBatch, ...]
) -> None:
    booked: Counter[tuple[str, str]] = Counter()
    for row in rows(shop.desk, "v_journal"):
        booked[str(row["business_date"]), str(row["ledger_account"])] += int(str(row["debit_minor"])) - int(
            str(row["credit_minor"])
        )
    fed: Counter[tuple[str, str]] = Counter()
    for batch in batches:
        for line in batch.lines:
            fed[batch.business_date.isoformat(), line.ledger_account] += line.debit.minor - line.credit.minor

    assert fed == booked
    assert sum(batch.entries for batch in batches) == len(rows(shop.desk, "journal_entry"))
    assert all(total.debit == total.credit for batch in batches for total in batch.totals)
    assert findings(shop.desk) == []


def test_the_batches_hold_what_the_z_reports_say(shop: RandomShop, batches: tuple[LedgerBatch, ...]) -> None:
    stated: Counter[tuple[str, str]] = Counter()
    for row in rows(shop.desk, "v_shift"):
        day = str(row["business_date"])
        stated[day, "expected"] += int(str(row["expected_cash_minor"]))
        stated[day, "counted"] += int(str(row["counted_cash_minor"]))
        stated[day, "over_short"] += int(str(row["over_short_minor"]))
    for row in rows(shop.desk, "(shift_close_foreign JOIN shift USING (shift_id))"):
        stated[str(row["business_date"]), "over_short"] += int(str(row["over_short_minor"]))
    fed: Counter[tuple[str, str]] = Counter()
    for batch in batches:
        day = batch.business_date.isoformat()
        for line in batch.lines:
            net = line.debit.minor - line.credit.minor
            match line.event, line.ledger_account:
                case "shift_closed", "cash_in_till":
                    fed[day, "expected"] -= net
                case "shift_closed", "safe":
                    fed[day, "counted"] += net
                case "shift_closed", "cash_over_short":
                    fed[day, "over_short"] -= net

    assert {key: minor for key, minor in fed.items() if minor} == {
        key: minor for key, minor in stated.items() if minor
    }


def test_every_figure_is_the_sum_of_what_lies_behind_it(
    shop: RandomShop, batches: tuple[LedgerBatch, ...]
) -> None:
    for batch in batches:
        for line in batch.lines:
            found = behind(shop.desk, BACK_OFFICE, batch.number, line.number, limit=10_000)
            assert (sum(one.amount.minor for one in found), len(found)) == (
                line.debit.minor + line.credit.minor,
                line.postings,
            )
            assert all(one.paper for one in found), line.event


@pytest.mark.parametrize("peer", PEERS)
def test_another_program_finds_batches_and_journal_clean(
    peer: str, shop: RandomShop, batches: tuple[LedgerBatch, ...], tmp_path: Path
) -> None:
    assert said_of(peer, tmp_path, "".join(batch_file(BatchForm(peer), batches))) == ""
    assert said_of(peer, tmp_path, journal_text(shop, peer)) == ""


@pytest.mark.parametrize("peer", PEERS)
def test_another_program_finds_one_digit_that_is_wrong(peer: str, shop: RandomShop, tmp_path: Path) -> None:
    text = journal_text(shop, peer)
    amount = random.Random(7).choice(list(AMOUNT.finditer(text)))
    planted = f"{text[: amount.start(2)]}{(int(amount[2]) + 5) % 1000:03d}{text[amount.end(2) :]}"

    assert said_of(peer, tmp_path, planted) != ""


@pytest.mark.parametrize("peer", PEERS)
def test_another_program_finds_a_line_that_is_missing(peer: str, shop: RandomShop, tmp_path: Path) -> None:
    lines = journal_text(shop, peer).splitlines(keepends=True)
    without = random.Random(7).choice([place for place, line in enumerate(lines) if AMOUNT.search(line)])
    del lines[without]

    assert said_of(peer, tmp_path, "".join(lines)) != ""


def test_hledger_adds_up_the_balances_of_the_books(shop: RandomShop, tmp_path: Path) -> None:
    assert said_of("hledger", tmp_path, journal_text(shop, "hledger")) == ""
    accounts = shop.desk.policy.ledger.accounts
    booked = {
        f"{accounts[row.ledger_account].code}-{row.ledger_account.replace('_', '-')}": str(row.balance)
        if row.balance.minor
        else "0"
        for row in ledger_balances(shop.desk, BACK_OFFICE)
    }

    added = balances_by_hledger(tmp_path / f"feed{SUFFIX['hledger']}")

    assert {name.partition(":")[2]: amount for name, amount in added.items()} == booked
