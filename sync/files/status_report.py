"""pain.002: what became of the debits that a bank was asked for. A bank may name all of them, or only those it refused."""

from __future__ import annotations

from collections.abc import Iterator

from pos.domain.bank_file import NOT_PROVIDED, BankEntry, EntryKind
from sync.files.bank_xml import Node, Record
from sync.files.faults import bad_file, sums_differ
from sync.files.iso_message import Message, count_of, is_count, named, told_amount

REJECTED = "RJCT"
PARTLY = "PART"
_GROUP, _PART = "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"


def status_of(message: Message, record: Record) -> BankEntry:
    """A transaction with its status, or with the one that all of its part or message has."""
    node = record.node
    around = next((outer for outer in reversed(record.within) if outer.name == _PART), None)
    status = node.told("TxSts") or ("" if around is None else around.told("PmtInfSts"))
    if not status:
        group = next((found for outer in record.within for found in outer.every(_GROUP)), None)
        status = "" if group is None else group.told("GrpSts")
    if status in ("", PARTLY):
        raise bad_file("a transaction of it has no status.")
    part = "" if around is None else around.told("OrgnlPmtInfId")
    if around is not None:
        message.parts.add(part)
    message.by_status[part, status] = message.by_status.get((part, status), 0) + 1
    message.number += 1
    message.sums.entries += 1
    amount, code = told_amount(
        node.find("OrgnlTxRef/Amt/InstdAmt") or node.find("OrgnlTxRef/IntrBkSttlmAmt"), message
    )
    return BankEntry(
        number=message.number,
        kind=EntryKind.REJECTED if status == REJECTED else EntryKind.ACCEPTED,
        reference=named(node.told("OrgnlEndToEndId")),
        amount=amount,
        currency=code,
        mandate=node.told("OrgnlTxRef/MndtRltdInf/MndtId", "OrgnlTxRef/MndtRltdInf/DrctDbtMndt/MndtId"),
        reason=node.told("StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry"),
        reason_text=node.told("StsRsnInf/AddtlInf"),
    )


def refused_whole(message: Message, body: Node) -> Iterator[BankEntry]:
    """The bank refused a message of ours altogether, or a part of it, and names no transaction."""
    group = body.find(_GROUP)
    asked = "" if group is None else group.told("OrgnlMsgId")
    if group is None or not asked:
        return
    if group.told("GrpSts") == REJECTED and not message.sums.entries:
        yield _refused_part(message, group, asked, "")
        return
    for part in _refused_parts(message, body):
        yield _refused_part(message, part, asked, part.told("OrgnlPmtInfId") or NOT_PROVIDED)


def _refused_parts(message: Message, body: Node) -> Iterator[Node]:
    """The parts that were refused without a transaction of them named."""
    for part in body.every(_PART):
        if part.told("PmtInfSts") == REJECTED and part.told("OrgnlPmtInfId") not in message.parts:
            yield part


def _refused_part(message: Message, refused: Node, asked: str, part: str) -> BankEntry:
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


# --- what it says of itself --------------------------------------------------------------------------------------------


def hold_report(message: Message, body: Node) -> None:
    """The counts by status are of the whole message that the bank was sent, also where it names only what it refused.

    So a status of which nothing is named may have any count, but for refusals: each of those is named, or its part is.
    Raises Refused ``sums_differ``.
    """
    unnamed = next(_refused_parts(message, body), None) is not None
    for group in body.every(_GROUP):
        by_status: dict[str, int] = {}
        for (_, status), count in message.by_status.items():
            by_status[status] = by_status.get(status, 0) + count
        _hold_counts(group, by_status, unnamed=unnamed or group.told("GrpSts") == REJECTED)
    for part in body.every(_PART):
        of_part = part.told("OrgnlPmtInfId")
        by_status = {status: count for (one, status), count in message.by_status.items() if one == of_part}
        _hold_counts(part, by_status, unnamed=part.told("PmtInfSts") == REJECTED)


def _hold_counts(around: Node, by_status: dict[str, int], *, unnamed: bool) -> None:
    for counted in around.every("NbOfTxsPerSts"):
        status, told = counted.told("DtldSts"), counted.told("DtldNbOfTxs")
        found = by_status.get(status, 0)
        if is_count(told, found):
            continue
        more = count_of(told) > found
        if not more or (not unnamed if status == REJECTED else found > 0):
            raise sums_differ(f"transactions with status {status}", told, found)
    asked = around.told("OrgnlNbOfTxs")
    if asked and count_of(asked) < sum(by_status.values()):
        raise sums_differ("transactions", asked, sum(by_status.values()))
