"""How each way to pay is handed over: its own fields, never the same paper twice, and who may pay what so.

The table is written by hand from the acceptance matrix, not read from the settings. A new way to pay is one more row.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pos.domain.payment_mode import PayerKind, Purpose
from pos.till.payment_order import TenderOrder
from tests.simulation.expectation import text_of
from tests.simulation.shop import CASH_ONLY, DEALERS, SUPERVISOR
from tests.simulation.terminals import Terminal

BILLS, ITEMS, ACCOUNT = Purpose.BILLS, Purpose.ITEMS, Purpose.ACCOUNT
ANYBODY: Mapping[PayerKind, Collection[Purpose]] = {
    PayerKind.SUBSCRIBER: (BILLS, ITEMS, ACCOUNT),
    PayerKind.DEALER: (ITEMS, ACCOUNT),
    PayerKind.WALK_IN: (ITEMS,),
}
BANK: Mapping[PayerKind, Collection[Purpose]] = {PayerKind.DEALER: (ITEMS, ACCOUNT)}
BILLS_OR_DEALERS: Mapping[PayerKind, Collection[Purpose]] = {
    PayerKind.SUBSCRIBER: (BILLS,),
    PayerKind.DEALER: (ITEMS, ACCOUNT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderKind:
    """How a tender of one mode is handed over: its own fields, never the same twice, and who may pay what so."""

    mode: str
    details: Callable[[Terminal], Mapping[str, str]]
    serves: Mapping[PayerKind, Collection[Purpose]]
    supervisor_only: bool = False


def paper_number(terminal: Terminal) -> str:
    """Of a paper that nobody else in the shop has."""
    terminal.memory.papers += 1
    return f"{terminal.name[1:]}{terminal.memory.papers:05}"


def _today(terminal: Terminal) -> str:
    return terminal.till.desk.clock.now().date().isoformat()


def _cheque(terminal: Terminal) -> Mapping[str, str]:
    return {"bank": "001", "serial": paper_number(terminal)}


def _slip(terminal: Terminal) -> Mapping[str, str]:
    number = paper_number(terminal)
    return {
        "auth_code": f"A{number}",
        "last4": "1111",
        "brand": "VISA",
        "rrn": number,
        "card_terminal": terminal.name,
    }


def _bank_receipt(terminal: Terminal) -> Mapping[str, str]:
    return {
        "bank": "001",
        "branch": "042",
        "reference": f"K7-{paper_number(terminal)}",
        "date": _today(terminal),
    }


def _bank_cheque(terminal: Terminal) -> Mapping[str, str]:
    return {**_bank_receipt(terminal), "serial": "000123"}


def _advice(terminal: Terminal) -> Mapping[str, str]:
    return {"mandate": "M-1", "reference": f"R-{paper_number(terminal)}", "date": _today(terminal)}


def _machine_slip(terminal: Terminal) -> Mapping[str, str]:
    return {"trace": paper_number(terminal), "atm": "ATM-09", "date": _today(terminal)}


TENDERS: tuple[TenderKind, ...] = (
    TenderKind(mode="cash", details=lambda _terminal: {}, serves=ANYBODY),
    TenderKind(mode="cheque", details=_cheque, serves=ANYBODY),
    TenderKind(mode="debit_card", details=_slip, serves=ANYBODY),
    TenderKind(mode="credit_card", details=_slip, serves=ANYBODY),
    TenderKind(mode="bank_cash", details=_bank_receipt, serves=BANK),
    TenderKind(mode="bank_cheque", details=_bank_cheque, serves=BANK),
    TenderKind(
        mode="direct_debit", details=_advice, serves={PayerKind.SUBSCRIBER: (BILLS,)}, supervisor_only=True
    ),
    TenderKind(mode="atm", details=_machine_slip, serves=BILLS_OR_DEALERS),
)
"""Cash comes first, then the cheque. Vouchers, for which central must be asked before, are a deed of their own."""


def payer_kind(account: str | None) -> PayerKind:
    if account is None:
        return PayerKind.WALK_IN
    return PayerKind.DEALER if account in DEALERS else PayerKind.SUBSCRIBER


def tender_of(terminal: Terminal, kind: TenderKind, minor: int) -> TenderOrder:
    return TenderOrder(mode=kind.mode, amount=text_of(minor), details=kind.details(terminal))


def _some_kind(terminal: Terminal, account: str | None, purposes: Collection[Purpose]) -> TenderKind:
    """One that may pay all of ``purposes``, so that it does not matter which tender pays which part."""
    payer = payer_kind(account)
    fit = [
        kind
        for kind in TENDERS
        if set(purposes) <= set(kind.serves.get(payer, ()))
        and not (kind.mode == "cheque" and account == CASH_ONLY)
        and (terminal.person is SUPERVISOR or not kind.supervisor_only)
    ]
    return terminal.drawn.choice(fit)


def split(
    terminal: Terminal, account: str | None, minor: int, purposes: Collection[Purpose]
) -> list[TenderOrder]:
    """The sum as one tender, or as up to three of several kinds; the last may be cash."""
    drawn = terminal.drawn
    parts = _parts(drawn, minor, drawn.choice((1, 1, 2, 3)))
    kinds = [_some_kind(terminal, account, purposes) for _ in parts]
    # One heap of notes is one tender.
    cash = sum(part for part, kind in zip(parts, kinds, strict=True) if kind.mode == "cash")
    tenders = [
        tender_of(terminal, kind, part)
        for part, kind in zip(parts, kinds, strict=True)
        if kind.mode != "cash"
    ]
    return [*tenders, *([tender_of(terminal, TENDERS[0], cash)] if cash else [])]


def _parts(drawn: random.Random, minor: int, count: int) -> list[int]:
    """``minor`` in up to ``count`` parts, none of them nothing."""
    parts: list[int] = []
    for left in range(count, 1, -1):
        if minor < left:
            break
        part = drawn.randint(1, minor - left + 1)
        parts.append(part)
        minor -= part
    return [*parts, minor]
