"""Mandates at the counter: registered, changed, suspended, activated again and ended, step by step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pos.domain.approval import ApprovalNeeded
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.mandate import MandateState, clean_bank_number, iban_holds
from pos.domain.role import Person
from pos.till.desk import Desk
from pos.till.mandates import MandateDeed, MandateOrder, keep_mandate, mandate_life, mandates
from pos.till.script import Script
from tests.builders.bank_files import IBAN, OTHER_IBAN, mandated
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    findings,
    make_till,
    opened,
    rows,
)


@pytest.fixture
def desk() -> Desk:
    return make_till()


def ordered(desk: Desk, deed: MandateDeed, person: Person = BACK_OFFICE, **more: Any) -> Any:
    return keep_mandate(desk, person, MandateOrder(**{"deed": deed, "mandate": "M-1", **more}))


def refusal(desk: Desk, deed: MandateDeed, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        ordered(desk, deed, **more)
    return refused.value.code


def test_a_mandate_is_registered_with_whose_account_is_debited(desk: Desk) -> None:
    mandated(desk, number="nl91 abna 0417 1643 00", bic="abnanl2a")

    (mandate,) = mandates(desk, BACK_OFFICE, account="BA-1")
    assert (mandate.mandate, mandate.account, mandate.state) == ("M-1", "BA-1", MandateState.ACTIVE)
    assert (mandate.bank.number, mandate.bank.bic, mandate.bank.ending) == (IBAN, "ABNANL2A", "...4300")
    assert mandate.signed_on.isoformat() == "2026-01-05"
    assert findings(desk) == []


def test_names_and_numbers_stand_in_a_row_that_can_be_purged(desk: Desk) -> None:
    mandated(desk)

    told = [str(row) for table in ("mandate", "mandate_step", "audit") for row in rows(desk, table)]
    assert not [row for row in told if IBAN in row or "Brien" in row]


def test_a_changed_mandate_keeps_its_reference_and_what_was_before(desk: Desk) -> None:
    mandated(desk)

    ordered(desk, MandateDeed.CHANGE, number=OTHER_IBAN, reason="another bank")

    mandate, life = mandate_life(desk, BACK_OFFICE, "m 1")
    assert (mandate.bank.number, mandate.bank.holder, mandate.number) == (OTHER_IBAN, "Zoë O'Brien", 2)
    assert [(step.number, step.state, step.reason) for step in life] == [
        (1, "active", None),
        (2, "active", "another bank"),
    ]
    assert len(rows(desk, "mandate_person")) == 2


def test_an_ended_mandate_is_over(desk: Desk) -> None:
    mandated(desk)
    assert refusal(desk, MandateDeed.END) == "reason_missing"

    ordered(desk, MandateDeed.END, reason="wants to pay in cash")

    assert mandates(desk, BACK_OFFICE) == []
    assert mandates(desk, BACK_OFFICE, account="BA-1")[0].state is MandateState.ENDED
    for deed in MandateDeed:
        more = {"account": "BA-1", "holder": "Z", "number": IBAN} if deed is MandateDeed.REGISTER else {}
        assert refusal(desk, deed, reason="again", **more) in ("mandate_state", "mandate_known")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"account": "D-1"}, "mode_not_for_payer"),
        ({"account": "BA-404"}, "unknown_account"),
        ({"number": "NL92ABNA0417164300"}, "bad_bank_account"),
        ({"number": "12"}, "bad_bank_account"),
        ({"number": ""}, "field_missing"),
        ({"holder": " "}, "field_missing"),
        ({"bic": "BANK"}, "bad_bic"),
        ({"signed_on": "2027-01-01"}, "date_in_future"),
        ({"signed_on": "5 May"}, "bad_date"),
        ({"mandate": "M-\x1b[2J"}, "bad_reference"),
        ({"mandate": "4111111111111111"}, "card_number_refused"),
        ({"mandate": "---"}, "mandate_known"),
    ],
)
def test_what_makes_no_mandate_is_refused(desk: Desk, more: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        mandated(desk, **more)
    assert refused.value.code == code
    assert rows(desk, "mandate") == []


def test_two_mandates_never_share_a_reference(desk: Desk) -> None:
    mandated(desk, "M-1")

    with pytest.raises(Refused) as refused:
        mandated(desk, "m 001", "BA-4")
    assert refused.value.code == "mandate_known"


def test_a_mandate_goes_to_no_other_account(desk: Desk) -> None:
    mandated(desk)

    assert refusal(desk, MandateDeed.CHANGE, account="BA-4") == "mandate_of_other_account"


def test_a_cashier_registers_in_the_own_shift(desk: Desk) -> None:
    more = {"account": "BA-1", "holder": "Zoë", "number": IBAN}
    assert refusal(desk, MandateDeed.REGISTER, person=CASHIER, **more) == "no_open_shift"

    opened(desk)
    ordered(desk, MandateDeed.REGISTER, CASHIER, **more)

    assert mandates(desk, CASHIER, account="BA-1")[0].mandate == "M-1"


@pytest.mark.parametrize("person", [DEALER, ADMIN, AUDITOR])
def test_nobody_else_touches_mandates(desk: Desk, person: Person) -> None:
    with pytest.raises(NotAuthorised):
        ordered(desk, MandateDeed.REGISTER, person, account="BA-1", holder="Z", number=IBAN)


def test_the_own_account_wants_a_second_person(desk: Desk) -> None:
    clerk = replace(BACK_OFFICE, accounts=frozenset({"BA-1"}))

    with pytest.raises(ApprovalNeeded):
        ordered(desk, MandateDeed.REGISTER, clerk, account="BA-1", holder="Z", number=IBAN)
    assert rows(desk, "mandate") == []


def test_a_script_registers_a_mandate_once(desk: Desk) -> None:
    line = json.dumps(
        {
            "ref": "m1",
            "act": "mandate",
            "deed": "register",
            "mandate": "M-1",
            "account": "BA-1",
            "holder": "Zoë O'Brien",
            "bank_account": IBAN,
            "signed_on": "2026-01-05",
        }
    )
    script = Script(desk, BACK_OFFICE)

    answer, again = script.run_line(line), script.run_line(line)

    assert answer == {
        "ref": "m1", "ok": True, "act": "mandate", "mandate": "M-1", "account": "BA-1", "state": "active",
        "bank_account": "...4300", "signed_on": "2026-01-05",
    }  # fmt: skip
    assert again == {**answer, "replayed": True}


@pytest.mark.parametrize(
    "number", [IBAN, OTHER_IBAN, "KW81CBKU0000000000001234560101", "GB82WEST12345698765432"]
)
def test_the_check_digits_of_an_iban_hold(number: str) -> None:
    assert iban_holds(number)
    assert not iban_holds(number[:-1] + ("0" if number[-1] != "0" else "1"))
    assert clean_bank_number(number.lower(), field="Bank account") == number
