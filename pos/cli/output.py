"""What the commands print: one JSON object a line, or plain text; notes go to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pos.domain.errors import DomainError


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The options that every command has."""

    as_json: bool
    home: Path
    home_given: bool
    config: Path | None

    def line(self, data: Mapping[str, object], text: str) -> None:
        """One result, flushed at once: what it reports is committed already."""
        print(json.dumps(data, ensure_ascii=False) if self.as_json else text, flush=True)

    def note(self, text: str) -> None:
        """A remark beside the results."""
        print(text, file=sys.stderr, flush=True)

    def refusal(self, error: DomainError) -> None:
        """A refusal, as ``print_refusal``."""
        print_refusal(error, as_json=self.as_json)

    def failure(self, code: str, message: str) -> None:
        """A fault that no rule gave: the store, the network, the program."""
        if self.as_json:
            self.line({"ok": False, "error": {"code": code, "message": message}}, "")
        else:
            self.note(f"{message} [{code}]")


def print_refusal(error: DomainError, *, as_json: bool) -> None:
    """The error object on standard output, or its text for a person on standard error."""
    if as_json:
        print(json.dumps({"ok": False, "error": error.as_json()}, ensure_ascii=False), flush=True)
    else:
        print(f"{error.message} [{error.code}]", file=sys.stderr, flush=True)


def default_home() -> Path:
    """``$POS_HOME``, else the user's data folder."""
    given = os.environ.get("POS_HOME")
    if given:
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "counterfoil"
