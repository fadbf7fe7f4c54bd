"""When to try again: doubling waits with jitter, never sooner than the server asked, never later than the setting.

A pure function of its arguments, tested as a table. Source: reliability.md invariant 10.
"""

from __future__ import annotations

from dataclasses import dataclass

RETRY_AFTER_MAX_S = 3600
"""A server that asks for more is asked again after this long all the same: nothing waits for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """The shortest and the longest wait between two tries of one row, in seconds."""

    delay_s_min: int
    delay_s_max: int

    def delay_ms(self, attempts: int, *, jitter: int, retry_after_s: int | None = None) -> int:
        """Milliseconds to wait after the ``attempts``-th failed try (from 1); ``jitter`` is a random byte, 0 to 255.

        Half of the doubled wait is fixed, half is drawn; ``retry_after_s`` is a floor under it.
        """
        whole_ms = min(self.delay_s_max, self.delay_s_min << min(max(attempts - 1, 0), 20)) * 1000
        drawn_ms = whole_ms // 2 + (whole_ms // 2) * jitter // 255
        if retry_after_s is None:
            return drawn_ms
        return max(drawn_ms, min(retry_after_s, RETRY_AFTER_MAX_S) * 1000)
