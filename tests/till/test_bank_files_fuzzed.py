"""Files of banks with anything wrong in them: refused with nothing done, or carried out whole, as the dry run said."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos.domain.bank_file import EntryOutcome, Forecast
from pos.domain.errors import Refused
from pos.settings import read_settings
from pos.till.bank_runs import FileToRun, begin_file, carry_out, forecast
from pos.till.desk import Desk
from sync.files.bank_file import open_bank_file
from tests.builders.bank_files import mandated
from tests.builders.bank_xml import entry, notice, statement
from tests.builders.tills import BACK_OFFICE, findings, make_till, rows
from tests.builders.tries import examples

PROFILES = read_settings().bank_profiles
CHARGE = '<Chrgs><Rcrd><Amt Ccy="EUR">0.30</Amt><CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>'
BACK = "<RtrInf><Rsn><Cd>MD06</Cd></Rsn><AddtlInf>Zurück</AddtlInf></RtrInf>"
WORDS = (
    "<RmtInf><Ustrd>Invoice 7781</Ustrd><Strd><CdtrRefInf><Ref>RF107781</Ref></CdtrRefInf></Strd></RmtInf>"
)
REPORT = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><GrpHdr><MsgId>P-1</MsgId></GrpHdr>'
    "<OrgnlGrpInfAndSts><OrgnlMsgId>M</OrgnlMsgId><OrgnlNbOfTxs>9</OrgnlNbOfTxs><GrpSts>PART</GrpSts><NbOfTxsPerSts>"
    "<DtldNbOfTxs>1</DtldNbOfTxs><DtldSts>RJCT</DtldSts></NbOfTxsPerSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>"
    "<OrgnlPmtInfId>M-RCUR</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts>"
    "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
)
RETURNS = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09"><PmtRtr><GrpHdr><MsgId>R-1</MsgId><NbOfTxs>1</NbOfTxs>'
    '</GrpHdr><TxInf><RtrId>1</RtrId><OrgnlEndToEndId>E-1</OrgnlEndToEndId><RtrdIntrBkSttlmAmt Ccy="EUR">10.00'
    "</RtrdIntrBkSttlmAmt><IntrBkSttlmDt>2026-11-20</IntrBkSttlmDt></TxInf></PmtRtr></Document>"
)
MESSAGES = [
    notice(
        entry("E-1", "E-2"),
        entry("E-1", side="DBIT", more=BACK),
        entry("E-3", amount="9.70", more=CHARGE),
        entry("T", family="RCDT", more=WORDS).replace("<MndtId>M-1</MndtId>", ""),
    ),
    statement(entry("E-1"), entry("E-2", side="DBIT", more=BACK), closing="100.00"),
    REPORT,
    RETURNS,
]
NASTY = (
    "",
    " ",
    "-1",
    "1e9",
    "0",
    "9" * 19,
    "0.001",
    "NaN",
    "RJCT",
    "DBIT",
    "2026-02-30",
    "٣",
    "\u202e",
    "x" * 5000,
    "a\nb",
)


def broken(data: st.DataObject, message: str) -> bytes:
    """``message`` with some elements taken out, doubled, put elsewhere, called otherwise or told nonsense."""
    ElementTree.register_namespace(
        "", message[message.index("urn:") : message.index('"', message.index("urn:"))]
    )
    root = ElementTree.fromstring(message.partition("?>")[2] or message)
    for _ in range(data.draw(st.integers(1, 4))):
        parents = [node for node in root.iter() if len(node)]
        if not parents:
            break
        around = data.draw(st.sampled_from(parents))
        node = data.draw(st.sampled_from(list(around)))
        match data.draw(
            st.sampled_from(["out", "double", "move", "rename", "text", "text", "text", "attribute"])
        ):
            case "out":
                around.remove(node)
            case "double":
                around.insert(0, node)
            case "move":
                elsewhere = data.draw(st.sampled_from(parents))
                if all(one is not elsewhere for one in node.iter()):
                    around.remove(node)
                    elsewhere.append(node)
            case "rename":
                node.tag = data.draw(st.sampled_from([one.tag for one in root.iter()]))
            case "text":
                leaves = [one for one in root.iter() if not len(one)]
                data.draw(st.sampled_from(leaves)).text = data.draw(st.sampled_from(NASTY))
            case _:
                node.set("Ccy", data.draw(st.sampled_from(["KWD", "EUR", "eur", "", "XXXX"])))
    return bytes(ElementTree.tostring(root, encoding="utf-8"))


def carried_out(desk: Desk, path: Path) -> tuple[Forecast, Forecast]:
    """What the dry run said, and what the run did. Raises Refused."""
    with open_bank_file(
        path, layout=None, shop=desk.identity.currency, bytes_max=10**6, folder=path.parent, entries_max=1_000
    ) as file:
        to_run = FileToRun(digest=file.digest, name=file.name, profile=file.profile, head=file.head)
        said = forecast(desk, BACK_OFFICE, to_run, file.read())
        known = begin_file(desk, BACK_OFFICE, to_run, said, paid=file.paid, back=file.back)
        did = Forecast(in_currency=desk.identity.currency, repeats=said.repeats)
        for plan in carry_out(desk, BACK_OFFICE, known, file.read()):
            did.add(plan, desk.policy.debits.reason(plan.entry.reason).label)
    return said, did


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_broken_message_does_nothing_or_what_its_dry_run_said(tmp_path: Path, data: st.DataObject) -> None:
    desk = make_till(currency="EUR")
    mandated(desk)
    path = tmp_path / "file"
    path.write_bytes(broken(data, data.draw(st.sampled_from(MESSAGES))))

    try:
        said, did = carried_out(desk, path)
    except Refused:
        assert rows(desk, "bank_file") == rows(desk, "bank_entry") == rows(desk, "v_payment") == []
    else:
        assert said == did
        assert [row["state"] for row in rows(desk, "v_bank_file")] == ["ended"]
        parked = [row for row in rows(desk, "bank_entry") if row["outcome"] == EntryOutcome.PARKED]
        assert all(row["problem"] for row in parked)
    assert findings(desk) == []


LINES = {
    "csv": (
        "H;F-1;2026-11-21;EUR\n"
        "D;paid;E-1;M-1;BA-1;7781;10.00;2026-11-20;\n"
        "D;returned;E-1;M-1;;;10.00;2026-11-20;MD06\n"
        "T;2;20.00\n"
    ),
    "fixed": (
        "0F-1            20261121EUR\n"
        "500E-1                                M-1                 BA-1                00000000000100020261120    \n"
        "90000001000000000000001000\n"
    ),
    "atm_csv": "H;F-1;2026-11-21;EUR\nD;004711;A7;2026-11-20;BA-1;7781;20.00\nT;1;20.00\n",
    "atm_fixed": (
        "0F-2            20261121EUR\n"
        "5000000004711A7      20261120BA-1                7781                000000000002000\n"
        "90000001000000000000002000\n"
    ),
}


@settings(
    max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), profile=st.sampled_from(sorted(LINES)))
def test_whatever_stands_in_a_line_it_is_an_entry_or_a_refusal(
    tmp_path: Path, data: st.DataObject, profile: str
) -> None:
    text = LINES[profile]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        put = data.draw(
            st.sampled_from(
                ["", ";", '"', "\r", "\n", "\x00", "\x1a", "é", "٣", "0", "-", "9" * 30, text[:40]]
            )
        )
        text = text[:place] + put + text[place + data.draw(st.integers(0, 3)) :]
    path = tmp_path / "file"
    path.write_bytes(text.encode())

    try:
        with open_bank_file(
            path,
            layout=PROFILES[profile],
            shop=make_till(currency="EUR").identity.currency,
            bytes_max=10**6,
            folder=tmp_path,
        ) as file:
            told = list(file.read())
    except Refused as refusal:
        code = refusal.code
    else:
        code = "" if len(told) == file.entries else "other entries"
    assert code in ("", "bad_file", "sums_differ")
