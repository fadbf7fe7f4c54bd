"""What a bank is asked to collect: a pain.008 (001.08), in any currency, and the same as CSV for banks with another form.

The same collection is the same file, whenever it is written again: its moment is that of the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from xml.sax.saxutils import escape

from pos.domain.bank_file import part_called
from pos.domain.encode import csv_line
from pos.domain.mandate import iban_holds
from pos.domain.money import Money, total

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
NAME_MAX = 70
CSV_COLUMNS = (
    "reference", "mandate", "signed_on", "first", "holder", "bank_account", "bic", "amount", "currency", "collect_on",
    "account", "bill",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Creditor:
    """Who collects, to which account. ``identifier`` empty: the bank gave none."""

    name: str
    identifier: str
    account: str
    bic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCollect:
    """One bill to be collected."""

    reference: str
    mandate: str
    signed_on: date
    first: bool
    holder: str
    number: str
    bic: str
    amount: Money
    account: str
    bill_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One message: its number, its moment (aware), the day of collection, and its items."""

    message_id: str
    at: datetime
    collect_on: date
    items: Sequence[ToCollect]


def pain008(asking: Asking, creditor: Creditor) -> Iterator[str]:
    """The message, piece by piece; what is collected for the first time stands apart from the rest."""
    items = asking.items
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><CstmrDrctDbtInitn>'
    yield (
        f"<GrpHdr>{_told('MsgId', asking.message_id)}"
        f"{_told('CreDtTm', asking.at.isoformat(timespec='seconds'))}{_sums(items)}"
        f"<InitgPty>{_told('Nm', creditor.name[:NAME_MAX])}</InitgPty></GrpHdr>\n"
    )
    ordered = sorted(items, key=lambda item: not item.first)
    for first, group in groupby(ordered, key=lambda item: item.first):
        yield from _payments(asking, creditor, list(group), first=first)
    yield "</CstmrDrctDbtInitn></Document>\n"


def _payments(
    asking: Asking, creditor: Creditor, items: Sequence[ToCollect], *, first: bool
) -> Iterator[str]:
    kind = "FRST" if first else "RCUR"
    yield (
        f"<PmtInf>{_told('PmtInfId', part_called(asking.message_id, first=first))}<PmtMtd>DD</PmtMtd>"
        f"{_sums(items)}<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd></LclInstrm>"
        f"<SeqTp>{kind}</SeqTp></PmtTpInf>{_told('ReqdColltnDt', asking.collect_on.isoformat())}"
        f"<Cdtr>{_told('Nm', creditor.name[:NAME_MAX])}</Cdtr>"
        f"<CdtrAcct>{_account(creditor.account)}</CdtrAcct><CdtrAgt>{_bank(creditor.bic)}</CdtrAgt>"
        f"<ChrgBr>SLEV</ChrgBr>{_scheme(creditor.identifier)}\n"
    )
    for item in items:
        yield (
            f"<DrctDbtTxInf><PmtId>{_told('EndToEndId', item.reference)}</PmtId>"
            f'<InstdAmt Ccy="{item.amount.currency.code}">{item.amount.plain()}</InstdAmt>'
            f"<DrctDbtTx><MndtRltdInf>{_told('MndtId', item.mandate)}"
            f"{_told('DtOfSgntr', item.signed_on.isoformat())}</MndtRltdInf></DrctDbtTx>"
            f"<DbtrAgt>{_bank(item.bic)}</DbtrAgt><Dbtr>{_told('Nm', item.holder[:NAME_MAX])}</Dbtr>"
            f"<DbtrAcct>{_account(item.number)}</DbtrAcct>"
            f"<RmtInf>{_told('Ustrd', f'{item.account} {item.bill_no}'[:140])}</RmtInf></DrctDbtTxInf>\n"
        )
    yield "</PmtInf>\n"


def _told(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _sums(items: Sequence[ToCollect]) -> str:
    summed = total((item.amount for item in items), items[0].amount.currency)
    return f"<NbOfTxs>{len(items)}</NbOfTxs><CtrlSum>{summed.plain()}</CtrlSum>"


def _account(number: str) -> str:
    is_iban = number[:2].isalpha() and number[2:4].isdigit() and iban_holds(number)
    told = _told("IBAN", number) if is_iban else f"<Othr>{_told('Id', number)}</Othr>"
    return f"<Id>{told}</Id>"


def _bank(bic: str) -> str:
    told = _told("BICFI", bic) if bic else "<Othr><Id>NOTPROVIDED</Id></Othr>"
    return f"<FinInstnId>{told}</FinInstnId>"


def _scheme(identifier: str) -> str:
    if not identifier:
        return ""
    return (
        f"<CdtrSchmeId><Id><PrvtId><Othr>{_told('Id', identifier)}<SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId>"
        "</Id></CdtrSchmeId>"
    )


def collection_csv(asking: Asking) -> Iterator[str]:
    """The same as lines of columns."""
    yield csv_line(CSV_COLUMNS)
    for item in asking.items:
        yield csv_line(
            [
                item.reference,
                item.mandate,
                item.signed_on.isoformat(),
                "first" if item.first else "",
                item.holder,
                item.number,
                item.bic,
                item.amount.plain(),
                item.amount.currency.code,
                asking.collect_on.isoformat(),
                item.account,
                item.bill_no,
            ]
        )


def joined(pieces: Iterable[str]) -> bytes:
    """A file of ``pieces``."""
    return "".join(pieces).encode("utf-8")
