"""The money of a bounced cheque counts again: the cheque goes to the bank once more, or the bank had been wrong.

Sent again, it pays what its bounce had opened, then what it charged for money that had left, then the oldest due; the fee
stays owed. Where the bank was wrong everything is as it was: parts, refunds, fee, count and collection (rule 35).
Source: domain.md 3.3 and rules 35, 37.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pos.domain.cheque import ChequeState
from pos.domain.correction import CorrectionKind, TakenPayment
from pos.domain.debt_beside import DebtBeside
from pos.domain.errors import Refused
from pos.domain.money import Money, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.posting import JournalLine, Ledger, credit, debit, inverse, ledger_of
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry
from pos.store.corrections import fee_booked, took_it
from pos.store.dishonours import StandingDishonour, cancelled_by, last_dishonour, parts_undone_by
from pos.till.account_score import words_without
from pos.till.approvals import require_second, use_or_ask
from pos.till.beside_again import beside_again, write_beside_again
from pos.till.charge_bills import open_charge
from pos.till.correction_entry import Corrected, CorrectionOrder, Entry, Why, corrected, write_correction
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.dishonour_plan import TEXT_MAX, Found, find_cheque
from pos.till.dishonours import owed_ledger, step_cheque, tell_beside
from pos.till.places_again import PlacedAgain, again_as_before, again_as_owed

REPRESENT, UNDO = "represent_cheque", "undo_bounce"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsAgain:
    """A cheque whose money counts again, with the paper that says where; ``state`` is where the cheque is now."""

    cheque_id: str
    serial: str
    state: ChequeState
    correction: Corrected


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """What is to be written of it."""

    found: Found
    bounce: StandingDishonour
    placed: Sequence[PlacedAgain]
    lines: Sequence[JournalLine]
    why: Why
    notes: Sequence[str]
    to: ChequeState
    beside: DebtBeside
    charge: tuple[Money, Money] | None = field(default=None)


def represent_cheque(
    desk: Desk, person: Person, cheque: str, *, text: str = "", memo: Memo | None = None
) -> CountsAgain:
    """Send a bounced cheque to the bank once more: the same cheque, on the next deposit slip. Its money counts until then.

    Raises NotAuthorised, ApprovalNeeded (it is about the person's own account), or Refused ``unknown_cheque``,
    ``cheque_state``, ``which_cheque``, ``represent_limit``, ``cheque_stale`` or ``whose_cheque``.
    """

    def work(deed: Deed) -> CountsAgain:
        found, bounce, said = _found(deed, cheque, text)
        _require_once_more(deed, found, bounce)
        undone = parts_undone_by(deed.unit.connection, bounce.correction_id, found.tender.paid.currency)
        _refuse_suspense(deed, found)
        placed = again_as_owed(deed, found, bounce, undone)
        _leave_own(deed, REPRESENT, found, placed)
        beside = beside_again(deed, found, bounce, placed)
        amount = found.tender.paid
        return _write(
            deed,
            _Again(
                found=found,
                bounce=bounce,
                placed=placed,
                lines=[
                    debit(found.cheque.ledger_account, amount),
                    *_put_on(found.taken, placed),
                    *beside.lines(),
                ],
                why=Why(code="represented", label="Goes to the bank once more", text=said),
                notes=[
                    f"Cheque {found.cheque.serial} of {amount} goes to the bank once more. No payment until it is paid.",
                    *beside.words(),
                ],
                beside=beside,
                to=ChequeState.REPRESENTED,
            ),
        )

    return _done(desk, perform(desk, person, REPRESENT, work, memo=memo))


def undo_bounce(
    desk: Desk, person: Person, cheque: str, *, text: str = "", memo: Memo | None = None
) -> CountsAgain:
    """The bank was wrong: the cheque is paid. All that its bounce did is undone, the fee, the count and collection too.

    Raises NotAuthorised, ApprovalNeeded, or Refused ``unknown_cheque``, ``cheque_state``, ``which_cheque`` or
    ``whose_cheque``.
    """

    def work(deed: Deed) -> CountsAgain:
        found, bounce, said = _found(deed, cheque, text)
        _refuse_suspense(deed, found)
        undone = parts_undone_by(deed.unit.connection, bounce.correction_id, found.tender.paid.currency)
        placed = again_as_before(deed, found, undone)
        charge = open_charge(deed, bounce)
        beside = beside_again(deed, found, bounce, placed)
        content = {
            "cheque": found.cheque.cheque_id,
            "bounce": bounce.correction_id,
            "placed": _placed_content(placed),
            "charge": None if charge is None else [part.minor for part in charge],
        }
        what = f"undo the bounce of cheque {found.cheque.serial}, {found.tender.paid} of receipt {found.cheque.receipt}"
        not_by = took_it(deed.unit.connection, found.taken)
        require_second(deed, UNDO, content, what, not_by=not_by)
        return _write(
            deed,
            _Again(
                found=found,
                bounce=bounce,
                placed=placed,
                lines=[*_undone_lines(deed, found, bounce, placed, charge), *beside.lines()],
                why=Why(code="bank_error", label="The bank had sent it back by mistake", text=said),
                notes=[*_undone_words(deed, found, bounce), *beside.words()],
                beside=beside,
                to=ChequeState(bounce.was),
                charge=charge,
            ),
        )

    return _done(desk, perform(desk, person, UNDO, work, memo=memo, alone=True))


def _done(desk: Desk, done: CountsAgain) -> CountsAgain:
    corrected(desk, done.correction)
    return done


def _found(deed: Deed, name: str, text: str) -> tuple[Found, StandingDishonour, str]:
    """The bounced cheque, its bounce, and the cleaned words."""
    deed.shift = None
    connection = deed.unit.connection
    found = find_cheque(deed.desk, connection, name, (ChequeState.DISHONOURED,))
    deed.subject = found.cheque.receipt
    said = clean_entry(text, field="Reason", limit=TEXT_MAX)
    deed.reason_code = said or None
    bounce = last_dishonour(connection, found.cheque.cheque_id)
    assert bounce is not None, "a dishonoured cheque has its bounce"
    return found, bounce, said


def _refuse_suspense(deed: Deed, found: Found) -> None:
    """What came in without a known owner can't be put back to where it was. Raises Refused ``whose_cheque``."""
    if found.taken.payer_account == deed.desk.policy.suspense_account:
        raise Refused(
            "whose_cheque",
            "Nobody knew whose money this was when it came. Hand the cheque back, and take the money anew for its owner.",
        )


def _placed_content(placed: Sequence[PlacedAgain]) -> list[list[object]]:
    """Where the money counts again, as it is approved."""
    return [[one.leg, one.account, one.bill_no, str(one.purpose), one.amount.minor] for one in placed]


def _leave_own(deed: Deed, act: str, found: Found, placed: Sequence[PlacedAgain]) -> None:
    """Nobody decides alone about the own account."""
    about = {found.taken.payer_account, *(part.account for part in found.taken.parts)}
    if deed.person.accounts & about:
        use_or_ask(
            deed,
            act,
            {
                "cheque": found.cheque.cheque_id,
                "step": found.tender.cheque_events,
                "placed": _placed_content(placed),
            },
            f"send cheque {found.cheque.serial} of receipt {found.cheque.receipt} to the bank again",
            "This is about your own account: it needs a second person.",
            accounts=sorted(about),
            not_by=took_it(deed.unit.connection, found.taken),
        )


def _require_once_more(deed: Deed, found: Found, bounce: StandingDishonour) -> None:
    """It may go to the bank again. Raises Refused ``represent_limit`` or ``cheque_stale``."""
    policy, serial = deed.desk.policy.cheques, found.cheque.serial
    most = policy.dishonour.represent_max
    if bounce.represented >= most:
        raise Refused(
            "represent_limit",
            f"Cheque {serial} went to the bank again {bounce.represented} times, the most is {most}. "
            "Have it paid another way, or give it back.",
            limit=most,
        )
    if found.cheque.days_left(policy, today=deed.at.date()) < 0:
        raise Refused("cheque_stale", f"Cheque {serial} is too old for the bank. Ask for a new one.")


def _put_on(taken: TakenPayment, placed: Sequence[PlacedAgain]) -> list[JournalLine]:
    """What counts again is on bills and accounts; what it had paid for items stays sold."""
    sums: dict[tuple[str, str], Money] = {}
    for one in placed:
        if one.purpose is not Purpose.ITEMS:
            key = (ledger_of(one.purpose, PayerKind(taken.payer_kind)), one.account)
            sums[key] = sums.get(key, zero(one.amount.currency)) + one.amount
    return [credit(ledger, amount, account) for (ledger, account), amount in sums.items()]


def _undone_lines(
    deed: Deed,
    found: Found,
    bounce: StandingDishonour,
    placed: Sequence[PlacedAgain],
    charge: tuple[Money, Money] | None,
) -> list[JournalLine]:
    """The bounce's own entry the other way round; what was paid of a charge for nothing is the account's credit."""
    taken, in_currency = found.taken, found.tender.paid.currency
    lines = [debit(bounce.lay_in, found.tender.paid), *_put_on(taken, placed)]
    revived = cancelled_by(deed.unit.connection, bounce.correction_id, in_currency)
    if revived:
        lines.append(credit(Ledger.REFUNDS_PAYABLE, revived, taken.payer_account))
    if charge is None or bounce.charge_account is None:
        return lines
    paid = charge[1]
    lines.append(credit(owed_ledger(taken), bounce.recovered + bounce.fee, bounce.charge_account))
    if paid and bounce.bill_no is not None:
        lines.append(debit(Ledger.RECEIVABLE, paid, bounce.charge_account))
        lines.append(credit(Ledger.CUSTOMER_CREDIT, paid, bounce.charge_account))
    lines += [inverse(line) for line in fee_booked(deed.unit.connection, bounce.correction_id)]
    return lines


def _undone_words(deed: Deed, found: Found, bounce: StandingDishonour) -> list[str]:
    words = [
        f"Cheque {found.cheque.serial} of {found.tender.paid} is paid after all: the bank had been wrong."
    ]
    charged = bounce.recovered + bounce.fee
    if charged:
        fee = f", fee {bounce.fee} included" if bounce.fee else ""
        words.append(f"Account {bounce.charge_account}: the charge of {charged} is taken back{fee}.")
    words.append("It does not count against the account.")
    return [*words, *words_without(deed.desk, deed.unit.connection, bounce.correction_id)]


def _write(deed: Deed, again: _Again) -> CountsAgain:
    found, bounce = again.found, again.bounce
    cheque = found.cheque

    def write_beside(correction_id: str, _paper: str) -> None:
        deed.unit.insert(
            "reinstatement",
            {
                "correction_id": correction_id,
                "of_correction": bounce.correction_id,
                "undoes": int(again.to is not ChequeState.REPRESENTED),
            },
        )
        write_beside_again(deed, found, correction_id, again.beside)
        step_cheque(deed, cheque.cheque_id, found.tender.cheque_events, again.to, again.why.code)
        if again.charge is not None:
            _take_charge_off(deed, bounce, correction_id, *again.charge)

    done = write_correction(
        deed,
        Entry(
            kind=CorrectionKind.REINSTATEMENT,
            taken=found.taken,
            order=CorrectionOrder(receipt=cheque.receipt, reason=again.why.code),
            undone=(),
            lines=again.lines,
            placed=[one.row(found) for one in again.placed],
            tender=found.tender,
            why=again.why,
            notes=again.notes,
            write_beside=write_beside,
        ),
    )
    if again.to is not ChequeState.REPRESENTED:
        tell_beside(
            deed, found.taken, found.tender, done.correction_id, bounce.payor, of_bounce=bounce.correction_id
        )
    if again.charge is not None and bounce.charge_account is not None:
        deed.desk.touched_bills.extend([] if bounce.bill_no is None else [bounce.bill_no])
        deed.desk.touched_accounts.append(bounce.charge_account)
    return CountsAgain(cheque_id=cheque.cheque_id, serial=cheque.serial, state=again.to, correction=done)


def _take_charge_off(
    deed: Deed, bounce: StandingDishonour, correction_id: str, still_open: Money, paid: Money
) -> None:
    deed.unit.insert(
        "charge_undone",
        {
            "charge_id": bounce.charge_id,
            "correction_id": correction_id,
            "open_minor": still_open.minor,
            "paid_minor": paid.minor,
            "currency": paid.currency.code,
        },
    )
