"""pain.002, camt.053, camt.054 and pacs.004 of any version: the name of the message is read from the file, not its number.

A status report tells what was refused, a notification or statement what was paid in or taken back, a return what went back
later. The reference of each entry is our own, by which the bank was asked (EndToEndId).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import BinaryIO

from pos.domain.bank_file import BankEntry, EntryKind, FileHead
from sync.files.account_report import REPORTS, accounts_of, detail_of, entry_ends, hold_reports
from sync.files.bank_xml import Node, Record, read_records
from sync.files.faults import bad_file, sums_differ
from sync.files.iso_message import Message, amount_in, day_of, decimal_of, is_count, named, told_amount
from sync.files.status_report import hold_report, refused_whole, status_of
from sync.files.sums import Sums

BODIES = {
    "CstmrPmtStsRpt": "pain.002",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
    "BkToCstmrStmt": "camt.053",
    "PmtRtr": "pacs.004",
}
READ = "pain.002, camt.053, camt.054 or pacs.004"
RECORDS = frozenset({"TxInfAndSts", "Ntry", "TxDtls", "TxInf"})
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.[0-9]{3})\.[0-9]{3}\.[0-9]{2}")


def read_iso20022(file: BinaryIO, sums: Sums, known: Sums | None = None) -> Iterator[BankEntry]:
    """Every entry of ``file``, in its order; ``sums`` is complete, and the file's own held against it, when they end.

    ``known`` are the sums of an earlier reading. Without them an amount that has charges may have them in it still: only
    behind its entry it shows whether it does. Raises Refused ``bad_file`` or ``sums_differ``, at the latest behind the last
    entry.
    """
    records = read_records(file, RECORDS)
    root = next(records)
    assert isinstance(root, Node)
    message: Message | None = None
    for record in records:
        if isinstance(record, Node):
            break
        if message is None:
            message = _open(record.within[0], record.within, sums, known)
        yield from _entries(message, record)
    if message is None:
        message = _open(root, _bodies(root), sums, known)
    yield from _at_the_end(message, root)


def _bodies(root: Node) -> tuple[Node, ...]:
    """The root and what stands right below it: a message without a record."""
    return (root, *root.children, *(inner for child in root.children for inner in child.children))


def _open(root: Node, within: tuple[Node, ...], sums: Sums, known: Sums | None) -> Message:
    body = next((node for node in within if node.name in BODIES), None)
    if body is None:
        found = _NAMESPACE.fullmatch(root.attributes.get("xmlns", ""))
        raise bad_file(f"it is {found[1] if found else 'another message'}, not {READ}.")
    return Message(name=BODIES[body.name], sums=sums, known=known)


def _entries(message: Message, record: Record) -> Iterator[BankEntry]:
    match message.name, record.node.name:
        case "pain.002", "TxInfAndSts":
            yield status_of(message, record)
        case (("camt.053" | "camt.054"), "TxDtls"):
            yield from detail_of(message, record)
        case (("camt.053" | "camt.054"), "Ntry"):
            yield from entry_ends(message, record)
        case "pacs.004", "TxInf":
            yield _returned(message, record.node)
        case _:
            raise bad_file(f"{record.node.name} does not belong into a {message.name}.")


# --- pacs.004 --------------------------------------------------------------------------------------------------------


def _returned(message: Message, node: Node) -> BankEntry:
    """What went back is what was collected: what banks charged and paid each other for it came on top."""
    settled, code = told_amount(
        node.find("RtrdIntrBkSttlmAmt") or node.find("RtrdInstdAmt"), message, needed=True
    )
    collected = amount_in(node.find("RtrdInstdAmt"), code)
    if collected is None:
        beside = [amount_in(node.find("CompstnAmt"), code) or Decimal(0)]
        beside += [amount_in(told.find("Amt"), code) or Decimal(0) for told in node.every("ChrgsInf")]
        original = amount_in(node.find("OrgnlIntrBkSttlmAmt"), code)
        collected = original if original == Decimal(settled) - sum(beside) else Decimal(settled)
    assert collected is not None
    message.number += 1
    message.sums.entries += 1
    message.sums.back += collected
    message.settled += Decimal(settled)
    message.sums.charges += max(Decimal(settled) - collected, Decimal(0))
    return BankEntry(
        number=message.number,
        kind=EntryKind.RETURNED,
        reference=named(node.told("OrgnlEndToEndId")),
        amount=format(collected, "f"),
        currency=code,
        value_date=day_of(node.told("IntrBkSttlmDt")),
        mandate=node.told("OrgnlTxRef/MndtRltdInf/MndtId", "OrgnlTxRef/MndtRltdInf/DrctDbtMndt/MndtId"),
        reason=node.told("RtrRsnInf/Rsn/Cd", "RtrRsnInf/Rsn/Prtry"),
        reason_text=node.told("RtrRsnInf/AddtlInf"),
        bank_reference=named(node.told("RtrId")),
    )


def _hold_returns(message: Message, head: Node) -> None:
    """What a return message says of itself is so. Raises Refused ``bad_file`` or ``sums_differ``."""
    sums = message.sums
    if not sums.entries:
        raise bad_file("it returns a whole message, and names none of its debits.")
    said = head.told("NbOfTxs")
    if said and not is_count(said, sums.entries):
        raise sums_differ("transactions", said, sums.entries)
    for path in ("CtrlSum", "TtlRtrdIntrBkSttlmAmt"):
        total = head.told(path)
        if total and decimal_of(total) not in (sums.back, message.settled):
            raise sums_differ("the sum", total, sums.back)


# --- the whole -------------------------------------------------------------------------------------------------------


def _at_the_end(message: Message, root: Node) -> Iterator[BankEntry]:
    body = next((node for node in _bodies(root) if node.name in BODIES), root)
    if message.name == "pain.002":
        yield from refused_whole(message, body)
    head = body.find("GrpHdr")
    if head is None or not head.told("MsgId"):
        raise bad_file("it has no number of its own (MsgId).")
    if len(message.currencies) > 1:
        raise bad_file(f"it mixes currencies ({', '.join(sorted(message.currencies))}).")
    creditors = accounts_of(message, body) if message.name in REPORTS else set()
    if len(creditors) > 1:
        raise bad_file("it is about several accounts. Ask the bank for a file for each.")
    message.sums.head = FileHead(
        message=message.name,
        bank_file_id=head.told("MsgId"),
        currency=next(iter(message.currencies), ""),
        creditor=next(iter(creditors), ""),
        created_on=_created_on(head.told("CreDtTm", "CreDt")),
    )
    match message.name:
        case "pain.002":
            hold_report(message, body)
        case "pacs.004":
            _hold_returns(message, head)
        case _:
            hold_reports(message, body)


def _created_on(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
