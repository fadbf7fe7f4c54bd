"""Every key, in one table: the bindings, the key bar, the help screen and the README's key table are made from it.

The ids never change; nor do the numbers in the command menu, which hands learn by heart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One command. ``keys`` are the framework's names; ``twin`` is the way to it without that key.

    ``whose``: who carries it out, the ``screen`` or the ``app``.
    """

    id: str
    keys: tuple[str, ...]
    shown: str
    label: str
    meaning: str
    twin: str = ""
    whose: str = "screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    """One line of the command menu. ``act`` is the id of the key or command that it stands for."""

    number: str
    act: str
    label: str
    letter: str = ""
    whose: str = "screen"


KEYS: tuple[Key, ...] = (
    Key(
        id="help",
        keys=("f1",),
        shown="F1",
        label="Help",
        meaning="this table of keys",
        twin="Esc 1, . 5",
        whose="app",
    ),
    Key(
        id="find",
        keys=("f2",),
        shown="F2",
        label="Find",
        meaning="back to the find box",
        twin="Esc 2, . 02",
    ),
    Key(
        id="bill",
        keys=("f3",),
        shown="F3",
        label="Bill",
        meaning="its lines; Enter on a line: its rates",
        twin="Esc 3, . 03",
    ),
    Key(
        id="items",
        keys=("f4",),
        shown="F4",
        label="Items",
        meaning="sell items; in a sale: find one",
        twin="Esc 4, . 04",
    ),
    Key(
        id="cash",
        keys=("f5", "plus"),
        shown="F5",
        label="Cash",
        meaning="take cash; a typed amount is tendered",
        twin="+, Esc 5, . 05",
    ),
    Key(
        id="card",
        keys=("f6",),
        shown="F6",
        label="Card",
        meaning="a card: by its terminal, or its slip",
        twin="Esc 6, . 06",
    ),
    Key(
        id="cheque",
        keys=("f7",),
        shown="F7",
        label="Cheque",
        meaning="take a cheque",
        twin="Esc 7, . 07",
    ),
    Key(
        id="bank",
        keys=("f8",),
        shown="F8",
        label="Bank",
        meaning="a dealer's receipt of the bank",
        twin="Esc 8, . 08",
    ),
    Key(
        id="dealer",
        keys=("f9",),
        shown="F9",
        label="Dealer",
        meaning="find a dealer",
        twin="Esc 9, . 09",
    ),
    Key(
        id="voucher",
        keys=("v", "V"),
        shown="V",
        label="Voucher",
        meaning="our own or another's voucher",
        twin="W and its number",
    ),
    Key(
        id="ways",
        keys=("w", "W"),
        shown="W",
        label="Ways",
        meaning="every way to pay this, by number",
        twin=". 00",
    ),
    Key(id="accept", keys=("enter",), shown="Enter", label="OK", meaning="yes, go on, take the money"),
    Key(
        id="back",
        keys=("escape",),
        shown="Esc",
        label="Back",
        meaning="one step back; Esc Esc is quicker",
    ),
    Key(id="mark", keys=("space",), shown="Space", label="Mark", meaning="mark a bill to be paid"),
    Key(
        id="account",
        keys=("a", "A"),
        shown="A",
        label="Account",
        meaning="pay bills of another account too",
    ),
    Key(
        id="bill_now",
        keys=("b", "B"),
        shown="B",
        label="Bill now",
        meaning="a bill of what is not billed yet",
    ),
    Key(
        id="keep_as",
        keys=("d", "D"),
        shown="D",
        label="Deposit",
        meaning="typed: as advance; D again: a deposit",
    ),
    Key(
        id="part",
        keys=("minus",),
        shown="-",
        label="Part",
        meaning="pay only what was typed, or was given",
    ),
    Key(
        id="quantity",
        keys=("asterisk",),
        shown="*",
        label="Quantity",
        meaning="how many: the number, then *",
    ),
    Key(
        id="remove",
        keys=("delete",),
        shown="Del",
        label="Out",
        meaning="leave a line of the sale out",
        twin="Backspace",
    ),
    Key(
        id="price",
        keys=("p", "P"),
        shown="P",
        label="Price",
        meaning="another price for a line of the sale",
    ),
    Key(
        id="keep",
        keys=("k", "K"),
        shown="K",
        label="Keep",
        meaning="cash over: keep as credit or give back",
    ),
    Key(
        id="switch",
        keys=("tab",),
        shown="Tab",
        label="Other kind",
        meaning="another of the kind: card, slip, currency",
    ),
    Key(
        id="send",
        keys=("s", "S"),
        shown="S",
        label="Send",
        meaning="what central refused: send it again",
    ),
    Key(
        id="ask_again",
        keys=("a", "A"),
        shown="A",
        label="Ask again",
        meaning="what became of a card, at its terminal",
    ),
    Key(
        id="charged",
        keys=("y", "Y"),
        shown="Y",
        label="Charged",
        meaning="the card was charged, by its slip",
    ),
    Key(
        id="not_charged",
        keys=("n", "N"),
        shown="N",
        label="Not charged",
        meaning="the card was not, and how one knows",
    ),
    Key(
        id="verify",
        keys=("y", "Y"),
        shown="Y",
        label="Verify",
        meaning="a bank receipt: the bank has the money",
    ),
    Key(
        id="reject",
        keys=("n", "N"),
        shown="N",
        label="Reject",
        meaning="a bank receipt: the bank has it not",
    ),
    Key(
        id="unblock",
        keys=("u", "U"),
        shown="U",
        label="Unblock",
        meaning="let a dealer with a rejected one go on",
    ),
    Key(
        id="same",
        keys=("y", "Y"),
        shown="Y",
        label="Same payment",
        meaning="the bank's record is this slip's",
    ),
    Key(
        id="settle",
        keys=("s", "S"),
        shown="S",
        label="Settle",
        meaning="a dealer's commission, to the account",
    ),
    Key(
        id="bag_cash",
        keys=("b", "B"),
        shown="B",
        label="Bag",
        meaning="cash of the safe into a sealed bag for the bank",
    ),
    Key(
        id="open_bag",
        keys=("o", "O"),
        shown="O",
        label="Open bag",
        meaning="a sealed bag: its cash is loose again",
    ),
    Key(
        id="send_bag",
        keys=("s", "S"),
        shown="S",
        label="Send",
        meaning="a bag of cash to the shop's cash office",
    ),
    Key(
        id="accept_bag",
        keys=("y", "Y"),
        shown="Y",
        label="Accept",
        meaning="a bag of another till, off its paper",
    ),
    Key(
        id="take_bag_back",
        keys=("n", "N"),
        shown="N",
        label="Take back",
        meaning="a bag that came back, or was accepted wrongly",
    ),
    Key(
        id="slips",
        keys=("s", "S"),
        shown="S",
        label="Slips",
        meaning="deposit slips, from the cheques for the bank",
    ),
    Key(
        id="lodge",
        keys=("l", "L"),
        shown="L",
        label="Lodge",
        meaning="a deposit slip: the bank took it",
    ),
    Key(
        id="credited",
        keys=("y", "Y"),
        shown="Y",
        label="Credited",
        meaning="a deposit slip: the bank paid one sum",
    ),
    Key(
        id="by_cheque",
        keys=("c", "C"),
        shown="C",
        label="By cheque",
        meaning="a deposit slip: the bank paid cheques",
    ),
    Key(
        id="paper",
        keys=("v", "V"),
        shown="V",
        label="View",
        meaning="the note or receipt of the selected cheque",
    ),
    Key(
        id="all_cheques",
        keys=("a", "A"),
        shown="A",
        label="All",
        meaning="every cheque, to be found by serial, account or drawer",
    ),
    Key(
        id="dishonour",
        keys=("d", "D"),
        shown="D",
        label="Dishonour",
        meaning="a cheque that the bank sent back; then: send it again",
    ),
    Key(
        id="bank_error",
        keys=("b", "B"),
        shown="B",
        label="Bank error",
        meaning="a bounced cheque that the bank had sent back by mistake",
    ),
    Key(
        id="give_back",
        keys=("w", "W"),
        shown="W",
        label="Give back",
        meaning="a cheque that lies here, to whoever gave it",
    ),
    Key(
        id="instead",
        keys=("i", "I"),
        shown="I",
        label="Instead",
        meaning="another way to pay, in place of a cheque that lies here",
    ),
    Key(
        id="cancel_slip",
        keys=("n", "N"),
        shown="N",
        label="Not lodged",
        meaning="a deposit slip: take it back",
    ),
    Key(
        id="approve",
        keys=("y", "Y"),
        shown="Y",
        label="Approve",
        meaning="what another asked a second person for",
    ),
    Key(
        id="decline",
        keys=("n", "N"),
        shown="N",
        label="Decline",
        meaning="say no to what another asked for",
    ),
    Key(
        id="elsewhere",
        keys=("e", "E"),
        shown="E",
        label="Elsewhere",
        meaning="a second person: ask at other terminals too",
    ),
    Key(
        id="add_mandate",
        keys=("a", "A"),
        shown="A",
        label="Add",
        meaning="a mandate, by which bills are collected",
    ),
    Key(
        id="change_mandate",
        keys=("c", "C"),
        shown="C",
        label="Change",
        meaning="a mandate's bank account or holder",
    ),
    Key(
        id="activate_mandate",
        keys=("y", "Y"),
        shown="Y",
        label="Activate",
        meaning="a suspended mandate: collect again by it",
    ),
    Key(
        id="end_mandate",
        keys=("e", "E"),
        shown="E",
        label="End",
        meaning="a mandate: nothing is collected by it any more",
    ),
    Key(
        id="add_user",
        keys=("a", "A"),
        shown="A",
        label="Add",
        meaning="a person who works here",
    ),
    Key(
        id="change_user",
        keys=("c", "C"),
        shown="C",
        label="Change",
        meaning="a person's name, roles or own accounts",
    ),
    Key(
        id="disable_user",
        keys=("d", "D"),
        shown="D",
        label="Disable",
        meaning="a person, or let one in again",
    ),
    Key(
        id="reset_pin",
        keys=("r", "R"),
        shown="R",
        label="Reset PIN",
        meaning="a first PIN for a person again",
    ),
    Key(
        id="menu",
        keys=("full_stop",),
        shown=".",
        label="Menu",
        meaning="command menu, where nothing is typed",
    ),
    Key(
        id="lock",
        keys=("ctrl+l",),
        shown="Ctrl-L",
        label="Lock",
        meaning="lock the till",
        twin=". 4",
        whose="app",
    ),
    Key(
        id="reprint",
        keys=("ctrl+r",),
        shown="Ctrl-R",
        label="Reprint",
        meaning="last receipt again, marked DUPLICATE",
        twin=". 3",
    ),
    Key(
        id="void",
        keys=("ctrl+z",),
        shown="Ctrl-Z",
        label="Undo",
        meaning="void or reverse the last payment, or this one",
        twin=". V",
    ),
    Key(
        id="refund",
        keys=("r", "R"),
        shown="R",
        label="Refund",
        meaning="pay the shown receipt back, or a part",
    ),
    Key(
        id="transfer",
        keys=("t", "T"),
        shown="T",
        label="Transfer",
        meaning="move the shown receipt to another account",
    ),
    Key(
        id="reallocate",
        keys=("m", "M"),
        shown="M",
        label="Move",
        meaning="set the shown receipt against other bills of its account",
    ),
    Key(
        id="clearing",
        keys=("c", "C"),
        shown="C",
        label="Clear",
        meaning="the cheques that the bank has credited",
    ),
    Key(
        id="paid_anew",
        keys=("w", "W"),
        shown="W",
        label="Paid another way",
        meaning="key the payment anew as it was really paid",
    ),
    Key(
        id="refund_paid",
        keys=("y", "Y"),
        shown="Y",
        label="Paid",
        meaning="the bank or card company has paid the selected refund",
    ),
    Key(
        id="sign_off",
        keys=("a", "A"),
        shown="A",
        label="Sign off",
        meaning="another person signs for what a shift was over or short",
    ),
    Key(
        id="x_report",
        keys=("x", "X"),
        shown="X",
        label="X report",
        meaning="the open shift so far, for who may see it",
    ),
    Key(
        id="make_batches",
        keys=("m", "M"),
        shown="M",
        label="Make",
        meaning="the ledger batches of days that are over",
    ),
    Key(
        id="deliver_batches",
        keys=("d", "D"),
        shown="D",
        label="Deliver",
        meaning="every ledger batch that waits",
    ),
    Key(
        id="deliver_batch",
        keys=("s", "S"),
        shown="S",
        label="Send it",
        meaning="the selected ledger batch, a refused one too",
    ),
    Key(
        id="batch_taken",
        keys=("y", "Y"),
        shown="Y",
        label="Taken",
        meaning="a ledger batch: the accounting system has it",
    ),
    Key(
        id="batch_refused",
        keys=("n", "N"),
        shown="N",
        label="Refused",
        meaning="a ledger batch: it would not have it, and why",
    ),
    Key(
        id="new_bank_file",
        keys=("n", "N"),
        shown="N",
        label="New",
        meaning="a bank's file from its folder: what it would do, then do it",
    ),
    Key(
        id="carry_out",
        keys=("y", "Y"),
        shown="Y",
        label="Carry out",
        meaning="the bank's file that was looked at",
    ),
    Key(
        id="parked_entries",
        keys=("p", "P"),
        shown="P",
        label="Parked",
        meaning="entries of banks' files that wait for a person",
    ),
    Key(
        id="scroll",
        keys=("pageup", "pagedown"),
        shown="PgUp PgDn",
        label="Scroll",
        meaning="turn pages in lists and receipts",
    ),
)

MENU: tuple[MenuEntry, ...] = (
    MenuEntry(number="1", act="open_shift", label="Open a shift", letter="o"),
    MenuEntry(number="2", act="close_shift", label="Close the shift", letter="c"),
    MenuEntry(number="3", act="reprint", label="Reprint the last receipt"),
    MenuEntry(number="4", act="lock", label="Lock the till", whose="app"),
    MenuEntry(number="5", act="help", label="Keys and what they do", whose="app"),
    MenuEntry(number="6", act="test_keys", label="Test the keyboard", whose="app"),
    MenuEntry(number="7", act="sign_out", label="Sign out"),
    MenuEntry(number="8", act="quit", label="End the program"),
    *(
        MenuEntry(number=f"0{key.shown[1:]}", act=key.id, label=f"{key.shown} {key.label}", whose=key.whose)
        for key in KEYS
        if key.keys[0] in {f"f{digit}" for digit in range(1, 10)}
    ),
    MenuEntry(number="9", act="outbox", label="What waits for central"),
    MenuEntry(number="P", act="post_dated", label="Post-dated cheques", letter="p"),
    MenuEntry(number="00", act="ways", label="W Ways to pay", letter="w"),
    MenuEntry(number=".1", act="card_attempts", label="Cards that are not settled"),
    MenuEntry(number=".2", act="bank_receipts", label="Bank receipts of dealers"),
    MenuEntry(number=".3", act="suspense", label="Money in suspense"),
    MenuEntry(number=".4", act="bank_records", label="Records of bank files"),
    MenuEntry(number=".5", act="commissions", label="Commission of dealers"),
    MenuEntry(number=".6", act="issue_voucher", label="Issue a voucher"),
    MenuEntry(number=".7", act="deposits", label="Cheques for the bank"),
    MenuEntry(number=".8", act="confirm_person", label="Let somebody in again"),
    MenuEntry(number=".9", act="approvals", label="Waiting for a second person"),
    MenuEntry(number=".0", act="people", label="People and their rights"),
    MenuEntry(number="R", act="refunds", label="Refunds to be paid", letter="r"),
    MenuEntry(number="V", act="void", label="Undo the last payment", letter="v"),
    MenuEntry(number="N", act="note", label="Note for the record", letter="n"),
    MenuEntry(number="K", act="cash_office", label="Cash office: drawer, safe, day", letter="k"),
)

OFFICE: tuple[MenuEntry, ...] = (
    MenuEntry(number="1", act="pickup", label="Pickup: cash of the drawer to the safe"),
    MenuEntry(number="2", act="loan", label="Loan: cash of the safe into the drawer"),
    MenuEntry(number="3", act="paid_in", label="Paid in: cash that pays nothing"),
    MenuEntry(number="4", act="paid_out", label="Paid out: cash that is no refund"),
    MenuEntry(number="5", act="no_sale", label="No sale: open the drawer"),
    MenuEntry(number="6", act="undo_cash_move", label="Cash moved in this shift; take one back"),
    MenuEntry(number="7", act="z_reports", label="Z reports of closed shifts, X of the open one"),
    MenuEntry(number="8", act="mandates", label="Direct-debit mandates"),
    MenuEntry(number="9", act="safe_count", label="Count the safe"),
    MenuEntry(number="0", act="close_day", label="End of day: what stops it, and the close"),
    MenuEntry(number=".1", act="hand_over", label="Hand the shift over, accept it, or take it back"),
    MenuEntry(number=".2", act="ledger_batches", label="Batches for the general ledger"),
    MenuEntry(number=".3", act="shop_bags", label="Bags between the tills of the shop"),
    MenuEntry(
        number=".4", act="bank_files", label="Files of banks: carry one out, look into those that were"
    ),
    MenuEntry(number=".5", act="count_sheet", label="Print a blank sheet to count on"),
)
"""The cash office's own menu."""

_MOVES = """
    help find bill items dealer ways accept back mark account keep_as part quantity remove keep switch menu scroll
    test_keys sign_out quit approvals cash_office
    """

RIGHTS: dict[str, str] = {
    **dict.fromkeys(_MOVES.split(), ""),
    **dict.fromkeys(("cash", "card", "cheque", "bank", "voucher"), "pay"),
    **dict.fromkeys(
        (
            "outbox",
            "post_dated",
            "suspense",
            "card_attempts",
            "bank_receipts",
            "commissions",
            "deposits",
            "clearing",
            "refunds",
            "slips",
            "shop_bags",
        ),
        "enquire",
    ),
    **dict.fromkeys(("ask_again", "charged", "not_charged"), "resolve_card"),
    "price": "override_price",
    "send": "resolve_conflict",
    "verify": "verify_bank_receipt",
    "reject": "reject_bank_receipt",
    "unblock": "unblock_dealer",
    "bank_records": "import",
    "bank_files": "import",
    **dict.fromkeys(("new_bank_file", "carry_out"), "import"),
    "parked_entries": "settle_bank_entry",
    "same": "confirm_match",
    "bag_cash": "bag_cash",
    "open_bag": "open_bag",
    "send_bag": "send_bag",
    "accept_bag": "accept_bag",
    "take_bag_back": "recall_bag",
    "lodge": "lodge_deposit",
    "credited": "confirm_deposit",
    "by_cheque": "confirm_deposit",
    "cancel_slip": "cancel_deposit",
    "paper": "enquire",
    "all_cheques": "enquire",
    "dishonour": "bounce_cheque",
    "bank_error": "undo_bounce",
    "give_back": "withdraw_post_dated",
    "instead": "replace_cheque",
    "settle": "settle_commission",
    "issue_voucher": "issue_voucher",
    "bill_now": "demand_bill",
    "confirm_person": "confirm_person",
    "approve": "approve",
    "decline": "decline",
    **dict.fromkeys(
        ("mandates", "add_mandate", "change_mandate", "activate_mandate", "end_mandate"), "mandate"
    ),
    "people": "change_user",
    "add_user": "add_user",
    "change_user": "change_user",
    "disable_user": "change_user",
    "reset_pin": "reset_pin",
    "note": "note",
    "elsewhere": "ask_elsewhere",
    "void": "void",
    "refund": "refund",
    "transfer": "transfer",
    "reallocate": "reallocate",
    "refund_paid": "confirm_refund",
    "paid_anew": "swap_tender",
    "lock": "lock",
    "reprint": "reprint",
    **{act: act for act in ("pickup", "loan", "paid_in", "paid_out", "no_sale", "undo_cash_move")},
    "z_reports": "reprint",
    "safe_count": "safe_count",
    "close_day": "close_day",
    "x_report": "see_expected",
    "ledger_batches": "export",
    **dict.fromkeys(
        ("make_batches", "deliver_batches", "deliver_batch", "batch_taken", "batch_refused"), "ledger_batch"
    ),
    "sign_off": "accept_over_short",
    "open_shift": "open_shift",
    "close_shift": "close_shift",
    "hand_over": "hand_over",
    "count_sheet": "count_sheet",
}
"""The right behind each key and each command, by its id; empty for what only moves about on the screen."""

_BY_ID = {key.id: key for key in KEYS}

FUNCTION_KEYS = tuple(key.id for key in KEYS if key.keys[0] in {f"f{digit}" for digit in range(1, 10)})
"""Bound on every screen; what a screen has no use for, it says so."""


def key(key_id: str) -> Key:
    """The key of this id."""
    return _BY_ID[key_id]


def action(entry: Key | MenuEntry) -> str:
    """The framework's action that carries out a key or a menu entry."""
    return f"{entry.whose}.{entry.act if isinstance(entry, MenuEntry) else entry.id}"


def bindings(key_ids: Iterable[str], *, priority: bool = False) -> list[Binding]:
    """The framework's bindings for these keys; each calls the screen's action of the same name."""
    return [
        Binding(name, action(_BY_ID[key_id]), _BY_ID[key_id].label, id=f"{key_id}-{name}", priority=priority)
        for key_id in key_ids
        for name in _BY_ID[key_id].keys
    ]


def markdown_table() -> str:
    """The table of keys for the README."""
    rows = [f"| `{one.shown}` | {one.label} | {one.meaning} | {one.twin} |" for one in KEYS]
    return "\n".join(["| key | | does | without that key |", "| --- | --- | --- | --- |", *rows])
