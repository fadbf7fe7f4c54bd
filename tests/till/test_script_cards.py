"""Cards by the connected terminal without a screen: ``pay`` asks it, ``resolve_card`` settles (interface.md section 2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pos.domain.card import ReversalRefused
from pos.domain.role import Person
from pos.store.cards import CardAttempt
from pos.till.desk import Desk
from pos.till.payment_order import PaymentOrder
from pos.till.script import Script
from pos.till.script_acts import act_schema
from tests.builders.cards import (
    NO_ANSWER,
    REFUSED,
    FakeCards,
    again,
    approved,
    ask,
    card_states,
    leave,
)
from tests.builders.tills import CASHIER, dump, findings, make_till, money, opened, rows

SLIP = {"auth_code": "A1B2C3", "last4": "1111", "brand": "VISA", "rrn": "000123456789"}
CARD_NUMBER = "4111111111111111"


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


class Now:
    """The script's way to a fake terminal."""

    def __init__(self, desk: Desk, terminal: FakeCards) -> None:
        self.desk = desk
        self.terminal = terminal

    def ask(self, person: Person, order: PaymentOrder, ref: str) -> PaymentOrder:
        return ask(self.desk, order, self.terminal, person, ref=ref)

    def ask_again(self, person: Person, attempt_id: str) -> CardAttempt:
        return again(self.desk, attempt_id, self.terminal, person)

    def let_go(self, payment_event_id: str) -> None:
        leave(self.desk, payment_event_id, self.terminal)


def by_script(desk: Desk, terminal: FakeCards | None = None) -> Script:
    return Script(desk, CASHIER, cards=None if terminal is None else Now(desk, terminal))


def say(script: Script, **line: Any) -> dict[str, Any]:
    return script.run_line(json.dumps(line))


def pay(script: Script, *tenders: dict[str, Any], ref: str = "p1", **more: Any) -> dict[str, Any]:
    return say(
        script,
        ref=ref,
        act="pay",
        payer={"kind": "subscriber", "account": "BA-1"},
        allocate=[{"bill": "7781", "amount": "10"}],
        tenders=list(tenders) or [{"mode": "debit_card", "amount": "10"}],
        **more,
    )


def resolve(script: Script, attempt: object, *, ref: str = "r1", **more: Any) -> dict[str, Any]:
    return say(script, ref=ref, act="resolve_card", attempt=attempt, **more)


def code(answer: dict[str, Any]) -> str:
    return "ok" if answer["ok"] else str(answer["error"]["code"])


def test_a_card_without_a_slip_is_asked_for_at_the_terminal(desk: Desk) -> None:
    terminal = FakeCards()

    answer = pay(by_script(desk, terminal))

    assert (answer["ok"], answer["tenders"]) == (True, [{"mode": "debit_card", "amount": "10.000"}])
    assert len(terminal.asked) == 1
    assert card_states(desk) == ["used"]
    assert findings(desk) == []


def test_a_card_with_its_slip_is_keyed_as_ever(desk: Desk) -> None:
    terminal = FakeCards()
    keyed = {"mode": "debit_card", "amount": "10", "card_terminal": "T7", **SLIP}

    assert pay(by_script(desk, terminal), keyed)["ok"]
    assert terminal.asked == []
    assert card_states(desk) == []


def test_without_a_terminal_the_slip_is_asked_for(desk: Desk) -> None:
    assert code(pay(by_script(desk))) == "field_missing"


def test_the_same_line_again_charges_nobody_twice(desk: Desk) -> None:
    terminal = FakeCards()
    script = by_script(desk, terminal)

    first, second = pay(script), pay(script)

    assert second == {**first, "replayed": True}
    assert len(terminal.asked) == 1


def test_a_line_of_unknown_outcome_is_sent_again_and_asks_what_became_of_it(desk: Desk) -> None:
    """Rule 45: query before retry, also over a ref that was refused."""
    terminal = FakeCards(NO_ANSWER, statuses=[NO_ANSWER, approved(money("10"))])
    script = by_script(desk, terminal)

    assert [code(pay(script)) for _ in range(3)] == ["card_outcome_unknown", "card_outcome_unknown", "ok"]

    assert len(terminal.asked) == 1
    assert card_states(desk) == ["used"]
    assert findings(desk) == []


def test_a_declined_line_may_be_sent_again(desk: Desk) -> None:
    terminal = FakeCards(REFUSED)
    script = by_script(desk, terminal)

    assert [code(pay(script)) for _ in range(2)] == ["card_declined", "ok"]
    assert len({row["payment_event_id"] for row in rows(desk, "card_attempt")}) == 1


def test_what_the_second_card_is_refused_for_gives_the_first_one_back(desk: Desk) -> None:
    terminal = FakeCards(approved(money("4")), REFUSED)
    cards = [{"mode": "debit_card", "amount": "4"}, {"mode": "credit_card", "amount": "6"}]

    assert code(pay(by_script(desk, terminal), *cards)) == "card_declined"
    assert card_states(desk) == ["reversed", "declined"]


def test_what_the_payment_is_refused_for_charges_no_card(desk: Desk) -> None:
    terminal = FakeCards()
    answer = pay(
        by_script(desk, terminal), {"mode": "debit_card", "amount": "10"}, lines=[{"item": "NOTHING"}]
    )

    assert code(answer) == "unknown_item"
    assert terminal.asked == []


def test_an_unknown_card_is_settled_by_the_terminal(desk: Desk) -> None:
    terminal = FakeCards(NO_ANSWER, statuses=[NO_ANSWER, approved(money("10"))])
    script = by_script(desk, terminal)
    attempt = pay(script)["error"]["attempt"]

    assert code(resolve(script, attempt)) == "card_outcome_unknown"
    answer = resolve(script, attempt)
    assert (answer["state"], answer["amount"], answer["card_terminal"]) == ("approved", "10.000", "POI-1")

    named = {"mode": "debit_card", "amount": "10", "attempt": attempt}
    assert pay(script, named, ref="p2")["ok"]
    assert card_states(desk) == ["used"]


def test_a_person_settles_by_the_slip_and_the_payment_is_taken(desk: Desk) -> None:
    script = by_script(desk, FakeCards(NO_ANSWER))
    attempt = pay(script)["error"]["attempt"]

    answer = resolve(script, attempt, outcome="approved", **SLIP)
    assert (code(answer), answer["state"]) == ("ok", "approved")
    assert resolve(script, attempt, outcome="approved", **SLIP) == {**answer, "replayed": True}
    assert pay(script)["ok"]
    assert json.loads(str(rows(desk, "tender")[0]["details_json"])) == {**SLIP, "card_terminal": "POI-1"}


def test_a_person_says_that_it_was_not_charged(desk: Desk) -> None:
    script = by_script(desk, FakeCards(NO_ANSWER))
    attempt = pay(script)["error"]["attempt"]

    assert code(resolve(script, attempt, outcome="declined")) == "reason_missing"
    assert resolve(script, attempt, outcome="declined", reason="no record")["state"] == "declined"
    assert pay(script)["ok"]


def test_without_a_terminal_an_outcome_must_be_said(desk: Desk) -> None:
    attempt = pay(by_script(desk, FakeCards(NO_ANSWER)))["error"]["attempt"]

    assert code(resolve(by_script(desk), attempt)) == "card_terminal_not_connected"
    assert code(resolve(by_script(desk), attempt, outcome="declined", reason="no record")) == "ok"


def test_money_on_its_way_back_is_settled_by_hand_too(desk: Desk) -> None:
    busy = ReversalRefused(reason="Busy")
    terminal = FakeCards(approved(money("9")), reversals=[busy] * 3)
    script = by_script(desk, terminal)
    answer = pay(script)
    assert code(answer) == "card_amount_differs"

    attempt = answer["error"]["attempt"]
    assert resolve(script, attempt)["state"] == "reversing"
    assert (
        resolve(script, attempt, ref="r2", outcome="declined", reason="voided there")["state"] == "reversed"
    )


@pytest.mark.parametrize("attempt", ["nonsense", "00000000-0000-7000-8000-000000000000"])
def test_an_attempt_that_nobody_made_is_refused(desk: Desk, attempt: str) -> None:
    script = by_script(desk, FakeCards())

    assert code(resolve(script, attempt)) in ("bad_reference", "unknown_card_attempt")
    named = {"mode": "debit_card", "amount": "10", "attempt": attempt}
    assert code(pay(script, named)) in ("bad_reference", "unknown_card_attempt")


@pytest.mark.parametrize("field", ["reason", "brand", "rrn", "pan"])
def test_no_card_number_comes_in_by_resolve_card(desk: Desk, field: str) -> None:
    """Rule 44: whatever it is called, it is refused, and kept nowhere."""
    script = by_script(desk, FakeCards(NO_ANSWER))
    attempt = pay(script)["error"]["attempt"]
    outcome = "declined" if field == "reason" else "approved"

    answer = resolve(
        script, attempt, outcome=outcome, **{**({} if field == "reason" else SLIP), field: CARD_NUMBER}
    )

    assert code(answer) in ("card_number_refused", "text_too_long", "unknown_field")
    assert CARD_NUMBER not in json.dumps(answer)
    assert CARD_NUMBER not in json.dumps(dump(desk))


def test_the_shift_stays_open_until_it_is_settled(desk: Desk) -> None:
    script = by_script(desk, FakeCards(NO_ANSWER))
    attempt = pay(script)["error"]["attempt"]
    say(script, ref="c1", act="count", cash={"amount": "20"})

    assert code(say(script, ref="c2", act="close_shift")) == "card_outcome_open"
    resolve(script, attempt, outcome="declined", reason="no record")
    assert code(say(script, ref="c2", act="close_shift")) == "ok"


def test_the_published_schema_takes_the_lines_of_these_tests() -> None:
    schema = Draft202012Validator(act_schema())
    schema.validate({"ref": "r", "act": "resolve_card", "attempt": "x", "outcome": "approved", **SLIP})
    schema.validate({"ref": "r", "act": "resolve_card", "attempt": "x"})
    assert not schema.is_valid({"ref": "r", "act": "resolve_card", "attempt": "x", "outcome": "maybe"})
