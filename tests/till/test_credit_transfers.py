"""Credit transfers in a bank's file: noted where the shop takes none, else paid to whom the payer names, or in suspense."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pos.domain.bank_file import BankEntry, EntryOutcome, Remark, Transfer
from pos.domain.check_digit import CheckDigit
from pos.domain.creditor_reference import own_part
from pos.domain.parked_entry import Settled
from pos.domain.payment_mode import DetailField, FieldKind, ModeKind, PaymentModes
from pos.till.desk import Desk
from pos.till.parked_entries import SettleEntryOrder, settle_entry
from tests.builders.bank_files import dry_run, paid, run, with_debits
from tests.builders.bank_xml import entry, notice, read_file
from tests.builders.tills import BACK_OFFICE, TODAY, findings, make_till, rows


@pytest.fixture
def desk() -> Desk:
    """A shop that takes credit transfers."""
    desk = make_till()
    (debit,) = desk.modes.of_kind(ModeKind.DIRECT_DEBIT)
    fields = (
        *(field for field in debit.fields if field.name != "mandate"),
        DetailField(name="remittance", label="Says", kind=FieldKind.NAME, required=False, limit=120),
    )
    transfer = replace(
        debit, code="credit_transfer", label="Credit transfer", fields=fields, identity=("reference", "date")
    )
    desk.modes = PaymentModes(by_code={**desk.modes.by_code, transfer.code: transfer})
    return with_debits(desk, transfers_as=transfer.code)


def transfer(amount: str = "41.750", *words: str, structured: tuple[str, ...] = (), **more: Any) -> BankEntry:
    told = {"reference": "B-1", "bank_reference": "B-1", "transfer": Transfer.TOLD, **more}
    return paid(
        told.pop("reference"), amount, account="", structured=structured, remittance=tuple(words), **told
    )


def allocated(desk: Desk) -> list[tuple[object, object]]:
    return [(part["account"], part["bill_no"]) for part in rows(desk, "v_allocation")]


def test_a_reference_of_a_creditor_is_believed_by_its_check_digits() -> None:
    digits = next(digits for digits in range(100) if own_part(f"RF{digits:02}7781"))

    assert own_part("RF18 5390 0754 7034") == "539007547034"
    assert own_part("RF19 5390 0754 7034") is None
    assert own_part(f"rf{digits:02} 7781") == "7781"
    assert own_part("7781") is own_part("RF") is own_part("RF１８539007547034") is None


def rf(own: str) -> str:
    return next(f"RF{digits:02}{own}" for digits in range(100) if own_part(f"RF{digits:02}{own}"))


@pytest.mark.parametrize(
    "told",
    [
        transfer("41.750", structured=(rf("7781"),)),
        transfer("41.750", structured=("7781",)),
        transfer("40.000", structured=("no such thing", "7781")),
        transfer("41.750", "Rechnung 7781, danke"),
        transfer("41.750", f"Invoice {rf('7781')}"),
        transfer("41.750", "فاتورة 7781"),
    ],
)
def test_a_transfer_pays_the_bill_that_its_payer_names(desk: Desk, told: BankEntry) -> None:
    (plan,) = run(desk, told)

    assert (plan.outcome, plan.remarks) == (EntryOutcome.POSTED, (Remark.CREDIT_TRANSFER,))
    assert allocated(desk) == [("BA-1", "7781")]
    assert [row["mode"] for row in rows(desk, "v_tender")] == ["credit_transfer"]
    assert findings(desk) == []


def test_a_transfer_that_names_an_account_pays_its_oldest_bill(desk: Desk) -> None:
    run(desk, transfer("10.000", structured=("BA-4",)))

    assert {account for account, _ in allocated(desk)} == {"BA-4"}


@pytest.mark.parametrize(
    "told",
    [
        transfer("41.750"),
        transfer("41.750", "thank you"),
        transfer("41.749", "in 7781 ways"),
        transfer("41.750", structured=("RF007781",)),
        transfer("1.000", "7781 or 7796"),
    ],
)
def test_a_transfer_of_which_nobody_can_tell_whose_it_is_is_in_suspense(desk: Desk, told: BankEntry) -> None:
    (plan,) = run(desk, told)

    assert (plan.outcome, plan.is_problem) == (EntryOutcome.SUSPENSE, False)
    (row,) = rows(desk, "suspense")
    assert "B-1" in str(row["reference"])
    assert findings(desk) == []


def test_an_account_whose_check_digit_is_wrong_is_not_believed(desk: Desk) -> None:
    desk.policy = replace(desk.policy, check_digit=CheckDigit.LUHN)
    with desk.cache.write() as connection:
        connection.exec_driver_sql("UPDATE account SET account = '100014' WHERE account = 'BA-4'")

    (plan,) = run(desk, transfer("1.000", structured=("100014",)))

    assert plan.outcome is EntryOutcome.SUSPENSE


def test_the_same_transfer_is_posted_once_and_the_next_of_the_same_words_too(desk: Desk) -> None:
    """A standing order has the same words each month; what the bank calls it is another each time."""
    first = transfer("41.750", structured=("BA-1",))
    second = replace(first, reference="B-2", bank_reference="B-2")

    run(desk, first, second, name="a.xml")
    run(desk, first, second, name="b.xml")

    assert [row["outcome"] for row in rows(desk, "bank_entry")] == [
        "posted",
        "posted",
        "duplicate",
        "duplicate",
    ]
    assert findings(desk) == []


def test_transfers_that_the_bank_has_no_reference_of_are_told_apart_by_their_day(desk: Desk) -> None:
    first = transfer("1.000", structured=("BA-1",), reference="RENT", bank_reference="")
    second = replace(first, value_date=TODAY.replace(day=1).isoformat())

    run(desk, first, second, first)

    assert [row["outcome"] for row in rows(desk, "bank_entry")] == ["posted", "posted", "duplicate"]


def test_a_shop_that_takes_no_transfers_notes_them_with_their_sum(desk: Desk) -> None:
    with_debits(desk, transfers_as="")
    told = transfer("41.750", structured=("7781",))

    found = dry_run(desk, told)
    (plan,) = run(desk, told)

    assert (plan.outcome, rows(desk, "v_payment")) == (EntryOutcome.NOTED, [])
    assert (found.remarks[Remark.CREDIT_TRANSFER].amount.plain(), found.problems) == ("41.750", 0)


def test_money_that_nothing_calls_a_transfer_is_a_debit_where_a_file_told_of_it_as_one(desk: Desk) -> None:
    run(desk, paid("R-1", "1.000"), name="a.xml")

    (plan,) = run(desk, paid("R-1", "1.000", transfer=Transfer.ASSUMED), name="b.xml")

    assert (plan.outcome, plan.remarks) == (EntryOutcome.DUPLICATE, ())


# --- as banks tell them --------------------------------------------------------------------------------------------------

REMITTANCE = (
    "<RmtInf><Ustrd>Invoice 7781</Ustrd><Strd><RfrdDocInf><Nb>7782</Nb></RfrdDocInf><CdtrRefInf><Ref>RF107781</Ref>"
    "</CdtrRefInf></Strd></RmtInf>"
)


def test_what_a_payer_says_is_told_with_the_transfer_and_goes_by_the_banks_reference(tmp_path: Path) -> None:
    content = notice(entry("MINE", family="RCDT", more=REMITTANCE)).replace(
        "<MndtId>M-1</MndtId>", "<TxId>T-9</TxId>"
    )

    (told,) = read_file(tmp_path, content)[1]

    assert (told.transfer, told.reference, told.structured, told.remittance) == (
        Transfer.TOLD,
        "T-9",
        ("RF107781", "7782", "MINE"),
        ("Invoice 7781",),
    )


@pytest.mark.parametrize(
    ("family", "sub_family", "side", "transfer"),
    [
        ("RCDT", "ESCT", "CRDT", Transfer.TOLD),
        ("RRCT", "ESCT", "CRDT", Transfer.TOLD),
        ("", "", "CRDT", Transfer.ASSUMED),
        ("RCDT", "RRTN", "CRDT", None),
        ("ICDT", "ESCT", "DBIT", None),
        ("RCDT", "ESCT", "DBIT", None),
        ("MCRD", "POSP", "CRDT", None),
        ("IDDT", "ESDD", "CRDT", Transfer.NO),
    ],
)
def test_what_the_bank_codes_otherwise_is_no_transfer(
    tmp_path: Path, family: str, sub_family: str, side: str, transfer: Transfer | None
) -> None:
    content = notice(entry("E-1", family=family, side=side)).replace("ESDD", sub_family)
    file, told = read_file(tmp_path, content.replace("<MndtId>M-1</MndtId>", ""))

    assert ([one.transfer for one in told], file.left_out) == (
        ([], 1) if transfer is None else ([transfer], 0)
    )


def test_a_transfer_that_waited_for_a_person_is_settled_as_one(desk: Desk) -> None:
    """A dealer's account was named, say; it is held against the account of transfers, and no debit is made of it."""
    mode = replace(desk.modes["credit_transfer"], ledger_account="transfer_clearing")
    desk.modes = PaymentModes(by_code={**desk.modes.by_code, mode.code: mode})
    (plan,) = run(desk, transfer("7.000", structured=("D-1",)))
    assert (plan.outcome, plan.problem) == (EntryOutcome.PARKED, "mode_not_for_payer")
    (row,) = rows(desk, "v_bank_entry")

    def settle(how: Settled, account: str = "") -> None:
        order = SettleEntryOrder(run=str(row["run_id"]), number=1, how=how, account=account, reason="Asked")
        settle_entry(desk, BACK_OFFICE, order)

    def booked() -> set[object]:
        return {line["ledger_account"] for line in rows(desk, "v_journal")}

    settle(Settled.SENT_BACK)
    assert booked() == {"suspense", "transfer_clearing"}
    settle(Settled.UNDONE)
    settle(Settled.PAID, "BA-1")
    assert booked() == {"suspense", "transfer_clearing", "receivable"}
    assert [tender["mode"] for tender in rows(desk, "v_tender")] == ["credit_transfer"]
    assert findings(desk) == []
