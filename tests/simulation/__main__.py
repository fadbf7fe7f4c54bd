"""``python -m tests.simulation --from SEED --seeds N``: run seeds, tell what broke, count what was met.

Exit 0 only if every promise held in every seed (with ``--plant``: if the bug was found).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from contextlib import nullcontext

from tests.simulation.coverage import never_met
from tests.simulation.plan import Limits, plan_for, shrunk
from tests.simulation.planted import PLANTS
from tests.simulation.weather import Fault
from tests.simulation.world import Result, simulate

WORTH_A_LOOK = 100
"""From so many seeds on, what was never met is a gap in the weather rather than luck."""


def main() -> int:
    """The command."""
    options = _options()
    limits = Limits(
        terminals=options.terminals,
        deeds=options.deeds,
        without=frozenset(Fault[name] for name in options.without),
        nobody_dies=options.nobody_dies,
    )

    def run(seed: int, limits: Limits) -> Result:
        planted = PLANTS[options.plant].plant() if options.plant else nullcontext()
        with planted:
            return simulate(plan_for(seed, limits), tell=print if options.verbose else None)

    failed = 0
    coverage: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for seed in range(options.first, options.first + options.seeds):
        result = run(seed, limits)
        coverage += result.coverage
        totals += result.totals
        totals["virtual seconds"] += round(result.virtual_s)
        totals["real milliseconds"] += round(result.wall_s * 1000)
        with_plant = f" --plant {options.plant}" if options.plant else ""
        if options.seeds == 1 or options.hashes:
            print(result.told + with_plant)
        if result.broken is None:
            continue
        failed += 1
        if options.seeds > 1 and not options.hashes:
            print(result.told + with_plant, flush=True)
        if options.shrink:
            name = result.broken.invariant
            least = shrunk(seed, lambda limits, seed=seed, name=name: _breaks(run(seed, limits), name))  # type: ignore[misc]
            print(f"the least that still breaks it:\n    {run(seed, least).replay}{with_plant}")
        if options.plant:
            break
    if options.seeds > 1:
        _summary(options.seeds, failed, coverage, totals)
    if options.plant:
        return 0 if failed else 1
    gaps = never_met(coverage) if options.seeds >= WORTH_A_LOOK and limits == Limits() else []
    if gaps:
        print("never met: " + ", ".join(gaps))
    return 1 if failed or gaps else 0


def _breaks(result: Result, invariant: str) -> bool:
    return result.broken is not None and result.broken.invariant == invariant


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=1, metavar="SEED", help="the first seed")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="how many")
    parser.add_argument("--plant", choices=list(PLANTS), help="put this bug in, and stop when it is found")
    parser.add_argument("--verbose", action="store_true", help="tell every event")
    parser.add_argument(
        "--hashes", action="store_true", help="a line for each seed with the hash of its trace"
    )
    parser.add_argument(
        "--shrink", action="store_true", help="find the least that still breaks the invariant"
    )
    parser.add_argument(
        "--terminals", type=int, default=Limits().terminals, metavar="N", help="at most so many tills"
    )
    parser.add_argument(
        "--deeds", type=int, default=Limits().deeds, metavar="N", help="at most so many deeds each"
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=[fault.name for fault in Fault],
        metavar="FAULT",
        help="this never happens to a request; may be given again",
    )
    parser.add_argument("--nobody-dies", action="store_true", help="no process dies")
    return parser.parse_args()


def _summary(seeds: int, failed: int, coverage: Counter[str], totals: Counter[str]) -> None:
    for name in sorted(coverage):
        print(f"{coverage[name]:8} {name}")
    print(
        f"{seeds} seeds, {failed} broke a promise; " + ", ".join(f"{totals[name]} {name}" for name in totals)
    )


if __name__ == "__main__":
    sys.exit(main())
