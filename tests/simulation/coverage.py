"""What a run over many seeds must have met: a storm that never brought a thing shows nothing about it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.deeds import DEEDS
from tests.simulation.listeners import MOODS
from tests.simulation.mortal import CrashPoint
from tests.simulation.tenders import TENDERS
from tests.simulation.weather import Fault
from tests.simulation.wire_log import STEPS

OUTCOMES = ("Accepted", "Conflict", "Later", "NotThere", "RefusedForGood", "Unknown", "Unreachable")
"""What the engine may be told of a payment."""

REQUIRED = (
    *(f"fault/{fault}" for fault in Fault),
    *(f"outcome/{outcome}" for outcome in OUTCOMES),
    *(f"step/{step}" for step in STEPS),
    *(f"crash/{store}, {point}" for store in ("till", "central") for point in CrashPoint),
    *(f"crash/cache, {point}" for point in CrashPoint if point is not CrashPoint.IDLE),
    *(f"crash/telling, {point}" for point in CrashPoint if point is not CrashPoint.IDLE),
    *(f"listener/{mood}" for mood in (*MOODS, "well")),
    *(f"deed/{deed.name}" for deed in DEEDS),
    *(f"tender/{tender.mode}" for tender in TENDERS),
    "tender/internal_voucher",
    "tender/external_voucher",
    *(f"bank receipt/{state}" for state in ("verified", "rejected", "settled")),
    "suspense/bills",
    "suspense/credit",
    "voucher/held",
    "voucher/let go",
    "voucher/voucher_not_valid",
    "voucher/voucher_needs_central",
    "deed/open shift",
    "printed/well",
    "printed/jam",
)


def never_met(coverage: Mapping[str, int]) -> list[str]:
    """What is required and was not met."""
    return [name for name in REQUIRED if not coverage.get(name)]
