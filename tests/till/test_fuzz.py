"""Whatever is typed, scanned, sent or stands in a file: it is read or refused in words, and nothing fails.

HYPOTHESIS_PROFILE=long tries a hundred times as many. Bodies and queries of central are in
``tests/central/test_hostile_input.py``, what servers tell in ``tests/wire``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos.cli.imports import _order
from pos.domain.arrival import refuse_cards_in
from pos.domain.catalogue import SerialKind, read_serial
from pos.domain.check_digit import CheckDigit, is_mistyped
from pos.domain.encode import cell_text, log_line
from pos.domain.errors import DomainError
from pos.domain.ids import check_id
from pos.domain.micr import looks_like_micr, read_micr
from pos.domain.money import currency, parse_amount, parse_count
from pos.domain.number_format import LOCALES, number_format
from pos.domain.pan_guard import mask_card_number, wipe_card_number
from pos.domain.payment_mode import ModeKind
from pos.domain.signed_voucher import read_code
from pos.domain.tender import read_date, read_details
from pos.domain.text_guard import clean_entry, clean_foreign, clean_reference, fold
from pos.settings import read_settings
from pos.till.desk import Desk
from pos.till.enquiries import find
from pos.till.script import Script
from pos.till.script_acts import ACTS
from pos.tui.keyboard import Keyboard, Press
from tests.builders.tills import CASHIER, SettableClock, dump, findings, make_till, opened

KWD = currency("KWD")
SETTINGS = read_settings()

SIGNS = st.sampled_from(
    [
        *"0123456789.,-+ eE_'/\\;:<=>?%^#ABCDTU⑆⑈",
        "٤",
        "４",
        "²",
        "①",
        "\0",
        "\n",
        "\x1b",
        "\u202e",
        "\ud800",
        "\u200d",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(SIGNS, max_size=60),
    st.sampled_from(
        ["NaN", "Infinity", "1e400", "-0", "1_000", "9" * 5_000, "4111 1111 1111 1111", "%B4^x^2512", "="]
    ),
)

TYPED: dict[str, Callable[[str], object]] = {
    "amount": lambda text: parse_amount(text, KWD, decimal_marks=".,"),
    "count": lambda text: parse_count(text, KWD),
    "currency": currency,
    "MICR line": lambda text: read_micr(text, SETTINGS.micr),
    "scan": looks_like_micr,
    "name": lambda text: clean_entry(text, field="Name", limit=40),
    "reference": lambda text: clean_reference(text, field="Reference", limit=40),
    "told": lambda text: clean_foreign(text, limit=40),
    "search": fold,
    "id": lambda text: check_id(text, field="Payment"),
    "date": lambda text: read_date(text, field="Date"),
    "ICCID": lambda text: read_serial(SerialKind.ICCID, text),
    "IMEI": lambda text: read_serial(SerialKind.IMEI, text),
    "PIN of a card": lambda text: read_serial(SerialKind.VOUCHER_PIN, text),
    "account": lambda text: [is_mistyped(text, check) for check in CheckDigit],
    "voucher": read_code,
    "slip": lambda text: read_details(
        SETTINGS.modes["atm"], {"atm": text, "trace": text, "date": text, text: "x"}
    ),
    "guard": lambda text: (mask_card_number(text), wipe_card_number(text)),
    "body": lambda text: refuse_cards_in({text: [text]}, whole="body"),
    "log": log_line,
    "cell": cell_text,
}


@pytest.mark.parametrize("parser", TYPED)
@given(text=TEXTS)
def test_no_text_makes_a_parser_fail(parser: str, text: str) -> None:
    try:
        TYPED[parser](text)
    except DomainError as refusal:
        json.dumps(refusal.as_json())


@given(locale=st.sampled_from(sorted(LOCALES)), native=st.booleans(), text=TEXTS)
def test_no_text_makes_a_number_format_fail(locale: str, native: bool, text: str) -> None:
    assert isinstance(number_format(locale, native_digits=native).in_text(text, KWD), str)


@given(
    st.lists(
        st.one_of(TEXTS, st.tuples(st.text(max_size=1), st.sampled_from([0.0, 0.001, 1.0]))), max_size=30
    )
)
def test_no_keys_and_pastes_make_the_keyboard_fail(arrivals: list[str | tuple[str, float]]) -> None:
    clock = SettableClock()
    keyboard = Keyboard(clock=clock)
    for arrival in arrivals:
        if isinstance(arrival, str):
            keyboard.paste(arrival)
        else:
            clock.advance(seconds=arrival[1])
            keyboard.sort(Press(arrival[0] or "enter", arrival[0] or None))
        while (came := keyboard.next()) is not None:
            if isinstance(came, Press):
                keyboard.keep_loose(came)


# --- lines of a script and of a bank's file ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One till for all of them: a line that is refused leaves the books as they were."""
    made = make_till()
    opened(made)
    yield made
    assert findings(made) == []


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
FIELDS = st.sampled_from(
    "ref act payer kind account tenders mode amount allocate bill lines item quantity serials price override reason user "
    "pin float cash cheques count overpayment confirm receipt attempt outcome record value expires currency".split()
)
JSON = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(FIELDS, TEXTS), inner, max_size=4)
    ),
    max_leaves=10,
)
LINES = st.one_of(
    TEXTS,
    st.builds(json.dumps, JSON),
    st.builds(
        lambda act, ref, more: json.dumps({**more, "act": act, "ref": ref}),
        st.sampled_from(sorted(ACTS)),
        st.text("abcdef", min_size=1, max_size=6),
        st.dictionaries(FIELDS, JSON, max_size=6),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(line=LINES)
def test_no_line_makes_a_script_fail(desk: Desk, line: str) -> None:
    payments = dump(desk)["payment_event"]

    answer = Script(desk, CASHIER).run_line(line)

    assert answer["ok"] in (True, False)
    assert json.loads(json.dumps(answer)) == answer
    if not answer["ok"]:
        assert dump(desk)["payment_event"] == payments
        assert isinstance(answer["error"], dict)


class _Till:
    """What reading a line of a file needs of an open till."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk


@given(line=st.one_of(LINES.map(lambda line: line.encode("utf-8", "surrogatepass")), st.binary(max_size=80)))
def test_no_line_of_a_banks_file_makes_an_import_fail(desk: Desk, line: bytes) -> None:
    till: Any = _Till(desk)
    for kind in (ModeKind.ATM, ModeKind.DIRECT_DEBIT):
        try:
            _order(till, kind, line)
        except DomainError as refusal:
            json.dumps(refusal.as_json())


@given(query=TEXTS)
def test_no_query_makes_the_find_box_fail(desk: Desk, query: str) -> None:
    try:
        find(desk, CASHIER, query)
    except DomainError as refusal:
        json.dumps(refusal.as_json())
