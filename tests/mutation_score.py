"""What became of the last ``./run mutmut run``: the score of each module, as it stands in docs/mutation.md.

./run python -m tests.mutation_score

A change to the code is noticed by mypy, else by a test. ``mutmut results`` names those that nothing noticed.
"""

import json
from collections import Counter
from pathlib import Path

BY_MYPY = 37
UNNOTICED = (0, 33, None)
"""What mutmut writes down where every test passed all the same, where no test went there, where it did not get to it."""


def score(noticed: int, of: int) -> str:
    """Per cent, rounded down to one digit."""
    return f"{1000 * noticed // of / 10} %" if of else "-"


def main() -> None:
    """Print one line a module, and their sum."""
    counts = {
        path.name.removesuffix(".meta"): Counter(
            json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"].values()
        )
        for path in sorted(Path("mutants/pos").rglob("*.py.meta"))
    }
    print(
        "| module | changes | noticed by mypy | by a test | by nothing | score | score of the tests alone |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, count in [*counts.items(), ("together", sum(counts.values(), Counter()))]:
        changes, by_mypy = count.total(), count[BY_MYPY]
        unnoticed = sum(count[code] for code in UNNOTICED)
        by_test = changes - by_mypy - unnoticed
        print(
            f"| {name} | {changes} | {by_mypy} | {by_test} | {unnoticed} "
            f"| {score(by_mypy + by_test, changes)} | {score(by_test, by_test + unnoticed)} |"
        )


if __name__ == "__main__":
    main()
