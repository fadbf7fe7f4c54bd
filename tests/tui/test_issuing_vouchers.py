"""Issuing a voucher at the screen: the form, central's answer, and the slip whose code is shown once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from pos.domain.voucher import Residual, VoucherIssued, VoucherRefused, VoucherUnanswered
from pos.till.desk import Desk
from pos.tui.ports import VoucherIssue
from tests.builders.signed import FakePress, issues_alone
from tests.builders.tills import NOW, PINS, dump, findings, make_till, money, opened, rows
from tests.tui.counter import Counter, counter


@dataclass
class Paper:
    """A printer: ``faults`` in turn, after them every slip comes out."""

    faults: list[str] = field(default_factory=list)
    slips: list[VoucherIssued] = field(default_factory=list)

    async def put(self, voucher: VoucherIssued) -> str | None:
        if self.faults:
            return self.faults.pop(0)
        self.slips.append(voucher)
        return None


def issuing(press: FakePress, paper: Paper | None = None) -> VoucherIssue:
    return VoucherIssue(
        press=press,
        slip_text=lambda voucher: f"VOUCHER {voucher.serial}\n{voucher.code[:20]}",
        print_slip=(paper or Paper()).put,
    )


@pytest.fixture
def desk() -> Desk:
    """A shop where one person issues vouchers of up to 20.000."""
    desk = make_till()
    issues_alone(desk, "20")
    return desk


async def ask(seat: Counter, value: str = "10", last: str = "2027-01-31") -> None:
    """Value and last day; anybody's, with others, the rest is lost."""
    await seat.press("escape", ".", ".", "6")
    assert seat.screen == "IssueVoucherScreen"
    await seat.fill(value, last)
    await seat.press("enter", "enter", "enter", "enter")


async def test_a_voucher_is_issued_printed_and_its_code_shown_once(desk: Desk) -> None:
    press, paper = FakePress(), Paper()
    async with counter(desk, user="4001", issuing=issuing(press, paper)) as seat:
        await ask(seat)

        assert seat.screen == "VoucherScreen"
        (slip,) = paper.slips
        assert slip.terms.value == money("10")
        assert (slip.terms.residual, slip.terms.combinable, slip.terms.minimum) == (
            Residual.FORFEIT,
            True,
            None,
        )
        assert slip.code[:20] in seat.text
        assert (
            seat.message
            == f"Voucher {slip.serial} is issued and its slip printed. Its code is not shown again."
        )
        await seat.press("escape")
        assert seat.screen == "FindScreen"
        assert slip.code[:20] not in seat.text
    assert slip.code[4:44] not in json.dumps(dump(desk))
    assert [row["state"] for row in rows(desk, "voucher_issue")] == ["issued"]
    assert findings(desk) == []


async def test_every_term_is_asked_for_as_it_was_typed(desk: Desk) -> None:
    press = FakePress()
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await seat.press("escape", ".", ".", "6")
        await seat.fill("10.500", "2027-01-31", "BA-1", "5", "N", "3")
        assert seat.screen == "VoucherScreen"

    (wanted,) = press.wanted
    assert (wanted.account, wanted.terms.value, wanted.terms.minimum) == ("BA-1", money("10.500"), money("5"))
    assert (wanted.terms.combinable, wanted.terms.residual) == (False, Residual.NEW_VOUCHER)


async def test_amounts_are_typed_with_the_shops_own_mark(desk: Desk) -> None:
    desk.policy = replace(desk.policy, decimal_marks=",")
    press = FakePress()
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await ask(seat, value="10,5")

    assert [wanted.terms.value for wanted in press.wanted] == [money("10.500")]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("0", "enter"), "! The amount must be more than zero."),
        (("enter",), "! Type the amount in plain digits, as in 12.000."),
        ((*"1.0001", "enter"), "! KWD has 3 digits after the decimal mark."),
        (("1", "enter", *"31.01.2027", "enter"), "! Last day: write the date as 2026-11-21."),
        (("1", "down", "down", "down", "x", "0", "enter"), "! The amount must be more than zero."),
        (
            ("1", "enter", *"2027-01-31", "enter", "enter", "enter", "delete", "enter"),
            "! Type y if it is taken together with others, n if not.",
        ),
        (
            ("1", "enter", *"2027-01-31", "enter", "enter", "enter", "enter", "4", "enter"),
            "! Type a number from 1 to 3.",
        ),
        (("up", "enter"), "! Type the amount in plain digits, as in 12.000."),
    ],
)
async def test_a_field_that_makes_no_sense_is_told_and_nothing_is_asked(
    desk: Desk, keys: tuple[str, ...], said: str
) -> None:
    press = FakePress()
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await seat.press("escape", ".", ".", "6", *keys)

        assert seat.message == said
    assert press.wanted == []
    assert rows(desk, "voucher_issue") == []


@pytest.mark.parametrize(
    ("typed", "said", "at"),
    [
        (
            ("10", "2026-11-20"),
            "! Last day: a day from today on, within 3660 days. Write it as 2027-01-31.",
            "expires",
        ),
        (("10", "2027-01-31", "NOBODY"), "! Account NOBODY is not known here.", "account"),
    ],
)
async def test_what_a_rule_refuses_leads_to_its_field(
    desk: Desk, typed: tuple[str, ...], said: str, at: str
) -> None:
    press = FakePress()
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await seat.press("escape", ".", ".", "6")
        await seat.fill(*typed)
        await seat.press(*["enter"] * (6 - len(typed)))

        assert seat.message == said
        assert seat.app.focused is not None
        assert seat.app.focused.id == f"{at}-box"
    assert press.wanted == []


async def test_by_default_a_second_person_at_the_seat_approves_and_the_voucher_is_issued() -> None:
    desk, press = make_till(), FakePress()
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await ask(seat)
        assert seat.screen == "SecondPersonScreen"
        assert seat.message.startswith("In this shop every voucher needs a second person")
        assert "a voucher of 10.000 KWD, good until 2027-01-31" in seat.text
        assert press.wanted == []

        await seat.write("2002")
        await seat.press("enter")
        await seat.write(PINS["2002"])
        await seat.press("enter")
        assert seat.screen == "VoucherScreen"
    assert [wanted.terms.value for wanted in press.wanted] == [money("10")]
    assert findings(desk) == []


@pytest.mark.parametrize("user", ["1001", "3001", "6001"])
async def test_who_may_not_issue_is_told_so_before_and_after_typing(desk: Desk, user: str) -> None:
    opened(desk)
    press = FakePress()
    async with counter(desk, user=user, issuing=issuing(press)) as seat:
        await seat.press("escape", ".", ".", "6")
        assert seat.message == "! You may not do this. Who may: supervisor, back office."
        await seat.fill("10", "2027-01-31")
        await seat.press("enter", "enter", "enter", "enter")

        assert seat.message == "! You may not do this. Who may: supervisor, back office."
    assert press.wanted == []
    assert ("issue_voucher", "denied") in {(row["act"], row["result"]) for row in rows(desk, "audit")}


# --- central ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offline:
    online: bool | None = False
    since: datetime | None = NOW - timedelta(minutes=42)
    barred: str | None = None


async def test_while_central_is_away_it_is_refused_plainly_and_not_asked(desk: Desk) -> None:
    press = FakePress()
    async with counter(desk, user="4001", issuing=issuing(press), sync_state=Offline) as seat:
        await seat.press("escape", ".", ".", "6")
        assert seat.message == "! OFFLINE since 09:33: vouchers are issued by central. Try again later."
        await seat.fill("10", "2027-01-31")
        await seat.press("enter", "enter", "enter", "enter")

        assert seat.message == "! OFFLINE since 09:33: vouchers are issued by central. Try again later."
    assert press.wanted == []
    assert rows(desk, "voucher_issue") == []


async def test_a_till_without_central_issues_none(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "6")

        assert seat.message == "! Vouchers are issued by central, and this till has none."


async def test_what_central_did_not_answer_is_asked_under_the_same_id_again(desk: Desk) -> None:
    press = FakePress(VoucherUnanswered(reason="timed out"))
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await ask(seat)
        assert (
            seat.message
            == "! Central does not answer, and may have issued it: Enter asks for the same one again."
        )
        await seat.press("escape")
        assert seat.screen == "IssueVoucherScreen"
        assert "nobody would know its code" in seat.message
        await seat.press("enter")

        assert seat.screen == "VoucherScreen"
    assert len({wanted.issue_id for wanted in press.wanted}) == 1
    assert len(rows(desk, "voucher_issue")) == 1


async def test_another_order_after_an_unanswered_one_is_another_voucher(desk: Desk) -> None:
    press = FakePress(VoucherUnanswered(reason="timed out"))
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await ask(seat)
        await seat.press("up", "up", "up", "up", "up")
        await seat.write("11")
        await seat.press(*["enter"] * 6)

        assert seat.screen == "VoucherScreen"
    assert len({wanted.issue_id for wanted in press.wanted}) == 2


async def test_what_central_will_not_issue_is_told(desk: Desk) -> None:
    press = FakePress(VoucherRefused(code="voucher_not_issued", message="Central issues no such voucher."))
    async with counter(desk, user="4001", issuing=issuing(press)) as seat:
        await ask(seat)

        assert seat.message == "! Central issues no such voucher."
        assert seat.screen == "IssueVoucherScreen"


# --- leaving and printing --------------------------------------------------------------------------------------------


async def test_what_was_typed_is_not_dropped_by_one_escape(desk: Desk) -> None:
    async with counter(desk, user="4001", issuing=issuing(FakePress())) as seat:
        await seat.press("escape", ".", ".", "6", "1", "0", "escape")
        assert seat.message == "! Esc again leaves; what you typed is dropped and nothing is issued."
        assert "10" in seat.text
        await seat.press("escape")
        assert seat.screen == "FindScreen"
        await seat.press(".", ".", "6", "escape")
        assert seat.screen == "FindScreen"


async def test_a_slip_that_did_not_come_out_is_printed_again_and_not_left_by_one_escape(desk: Desk) -> None:
    paper = Paper(faults=["The printer has no paper."])
    async with counter(desk, user="4001", issuing=issuing(FakePress(), paper)) as seat:
        await ask(seat)
        assert seat.message.startswith(
            "! The slip did not come out. The printer has no paper. Ctrl-R prints it"
        )
        await seat.press("escape")
        assert seat.screen == "VoucherScreen"
        await seat.press("ctrl+r")
        assert len(paper.slips) == 1
        assert "its slip printed" in seat.message
        await seat.press("escape")
        assert seat.screen == "FindScreen"


async def test_a_second_slip_is_asked_about(desk: Desk) -> None:
    paper = Paper()
    async with counter(desk, user="4001", issuing=issuing(FakePress(), paper)) as seat:
        await ask(seat)
        await seat.press("ctrl+r")
        assert "tear the other one up" in " ".join(seat.text.split())
        await seat.press("escape")
        assert len(paper.slips) == 1
        await seat.press("ctrl+r", "enter")
        assert paper.slips[0] == paper.slips[1]
