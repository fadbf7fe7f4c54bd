"""A bag of cash leaves for another till of the shop, or comes back because nobody accepted it.

Nothing waits for the network: the paper that goes along has what the other till needs. Source: domain.md 1, 3.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pos.domain.business_day import business_date
from pos.domain.cash_bag import BagState, CashBag
from pos.domain.denominations import Pieces, read_pieces, require_sum
from pos.domain.errors import Refused
from pos.domain.money import Money, total
from pos.domain.posting import SourceKind
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Grant, Person
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.domain.shop_bag import (
    PAPER_MAX,
    BagPaper,
    SentBag,
    SentState,
    bag_series,
    recalled_lines,
    sent_lines,
)
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.cash_bags import bag_by_id, bag_by_number
from pos.store.shop_bags import bags_on_the_way, sent_bag, sent_bags, sums_in_transit
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import require_second, use_or_ask
from pos.till.cash_bags import find_bag, move_bags, require_in_safe, seal_bag
from pos.till.counted import pieces_line
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.gate import require_look, require_right
from pos.till.journal import book_entry
from pos.till.office_paper import Numbered, next_paper, write_sheet

SEND, RECALL = "send_bag", "recall_bag"
CONTENTS_MAX = 200
LISTED_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BagOrder:
    """The bag's printed number; ``amount``, as typed, where it is still to be sealed; and in words what else lies in it.

    ``pieces`` are the notes and coins that make its amount, by value; none: they were not told.
    """

    bag: str
    amount: str = ""
    contents: str = ""
    pieces: Sequence[tuple[str, int]] = ()
    decimal_marks: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class BagSent:
    """The bag as it is now; ``number`` is that of the paper that was printed for the deed."""

    sent: SentBag
    number: str


def send_bag(desk: Desk, person: Person, order: BagOrder, *, memo: Memo | None = None) -> BagSent:
    """A sealed bag leaves for the cash office, with its paper; one that is not sealed yet is sealed with ``amount``.

    Who has the right within limits wants a second person above the shop's cap. Raises NotAuthorised, ApprovalNeeded,
    Refused ``cash_office_is_here``, ``unknown_bag``, ``bag_not_in_safe``, or what sealing a bag, ``read_pieces`` and
    ``require_sum`` raise.
    """

    def work(deed: Deed) -> BagSent:
        deed.shift, office = None, desk.policy.cash_office
        if office == desk.identity.terminal:
            raise Refused("cash_office_is_here", "This till is the cash office: its bags go to the bank.")
        contents = clean_entry(order.contents, field="Also in it", limit=CONTENTS_MAX)
        if order.amount.strip():
            bag = seal_bag(deed, order.bag, order.amount, decimal_marks=order.decimal_marks)
        else:
            bag = find_bag(deed, order.bag)
            require_in_safe(bag)
        pieces = _read_pieces(desk, bag, order)
        _require_second_above_cap(deed, bag)
        numbered = next_paper(deed, bag_series(desk.identity.series))
        sent = SentBag(
            sending_id=deed.new_id(),
            paper=BagPaper(number=numbered.number, bag=bag.number, amount=bag.amount),
            bag_id=bag.bag_id,
            sent_on=business_date(deed.at, desk.policy.day_starts),
            sent_by=person.user,
            state=SentState.ON_THE_WAY,
            contents=contents,
            cash_office=office,
        )
        deed.subject = sent.paper.number
        deed.unit.insert(
            "bag_sending",
            {
                "sending_id": sent.sending_id,
                "receipt_number": sent.paper.number,
                "bag_id": sent.bag_id,
                "cash_office": office or None,
                "contents": contents or None,
                **moment_of(deed),
            },
        )
        move_bags(deed, [bag], BagState.SENT)
        book_entry(deed, SourceKind.BAG_SENT, sent.sending_id, sent_lines(bag.amount))
        said = [
            ("bag_number", bag.number),
            ("cash_office", office),
            ("contents", contents),
            ("approver", deed.approver or ""),
            ("bag_check", sent.paper.check),
        ]
        signed = ("handed_over", "taken_along")
        print_bag(deed, numbered, ReceiptKind.BAG_SENT, sent.paper, said, signed, pieces=pieces)
        return BagSent(sent=sent, number=numbered.number)

    return perform(desk, person, SEND, work, memo=memo)


def _read_pieces(desk: Desk, bag: CashBag, order: BagOrder) -> list[Pieces]:
    """They may be told, and stand on the paper then."""
    if not order.pieces:
        return []
    known = desk.policy.shift.denominations
    pieces = read_pieces(order.pieces, bag.amount.currency, known=known, decimal_marks=order.decimal_marks)
    require_sum(pieces, bag.amount)
    return pieces


def _require_second_above_cap(deed: Deed, bag: CashBag) -> None:
    """Raises ApprovalNeeded where the right has a limit and the bag is above it."""
    cap = deed.desk.policy.cash_moves.safe_alone_minor
    if require_right(deed.desk, SEND, deed.person) is not Grant.LIMIT or bag.amount.minor <= cap:
        return
    use_or_ask(
        deed,
        SEND,
        {"bag": bag.number, "amount": bag.amount.minor},
        f"send bag {bag.number} with {bag.amount}",
        f"Sending a bag with {bag.amount} needs a second person.",
    )


def recall_bag(desk: Desk, person: Person, paper: str, reason: str, *, memo: Memo | None = None) -> BagSent:
    """A bag that nobody accepted is back: it is sealed in this safe again.

    Raises NotAuthorised, ApprovalNeeded, Refused ``unknown_bag_paper``, ``bag_not_on_the_way``, ``bag_taken`` or
    ``reason_missing``.
    """

    def work(deed: Deed) -> BagSent:
        deed.shift, connection = None, deed.unit.connection
        named = clean_reference(paper, field="Paper", limit=PAPER_MAX)
        sent = sent_bag(connection, named) or sent_bag(connection, named.upper())
        named = deed.subject = named.upper() if sent is None else sent.paper.number
        if sent is None:
            raise Refused(
                "unknown_bag_paper", f"No bag left this till with paper {named}.", field="paper", paper=named
            )
        require_on_the_way(sent)
        again = bag_by_number(connection, sent.paper.bag)
        if again is not None and again.bag_id != sent.bag_id and again.state in STILL_HERE:
            raise Refused("bag_taken", f"Another bag {again.number} is {again.state} here.", bag=again.number)
        why = clean_entry(reason, field="Reason", limit=200)
        if not why:
            raise Refused("reason_missing", "Say why the bag came back.", field="reason")
        require_second(
            deed,
            RECALL,
            {"paper": named},
            f"take bag {sent.paper.bag} with {sent.paper.amount} back into the safe",
            "A bag that comes back needs a second person.",
        )
        numbered = next_paper(deed, bag_series(desk.identity.series))
        deed.unit.insert(
            "bag_recall",
            {
                "sending_id": sent.sending_id,
                "receipt_number": numbered.number,
                "reason": why,
                **moment_of(deed),
            },
        )
        move_bags(deed, [bag_by_id(connection, sent.bag_id)], BagState.SEALED, reason=named)
        book_entry(deed, SourceKind.BAG_RECALLED, sent.sending_id, recalled_lines(sent.paper.amount))
        said = [("undoes", named), ("bag_number", sent.paper.bag), ("reason", why)]
        said.append(("approver", deed.approver or ""))
        signed = ("handed_over", "received_in_safe")
        print_bag(deed, numbered, ReceiptKind.BAG_RECALLED, sent.paper, said, signed)
        return BagSent(sent=replace(sent, state=SentState.RECALLED), number=numbered.number)

    return perform(desk, person, RECALL, work, memo=memo, alone=True)


STILL_HERE = (BagState.SEALED, BagState.BATCHED, BagState.LODGED)


def require_on_the_way(sent: SentBag) -> None:
    """Raises Refused ``bag_not_on_the_way``."""
    if sent.state is SentState.ON_THE_WAY:
        return
    said = "came back before" if sent.state is SentState.RECALLED else f"was accepted at {sent.arrived_at}"
    raise Refused(
        "bag_not_on_the_way", f"Bag {sent.paper.bag} of {sent.paper.number} {said}.", paper=sent.paper.number
    )


def bags_sent(desk: Desk, person: Person) -> Sequence[SentBag]:
    """Bags that left this till, those on the way first. Raises NotAuthorised."""
    require_enquiry(desk, person)
    if person.only_account is not None:
        return ()
    with desk.till.read() as connection:
        return sent_bags(connection, limit=LISTED_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class InTransit:
    """What the account of bags between tills is made of at this till, in one currency: its balance is their sum."""

    on_the_way: tuple[SentBag, ...]
    arrived: Money
    accepted: Money

    @property
    def balance(self) -> Money:
        """What was sent, less what was accepted of other tills."""
        return total((one.paper.amount for one in self.on_the_way), self.arrived.currency) + (
            self.arrived - self.accepted
        )


def in_transit(desk: Desk, person: Person) -> InTransit:
    """In the shop's currency, which all bags are in. Raises NotAuthorised: only who may see expected cash."""
    require_look(desk, "see_expected", person)
    own = desk.identity.currency
    with desk.till.read() as connection:
        arrived, accepted = sums_in_transit(connection, own)
        return InTransit(on_the_way=tuple(bags_on_the_way(connection)), arrived=arrived, accepted=accepted)


def moment_of(deed: Deed) -> dict[str, object]:
    """When, by whom, and with whose approval, as the rows of these deeds keep it."""
    return {
        "business_date": business_date(deed.at, deed.desk.policy.day_starts).isoformat(),
        "at_utc": utc_text(deed.at),
        "utc_offset_min": offset_minutes(deed.at),
        "operator": deed.person.user,
        "approver": deed.approver,
    }


def print_bag(
    deed: Deed,
    numbered: Numbered,
    kind: ReceiptKind,
    paper: BagPaper,
    said: Sequence[tuple[str, str]],
    signed: tuple[str, ...],
    figures: Sequence[SheetLine] = (),
    *,
    pieces: Sequence[Pieces] = (),
) -> None:
    """The paper of what was done with a bag; its one sum is what was put in."""
    lines = [SheetLine(code=code, said=text) for code, text in said if text]
    parts = [SheetPart(code="", lines=(*lines, *figures))]
    if pieces:
        parts.append(SheetPart(code="notes_and_coins", lines=tuple(pieces_line(one) for one in pieces)))
    write_sheet(
        deed,
        numbered,
        kind,
        SheetFacts(parts=tuple(parts), signatures=signed, states_total=True),
        total=paper.amount,
        business_day=business_date(deed.at, deed.desk.policy.day_starts),
    )
