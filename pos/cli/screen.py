"""Starting the screen: hands the app its desk, its paper and its wire."""

from __future__ import annotations

from pos.cli.output import Invocation


def run_screen(call: Invocation, *, hint: str | None = None) -> None:
    """Run the till's screen until the person leaves it."""
    raise NotImplementedError
