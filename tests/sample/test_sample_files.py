"""The committed sample shops: as many of everything as promised, sums that agree, and nothing that could be a card."""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from pos.domain.bill import check_sums
from pos.domain.money import currency, parse_amount
from pos.domain.pan_guard import holds_card_number
from pos.fixture import Fixture, fixture_schema, parse_fixture
from pos.sample import (
    AS_OF,
    SampleCurrency,
    ean13,
    iccid,
    imei,
    main,
    make_sample,
    sample_path,
    sample_text,
    with_bank_folder,
    with_sample_fees,
)
from pos.settings import read_settings
from sync.tmf678.bill import read_bill
from sync.tmf678.rate import read_rate

CODES = ("KWD", "EUR")
TODAY = f"{AS_OF.isoformat()}T00:00:00Z"


@pytest.fixture(scope="module", params=CODES)
def shop(request: pytest.FixtureRequest) -> Fixture:
    path = sample_path(request.param)
    return parse_fixture(path.read_bytes(), source=path.name)


def billed(shop: Fixture) -> list[Any]:
    return [rate for rate in shop.rates if rate["isBilled"]]


def _money(value: Any) -> Decimal:
    assert isinstance(value["value"], Decimal)
    return Decimal(value["value"])


def test_the_committed_files_are_what_the_generator_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_argument_of_the_generator_is_refused() -> None:
    assert main(["--chek"]) == 2


def test_equal_arguments_make_equal_samples_and_other_sizes_keep_their_promise() -> None:
    small = make_sample("EUR", bills=60, subscribers=20)
    assert sample_text(small) == sample_text(make_sample("EUR", bills=60, subscribers=20))
    assert (len(small["accounts"]), len(small["bills"])) == (20, 60)
    parse_fixture(sample_text(small).encode(), source="small")


@pytest.mark.parametrize(("bills", "subscribers"), [(301, 300), (1801, 300), (30, 9)])
def test_a_sample_that_cannot_be_made_is_refused(bills: int, subscribers: int) -> None:
    with pytest.raises(ValueError, match="1 to 6 bills"):
        make_sample("KWD", bills=bills, subscribers=subscribers)


def test_a_shop_has_as_many_of_everything_as_promised(shop: Fixture) -> None:
    assert len(shop.accounts) >= 300
    assert len({account.name for account in shop.accounts}) == len(shop.accounts)
    assert len(shop.dealers) == 12
    assert len(shop.bills) == 900
    assert len(shop.items) == 12
    assert len(shop.vouchers) == 20
    assert {str(role) for user in shop.users for role in user.roles} == {
        "cashier",
        "supervisor",
        "dealer",
        "back_office",
        "admin",
        "auditor",
    }


def test_every_bill_has_three_to_sixty_rates_on_two_to_six_top_lines(shop: Fixture) -> None:
    rates = Counter(rate["bill"]["id"] for rate in billed(shop))
    assert set(rates) == {bill["id"] for bill in shop.bills}
    assert (min(rates.values()), max(rates.values())) == (3, 60)
    tops = [sum("parentLine" not in line for line in bill["billSummaryLine"]) for bill in shop.bills]
    assert (min(tops), max(tops)) == (2, 6)
    assert sum(any("parentLine" in line for line in bill["billSummaryLine"]) for bill in shop.bills) > 100


def test_most_subscribers_owe_something_and_some_owe_it_for_long(shop: Fixture) -> None:
    open_bills = [bill for bill in shop.bills if _money(bill["remainingAmount"]) > 0]
    by_account = Counter(bill["billingAccount"]["id"] for bill in open_bills)
    overdue = [bill for bill in open_bills if bill["paymentDueDate"] < TODAY]
    assert len(by_account) >= 250
    assert sum(count >= 2 for count in by_account.values()) >= 50
    assert 70 <= len(overdue) <= 120
    assert {bill["billDate"][:7] for bill in shop.bills} == {f"2026-{month:02d}" for month in range(7, 12)}
    assert all(bill["billDate"] < TODAY for bill in shop.bills)


def test_the_first_account_has_two_open_bills_and_the_older_one_is_overdue(shop: Fixture) -> None:
    own = [
        bill
        for bill in shop.bills
        if bill["billingAccount"]["id"] == "BA-1001" and bill["state"] != "settled"
    ]
    older, newer = sorted(own, key=lambda bill: bill["billDate"])
    assert older["paymentDueDate"] < TODAY < newer["paymentDueDate"]
    assert _money(older["amountDue"]) == Decimal("18.5")
    assert _money(newer["amountDue"]) == Decimal("41.75")


def test_twenty_accounts_have_rates_that_no_bill_holds_yet(shop: Fixture) -> None:
    waiting: list[Any] = [rate for rate in shop.rates if not rate["isBilled"]]
    owed = Counter(rate["billingAccount"]["id"] for rate in waiting)
    assert (len(owed), set(owed.values())) == (20, {2})
    assert all(_money(rate["taxIncludedAmount"]) > 0 and rate["date"] < TODAY for rate in waiting)


def test_tax_and_lines_and_rates_and_bill_agree_on_every_level(shop: Fixture) -> None:
    rates: dict[str, Any] = {rate["id"]: rate for rate in billed(shop)}
    referred: list[str] = []
    bills: list[Any] = list(shop.bills)
    for bill in bills:
        of_bill = [
            rates[reference["id"]]
            for line in bill["billSummaryLine"]
            for reference in line["appliedCustomerBillingRate"]
        ]
        referred += [rate["id"] for rate in of_bill]
        assert all(rate["bill"]["id"] == bill["id"] for rate in of_bill)
        for line in bill["billSummaryLine"]:
            _assert_line_is_the_sum_of_its_parts(line, bill["billSummaryLine"], rates)
        top = [line for line in bill["billSummaryLine"] if "parentLine" not in line]
        due = _money(bill["amountDue"])
        assert due > 0
        assert due == _money(bill["taxIncludedAmount"])
        assert due == sum(_money(line["taxIncludedAmount"]) for line in top)
        assert due == sum(_money(rate["taxIncludedAmount"]) for rate in of_bill)
        assert due == _money(bill["taxExcludedAmount"]) + sum(
            _money(tax["taxAmount"]) for tax in bill["taxItem"]
        )
    # Each rate stands on one line of its bill.
    assert sorted(referred) == sorted(rates)


def _assert_line_is_the_sum_of_its_parts(line: Any, lines: list[Any], rates: dict[str, Any]) -> None:
    net, tax, gross = (_money(line[key]) for key in _LINE_SUMS)
    assert net + tax == gross
    children = [child for child in lines if child.get("parentLine", {}).get("id") == line["id"]]
    members = [rates[reference["id"]] for reference in line["appliedCustomerBillingRate"]]
    assert bool(children) != bool(members)
    for key, whole in zip(_LINE_SUMS, (net, tax, gross), strict=True):
        parts = [_money(child[key]) for child in children] or [_amount(member, key) for member in members]
        assert sum(parts) == whole


_LINE_SUMS = ("taxExcludedAmount", "taxAmount", "taxIncludedAmount")


def _amount(rate: Any, key: str) -> Decimal:
    if key == "taxAmount":
        return sum((_money(tax["taxAmount"]) for tax in rate["appliedTax"]), Decimal(0))
    return _money(rate[key])


def test_the_tax_of_a_rate_is_its_percentage_in_whole_minor_units(shop: Fixture) -> None:
    step = Decimal(1).scaleb(-currency(shop.shop.currency).exponent)
    for rate in shop.rates:
        (tax,) = rate["appliedTax"]
        exact = _money(rate["taxExcludedAmount"]) * tax["taxRate"] / 100
        assert abs(_money(tax["taxAmount"]) - exact) * 2 <= step
        assert _money(rate["taxExcludedAmount"]) + _money(tax["taxAmount"]) == _money(
            rate["taxIncludedAmount"]
        )
        assert (rate["type"] == "appliedBillingCredit") == (_money(rate["taxIncludedAmount"]) < 0)


def test_what_is_open_on_a_bill_is_what_was_not_paid_and_its_state_says_so(shop: Fixture) -> None:
    for bill in shop.bills:
        due, left = _money(bill["amountDue"]), _money(bill["remainingAmount"])
        paid = [_money(applied["appliedAmount"]) for applied in bill["appliedPayment"]]
        assert all(part > 0 for part in paid)
        assert due - sum(paid) == left >= 0
        expected = "settled" if left == 0 else "partiallyPaid" if paid else "sent"
        assert bill["state"] == expected


def test_cash_can_pay_every_dinar_bill_exactly() -> None:
    sample = make_sample("KWD", bills=60, subscribers=20)
    for bill in sample["bills"]:
        for amount in (bill["amountDue"], bill["remainingAmount"]):
            assert amount["value"] % Decimal("0.005") == 0


@pytest.mark.parametrize("code", CODES)
def test_every_amount_is_written_with_exactly_the_digits_of_its_currency(code: SampleCurrency) -> None:
    text = sample_path(code).read_text(encoding="utf-8")
    written = re.findall(r'"unit":"([A-Z]{3})","value":([^,}]+)', text)
    digits = currency(code).exponent
    assert len(written) > 20_000
    assert all(
        unit == code and re.fullmatch(rf"-?[0-9]+\.[0-9]{{{digits}}}", value) for unit, value in written
    )


def test_the_readers_of_bills_and_rates_take_every_one_and_find_the_sums_right(shop: Fixture) -> None:
    by_bill: dict[str, list[Any]] = {}
    for rate in billed(shop):
        by_bill.setdefault(rate["bill"]["id"], []).append(read_rate(rate))
    for body in shop.bills:
        bill = read_bill(body, seen_change=None)
        assert check_sums(bill, by_bill[bill.bill_id]).agree


def test_people_have_names_in_at_least_six_scripts(shop: Fixture) -> None:
    scripts = Counter(script for account in shop.accounts for script in _scripts(account.name))
    assert {"LATIN", "ARABIC", "DEVANAGARI", "CJK", "GREEK", "CYRILLIC", "TAMIL"} <= set(scripts)
    names = " ".join(account.name for account in shop.accounts)
    assert "O'Brien" in names
    assert "[NL] Ltd" in names
    assert unicodedata.is_normalized("NFC", names)


def _scripts(name: str) -> set[str]:
    return {unicodedata.name(letter).split()[0] for letter in name if letter.isalpha()}


def test_no_text_of_a_shop_looks_like_a_card_number(shop: Fixture) -> None:
    suspicious = {text for text in _texts(shop.model_dump(mode="json")) if holds_card_number(text)}
    assert suspicious == set()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


def test_phones_are_told_apart_and_bill_numbers_have_six_to_eight_digits(shop: Fixture) -> None:
    phones = [account.phone for account in shop.accounts]
    assert len(set(phones)) == len(phones)
    assert all(re.fullmatch(r"[0-9]{6,8}", bill["billNo"]) for bill in shop.bills)


def test_item_codes_have_a_right_check_digit(shop: Fixture) -> None:
    codes = [item.ean for item in shop.items]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert code is not None
        assert code == ean13(code[:12])
    assert ean13("400638133393") == "4006381333931"


@pytest.mark.parametrize("number", [1, 2, 17, 999])
def test_serials_have_a_right_check_digit_and_are_no_card_numbers(number: int) -> None:
    for serial in (iccid(number, calling_code="965"), iccid(number, calling_code="31"), imei(number)):
        assert _luhn_sum(serial) % 10 == 0
        assert not holds_card_number(serial)


def test_serials_look_as_the_interface_shows_them() -> None:
    assert iccid(1, calling_code="965") == "8996500000000000014"
    assert iccid(2, calling_code="965") == "8996500000000000022"
    assert len(imei(1)) == 15


def _luhn_sum(digits: str) -> int:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("rows", "definition"), [("bills", "CustomerBill"), ("rates", "AppliedCustomerBillingRate")]
)
def test_bills_and_rates_are_valid_by_the_official_definitions(
    tmf_specs: Path, code: SampleCurrency, rows: str, definition: str
) -> None:
    name = "TMF678_Customer_Bill_Management_API_v4.0.0_swagger.json"
    specification = json.loads((tmf_specs / name).read_text(encoding="utf-8"))
    validator = Draft4Validator(
        {"$ref": f"#/definitions/{definition}", "definitions": specification["definitions"]},
        format_checker=FormatChecker(),
    )
    sample = json.loads(sample_path(code).read_text(encoding="utf-8"))
    # Every tenth: the rows differ in figures, hardly in shape, and the validator takes its time.
    faults = [error.message for row in sample[rows][::10] for error in validator.iter_errors(row)]
    assert faults == []


def test_the_files_fit_the_schema_that_is_handed_out() -> None:
    from jsonschema import Draft202012Validator

    schema = fixture_schema()
    Draft202012Validator.check_schema(schema)
    sample = make_sample("EUR", bills=30, subscribers=10)
    value = json.loads(sample_text(sample))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(value)] == []


@pytest.mark.parametrize(("code", "fee"), [("KWD", 5_000), ("EUR", 1_500)])
def test_the_settings_of_a_sample_shop_differ_by_a_fee_in_its_currency(code: str, fee: int) -> None:
    usual = read_settings().sources["till.toml"].read_text("utf-8")
    charged = tomllib.loads(with_sample_fees(usual, code))
    assert parse_amount(charged["cheques"]["dishonour"].pop("fee"), currency(code)).minor == fee
    was = tomllib.loads(usual)
    assert was["cheques"]["dishonour"].pop("fee") == ""
    assert charged == was


def test_the_settings_of_a_sample_shop_name_the_folder_of_its_banks_files_and_nothing_else() -> None:
    usual = read_settings().sources["till.toml"].read_text("utf-8")
    named = tomllib.loads(with_bank_folder(usual, Path('/tmp/a "quoted" \\ place')))
    assert named["direct_debit"].pop("folder") == '/tmp/a "quoted" \\ place'
    was = tomllib.loads(usual)
    assert was["direct_debit"].pop("folder") == ""
    assert named == was
