"""A voucher's code is worth money: compared without case and blanks, kept as a digest, shown by its end."""

import pytest

from pos.domain.voucher import code_digest, plain_code, shown_code


@pytest.mark.parametrize(
    "typed", ["LOYAL-2026-TXWP", "loyal-2026-txwp", " LOYAL 2026 TXWP ", "LOYAL2026TXWP"]
)
def test_a_code_is_the_same_however_it_is_written(typed: str) -> None:
    assert plain_code(typed) == "LOYAL2026TXWP"
    assert code_digest(typed) == code_digest("LOYAL-2026-TXWP")
    assert shown_code(typed) == "...TXWP"


@pytest.mark.parametrize(
    "other", ["LOYAL-2026-TXWQ", "LOYAL-2026-TXW", "0LOYAL-2026-TXWP", "L0YAL-2026-TXWP"]
)
def test_another_code_is_another(other: str) -> None:
    assert code_digest(other) != code_digest("LOYAL-2026-TXWP")


@pytest.mark.parametrize("code", ["A", "12", "123", "1234", "12345", "1234567"])
def test_a_short_code_is_not_shown_whole(code: str) -> None:
    shown = shown_code(code).removeprefix("...")

    assert len(shown) <= len(code) // 2
    assert code.endswith(shown)
