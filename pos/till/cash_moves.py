"""Pickup, loan, paid in, paid out and no sale: what a person does at an open drawer beside payments.

Each is of the person's own open shift, is posted where money moved, has its paper for both sides, and can be taken back in
the same shift by a linked move. Source: domain.md 1 and rule 30; reliability.md section 2 (23, 30) and 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from pos.domain.cash_move import CashMove, MoveKind, move_lines, move_series
from pos.domain.denominations import Pieces, read_pieces, require_sum
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_amount, zero
from pos.domain.posting import SourceKind
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Grant, Person
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.cash_moves import move_by_number, moves_of_shift
from pos.store.counted_pieces import pieces_of_move
from pos.store.shifts import open_shift
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import require_second, use_or_ask
from pos.till.correction_entry import require_in_drawer
from pos.till.counted import pieces_line, write_pieces
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_right
from pos.till.journal import book_entry
from pos.till.office_paper import next_paper, write_sheet

UNDO = "undo_cash_move"
TEXT_MAX = 200

_SIGNED_BY = {
    MoveKind.PICKUP: ("handed_over", "received_in_safe"),
    MoveKind.LOAN: ("given_by_safe", "received"),
    MoveKind.PAID_IN: ("paid_in_by", "received"),
    MoveKind.PAID_OUT: ("handed_over", "cash_received"),
}
"""Who signs which side, by the codes of the labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMoveOrder:
    """What is to be moved, as typed, in the shop's currency; ``reason`` a code of the settings, ``text`` in words.

    ``pieces`` are the notes and coins that make it, by value; none: they were not told.
    """

    kind: MoveKind
    amount: str = "0"
    reason: str | None = None
    text: str | None = None
    decimal_marks: str = "."
    pieces: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMoved:
    """The move that was booked; the drawer opens for it."""

    move: CashMove
    approver: str | None


def move_cash(desk: Desk, person: Person, order: CashMoveOrder, *, memo: Memo | None = None) -> CashMoved:
    """Move cash between the drawer and the safe, or in and out for a reason, and print the paper for both sides.

    Who has the right within limits wants a second person, who hands over or receives, above the shop's cap.
    Raises NotAuthorised, ApprovalNeeded, Refused ``no_open_shift``, ``shift_of_other``, ``drawer_short``, ``not_in_coins``,
    ``unknown_reason``, ``reason_missing`` or what ``parse_amount``, ``read_pieces`` and ``require_sum`` raise.
    """
    match order.kind:
        case MoveKind.PICKUP:
            return _move(desk, person, "pickup", order, memo)
        case MoveKind.LOAN:
            return _move(desk, person, "loan", order, memo)
        case MoveKind.PAID_IN:
            return _move(desk, person, "paid_in", order, memo)
        case MoveKind.PAID_OUT:
            return _move(desk, person, "paid_out", order, memo)
        case MoveKind.NO_SALE:
            return no_sale(desk, person, order.text or "", memo=memo)


def _move(desk: Desk, person: Person, act: str, order: CashMoveOrder, memo: Memo | None) -> CashMoved:
    require_second_above_cap = partial(_require_second_above_cap, act=act)

    def work(deed: Deed) -> CashMoved:
        shift, policy = deed.require_shift(), desk.policy.cash_moves
        amount = parse_amount(order.amount, shift.currency, decimal_marks=order.decimal_marks)
        if amount.minor % desk.policy.cash_rounding.coin_minor:
            raise Refused("not_in_coins", f"There are no coins for {amount}. Count again.", field="amount")
        pieces = _read_pieces(desk, amount, order)
        text = clean_entry(order.text or "", field="Text", limit=TEXT_MAX) or None
        account = policy.ledger_account(order.kind, order.reason, text)
        why = " ".join(part for part in (order.reason if policy.reasons(order.kind) else None, text) if part)
        deed.reason_code = why[:TEXT_MAX] or None
        require_second_above_cap(deed, kind=order.kind, amount=amount, why=why)
        if order.kind.sign < 0:
            require_in_drawer(deed, amount)
        return _write(
            deed,
            CashMove(
                move_id=deed.new_id(),
                number=None,
                kind=order.kind,
                amount=amount,
                reason=order.reason if policy.reasons(order.kind) else None,
                text=text,
                ledger_account=account,
                operator=person.user,
            ),
            pieces=pieces,
        )

    return perform(desk, person, act, work, memo=memo)


def _read_pieces(desk: Desk, amount: Money, order: CashMoveOrder) -> list[Pieces]:
    """They may be told, also where a count must be: a bundle to the safe has its strap."""
    if not order.pieces:
        return []
    known = desk.policy.shift.denominations
    pieces = read_pieces(order.pieces, amount.currency, known=known, decimal_marks=order.decimal_marks)
    require_sum(pieces, amount)
    return pieces


def _require_second_above_cap(deed: Deed, *, act: str, kind: MoveKind, amount: Money, why: str) -> None:
    """Raises ApprovalNeeded where the right has a limit and ``amount`` is above it."""
    cap = deed.desk.policy.cash_moves.alone_minor(kind)
    if require_right(deed.desk, act, deed.person) is not Grant.LIMIT or amount.minor <= cap:
        return
    named = act.replace("_", " ")
    use_or_ask(
        deed,
        act,
        {"amount": amount.minor, "why": why},
        f"{named} of {amount}" + (f" for {why}" if why else ""),
        f"A {named} of {amount} needs a second person.",
    )


def no_sale(desk: Desk, person: Person, reason: str, *, memo: Memo | None = None) -> CashMoved:
    """Open the drawer without a payment; it is counted, with the reason.

    Raises NotAuthorised, Refused ``no_open_shift``, ``shift_of_other`` or ``reason_required``.
    """

    def work(deed: Deed) -> CashMoved:
        shift = deed.require_shift()
        return _write(
            deed,
            CashMove(
                move_id=deed.new_id(),
                number=None,
                kind=MoveKind.NO_SALE,
                amount=zero(shift.currency),
                reason=None,
                text=deed.reason_code,
                ledger_account=None,
                operator=person.user,
            ),
        )

    return perform(desk, person, "no_sale", work, memo=memo, reason=reason)


def undo_cash_move(
    desk: Desk, person: Person, number: str, reason: str, *, memo: Memo | None = None
) -> CashMoved:
    """Take a move of the own open shift back: the cash is where it was, by a linked move with a paper of its own.

    Raises NotAuthorised, ApprovalNeeded, Refused ``unknown_cash_move``, ``cash_move_undone``, ``cash_move_closed``,
    ``drawer_short`` or ``reason_missing``.
    """

    def work(deed: Deed) -> CashMoved:
        shift = deed.require_shift()
        named = deed.subject = clean_reference(number, field="Paper", limit=40).upper()
        found = move_by_number(deed.unit.connection, named)
        if found is None:
            raise Refused("unknown_cash_move", f"There is no paper {named} of cash moved here.", move=named)
        first, shift_id = found
        if first.undone or first.undoes is not None:
            raise Refused("cash_move_undone", f"{named} was taken back already.", move=named)
        if shift_id != shift.shift_id:
            raise Refused(
                "cash_move_closed", f"{named} is of a shift that was counted. It stays as it is.", move=named
            )
        if not deed.reason_code:
            raise Refused("reason_missing", "Say why it is taken back.", field="reason")
        require_second(
            deed,
            UNDO,
            {"move": named},
            f"take back {str(first.kind).replace('_', ' ')} {named} of {first.amount}",
            "Taking cash that was moved back needs a second person.",
        )
        back = replace(
            first,
            move_id=deed.new_id(),
            number=None,
            text=deed.reason_code,
            operator=person.user,
            undoes=first.move_id,
        )
        if back.into_drawer.minor < 0:
            require_in_drawer(deed, back.amount)
        moved = pieces_of_move(deed.unit.connection, first.move_id, first.amount.currency)
        return _write(deed, back, pieces=moved, of=named)

    # The second person is asked for within, once it is known what is to be taken back.
    return perform(desk, person, UNDO, work, memo=memo, alone=True, reason=reason)


def _write(deed: Deed, move: CashMove, *, pieces: Sequence[Pieces] = (), of: str | None = None) -> CashMoved:
    shift = deed.require_shift()
    write_pieces(deed, "cash_move_piece", {"move_id": move.move_id}, pieces)
    numbered = None
    if move.kind is not MoveKind.NO_SALE:
        numbered = next_paper(deed, move_series(deed.desk.identity.series))
        move = replace(move, number=numbered.number)
        deed.subject = deed.subject or numbered.number
    deed.unit.insert(
        "cash_move",
        {
            "move_id": move.move_id,
            "receipt_number": move.number,
            "shift_id": shift.shift_id,
            "kind": str(move.kind),
            "amount_minor": move.amount.minor,
            "currency": move.amount.currency.code,
            "reason": move.reason,
            "text": move.text,
            "ledger_account": move.ledger_account,
            "undoes": move.undoes,
            "at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": move.operator,
            "approver": deed.approver,
        },
    )
    book_entry(deed, SourceKind.CASH_MOVE, move.move_id, move_lines(move))
    if numbered is not None:
        write_sheet(
            deed,
            numbered,
            ReceiptKind.MOVE_UNDONE if move.undoes else ReceiptKind(str(move.kind)),
            _sheet(deed, move, pieces, of),
            total=move.amount,
            business_day=shift.business_date,
            shift_number=shift.number,
        )
    return CashMoved(move=move, approver=deed.approver)


def _sheet(deed: Deed, move: CashMove, pieces: Sequence[Pieces], of: str | None) -> SheetFacts:
    said = [
        ("undoes", of or ""),
        ("reason", move.reason or ""),
        ("text", move.text or ""),
        ("approver", deed.approver or ""),
    ]
    lines = tuple(SheetLine(code=code, said=text) for code, text in said if text)
    counted = tuple(pieces_line(one) for one in pieces)
    signed = _SIGNED_BY[move.kind]
    return SheetFacts(
        parts=tuple(
            SheetPart(code=code, lines=part)
            for code, part in (("", lines), ("notes_and_coins", counted))
            if part
        ),
        signatures=signed[::-1] if move.undoes else signed,
        states_total=True,
    )


def moves_of_open_shift(desk: Desk, person: Person) -> Sequence[CashMove]:
    """What was moved in the person's own open shift, the last first; nothing where there is none."""
    with desk.till.read() as connection:
        shift = open_shift(connection)
        if shift is None or shift.operator != person.user:
            return []
        return moves_of_shift(connection, shift.shift_id)[::-1]
