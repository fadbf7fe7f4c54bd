"""pain.002, camt.054 and pacs.004 of any version: the name of the message is read from the file, not its number.

A status report tells what was refused, a notification what was paid in or taken back, a return what went back later. The
reference of each entry is our own, by which the bank was asked (EndToEndId).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from pos.domain.bank_file import NOT_PROVIDED, BankEntry, EntryKind, FileHead
from sync.files.bank_xml import Node, Record, read_records
from sync.files.faults import bad_file, sums_differ

BODIES = {
    "CstmrPmtStsRpt": "pain.002",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
    "PmtRtr": "pacs.004",
}
RECORDS = frozenset({"TxInfAndSts", "Ntry", "TxDtls", "TxInf"})
REJECTED = "RJCT"
COUNT_DIGITS = 15
ISSUED, RECEIVED = "IDDT", "RDDT"
"""Debits that we asked for, and those by which others collect from us."""
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.[0-9]{3})\.[0-9]{3}\.[0-9]{2}")
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?")


@dataclass(slots=True)
class Sums:
    """What a file turned out to have; amounts as decimals of its one currency."""

    head: FileHead | None = None
    entries: int = 0
    paid: Decimal = Decimal(0)
    back: Decimal = Decimal(0)
    refused: Decimal = Decimal(0)
    left_out: int = 0
    """Entries that are about no direct debit."""


@dataclass(slots=True)
class _Message:
    """A message as far as it was read."""

    name: str
    sums: Sums
    currencies: set[str] = field(default_factory=set)
    by_status: dict[str, int] = field(default_factory=dict)
    details: int = 0
    details_sum: Decimal = Decimal(0)
    """What the entry under way told in detail."""
    booked: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    """How many entries there were, and their sum, by side."""
    parts: set[str] = field(default_factory=set)
    """Those parts of a message of ours whose transactions a status report names."""
    number: int = 0


def read_iso20022(file: BinaryIO, sums: Sums) -> Iterator[BankEntry]:
    """Every entry of ``file``, in its order; ``sums`` is complete, and the file's own held against it, when they end.

    Raises Refused ``bad_file`` or ``sums_differ``, at the latest behind the last entry.
    """
    records = read_records(file, RECORDS)
    root = next(records)
    assert isinstance(root, Node)
    message: _Message | None = None
    for record in records:
        if isinstance(record, Node):
            break
        if message is None:
            message = _open(record.within[0], record.within, sums)
        yield from _entries(message, record)
    if message is None:
        message = _open(root, _bodies(root), sums)
    yield from _at_the_end(message, root)


def _bodies(root: Node) -> tuple[Node, ...]:
    """The root and what stands right below it: a message without a record."""
    return (root, *root.children, *(inner for child in root.children for inner in child.children))


def _open(root: Node, within: tuple[Node, ...], sums: Sums) -> _Message:
    body = next((node for node in within if node.name in BODIES), None)
    if body is None:
        found = _NAMESPACE.fullmatch(root.attributes.get("xmlns", ""))
        raise bad_file(
            f"it is {found[1] if found else 'another message'}, not pain.002, camt.054 or pacs.004."
        )
    return _Message(name=BODIES[body.name], sums=sums)


def _entries(message: _Message, record: Record) -> Iterator[BankEntry]:
    match message.name, record.node.name:
        case "pain.002", "TxInfAndSts":
            yield _status(message, record)
        case "camt.054", "TxDtls":
            yield from _notified(message, record)
        case "camt.054", "Ntry":
            yield from _entry_ends(message, record.node)
        case "pacs.004", "TxInf":
            yield _returned(message, record.node)
        case _:
            raise bad_file(f"{record.node.name} does not belong into a {message.name}.")


# --- pain.002 --------------------------------------------------------------------------------------------------------


def _status(message: _Message, record: Record) -> BankEntry:
    node = record.node
    around = next((outer for outer in reversed(record.within) if outer.name == "OrgnlPmtInfAndSts"), None)
    status = node.told("TxSts") or ("" if around is None else around.told("PmtInfSts"))
    if not status:
        raise bad_file("a transaction of it has no status.")
    if around is not None:
        message.parts.add(around.told("OrgnlPmtInfId"))
    message.by_status[status] = message.by_status.get(status, 0) + 1
    message.number += 1
    message.sums.entries += 1
    amount, code = _told_amount(
        node.find("OrgnlTxRef/Amt/InstdAmt") or node.find("OrgnlTxRef/IntrBkSttlmAmt"), message
    )
    return BankEntry(
        number=message.number,
        kind=EntryKind.REJECTED if status == REJECTED else EntryKind.ACCEPTED,
        reference=_named(node.told("OrgnlEndToEndId")),
        amount=amount,
        currency=code,
        mandate=node.told("OrgnlTxRef/MndtRltdInf/MndtId", "OrgnlTxRef/MndtRltdInf/DrctDbtMndt/MndtId"),
        reason=node.told("StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry"),
        reason_text=node.told("StsRsnInf/AddtlInf"),
    )


def _refused_whole(message: _Message, body: Node) -> Iterator[BankEntry]:
    """The bank refused a message of ours altogether, or a part of it, and names no transaction."""
    group = body.find("OrgnlGrpInfAndSts")
    asked = "" if group is None else group.told("OrgnlMsgId")
    if group is None or not asked:
        return
    if group.told("GrpSts") == REJECTED and not message.sums.entries:
        yield _refused_part(message, group, asked, "")
        return
    for part in body.every("OrgnlPmtInfAndSts"):
        named = part.told("OrgnlPmtInfId")
        if part.told("PmtInfSts") == REJECTED and named not in message.parts:
            yield _refused_part(message, part, asked, named or NOT_PROVIDED)


def _refused_part(message: _Message, refused: Node, asked: str, part: str) -> BankEntry:
    message.number += 1
    message.sums.entries += 1
    return BankEntry(
        number=message.number,
        kind=EntryKind.REJECTED,
        reference="",
        whole=asked,
        part=part,
        reason=refused.told("StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry"),
        reason_text=refused.told("StsRsnInf/AddtlInf"),
    )


# --- camt.054 --------------------------------------------------------------------------------------------------------


def _notified(message: _Message, record: Record) -> Iterator[BankEntry]:
    entry = next((outer for outer in reversed(record.within) if outer.name == "Ntry"), None)
    if entry is None:
        raise bad_file("a detail of it stands in no entry.")
    if not _is_booked(entry):
        message.sums.left_out += 1
        return
    node = record.node
    side = node.told("CdtDbtInd") or entry.told("CdtDbtInd")
    amount, code = _told_amount(
        node.find("Amt") or node.find("AmtDtls/TxAmt/Amt") or entry.find("Amt"), message, needed=True
    )
    message.details += 1
    message.details_sum += Decimal(amount) if side == entry.told("CdtDbtInd") else -Decimal(amount)
    family = node.told("BkTxCd/Domn/Fmly/Cd") or entry.told("BkTxCd/Domn/Fmly/Cd")
    mandate = _named(node.told("Refs/MndtId"))
    if family == RECEIVED or (not mandate and family not in (ISSUED, "")):
        message.sums.left_out += 1
        return
    yield _booked(message, entry, side, amount, code, node=node, mandate=mandate)


def _is_booked(entry: Node) -> bool:
    return entry.told("Sts/Cd", "Sts") in ("BOOK", "")


def _entry_ends(message: _Message, entry: Node) -> Iterator[BankEntry]:
    """The details of an entry are all of it; one without any stands for itself. Raises Refused ``sums_differ``."""
    amount, code = _told_amount(entry.find("Amt"), message, needed=True)
    side = entry.told("CdtDbtInd")
    count, before = message.booked.get(side, (0, Decimal(0)))
    message.booked[side] = (count + 1, before + Decimal(amount))
    details, told = message.details, message.details_sum
    message.details, message.details_sum = 0, Decimal(0)
    if not _is_booked(entry):
        return
    if details:
        if told != Decimal(amount):
            raise sums_differ("an entry is", amount, told)
        return
    if entry.told("BkTxCd/Domn/Fmly/Cd") != ISSUED:
        message.sums.left_out += 1
        return
    yield _booked(message, entry, side, amount, code, node=Node("TxDtls", {}), mandate="")


def _booked(
    message: _Message, entry: Node, side: str, amount: str, code: str, *, node: Node, mandate: str
) -> BankEntry:
    if side not in ("CRDT", "DBIT"):
        raise bad_file("an entry of it is neither a credit nor a debit.")
    back = side == "DBIT"
    message.number += 1
    message.sums.entries += 1
    if back:
        message.sums.back += Decimal(amount)
    else:
        message.sums.paid += Decimal(amount)
    return BankEntry(
        number=message.number,
        kind=EntryKind.RETURNED if back else EntryKind.PAID,
        reference=_reference(message, entry, node),
        amount=amount,
        currency=code,
        value_date=_day(entry.told("ValDt/Dt", "ValDt/DtTm", "BookgDt/Dt", "BookgDt/DtTm")),
        mandate=mandate,
        reason=node.told("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"),
        reason_text=node.told("RtrInf/AddtlInf"),
    )


def _reference(message: _Message, entry: Node, node: Node) -> str:
    """Our own where the bank knows it, else the bank's; the details of an entry share its reference, and are told apart."""
    own = _named(node.told("Refs/EndToEndId")) or _named(node.told("Refs/AcctSvcrRef", "Refs/TxId"))
    shared = _named(entry.told("AcctSvcrRef", "NtryRef"))
    if own or not shared or not message.details:
        return own or shared
    return f"{shared}D{message.details}"


def _named(reference: str) -> str:
    return "" if reference == NOT_PROVIDED else reference


# --- pacs.004 --------------------------------------------------------------------------------------------------------


def _returned(message: _Message, node: Node) -> BankEntry:
    amount, code = _told_amount(
        node.find("RtrdInstdAmt") or node.find("RtrdIntrBkSttlmAmt"), message, needed=True
    )
    message.number += 1
    message.sums.entries += 1
    message.sums.back += Decimal(amount)
    return BankEntry(
        number=message.number,
        kind=EntryKind.RETURNED,
        reference=_named(node.told("OrgnlEndToEndId")),
        amount=amount,
        currency=code,
        value_date=_day(node.told("IntrBkSttlmDt")),
        mandate=node.told("OrgnlTxRef/MndtRltdInf/MndtId", "OrgnlTxRef/MndtRltdInf/DrctDbtMndt/MndtId"),
        reason=node.told("RtrRsnInf/Rsn/Cd", "RtrRsnInf/Rsn/Prtry"),
        reason_text=node.told("RtrRsnInf/AddtlInf"),
    )


# --- the whole -------------------------------------------------------------------------------------------------------


def _at_the_end(message: _Message, root: Node) -> Iterator[BankEntry]:
    body = next((node for node in _bodies(root) if node.name in BODIES), root)
    if message.name == "pain.002":
        yield from _refused_whole(message, body)
    sums = message.sums
    head = body.find("GrpHdr")
    if head is None or not head.told("MsgId"):
        raise bad_file("it has no number of its own (MsgId).")
    if len(message.currencies) > 1:
        raise bad_file(f"it mixes currencies ({', '.join(sorted(message.currencies))}).")
    creditors = {told.text.strip() for told in body.every("Ntfctn/Acct/Id/IBAN")}
    creditors |= {told.text.strip() for told in body.every("Ntfctn/Acct/Id/Othr/Id")}
    if len(creditors) > 1:
        raise bad_file("it is about several accounts. Ask the bank for a file for each.")
    sums.head = FileHead(
        message=message.name,
        bank_file_id=head.told("MsgId"),
        currency=next(iter(message.currencies), ""),
        creditor=next(iter(creditors), ""),
        created_on=_created_on(head.told("CreDtTm", "CreDt")),
    )
    _hold_against(message, body, head)


def _hold_against(message: _Message, body: Node, head: Node) -> None:
    """What the file says of itself is so. Raises Refused ``sums_differ``."""
    sums = message.sums
    if message.name == "pacs.004":
        if not sums.entries:
            raise bad_file("it returns a whole message, and names none of its debits.")
        said = head.told("NbOfTxs")
        if said and not _is_count(said, sums.entries):
            raise sums_differ("transactions", said, sums.entries)
        for path in ("CtrlSum", "TtlRtrdIntrBkSttlmAmt"):
            total = head.told(path)
            if total and _decimal(total) != sums.back:
                raise sums_differ("the sum", total, sums.back)
    if message.name == "pain.002":
        for part in (*body.every("OrgnlGrpInfAndSts"), *body.every("OrgnlPmtInfAndSts")):
            for counted in part.every("NbOfTxsPerSts"):
                status, told = counted.told("DtldSts"), counted.told("DtldNbOfTxs")
                found = message.by_status.get(status, 0)
                if part.name == "OrgnlGrpInfAndSts" and not _is_count(told, found):
                    raise sums_differ(f"transactions with status {status}", told, found)
    if message.name == "camt.054":
        notices = list(body.every("Ntfctn"))
        if len(notices) == 1:
            _hold_notice(message, notices[0])


def _hold_notice(message: _Message, notice: Node) -> None:
    """What a notification says of its entries; several in one file say it of different ones, and their sums hold alone."""
    both = [message.booked.get(side, (0, Decimal(0))) for side in ("CRDT", "DBIT")]
    all_of_it = (both[0][0] + both[1][0], both[0][1] + both[1][1])
    for name, (count, total) in {
        "TtlNtries": all_of_it,
        "TtlCdtNtries": both[0],
        "TtlDbtNtries": both[1],
    }.items():
        said = notice.find(f"TxsSummry/{name}")
        if said is None:
            continue
        if said.told("NbOfNtries") and not _is_count(said.told("NbOfNtries"), count):
            raise sums_differ("entries", said.told("NbOfNtries"), count)
        if said.told("Sum") and _decimal(said.told("Sum")) != total:
            raise sums_differ("the sum", said.told("Sum"), total)


def _is_count(said: str, found: int) -> bool:
    """Whether a count that a bank tells is ``found``; it may have zeros in front."""
    return said.isascii() and said.isdigit() and len(said) <= COUNT_DIGITS and int(said) == found


def _told_amount(node: Node | None, message: _Message, *, needed: bool = False) -> tuple[str, str]:
    if node is None:
        if needed:
            raise bad_file("an entry of it has no amount.")
        return "", ""
    text, code = node.text.strip(), node.attributes.get("Ccy", "")
    if _AMOUNT.fullmatch(text) is None or re.fullmatch(r"[A-Z]{3}", code) is None:
        raise bad_file("an amount of it is none.")
    message.currencies.add(code)
    return text, code


def _decimal(text: str) -> Decimal:
    try:
        if _AMOUNT.fullmatch(text) is None:
            raise InvalidOperation
        return Decimal(text)
    except InvalidOperation:
        raise bad_file("an amount of it is none.") from None


def _day(text: str) -> str:
    """A day, of a moment too; the bank's own, whatever its offset."""
    return text[:10]


def _created_on(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
