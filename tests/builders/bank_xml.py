"""Account reports of a bank in ISO 20022 as tests need them, and a file of any form as the program reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pos.domain.bank_file import BankEntry
from pos.domain.flat_profile import FlatProfile
from pos.domain.money import currency
from sync.files.bank_file import BankFile, open_bank_file

NOTICE = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N-1</MsgId>
<CreDtTm>2026-11-21T08:00:00+03:00</CreDtTm></GrpHdr><Ntfctn><Id>N-1</Id><Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></Acct>
{summary}{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"""
ENTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>{status}</Cd></Sts><ValDt>
<Dt>2026-11-20</Dt></ValDt><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls>
{details}</NtryDtls></Ntry>"""
DETAIL = """<TxDtls><Refs><EndToEndId>{reference}</EndToEndId><MndtId>M-1</MndtId></Refs><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>{side}</CdtDbtInd>{more}</TxDtls>"""


def entry(
    *references: str,
    amount: str = "10.00",
    side: str = "CRDT",
    family: str = "IDDT",
    status: str = "BOOK",
    total: str | None = None,
    more: str = "",
) -> str:
    details = "".join(
        DETAIL.format(reference=reference, amount=amount, side=side, more=more) for reference in references
    )
    summed = total or f"{float(amount) * max(len(references), 1):.2f}"
    return ENTRY.format(amount=summed, side=side, family=family, status=status, details=details)


def notice(*entries: str, summary: str = "") -> str:
    return NOTICE.format(entries="".join(entries), summary=summary)


def statement(*entries: str, opening: str = "100.00", closing: str, identifier: str = "S-1") -> str:
    """A statement of the same account, with the balances around its entries."""
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>'
        for kind, amount in (("OPBD", opening), ("CLBD", closing))
    )
    told = notice(*entries, summary=balances).replace("N-1", identifier)
    return (
        told.replace("camt.054", "camt.053")
        .replace("BkToCstmrDbtCdtNtfctn", "BkToCstmrStmt")
        .replace("Ntfctn>", "Stmt>")
    )


def read_file(
    folder: Path,
    content: str | bytes,
    *,
    layout: FlatProfile | None = None,
    shop: str = "EUR",
    most: int = 10**9,
    entries_max: int | None = None,
) -> tuple[BankFile, Sequence[BankEntry]]:
    """A file of this content as it is read: what it is as a whole, and its entries."""
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_bank_file(
        path, layout=layout, shop=currency(shop), bytes_max=most, folder=folder, entries_max=entries_max
    ) as file:
        return file, list(file.read())
