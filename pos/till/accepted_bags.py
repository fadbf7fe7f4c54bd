"""A bag of another till of the shop is counted into this safe, by the paper that came with it; or that is taken back.

Nothing waits for the network. Central hears of it later and lets one till have each bag: what it refuses is listed, and is
taken back by two people. Source: domain.md 1, 3.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pos.domain.business_day import business_date
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_amount, parse_count
from pos.domain.posting import SourceKind
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Grant, Person
from pos.domain.sheet import SheetLine
from pos.domain.shop_bag import (
    PAPER_MAX,
    AcceptedBag,
    AcceptedState,
    BagPaper,
    accepted_lines,
    bag_series,
    undone_lines,
)
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.home import TRAINING_SERIES
from pos.store.shop_bags import accepted_bag, accepted_bags
from pos.till.approvals import require_second, use_or_ask
from pos.till.counted import read_told_pieces
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.gate import require_right
from pos.till.journal import book_entry
from pos.till.office_paper import next_paper
from pos.till.shop_bags import LISTED_MAX, moment_of, print_bag

ACCEPT, UNDO = "accept_bag", "undo_accept_bag"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOrder:
    """What stands on the bag and its paper, as typed, and what was counted; ``reason`` where that is not what was put in.

    ``pieces`` are the notes and coins that were counted, by value.
    """

    paper: str
    bag: str
    amount: str
    check: str
    counted: str
    reason: str = ""
    pieces: Sequence[tuple[str, int]] = ()
    decimal_marks: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class BagAccepted:
    """The bag as it is now; ``number`` is that of the paper that was printed for the deed."""

    accepted: AcceptedBag
    number: str


def accept_bag(desk: Desk, person: Person, order: AcceptOrder, *, memo: Memo | None = None) -> BagAccepted:
    """Count a bag of another till into this safe. What differs is over or short, with its reason.

    Who has the right within limits wants a second person for what differs by more than the shop tolerates.

    Raises NotAuthorised, ApprovalNeeded, Refused ``not_the_cash_office``, ``bag_check``, ``bag_of_other_shop``,
    ``bag_of_training``, ``bag_is_own``, ``bag_accepted``, ``not_in_coins``, ``bag_differs`` (no reason given), or what
    reading texts and amounts and ``read_told_pieces`` raise.
    """

    def work(deed: Deed) -> BagAccepted:
        deed.shift = None
        paper, counted = _read(deed, order)
        deed.subject = paper.number
        _require_ours(deed, paper)
        pieces = read_told_pieces(deed, counted, order.pieces, order.decimal_marks)
        why = deed.reason_code = clean_entry(order.reason, field="Reason", limit=200) or None
        _require_reason_and_second(deed, paper, counted, why)
        numbered = next_paper(deed, bag_series(desk.identity.series))
        accepted = AcceptedBag(
            acceptance_id=deed.new_id(),
            number=numbered.number,
            paper=paper,
            counted=counted,
            accepted_on=business_date(deed.at, desk.policy.day_starts),
            accepted_by=person.user,
            state=AcceptedState.ACCEPTED,
            reason=why if why and counted != paper.amount else "",
        )
        deed.unit.insert(
            "bag_acceptance",
            {
                "acceptance_id": accepted.acceptance_id,
                "receipt_number": accepted.number,
                "sent_paper": paper.number,
                "bag": paper.bag,
                "amount_minor": paper.amount.minor,
                "counted_minor": counted.minor,
                "currency": counted.currency.code,
                "reason": accepted.reason or None,
                **moment_of(deed),
            },
        )
        book_entry(
            deed, SourceKind.BAG_ACCEPTED, accepted.acceptance_id, accepted_lines(paper.amount, counted)
        )
        said = [("bag_paper", paper.number), ("bag_number", paper.bag)]
        said += [("difference_reason", accepted.reason), ("approver", deed.approver or "")]
        figures = [SheetLine(code="counted_cash", amount=counted)]
        if accepted.over_short:
            figures.append(SheetLine(code="over_short", amount=accepted.over_short, strong=True))
        signed = ("handed_over", "received_in_safe")
        print_bag(deed, numbered, ReceiptKind.BAG_ACCEPTED, paper, said, signed, figures, pieces=pieces)
        return BagAccepted(accepted=accepted, number=numbered.number)

    return perform(desk, person, ACCEPT, work, memo=memo)


def _read(deed: Deed, order: AcceptOrder) -> tuple[BagPaper, Money]:
    """The paper as it was typed, held against its check, and what was counted."""
    own, marks = deed.desk.identity.currency, order.decimal_marks
    # A till may have small letters in its name, and a number is typed in any.
    paper = BagPaper(
        number=clean_reference(order.paper, field="Paper", limit=PAPER_MAX),
        bag=clean_reference(order.bag, field="Bag", limit=40).upper(),
        amount=parse_amount(order.amount, own, decimal_marks=marks),
    )
    if not paper.goes_with(order.check):
        paper = replace(paper, number=paper.number.upper())
    paper.require_check(order.check)
    counted = parse_count(order.counted, own, decimal_marks=marks)
    if counted.minor % deed.desk.policy.cash_rounding.coin_minor:
        raise Refused("not_in_coins", f"There are no coins for {counted}. Count again.", field="counted")
    return paper, counted


def _require_ours(deed: Deed, paper: BagPaper) -> None:
    """Raises Refused where this till is not the one to accept it, or did so before."""
    identity, office = deed.desk.identity, deed.desk.policy.cash_office
    if office and office != identity.terminal:
        raise Refused(
            "not_the_cash_office",
            f"Till {office} is the cash office: the bag is accepted there.",
            till=office,
        )
    if paper.shop != identity.shop.shop:
        raise Refused(
            "bag_of_other_shop",
            f"This bag is of shop {paper.shop}. Bring it back.",
            field="paper",
            shop=paper.shop,
        )
    if paper.terminal == identity.terminal:
        raise Refused(
            "bag_is_own", "This bag left from here. Take it back instead of accepting it.", field="paper"
        )
    if (paper.series == TRAINING_SERIES) is not identity.training:
        said = (
            "This is training, and the paper is of a true bag: accept it at the till."
            if identity.training
            else "This paper was printed in training: there is no such bag."
        )
        raise Refused("bag_of_training", said, field="paper")
    before = accepted_bag(deed.unit.connection, paper.number)
    if before is not None and before.state is not AcceptedState.UNDONE:
        raise Refused(
            "bag_accepted",
            f"The bag of {paper.number} was accepted on {before.accepted_on}, by {before.number}.",
            field="paper",
            accepted=before.number,
        )


def _require_reason_and_second(deed: Deed, paper: BagPaper, counted: Money, why: str | None) -> None:
    difference = counted - paper.amount
    if not difference:
        return
    if why is None:
        raise Refused(
            "bag_differs",
            f"{paper.amount.plain()} was put in, {counted.plain()} is counted. Count again, or give a reason.",
            field="reason",
            expected=paper.amount.plain(),
            counted=counted.plain(),
            currency=counted.currency.code,
        )
    limited = require_right(deed.desk, ACCEPT, deed.person) is Grant.LIMIT
    if limited and not deed.desk.policy.shift.tolerates(difference):
        use_or_ask(
            deed,
            ACCEPT,
            {"paper": paper.number, "counted": counted.minor, "why": why},
            f"accept bag {paper.bag} of {paper.amount} with {counted}: {why}",
            "What differs in a bag needs a second person.",
        )


def undo_accept_bag(
    desk: Desk, person: Person, paper: str, reason: str, *, memo: Memo | None = None
) -> BagAccepted:
    """Take an acceptance back, by the paper that the bag came with: the money leaves this safe's books again.

    Raises NotAuthorised, ApprovalNeeded, Refused ``unknown_bag_paper``, ``bag_undone`` or ``reason_missing``.
    """

    def work(deed: Deed) -> BagAccepted:
        deed.shift = None
        named = clean_reference(paper, field="Paper", limit=PAPER_MAX)
        connection = deed.unit.connection
        accepted = accepted_bag(connection, named) or accepted_bag(connection, named.upper())
        named = deed.subject = named.upper() if accepted is None else accepted.paper.number
        if accepted is None:
            raise Refused(
                "unknown_bag_paper",
                f"No bag was accepted here with paper {named}.",
                field="paper",
                paper=named,
            )
        if accepted.state is AcceptedState.UNDONE:
            raise Refused("bag_undone", f"The bag of {named} was taken back already.", paper=named)
        why = clean_entry(reason, field="Reason", limit=200)
        if not why:
            raise Refused("reason_missing", "Say why it is taken back.", field="reason")
        require_second(
            deed,
            UNDO,
            {"paper": named},
            f"take back that bag {accepted.paper.bag} with {accepted.counted} was accepted",
            "Taking back an accepted bag needs a second person.",
        )
        numbered = next_paper(deed, bag_series(desk.identity.series))
        deed.unit.insert(
            "bag_acceptance_undone",
            {
                "acceptance_id": accepted.acceptance_id,
                "receipt_number": numbered.number,
                "reason": why,
                **moment_of(deed),
            },
        )
        lines = undone_lines(accepted.paper.amount, accepted.counted)
        book_entry(deed, SourceKind.BAG_UNDONE, accepted.acceptance_id, lines)
        said = [("undoes", accepted.number), ("bag_paper", named), ("bag_number", accepted.paper.bag)]
        said += [("reason", why), ("approver", deed.approver or "")]
        print_bag(
            deed, numbered, ReceiptKind.BAG_UNDONE, accepted.paper, said, ("given_by_safe", "taken_along")
        )
        return BagAccepted(accepted=replace(accepted, state=AcceptedState.UNDONE), number=numbered.number)

    return perform(desk, person, UNDO, work, memo=memo, alone=True)


def bags_accepted(desk: Desk, person: Person) -> Sequence[AcceptedBag]:
    """Bags of other tills that were accepted here, what central refused first. Raises NotAuthorised."""
    require_enquiry(desk, person)
    if person.only_account is not None:
        return ()
    with desk.till.read() as connection:
        return accepted_bags(connection, limit=LISTED_MAX)
