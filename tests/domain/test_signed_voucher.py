"""Signed codes: what they say is what was signed, and nothing else is taken for one (domain.md 3.5, rule 46)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.pan_guard import holds_card_number
from pos.domain.signature import bytes_of, key_id_of, letters_for, letters_of, public_key_of
from pos.domain.signed_voucher import (
    CODE_LETTERS,
    MARK,
    SignedVoucher,
    account_mark,
    in_groups,
    is_signed_form,
    read_code,
    require_genuine,
    write_code,
)
from pos.domain.text_guard import clean_reference
from pos.domain.voucher import Residual, VoucherTerms
from tests.builders.signed import OTHER_PRIVATE_KEY, PRIVATE_KEY, key_of, signed
from tests.builders.tills import money
from tests.builders.tries import examples

KEY = key_of()
KEYS = {KEY.key_id: KEY}


def refusal_of(code: str) -> str:
    with pytest.raises(Refused) as refusal:
        require_genuine(code, KEYS)
    return refusal.value.code


def vouchers() -> st.SearchStrategy[SignedVoucher]:
    amounts = st.integers(1, 10**16)

    def made(parts: tuple[str, int, int | None, date, Residual, bool, str | None, int]) -> SignedVoucher:
        code, value, minimum, expires, residual, combinable, account, serial = parts
        in_currency = currency(code)
        return SignedVoucher(
            key_id=KEY.key_id,
            serial=letters_of(serial.to_bytes(8, "big")),
            terms=VoucherTerms(
                value=Money(value, in_currency),
                expires=expires,
                residual=residual,
                combinable=combinable,
                minimum=None if minimum is None else Money(minimum, in_currency),
            ),
            account_mark=None if account is None else account_mark(account),
        )

    return st.tuples(
        st.sampled_from(["KWD", "EUR", "JPY", "ZMW"]),
        amounts,
        st.none() | amounts,
        st.dates(date(2000, 1, 1), date(2170, 12, 31)),
        st.sampled_from(list(Residual)),
        st.booleans(),
        st.none() | st.sampled_from(["BA-1", "D-1", "x" * 40]),
        st.integers(0, 2**64 - 1),
    ).map(made)


@given(vouchers())
@settings(max_examples=examples(1.2))
def test_a_code_says_what_was_signed_and_fits_every_field(voucher: SignedVoucher) -> None:
    code = write_code(voucher, PRIVATE_KEY)

    assert require_genuine(code, KEYS) == voucher
    assert read_code(code) == voucher
    assert (len(code), code.isalpha(), code.isupper()) == (CODE_LETTERS, True, True)
    assert CODE_LETTERS <= 200
    assert not holds_card_number(code)
    assert clean_reference(code, field="Voucher code", limit=200) == code


def test_every_single_character_change_is_refused() -> None:
    """Rule 46: a voucher is taken for what the operator signed, and for nothing else."""
    code = signed()
    refusals = {
        refusal_of(code[:place] + letter + code[place + 1 :])
        for place in range(len(code))
        for letter in (chr((ord(code[place]) - ord("A") + step) % 26 + ord("A")) for step in (1, 7, 25))
    }

    assert refusals <= {"voucher_not_genuine", "voucher_key_unknown"}
    changed_after_the_key = {
        refusal_of(code[:place] + ("A" if code[place] != "A" else "B") + code[place + 1 :])
        for place in range(20, len(code))
    }
    assert changed_after_the_key == {"voucher_not_genuine"}


@pytest.mark.parametrize("sign", ["1", "-", " ", "!", "ſ", "İ", "Ａ", "\u200b", ""])
def test_a_letter_that_is_replaced_by_something_else_is_refused(sign: str) -> None:
    code = signed()

    assert {refusal_of(code[:place] + sign + code[place + 1 :]) for place in (0, 4, 60, 179)} == {
        "voucher_not_genuine"
    }


@pytest.mark.parametrize("length", [4, 5, 40, 41, 100, 179])
def test_a_code_that_is_cut_off_is_refused(length: int) -> None:
    assert is_signed_form(signed()[:length])
    assert refusal_of(signed()[:length]) == "voucher_not_genuine"


def test_a_code_with_more_behind_it_is_refused() -> None:
    assert refusal_of(signed() + "A") == "voucher_not_genuine"


@pytest.mark.parametrize("written", [str.lower, str.title, in_groups, lambda code: f" {in_groups(code, 4)}-"])
def test_case_blanks_and_dashes_do_not_count(written) -> None:  # type: ignore[no-untyped-def]
    assert require_genuine(written(signed()), KEYS) == read_code(signed())


@pytest.mark.parametrize("code", ["LOY-4RFP-TXWP", "loy4rfptxwp", "x" * 40, "CFV-1", "CFVB" + "A" * 20])
def test_a_code_that_is_typed_is_none_of_that_form(code: str) -> None:
    assert not is_signed_form(code)


def test_every_key_that_is_known_vouches_and_the_others_do_not() -> None:
    second = key_of(OTHER_PRIVATE_KEY)
    both = KEYS | {second.key_id: second}
    codes = [signed(), signed(private_key=OTHER_PRIVATE_KEY)]

    assert [require_genuine(code, both).key_id for code in codes] == [KEY.key_id, second.key_id]
    assert refusal_of(codes[1]) == "voucher_key_unknown"


def test_a_key_that_was_withdrawn_vouches_for_nothing() -> None:
    gone = key_of(withdrawn=True)

    with pytest.raises(Refused) as refusal:
        require_genuine(signed(), {gone.key_id: gone})
    assert refusal.value.code == "voucher_key_withdrawn"


def test_a_signature_by_another_key_under_the_name_of_ours_is_forged() -> None:
    voucher = read_code(signed())

    assert refusal_of(write_code(voucher, OTHER_PRIVATE_KEY)) == "voucher_not_genuine"


def test_a_voucher_serves_its_own_account_and_an_unbound_one_serves_all() -> None:
    bound, free = read_code(signed(account="BA-1")), read_code(signed())

    assert [bound.serves(account) for account in ("BA-1", "BA-2", "ba-1")] == [True, False, False]
    assert free.serves("BA-2")
    assert "BA-1" not in signed(account="BA-1")


def test_what_a_code_says_is_read_back() -> None:
    code = signed(
        "12.345", minimum="50", combinable=False, residual=Residual.CREDIT, expires=date(2027, 2, 28)
    )

    assert read_code(code).terms == VoucherTerms(
        value=money("12.345"),
        expires=date(2027, 2, 28),
        residual=Residual.CREDIT,
        combinable=False,
        minimum=money("50"),
    )
    assert code.startswith(MARK)


@given(st.binary(max_size=80))
def test_bytes_in_letters_come_back(data: bytes) -> None:
    letters = letters_of(data)

    assert bytes_of(letters, len(data)) == data
    assert len(letters) == letters_for(len(data))
    assert bytes_of(letters + "A", len(data)) is None


def test_a_number_too_big_for_its_bytes_is_none() -> None:
    assert bytes_of("ZZ", 1) is None
    assert bytes_of("JV", 1) == b"\xff"
    assert bytes_of("JW", 1) is None
    assert key_id_of(public_key_of(PRIVATE_KEY)) == KEY.key_id
