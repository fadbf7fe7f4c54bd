"""Account reports with what banks charge, and statements: what a payer was asked for, and what the bank kept beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pos.domain.bank_file import EntryKind
from pos.domain.errors import Refused
from tests.builders.bank_xml import entry, notice, read_file, statement

LATE = "<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>"


def charge(amount: str, *, inside: str = "") -> str:
    """A charge as the later versions tell it; ``inside``: whether it is part of the amount."""
    told = f"<ChrgInclInd>{inside}</ChrgInclInd>" if inside else ""
    return f'<Chrgs><Rcrd><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd>{told}</Rcrd></Chrgs>'


def early_charge(amount: str) -> str:
    """The same before the fourth version."""
    return f'<Chrgs><Amt Ccy="EUR">{amount}</Amt></Chrgs>'


def amounts(asked: str, booked: str = "") -> str:
    inner = f'<TxAmt><Amt Ccy="EUR">{booked}</Amt></TxAmt>' if booked else ""
    return f'<AmtDtls><InstdAmt><Amt Ccy="EUR">{asked}</Amt></InstdAmt>{inner}</AmtDtls>'


@pytest.mark.parametrize("told", [charge("0.30"), early_charge("0.30")])
def test_a_charge_that_the_bank_kept_of_a_payment_is_not_the_payers(tmp_path: Path, told: str) -> None:
    """The payment is 10.00, of which 9.70 are on the account."""
    file, (one,) = read_file(tmp_path, notice(entry("E-1", total="9.70", more=told)))

    assert (one.amount, file.paid.plain(), file.charges.plain()) == ("10.00", "10.00", "0.30")


def test_the_charges_of_a_whole_entry_are_kept_of_all_of_its_payments(tmp_path: Path) -> None:
    several = entry("E-1", "E-2", total="19.50").replace("<BkTxCd>", charge("0.50") + "<BkTxCd>", 1)

    file, told = read_file(tmp_path, notice(several))

    assert [one.amount for one in told] == ["10.00", "10.00"]
    assert (file.paid.plain(), file.charges.plain()) == ("20.00", "0.50")


@pytest.mark.parametrize(
    "more",
    [
        charge("3.00") + amounts("10.00", "13.00"),
        charge("3.00", inside="true"),
        amounts("10.00", "13.00"),
        early_charge("3.00") + amounts("10.00"),
    ],
)
def test_what_the_other_bank_charged_for_a_return_is_no_part_of_the_payment(
    tmp_path: Path, more: str
) -> None:
    """13.00 went from the account, of which 10.00 is the payment that came before."""
    file, (one,) = read_file(tmp_path, notice(entry("E-1", amount="13.00", side="DBIT", more=more + LATE)))

    assert (one.kind, one.amount) == (EntryKind.RETURNED, "10.00")
    assert (file.back.plain(), file.charges.plain()) == ("10.00", "3.00")


def test_charges_that_are_told_beside_an_amount_leave_it_as_it_is(tmp_path: Path) -> None:
    file, (one,) = read_file(tmp_path, notice(entry("E-1", more=charge("0.30", inside="false"))))

    assert (one.amount, file.paid.plain()) == ("10.00", "10.00")


def test_each_entry_goes_by_its_own_charges(tmp_path: Path) -> None:
    """One bank's file in which they are once part of the amounts, once not, and once on an entry without details."""
    bare = entry(amount="7.70").replace("<BkTxCd>", charge("0.30", inside="true") + "<BkTxCd>", 1)

    file, told = read_file(
        tmp_path,
        notice(
            entry("E-1", "E-2", amount="9.70", more=charge("0.30", inside="true")),
            bare,
            entry("E-3", total="9.70", more=charge("0.30", inside="true")),
        ),
    )

    assert [one.amount for one in told] == ["10.00", "10.00", "8.00", "10.00"]
    assert (file.paid.plain(), file.charges.plain()) == ("38.00", "1.20")


@pytest.mark.parametrize(
    "content",
    [
        notice(entry("E-1", total="9.70")),
        notice(entry("E-1", total="9.60", more=charge("0.30"))),
        notice(entry("E-1", "E-2", total="19.70", more=charge("0.30"))),
    ],
)
def test_an_entry_that_its_charges_do_not_explain_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_file(tmp_path, content)
    assert refusal.value.code == "sums_differ"


def test_charges_that_are_more_than_the_amount_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        read_file(
            tmp_path, notice(entry("E-1", amount="2.00", side="DBIT", more=charge("2.00", inside="true")))
        )
    assert refusal.value.code == "bad_file"


RETURN = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09"><PmtRtr><GrpHdr><MsgId>R-1</MsgId><NbOfTxs>1</NbOfTxs>'
    '<TtlRtrdIntrBkSttlmAmt Ccy="EUR">13.00</TtlRtrdIntrBkSttlmAmt></GrpHdr><TxInf><RtrId>1</RtrId>'
    "<OrgnlEndToEndId>E-1</OrgnlEndToEndId>{amounts}<IntrBkSttlmDt>2026-11-20</IntrBkSttlmDt></TxInf></PmtRtr></Document>"
)


@pytest.mark.parametrize(
    "amounts",
    [
        '<RtrdIntrBkSttlmAmt Ccy="EUR">13.00</RtrdIntrBkSttlmAmt><RtrdInstdAmt Ccy="EUR">10.00</RtrdInstdAmt>',
        '<OrgnlIntrBkSttlmAmt Ccy="EUR">10.00</OrgnlIntrBkSttlmAmt><RtrdIntrBkSttlmAmt Ccy="EUR">13.00</RtrdIntrBkSttlmAmt>'
        '<CompstnAmt Ccy="EUR">0.50</CompstnAmt><ChrgsInf><Amt Ccy="EUR">2.50</Amt></ChrgsInf>',
    ],
)
def test_a_return_message_names_what_was_collected_beside_what_the_banks_settled(
    tmp_path: Path, amounts: str
) -> None:
    file, (one,) = read_file(tmp_path, RETURN.format(amounts=amounts))

    assert (one.amount, file.back.plain(), file.charges.plain()) == ("10.00", "10.00", "3.00")


# --- statements ------------------------------------------------------------------------------------------------------


def test_a_statement_tells_what_a_notification_does(tmp_path: Path) -> None:
    debits = (entry("E-1", "E-2"), entry("E-3", side="DBIT", more=LATE))

    notified = read_file(tmp_path, notice(*debits))[1]
    file, stated = read_file(tmp_path, statement(*debits, closing="110.00"))

    assert stated == notified
    assert (file.head.message, file.head.bank_file_id, file.head.creditor) == (
        "camt.053",
        "S-1",
        "NL91ABNA0417164300",
    )


def test_an_entry_of_a_statement_without_its_payments_is_left_out(tmp_path: Path) -> None:
    """The bank booked a collection in one sum, and tells what is in it by a notification."""
    file, told = read_file(tmp_path, statement(entry(amount="30.00"), entry("E-1"), closing="140.00"))

    assert ([one.reference for one in told], file.left_out, file.paid.plain()) == (["E-1"], 1, "10.00")


def test_what_is_pending_does_not_move_a_statements_balance(tmp_path: Path) -> None:
    file, told = read_file(tmp_path, statement(entry("E-1"), entry("E-2", status="PDNG"), closing="110.00"))

    assert ([one.reference for one in told], file.left_out) == (["E-1"], 1)


def test_a_statement_whose_entries_do_not_lead_to_its_balance_is_refused(tmp_path: Path) -> None:
    """An entry is missing, and no summary counts them."""
    with pytest.raises(Refused) as refusal:
        read_file(tmp_path, statement(entry("E-1"), closing="120.00"))
    assert (refusal.value.code, refusal.value.details) == (
        "sums_differ",
        {"said": "120.00", "found": "110.00"},
    )


def test_each_of_several_statements_is_held_alone(tmp_path: Path) -> None:
    days = statement(entry("E-1"), closing="110.00")
    second = days[days.index("<Stmt>") : days.index("</BkToCstmrStmt>")].replace("E-1", "E-2")
    both = days.replace("</BkToCstmrStmt>", second + "</BkToCstmrStmt>")

    assert [one.reference for one in read_file(tmp_path, both)[1]] == ["E-1", "E-2"]
    with pytest.raises(Refused):
        read_file(tmp_path, both.replace("110.00", "111.00"))


# --- status reports --------------------------------------------------------------------------------------------------

REPORT = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><GrpHdr><MsgId>P-1</MsgId></GrpHdr>'
    "<OrgnlGrpInfAndSts><OrgnlMsgId>M</OrgnlMsgId>{asked}<GrpSts>PART</GrpSts>{counts}</OrgnlGrpInfAndSts>"
    "<OrgnlPmtInfAndSts><OrgnlPmtInfId>M-RCUR</OrgnlPmtInfId>{part}{transactions}</OrgnlPmtInfAndSts></CstmrPmtStsRpt>"
    "</Document>"
)
REFUSED = "<TxInfAndSts><OrgnlEndToEndId>E-{}</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts>"
TAKEN = "<TxInfAndSts><OrgnlEndToEndId>E-{}</OrgnlEndToEndId><TxSts>ACCP</TxSts></TxInfAndSts>"


def counts(**by_status: str) -> str:
    return "".join(
        f"<NbOfTxsPerSts><DtldNbOfTxs>{count}</DtldNbOfTxs><DtldSts>{status}</DtldSts></NbOfTxsPerSts>"
        for status, count in by_status.items()
    )


def report(*transactions: str, asked: str = "100", part: str = "", **by_status: str) -> str:
    return REPORT.format(
        asked=f"<OrgnlNbOfTxs>{asked}</OrgnlNbOfTxs>",
        counts=counts(**by_status),
        part=part,
        transactions="".join(one.format(number) for number, one in enumerate(transactions, start=1)),
    )


def test_a_report_of_what_was_refused_counts_what_was_not_without_naming_it(tmp_path: Path) -> None:
    _, told = read_file(
        tmp_path,
        report(REFUSED, REFUSED, ACCP="98", RJCT="2", part=counts(ACCP="98", RJCT="2")),
    )

    assert [(one.kind, one.reference) for one in told] == [
        (EntryKind.REJECTED, "E-1"),
        (EntryKind.REJECTED, "E-2"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        report(REFUSED, REFUSED, ACCP="97", RJCT="3"),
        report(REFUSED, RJCT="0"),
        report(REFUSED, TAKEN, ACCP="98", RJCT="1"),
        report(TAKEN, ACCP="99", RJCT="1"),
        report(REFUSED, REFUSED, asked="1"),
        report(REFUSED, part=counts(RJCT="2")),
        report(REFUSED, RJCT="x"),
    ],
)
def test_a_report_that_names_other_transactions_than_it_counts_is_refused(
    tmp_path: Path, content: str
) -> None:
    """Of what it refused it names all, of what it took all or none."""
    with pytest.raises(Refused) as refusal:
        read_file(tmp_path, content)
    assert refusal.value.code in ("sums_differ", "bad_file")


def test_transactions_without_a_status_of_their_own_have_that_of_their_message(tmp_path: Path) -> None:
    content = report(REFUSED).replace("<TxSts>RJCT</TxSts>", "").replace("PART", "RJCT")

    assert [one.kind for one in read_file(tmp_path, content)[1]] == [EntryKind.REJECTED]
