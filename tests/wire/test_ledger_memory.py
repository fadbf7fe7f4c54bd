"""The feed of many payments takes no more memory than that of few; ``tests.benchmarks.ledger_feed`` runs a million."""

from __future__ import annotations

import os
from pathlib import Path

from tests.benchmarks.ledger_feed import measured

PAYMENTS = int(os.environ.get("LEDGER_PAYMENTS", "8000"))


def test_ten_times_the_payments_take_no_more_memory(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    large.mkdir()

    least, most = measured(PAYMENTS // 10, small), measured(PAYMENTS, large)

    assert (large / "feed.csv").stat().st_size > 9 * (small / "feed.csv").stat().st_size
    assert most["memory_mb"] / least["memory_mb"] <= 1.05
