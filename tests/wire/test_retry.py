"""How long to wait before the next try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.retry import RETRY_AFTER_MAX_S, RetryRule

RULE = RetryRule(delay_s_min=1, delay_s_max=300)


@pytest.mark.parametrize(
    ("attempts", "jitter", "retry_after_s", "delay_ms"),
    [
        (1, 0, None, 500),
        (1, 255, None, 1_000),
        (2, 0, None, 1_000),
        (2, 255, None, 2_000),
        (3, 128, None, 2_000 + 2_000 * 128 // 255),
        (9, 255, None, 256_000),
        (10, 255, None, 300_000),
        (10, 0, None, 150_000),
        (10_000, 255, None, 300_000),
        (0, 255, None, 1_000),
        (1, 255, 0, 1_000),
        (1, 255, 30, 30_000),
        (10, 255, 30, 300_000),
        (1, 0, 3_600, 3_600_000),
        (1, 0, 10**9, RETRY_AFTER_MAX_S * 1_000),
    ],
)
def test_the_wait_doubles_up_to_the_setting_and_is_never_below_retry_after(
    attempts: int, jitter: int, retry_after_s: int | None, delay_ms: int
) -> None:
    assert RULE.delay_ms(attempts, jitter=jitter, retry_after_s=retry_after_s) == delay_ms


@given(
    shortest=st.integers(1, 60),
    longest=st.integers(1, 3_600),
    attempts=st.integers(0, 10**6),
    jitter=st.integers(0, 255),
    retry_after_s=st.none() | st.integers(0, 10**15),
)
def test_a_wait_is_never_nothing_never_too_early_and_never_for_ever(
    shortest: int, longest: int, attempts: int, jitter: int, retry_after_s: int | None
) -> None:
    rule = RetryRule(delay_s_min=shortest, delay_s_max=longest)
    waits_ms = rule.delay_ms(attempts, jitter=jitter, retry_after_s=retry_after_s)
    assert waits_ms >= min(shortest, longest) * 1000 // 2
    asked_ms = min(retry_after_s or 0, RETRY_AFTER_MAX_S) * 1000
    assert asked_ms <= waits_ms <= max(longest * 1000, asked_ms)


@given(attempts=st.integers(1, 100), jitter=st.integers(0, 255))
def test_jitter_takes_away_no_more_than_half(attempts: int, jitter: int) -> None:
    whole_ms = RULE.delay_ms(attempts, jitter=255)
    assert whole_ms // 2 <= RULE.delay_ms(attempts, jitter=jitter) <= whole_ms
