"""The fixture file is read strictly: what is wrong is named by file and key, what is right survives unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.pin import pin_problem
from pos.fixture import example_fixture, fixture_schema, parse_fixture, read_fixture
from sync import wire_json

Change = Callable[[dict[str, Any]], object]


def _changed(change: Change) -> bytes:
    fixture = example_fixture()
    change(fixture)
    return wire_json.dumps(fixture)


def unbilled(rate: dict[str, Any], account: str) -> dict[str, Any]:
    """The same charge before it stands on a bill."""
    kept = {name: value for name, value in rate.items() if name != "bill"}
    return {**kept, "id": "R-UNBILLED", "isBilled": False, "billingAccount": {"id": account}}


def _refusal(body: bytes, folder: Path) -> Refused:
    path = folder / "shop.json"
    path.write_bytes(body)
    with pytest.raises(Refused) as caught:
        read_fixture(path)
    assert caught.value.code == "bad_fixture"
    assert caught.value.details["file"] == str(path)
    assert str(path) in caught.value.message
    return caught.value


def test_the_worked_example_is_a_fixture_and_fits_the_acts_of_the_interface() -> None:
    fixture = parse_fixture(wire_json.dumps(example_fixture()), source="example")
    counts = [
        len(rows)
        for rows in (
            fixture.users,
            fixture.accounts,
            fixture.dealers,
            fixture.bills,
            fixture.items,
            fixture.vouchers,
        )
    ]
    assert counts == [3, 4, 2, 4, 3, 2]
    bill = next(bill for bill in fixture.bills if bill["billNo"] == "7781")
    assert bill["billingAccount"]["id"] == "BA-1001"
    assert bill["remainingAmount"] == {"unit": "KWD", "value": Decimal("41.750")}
    assert fixture.items[0].price_money == Money(5_000, currency("KWD"))
    assert fixture.dealers[0].account == "D-12"
    assert fixture.dealers[0].credit_limit_money == Money(500_000, currency("KWD"))
    assert fixture.accounts[1].credit_money == Money(3_500, currency("KWD"))
    assert fixture.vouchers[0].value_money == Money(5_000, currency("KWD"))
    assert fixture.vouchers[0].expires == date(2027, 12, 31)


def test_the_sums_of_the_worked_example_agree() -> None:
    example = example_fixture()
    for bill in example["bills"]:
        lines = sum(line["taxIncludedAmount"]["value"] for line in bill["billSummaryLine"])
        rates = sum(
            rate["taxIncludedAmount"]["value"]
            for rate in example["rates"]
            if rate["bill"]["id"] == bill["id"]
        )
        assert lines == rates == bill["taxIncludedAmount"]["value"]


def test_a_rate_that_is_not_billed_yet_names_the_account_instead_of_a_bill() -> None:
    account = example_fixture()["accounts"][0]["account"]
    body = _changed(lambda fixture: fixture["rates"].append(unbilled(fixture["rates"][0], account)))
    assert parse_fixture(body, source="example").rates[-1]["isBilled"] is False


def test_a_key_that_we_do_not_know_inside_a_bill_survives() -> None:
    body = _changed(
        lambda fixture: fixture["bills"][0].update({"x-loyaltyTier": {"points": Decimal("1.25")}})
    )
    bill: Any = parse_fixture(body, source="example").bills[0]
    assert bill["x-loyaltyTier"] == {"points": Decimal("1.25")}


WRONG: list[tuple[str, str, Change]] = [
    ("colour", "allowed here: fixture, shop", lambda f: f.update(colour="red")),
    ("fixture", "1", lambda f: f.update(fixture=2)),
    ("shop", "is missing", lambda f: f.pop("shop")),
    ("shop.time_zone", "IANA", lambda f: f["shop"].update(time_zone="Asia/Atlantis")),
    ("shop.currency", "ISO 4217", lambda f: f["shop"].update(currency="ABC")),
    (
        "users[1].rolls",
        "allowed here: user, name, roles, pin, dealer",
        lambda f: f["users"][1].update(rolls=[]),
    ),
    ("users[0].roles[0]", "cashier, supervisor, dealer", lambda f: f["users"][0].update(roles=["boss"])),
    ("users[0].pin", "guess", lambda f: f["users"][0].update(pin="123456")),
    ("users[0].pin", "pattern", lambda f: f["users"][0].update(pin="1357")),
    ("users[0].dealer", "role dealer", lambda f: f["users"][0].update(dealer="D-12")),
    (
        "users[0].dealer",
        "one of the dealers",
        lambda f: f["users"][0].update(roles=["dealer"], dealer="D-99"),
    ),
    ("users[1].user", "twice", lambda f: f["users"][1].update(user="1001")),
    ("accounts[0].cash_only", "boolean", lambda f: f["accounts"][0].update(cash_only="no")),
    ("accounts[0].credit", "0.000", lambda f: f["accounts"][0].update(credit="0.00")),
    ("accounts[0].credit", "string", lambda f: f["accounts"][0].update(credit=1)),
    ("accounts[0].kind", "subscriber", lambda f: f["accounts"][0].update(kind="dealer")),
    ("accounts[0].phone", "pattern", lambda f: f["accounts"][0].update(phone="+٩٦٥٥٥٥١٠٠٠")),
    ("accounts[0].name", "card number", lambda f: f["accounts"][0].update(name="No 4111 1111 1111 1111")),
    ("accounts[0].name", "200", lambda f: f["accounts"][0].update(name="x" * 201)),
    ("accounts[1].account", "twice", lambda f: f["accounts"][1].update(account="BA-1001")),
    ("dealers[0].account", "already", lambda f: f["dealers"][0].update(account="BA-1001")),
    ("dealers[0].klass", "class, credit_limit", lambda f: f["dealers"][0].update(klass="gold")),
    ("bills[2].state", "settled", lambda f: f["bills"][2].update(state="overdue")),
    ("bills[2].billNo", "is missing", lambda f: f["bills"][2].pop("billNo")),
    ("bills[1].id", "twice", lambda f: f["bills"][1].update(id="CB-7781")),
    ("bills[0].billDate", "pattern", lambda f: f["bills"][0].update(billDate="2026-11-01")),
    ("bills[0].amountDue.value", "JSON number", lambda f: f["bills"][0]["amountDue"].update(value="41.750")),
    (
        "bills[0].amountDue.value",
        "3 digits",
        lambda f: f["bills"][0]["amountDue"].update(value=Decimal("1.0001")),
    ),
    ("bills[0].amountDue.unit", "ISO 4217", lambda f: f["bills"][0]["amountDue"].update(unit="kwd")),
    ("bills[0].billingAccount.id", "accounts", lambda f: f["bills"][0]["billingAccount"].update(id="BA-9")),
    (
        "bills[0].amountDue.unit",
        "account's currency",
        lambda f: f["bills"][0].update(amountDue={"unit": "EUR", "value": Decimal("1.00")}),
    ),
    (
        "bills[0].billSummaryLine[0].taxAmount",
        "is missing",
        lambda f: f["bills"][0]["billSummaryLine"][0].pop("taxAmount"),
    ),
    ("rates[3].bill.id", "one of the bills", lambda f: f["rates"][3]["bill"].update(id="CB-1")),
    ("rates[3].billingAccount.id", "no bill", lambda f: f["rates"][3].update(isBilled=False)),
    (
        "rates[3].billingAccount.id",
        "one of the accounts",
        lambda f: f["rates"].insert(3, unbilled(f["rates"][3], "BA-9")),
    ),
    ("items[0].ean", "check digit", lambda f: f["items"][0].update(ean="4006381333930")),
    ("items[0].serial", "iccid", lambda f: f["items"][0].update(serial="mac")),
    ("vouchers[0].expires", "2026-11-21", lambda f: f["vouchers"][0].update(expires="2027-02-29")),
    ("vouchers[0].account", "or null", lambda f: f["vouchers"][0].update(account="BA-9")),
    ("limits.check_max", "cheque_max", lambda f: f["limits"].update(check_max="1.000")),
    ("limits.cheque_max", "1.500", lambda f: f["limits"].update(cheque_max="1.5")),
]


@pytest.mark.parametrize(("key", "hint", "change"), WRONG, ids=[f"{key} {hint}" for key, hint, _ in WRONG])
def test_a_wrong_key_or_value_is_refused_naming_file_and_key(
    key: str, hint: str, change: Change, tmp_path: Path
) -> None:
    refusal = _refusal(_changed(change), tmp_path)
    assert refusal.details["key"] == key
    assert key in refusal.message
    assert hint.lower() in refusal.message.lower()


def test_a_refusal_never_repeats_a_pin(tmp_path: Path) -> None:
    for pin in ("123456", "12345x", "77"):
        fixture = example_fixture()
        fixture["users"][0]["pin"] = pin
        refusal = _refusal(wire_json.dumps(fixture), tmp_path)
        assert pin not in json.dumps(refusal.as_json()).replace(str(tmp_path), "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"fixture": 1, "fixture": 1}',
        b'{"fixture": NaN}',
        b'{"fixture": 1e400000}',
        b'{"fixture": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_one_json_object_is_refused(body: bytes, tmp_path: Path) -> None:
    _refusal(body, tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read") as caught:
        read_fixture(tmp_path / "absent.json")
    assert caught.value.code == "bad_fixture"


@pytest.mark.parametrize("name", ["O'Brien", "Müller", "李伟", "محمد العنزي", "AT&T [NL] Ltd", "தமிழ் மொபைல்ஸ்"])
def test_an_honest_name_survives_unchanged(name: str) -> None:
    body = _changed(lambda fixture: fixture["accounts"][0].update(name=name))
    assert parse_fixture(body, source="example").accounts[0].name == name


def test_what_a_terminal_would_obey_is_taken_out_of_a_name() -> None:
    body = _changed(lambda fixture: fixture["accounts"][0].update(name="Eve\x1b]0;owned\x07"))
    name = parse_fixture(body, source="example").accounts[0].name
    assert name == "Eve\ufffd]0;owned\ufffd"


@pytest.mark.parametrize(
    ("pin", "guessable"),
    [
        ("111111", True),
        ("121212", True),
        ("135135", True),
        ("123456", True),
        ("890123", True),
        ("654321", True),
        ("010180", True),
        ("123180", True),
        ("801231", True),
        ("19800131", True),
        ("31011980", True),
        ("871001", True),
        ("135790", False),
        ("731846", False),
        ("60372859", False),
    ],
)
def test_a_pin_that_a_thief_tries_first_is_known(pin: str, guessable: bool) -> None:
    assert (pin_problem(pin, user="1001", min_digits=6) is not None) is guessable


def test_every_key_of_the_schema_says_what_it_is_for() -> None:
    schema = fixture_schema()
    bare = [
        f"{name}.{key}"
        for name, model in [("Fixture", schema), *schema["$defs"].items()]
        for key, field in model.get("properties", {}).items()
        if "description" not in field and key != "@type"
    ]
    assert bare == []
