"""Central's limit on how often a client may come: a shop never meets it, and a till that does loses nothing by it."""

from __future__ import annotations

from sync.central.http.limits import Limits
from tests.builders.wire import unfilled_wire

DAY_S = 24 * 3_600
PAYMENTS_OF_A_DAY = 150


async def test_a_till_that_was_offline_for_a_busy_day_sends_it_all_within_the_usual_limit() -> None:
    """No time passes here: as fast as a till could ever be."""
    wire = unfilled_wire(limits=Limits(per_s=1, burst=Limits().burst // 4))
    await wire.engine.pull()
    for _ in range(PAYMENTS_OF_A_DAY):
        wire.pay("BA-1", "1.000")

    report = await wire.engine.drain(timeout_s=DAY_S)

    assert (report.acknowledged, report.waiting) == (PAYMENTS_OF_A_DAY, 0)
    assert len(wire.network.posts) == PAYMENTS_OF_A_DAY, "none was sent twice"


async def test_a_till_over_its_rate_waits_as_told_and_brings_everything_once() -> None:
    wire = unfilled_wire(limits=Limits(per_s=1, burst=8))
    await wire.engine.pull()
    for _ in range(20):
        wire.pay("BA-1", "1.000")

    report = await wire.engine.drain(timeout_s=DAY_S)

    assert (report.acknowledged, report.parked, report.waiting) == (20, 0, 0)
    assert wire.at_central() == wire.legs()
    assert len(wire.network.posts) > 20, "it met the limit"
