"""Reading what banks send: ISO 20022 of any version, CSV and fixed width; what is not whole or not honest is refused."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos.domain.bank_file import BankEntry, EntryKind
from pos.domain.errors import Refused
from pos.domain.flat_profile import FlatProfile, Place
from pos.domain.money import currency
from pos.settings import read_settings
from sync.files.bank_file import BankFile, open_bank_file
from tests.builders.bank_xml import entry, notice
from tests.builders.tries import examples


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[object]:
    """Opens a text or bytes as a bank's file."""
    stack = []

    def one(
        content: str | bytes, *, layout: FlatProfile | None = None, shop: str = "EUR", most: int = 10**9
    ) -> BankFile:
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        held = open_bank_file(path, layout=layout, shop=currency(shop), bytes_max=most, folder=tmp_path)
        stack.append(held)
        return held.__enter__()

    yield one
    for held in stack:
        held.__exit__(None, None, None)


def entries(file: BankFile) -> list[BankEntry]:
    return list(file.read())


# --- ISO 20022 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["001.02", "001.04", "001.08", "001.13"])
def test_a_notification_of_any_version_tells_what_was_paid(opened, version: str) -> None:  # type: ignore[no-untyped-def]
    file = opened(notice(entry("E-1", "E-2")).replace("001.08", version))

    assert [
        (one.kind, one.reference, one.amount, one.currency, one.value_date, one.mandate)
        for one in entries(file)
    ] == [
        (EntryKind.PAID, "E-1", "10.00", "EUR", "2026-11-20", "M-1"),
        (EntryKind.PAID, "E-2", "10.00", "EUR", "2026-11-20", "M-1"),
    ]
    assert (file.head.message, file.head.bank_file_id, file.head.creditor) == (
        "camt.054",
        "N-1",
        "NL91ABNA0417164300",
    )
    assert (file.entries, file.paid.plain(), file.back.plain()) == (2, "20.00", "0.00")
    assert entries(file) == entries(file)


def test_a_debit_of_a_notification_is_a_return_with_its_reason(opened) -> None:  # type: ignore[no-untyped-def]
    why = "<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>"

    (told,) = entries(opened(notice(entry("E-1", side="DBIT", more=why))))

    assert (told.kind, told.reference, told.reason) == (EntryKind.RETURNED, "E-1", "MD06")


def test_other_money_of_the_account_is_left_out_and_counted(opened) -> None:  # type: ignore[no-untyped-def]
    other = entry("X", family="MCRD").replace("<MndtId>M-1</MndtId>", "")

    file = opened(notice(entry("E-1"), other, entry("E-3", status="PDNG")))

    assert ([one.reference for one in entries(file)], file.left_out) == (["E-1"], 2)


@pytest.mark.parametrize("side", ["CRDT", "DBIT"])
def test_what_others_collect_from_the_operator_is_left_out(opened, side: str) -> None:  # type: ignore[no-untyped-def]
    file = opened(notice(entry("E-1"), entry("THEIRS", side=side, family="RDDT")))

    assert ([one.reference for one in entries(file)], file.left_out) == (["E-1"], 1)


def test_a_status_report_tells_what_was_refused_and_why(opened) -> None:  # type: ignore[no-untyped-def]
    report = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
        "<GrpHdr><MsgId>P-1</MsgId></GrpHdr>"
        "<OrgnlGrpInfAndSts><OrgnlMsgId>M</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>"
        "<TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>ACCP</TxSts></TxInfAndSts>"
        "<TxInfAndSts><OrgnlEndToEndId>E-2</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn>"
        "<AddtlInf>closed</AddtlInf></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )

    assert [(one.kind, one.reference, one.reason, one.reason_text) for one in entries(opened(report))] == [
        (EntryKind.ACCEPTED, "E-1", "", ""),
        (EntryKind.REJECTED, "E-2", "AC04", "closed"),
    ]


def test_a_message_that_was_refused_whole_stands_for_all_of_its_items(opened) -> None:  # type: ignore[no-untyped-def]
    report = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>'
        "<GrpHdr><MsgId>P-1</MsgId></GrpHdr>"
        "<OrgnlGrpInfAndSts><OrgnlMsgId>OURS</OrgnlMsgId><GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>"
        "</OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>"
    )

    (told,) = entries(opened(report))

    assert (told.kind, told.whole, told.reason) == (EntryKind.REJECTED, "OURS", "FF01")


def test_a_refused_part_of_a_message_stands_for_its_own_items_beside_those_that_are_named(opened) -> None:  # type: ignore[no-untyped-def]
    report = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
        "<GrpHdr><MsgId>P-1</MsgId></GrpHdr>"
        "<OrgnlGrpInfAndSts><OrgnlMsgId>OURS</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>"
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>OURS-FRST</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId>"
        "<TxSts>ACCP</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>"
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>OURS-RCUR</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts><StsRsnInf><Rsn><Cd>DT01</Cd>"
        "</Rsn></StsRsnInf></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )

    assert [(one.kind, one.reference, one.whole, one.part) for one in entries(opened(report))] == [
        (EntryKind.ACCEPTED, "E-1", "", ""),
        (EntryKind.REJECTED, "", "OURS", "OURS-RCUR"),
    ]


def test_what_the_bank_knows_no_reference_of_goes_by_the_banks_own(opened) -> None:  # type: ignore[no-untyped-def]
    """Else the second such debit would be taken for the first one, told again."""
    several = entry("NOTPROVIDED", "NOTPROVIDED").replace(
        "<BkTxCd>", "<AcctSvcrRef>B1</AcctSvcrRef><BkTxCd>", 1
    )
    known = entry("NOTPROVIDED").replace("</EndToEndId>", "</EndToEndId><TxId>T9</TxId>")

    file = opened(notice(several, known, entry("NOTPROVIDED")))

    assert [one.reference for one in entries(file)] == ["B1D1", "B1D2", "T9", ""]


RETURN = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09"><PmtRtr><GrpHdr><MsgId>R-1</MsgId><NbOfTxs>{count}'
    "</NbOfTxs><CtrlSum>{total}</CtrlSum></GrpHdr><TxInf><RtrId>1</RtrId><OrgnlEndToEndId>E-1</OrgnlEndToEndId>"
    '<RtrdIntrBkSttlmAmt Ccy="EUR">25.99</RtrdIntrBkSttlmAmt><IntrBkSttlmDt>2026-11-20</IntrBkSttlmDt><RtrRsnInf><Rsn>'
    "<Cd>MD06</Cd></Rsn></RtrRsnInf></TxInf></PmtRtr></Document>"
)


WHOLE_RETURN = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09"><PmtRtr><GrpHdr><MsgId>R-2</MsgId>'
    "<GrpRtr>true</GrpRtr></GrpHdr><OrgnlGrpInf><OrgnlMsgId>M-1</OrgnlMsgId></OrgnlGrpInf></PmtRtr></Document>"
)


def test_a_return_message_names_the_payment_that_went_back(opened) -> None:  # type: ignore[no-untyped-def]
    file = opened(RETURN.format(count="01", total="25.99"))

    (told,) = entries(file)
    assert (told.kind, told.reference, told.amount, told.reason) == (
        EntryKind.RETURNED,
        "E-1",
        "25.99",
        "MD06",
    )
    assert file.back.plain() == "25.99"


# --- what is refused whole -------------------------------------------------------------------------------------------

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    + notice(entry("E-1"))[39:]
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">' + notice(entry("E-1"))[39:]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (BOMB, "bad_file"),
        (OUTSIDE, "bad_file"),
        (notice(entry("E-1"))[:-40], "bad_file"),
        ("", "bad_file"),
        ("no xml at all", "bad_file"),
        (gzip.compress(b"<x/>", mtime=0), "bad_file"),
        (b"\xff\xfe\x00\x00garbage", "bad_file"),
        (notice(entry("E-1")).encode("utf-16"), "bad_file"),
        (b'<?xml version="1.0" encoding="EBCDIC-9"?><a/>', "bad_file"),
        ("<a>" * 60 + "</a>" * 60, "bad_file"),
        (notice(entry("E-1")).replace("<Ntfctn>", f"<!--{'x' * 1_000_000}--><Ntfctn>"), "bad_file"),
        (notice(entry("E-1")).replace("<Ntfctn>", f"<Ntfctn x='{'x' * 1_000_000}'>"), "bad_file"),
        (notice(entry("E-1", amount="1" + "0" * 17, total="1" + "0" * 17)), "bad_file"),
        ("<Document xmlns='urn:x'><Other/></Document>", "bad_file"),
        (notice(entry("E-1")).replace("10.00", "1e9"), "bad_file"),
        (notice(entry("E-1")).replace('"EUR"', '"€"'), "bad_file"),
        (notice(entry("E-1"), entry("E-2").replace("EUR", "USD")), "bad_file"),
        (notice(entry("E-1")).replace("<MsgId>N-1</MsgId>", ""), "bad_file"),
        (notice(entry("E" * 5000)), "bad_file"),
        (notice(entry("E-1", "E-2", total="19.99")), "sums_differ"),
        (
            notice(entry("E-1"), summary="<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries></TxsSummry>"),
            "sums_differ",
        ),
        (
            notice(entry("E-1"), summary="<TxsSummry><TtlCdtNtries><Sum>11.00</Sum></TtlCdtNtries></TxsSummry>"),
            "sums_differ",
        ),
        (RETURN.format(count=2, total="25.99"), "sums_differ"),
        (WHOLE_RETURN, "bad_file"),
        (RETURN.format(count=1, total="26.99"), "sums_differ"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_whole_or_not_honest_is_refused_with_the_reason(opened, content, code) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused) as refusal:
        opened(content)
    assert refusal.value.code == code
    assert "Nothing was done" in refusal.value.message


def test_other_encodings_that_say_so_are_read(opened) -> None:  # type: ignore[no-untyped-def]
    told = notice(entry("E-1")).replace('encoding="UTF-8"', 'encoding="ISO-8859-1"').encode("latin-1")
    wide = notice(entry("E-1")).replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")

    assert entries(opened(told)) == entries(opened(wide))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(opened) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused) as refusal:
        opened(notice(entry("E-1")), most=500)
    assert refusal.value.code == "file_too_large"


def test_a_long_file_takes_no_more_memory_than_a_short_one(opened) -> None:  # type: ignore[no-untyped-def]
    def peak(count: int) -> int:
        file = opened(notice(*(entry(f"E-{number}") for number in range(count))))
        tracemalloc.start()
        for _ in file.read():
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(20_000) < 1.3 * peak(1_000) + 100_000


# --- profiles --------------------------------------------------------------------------------------------------------

CSV = (
    "H;F-1;2026-11-21;EUR\n"
    "D;paid;E-1;M-1;BA-1;7781;10.00;2026-11-20;\n"
    "D;rejected;E-2;M-2;BA-2;;5.00;2026-11-20;AM04\n"
    "T;2;15.00\n"
)
FIXED = (
    "0F-1            20261121EUR\n"
    "500E-1                                M-1                 BA-1                00000000000100020261120    \n"
    "510E-2                                M-2                 BA-2                0000000000005002026112000020\n"
    "90000002000000000000001500\n"
)


PROFILES = read_settings().bank_profiles


@pytest.fixture(scope="module")
def profiles() -> dict[str, FlatProfile]:
    return dict(PROFILES)


def test_a_csv_is_read_by_its_profile(opened, profiles) -> None:  # type: ignore[no-untyped-def]
    file = opened(CSV, layout=profiles["csv"])

    assert [
        (one.kind, one.reference, one.account, one.bill, one.amount, one.reason) for one in entries(file)
    ] == [
        (EntryKind.PAID, "E-1", "BA-1", "7781", "10.00", ""),
        (EntryKind.REJECTED, "E-2", "BA-2", "", "5.00", "AM04"),
    ]
    assert (file.head.message, file.head.bank_file_id, file.paid.plain()) == ("csv", "F-1", "10.00")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (CSV.replace("T;2;15.00\n", ""), "bad_file"),
        (CSV.replace("T;2", "T;3"), "sums_differ"),
        (CSV.replace("T;2", "T;²"), "sums_differ"),
        (CSV.replace("AM04", '"' + '";"'.join(["\n" * 1000] * 50) + '"'), "bad_file"),
        (CSV.replace("T;2;15.00", "T;2;15.01"), "sums_differ"),
        (CSV + "D;paid;E-3;M-1;BA-1;;1.00;2026-11-20;\n", "bad_file"),
        (CSV.replace("D;paid", "D;perhaps"), "bad_file"),
        (CSV.replace("D;paid", "Q;paid"), "bad_file"),
        (CSV.replace("2026-11-20", "20.11.2026"), "bad_file"),
        (CSV.replace("10.00", "10,00"), "bad_file"),
        (CSV.replace("10.00", "10.001"), "bad_file"),
        (CSV.split("\n", 1)[1], "bad_file"),
        (CSV.encode("latin-1").replace(b"F-1", b"F-\xe9"), "bad_file"),
        (CSV.replace("BA-1", "B" * 9000), "bad_file"),
        (CSV.replace("BA-1", "B\x00"), "bad_file"),
        ("D;paid\n", "bad_file"),
    ],
)
def test_a_csv_that_is_not_whole_is_refused(opened, profiles, content, code) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused) as refusal:
        opened(content, layout=profiles["csv"])
    assert refusal.value.code == code


def test_a_profile_with_a_column_of_currencies_mixes_none(opened, profiles) -> None:  # type: ignore[no-untyped-def]
    """Their amounts would be added up as if they were of one."""
    layout = profiles["csv"]
    layout = replace(layout, detail={**layout.detail, "currency": Place(first=10, last=10)})
    content = CSV.replace("2026-11-20;\n", "2026-11-20;;EUR\n").replace(";AM04\n", ";AM04;USD\n")

    with pytest.raises(Refused) as refusal:
        opened(content, layout=layout)
    assert refusal.value.code == "bad_file"


def test_a_fixed_form_is_read_place_by_place_with_the_banks_own_codes(opened, profiles) -> None:  # type: ignore[no-untyped-def]
    file = opened(FIXED, layout=profiles["fixed"])

    assert [
        (one.kind, one.reference, one.mandate, one.account, one.amount, one.value_date, one.reason)
        for one in entries(file)
    ] == [
        (EntryKind.PAID, "E-1", "M-1", "BA-1", "10.00", "2026-11-20", ""),
        (EntryKind.REJECTED, "E-2", "M-2", "BA-2", "5.00", "2026-11-20", "AC04"),
    ]  # fmt: skip


def test_amounts_without_a_mark_have_as_many_decimals_as_the_currency(opened, profiles) -> None:  # type: ignore[no-untyped-def]
    file = opened(FIXED.replace("EUR", "KWD"), layout=profiles["fixed"], shop="KWD")

    assert [one.amount for one in entries(file)] == ["1.000", "0.500"]


# --- anything at all -------------------------------------------------------------------------------------------------

WHOLE = [
    notice(entry("E-1", "E-2"), entry("E-3", side="DBIT")).encode(),
    RETURN.format(count=1, total="25.99").encode(),
    CSV.encode(),
    FIXED.encode(),
]


@pytest.mark.parametrize("form", ["iso20022", "csv", "fixed"])
@settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_bytes_are_it_is_entries_or_a_refusal(
    tmp_path: Path, form: str, data: st.DataObject
) -> None:
    """Cut off, changed in places, doubled in places, or of no form at all."""
    content = bytearray(data.draw(st.sampled_from(WHOLE) | st.binary(max_size=300)))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content)))
        match data.draw(st.sampled_from(["cut", "change", "double"])):
            case "cut":
                del content[place:]
            case "change":
                content[place : place + 1] = data.draw(st.binary(min_size=0, max_size=3))
            case _:
                content[place:place] = content[: data.draw(st.integers(0, 200))]
    path = tmp_path / "file"
    path.write_bytes(bytes(content))
    layout = None if form == "iso20022" else PROFILES[form]
    with (
        suppress(Refused),
        open_bank_file(path, layout=layout, shop=currency("EUR"), bytes_max=10**6, folder=tmp_path) as file,
    ):
        told = entries(file)
        assert len(told) == file.entries
        assert [one.number for one in told] == list(range(1, len(told) + 1))
