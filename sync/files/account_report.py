"""camt.054 and camt.053: what was booked on our account, entry by entry, with what stands in each.

An entry is what the bank booked; its details are the payments in it. Where the bank kept a charge of what it paid in, or
took one beside what it took back, the payment is what the payer was asked for: the charge is ours, and told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pos.domain.bank_file import NOT_PROVIDED, BankEntry, EntryKind, Transfer
from sync.files.bank_xml import Node, Record
from sync.files.faults import bad_file, sums_differ
from sync.files.iso_message import (
    Booked,
    Entry,
    Message,
    amount_in,
    day_of,
    decimal_of,
    is_count,
    named,
    net_of,
    told_amount,
)

REPORTS = {"camt.054": "Ntfctn", "camt.053": "Stmt"}
CREDIT, DEBIT = "CRDT", "DBIT"
ISSUED, RECEIVED = "IDDT", "RDDT"
"""Debits that we asked for, and those by which others collect from us."""
TRANSFERRED = ("RCDT", "RRCT")
"""Credit transfers that we received, at once too."""
SENT_BACK = ("RRTN", "RPCR")
"""Of these: money that we had sent, and that came back."""
STRUCTURED = (
    "RmtInf/Strd/CdtrRefInf/Ref",
    "RmtInf/Strd/CdtrRefInf/CdtrRef",
    "RmtInf/Strd/RfrdDocInf/Nb",
    "Refs/EndToEndId",
)
WORDS = ("RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf", "AddtlTxInf")
NOTHING = Decimal(0)
TEXTS_MAX = 20


def detail_of(message: Message, record: Record) -> Iterator[BankEntry]:
    """One payment in an entry."""
    entry = next((outer for outer in reversed(record.within) if outer.name == "Ntry"), None)
    if entry is None:
        raise bad_file("a detail of it stands in no entry.")
    if not _is_booked(entry):
        message.sums.left_out += 1
        return
    node = record.node
    side = node.told("CdtDbtInd") or entry.told("CdtDbtInd")
    amount, code = told_amount(
        node.find("Amt") or node.find("AmtDtls/TxAmt/Amt") or entry.find("Amt"), message, needed=True
    )
    charges = _charges(node, code)
    found = message.entry
    found.details += 1
    found.told += _signed(side, Decimal(amount))
    found.charges += charges
    family = node.told("BkTxCd/Domn/Fmly/Cd") or entry.told("BkTxCd/Domn/Fmly/Cd")
    mandate = named(node.told("Refs/MndtId"))
    transfer = Transfer.NO if mandate else _transfer(node, entry, side, family)
    if family == RECEIVED or (not mandate and transfer is Transfer.NO and family not in (ISSUED, "")):
        message.sums.left_out += 1
        return
    yield _booked(
        message, entry, side, (amount, code), charges, node=node, mandate=mandate, transfer=transfer
    )


def entry_ends(message: Message, record: Record) -> Iterator[BankEntry]:
    """The details of an entry are all of it; one without any stands for itself. Raises Refused ``sums_differ``."""
    entry = record.node
    amount, code = told_amount(entry.find("Amt"), message, needed=True)
    side = entry.told("CdtDbtInd")
    charges = _charges(entry, code)
    found, message.entry = message.entry, Entry()
    _count(message, record, side, Decimal(amount))
    if not _is_booked(entry):
        return
    if found.details:
        _hold_details(message, found, _signed(side, Decimal(amount)), charges)
        return
    family = entry.told("BkTxCd/Domn/Fmly/Cd")
    transfer = _transfer(entry, entry, side, family)
    # A statement adds up what notifications tell one by one.
    if message.name == "camt.053" or (family != ISSUED and transfer is not Transfer.TOLD):
        message.sums.left_out += 1
        return
    yield _booked(
        message, entry, side, (amount, code), charges, node=Node("TxDtls", {}), mandate="", transfer=transfer
    )
    if message.entry.charges or charges:
        _decide(message, message.entry, inside=True)
    message.entry = Entry()


def _transfer(node: Node, entry: Node, side: str, family: str) -> Transfer:
    """Whether a credit was transferred by who pays us, as its code says, or as no code says otherwise."""
    if side != CREDIT or family not in (*TRANSFERRED, ""):
        return Transfer.NO
    further = node.told("BkTxCd/Domn/Fmly/SubFmlyCd") or entry.told("BkTxCd/Domn/Fmly/SubFmlyCd")
    if family and further in SENT_BACK:
        return Transfer.NO
    return Transfer.TOLD if family else Transfer.ASSUMED


def _count(message: Message, record: Record, side: str, amount: Decimal) -> None:
    report = next((outer for outer in reversed(record.within) if outer.name in REPORTS.values()), None)
    if report is None:
        raise bad_file("an entry of it stands in no report of an account.")
    counted = message.reports.setdefault(id(report), Booked())
    counted.counts[side] = counted.counts.get(side, 0) + 1
    counted.sums[side] = counted.sums.get(side, NOTHING) + amount
    if _is_booked(record.node):
        counted.booked += _signed(side, amount)


def _is_booked(entry: Node) -> bool:
    return entry.told("Sts/Cd", "Sts") in ("BOOK", "")


def _signed(side: str, amount: Decimal) -> Decimal:
    return -amount if side == DEBIT else amount


# --- charges ---------------------------------------------------------------------------------------------------------


def _charges(node: Node, code: str) -> Decimal:
    """What the charges of an entry or a detail do to the account: what the bank takes is below zero."""
    found = NOTHING
    for charges in node.every("Chrgs"):
        records = list(charges.every("Rcrd"))
        # Before the fourth version each charge stood by itself.
        for one in records or [charges]:
            amount = amount_in(one.find("Amt"), code)
            if amount is not None:
                found += _signed(one.told("CdtDbtInd") or DEBIT, amount)
        if not records and charges.find("Amt") is None:
            found -= amount_in(charges.find("TtlChrgsAndTaxAmt"), code) or NOTHING
    return found


def _payments_own(node: Node, side: str, told: Decimal, charges: Decimal, code: str) -> Decimal | None:
    """What the payer was asked for, where the bank tells it beside what was booked; else None.

    A return is booked with the charges of the other bank on top, and its own amount beside it.
    """
    asked = amount_in(node.find("AmtDtls/InstdAmt/Amt"), code)
    if asked is not None and (_signed(side, asked) + charges == _signed(side, told)):
        return asked
    inner = amount_in(node.find("AmtDtls/TxAmt/Amt"), code)
    if inner is not None and charges:
        if _signed(side, inner) + charges == _signed(side, told):
            return inner
        if _signed(side, told) + charges == _signed(side, inner):
            return told
    is_return = side == DEBIT and node.find("RtrInf") is not None
    if is_return and asked is not None and not charges and asked < told:
        return asked
    return None


def _are_inside(node: Node, entry: Node) -> bool:
    """Whether the bank says that the charges are part of the amount."""
    return any(
        told.text.strip() in ("true", "1")
        for place in (node, entry)
        for path in ("Chrgs/Rcrd/ChrgInclInd", "Chrgs/ChrgInclInd")
        for told in place.every(path)
    )


def _hold_details(message: Message, found: Entry, booked: Decimal, charges: Decimal) -> None:
    """The details, with or without the charges, are what was booked. Raises Refused ``sums_differ``."""
    ways = {found.told: True, found.told + found.charges: False}
    if charges:
        ways |= {found.told + charges: False, found.told + found.charges + charges: False}
        ways[found.told] = True
    if booked not in ways:
        raise sums_differ("an entry is", abs(booked), abs(found.told))
    message.sums.charges -= charges
    if found.charges or charges:
        _decide(message, found, inside=ways[booked])


def _decide(message: Message, found: Entry, *, inside: bool) -> None:
    """Whether the amounts of the details had the charges in them, which the next reading of the same bytes is to know."""
    message.charged += 1
    if message.known is None:
        message.sums.charged.append(inside)
        if inside:
            message.sums.paid += found.unsaid_paid
            message.sums.back += found.unsaid_back


def _own_amount(
    message: Message, entry: Node, node: Node, side: str, amount: tuple[str, str], charges: Decimal
) -> Decimal:
    """What the payer was asked for, of an amount and the charges with it."""
    told, code = Decimal(amount[0]), amount[1]
    own = _payments_own(node, side, told, charges, code)
    if own is not None:
        return own
    if not charges or not _are_inside(node, entry):
        return told
    without = abs(_signed(side, told) - charges)
    if message.known is None:
        if side == DEBIT:
            message.entry.unsaid_back += without - told
        else:
            message.entry.unsaid_paid += without - told
        return told
    is_inside = message.charged < len(message.known.charged) and message.known.charged[message.charged]
    return without if is_inside else told


# --- an entry of ours --------------------------------------------------------------------------------------------------


def _booked(
    message: Message,
    entry: Node,
    side: str,
    amount: tuple[str, str],
    charges: Decimal,
    *,
    node: Node,
    mandate: str,
    transfer: Transfer,
) -> BankEntry:
    if side not in (CREDIT, DEBIT):
        raise bad_file("an entry of it is neither a credit nor a debit.")
    own = _own_amount(message, entry, node if message.entry.details else entry, side, amount, charges)
    if own < 0 or (not own and Decimal(amount[0])):
        raise bad_file("the charges of an entry are more than it is.")
    message.number += 1
    message.sums.entries += 1
    message.sums.charges += -charges if charges else abs(Decimal(amount[0]) - own)
    if side == DEBIT:
        message.sums.back += own
    else:
        message.sums.paid += own
    return BankEntry(
        number=message.number,
        kind=EntryKind.RETURNED if side == DEBIT else EntryKind.PAID,
        reference=_reference(message, entry, node, transfer),
        amount=amount[0] if own == Decimal(amount[0]) else format(own, "f"),
        currency=amount[1],
        value_date=day_of(entry.told("ValDt/Dt", "ValDt/DtTm", "BookgDt/Dt", "BookgDt/DtTm")),
        mandate=mandate,
        reason=node.told("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"),
        reason_text=node.told("RtrInf/AddtlInf"),
        bank_reference=named(node.told("Refs/AcctSvcrRef", "Refs/TxId")) or named(entry.told("AcctSvcrRef")),
        transfer=transfer,
        structured=() if transfer is Transfer.NO else _texts(node, *STRUCTURED),
        remittance=() if transfer is Transfer.NO else _texts(node, *WORDS) + _texts(entry, "AddtlNtryInf"),
    )


def _texts(node: Node, *paths: str) -> tuple[str, ...]:
    """What is told at these paths, each as often as it is."""
    found = [told.text.strip() for path in paths for told in node.every(path)]
    return tuple([text for text in found if text and text != NOT_PROVIDED][:TEXTS_MAX])


def _reference(message: Message, entry: Node, node: Node, transfer: Transfer) -> str:
    """Our own where the bank knows it, else the bank's; the details of an entry share its reference, and are told apart.

    Of a transfer the bank's: what its payer calls it may be anything.
    """
    sent = named(node.told("Refs/EndToEndId"))
    of_bank = named(node.told("Refs/AcctSvcrRef", "Refs/TxId"))
    own = of_bank if transfer is Transfer.TOLD else sent or of_bank
    shared = named(entry.told("AcctSvcrRef", "NtryRef"))
    if own or not shared or not message.entry.details:
        return own or shared or sent
    return f"{shared}D{message.entry.details}"


# --- what a report says of itself ----------------------------------------------------------------------------------------


def accounts_of(message: Message, body: Node) -> set[str]:
    """The numbers of the accounts that it is about."""
    report = REPORTS[message.name]
    return {
        told.text.strip()
        for path in ("Acct/Id/IBAN", "Acct/Id/Othr/Id")
        for told in body.every(f"{report}/{path}")
        if told.text.strip()
    }


def hold_reports(message: Message, body: Node) -> None:
    """What each report says of its entries is so, and a statement's balances follow. Raises Refused ``sums_differ``."""
    for report in body.every(REPORTS[message.name]):
        counted = message.reports.get(id(report), Booked())
        _hold_summary(counted, report)
        _hold_balances(counted, report)


def _hold_summary(counted: Booked, report: Node) -> None:
    sides = {side: (counted.counts.get(side, 0), counted.sums.get(side, NOTHING)) for side in (CREDIT, DEBIT)}
    all_of_it = (sum(count for count, _ in sides.values()), sum((one for _, one in sides.values()), NOTHING))
    for name, (count, total) in {
        "TtlNtries": all_of_it,
        "TtlCdtNtries": sides[CREDIT],
        "TtlDbtNtries": sides[DEBIT],
    }.items():
        said = report.find(f"TxsSummry/{name}")
        if said is None:
            continue
        if said.told("NbOfNtries") and not is_count(said.told("NbOfNtries"), count):
            raise sums_differ("entries", said.told("NbOfNtries"), count)
        if said.told("Sum") and decimal_of(said.told("Sum")) != total:
            raise sums_differ("the sum", said.told("Sum"), total)
    net = report.told("TxsSummry/TtlNtries/TtlNetNtry/Amt", "TxsSummry/TtlNtries/TtlNetNtryAmt")
    if net and abs(net_of(net)) != abs(sides[CREDIT][1] - sides[DEBIT][1]):
        raise sums_differ("a net sum", net, sides[CREDIT][1] - sides[DEBIT][1])


def _hold_balances(counted: Booked, report: Node) -> None:
    """A statement's entries lead from the balance that it opens with to the one it closes with; a page may have neither."""
    balances: dict[str, Decimal] = {}
    for told in report.every("Bal"):
        kind = told.told("Tp/CdOrPrtry/Cd", "Tp/Cd")
        amount = told.find("Amt")
        if kind and amount is not None:
            balances.setdefault(kind, _signed(told.told("CdtDbtInd"), decimal_of(amount.text.strip())))
    opening = next((balances[kind] for kind in ("OPBD", "PRCD") if kind in balances), None)
    closing = balances.get("CLBD")
    if opening is not None and closing is not None and opening + counted.booked != closing:
        raise sums_differ("the closing balance", closing, opening + counted.booked)
