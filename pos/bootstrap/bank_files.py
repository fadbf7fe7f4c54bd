"""Files of banks: opened as the settings say, offered to the screen from a folder, their results written."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from pos.bootstrap.homes import OpenTill
from pos.domain.bank_file import EntryPlan, Forecast
from pos.domain.encode import csv_line
from pos.domain.errors import Refused
from pos.domain.flat_profile import FlatProfile
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.store.bank_files import KnownFile, ToldEntry
from pos.till.bank_runs import (
    ACT,
    FileToRun,
    begin_file,
    carry_out,
    entries_of,
    forecast,
    threshold_problem,
)
from pos.till.desk import Desk
from pos.till.gate import require_look
from pos.till_settings import DirectDebitSettings
from pos.tui.ports import FoundFile
from sync.files.bank_file import ISO20022, BankFile, open_bank_file

RESULT_ENDS = ".result.csv"
FILES_MAX = 500
RESULT_COLUMNS = (
    "number", "kind", "reference", "mandate", "account", "bill", "amount", "currency", "value_date", "reason",
    "outcome", "remarks", "problem", "receipt", "paper", "fee", "settled",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFileWays:
    """How banks' files are read here: by which profiles, how large, copied privately into ``home`` meanwhile."""

    desk: Desk
    settings: DirectDebitSettings
    profiles: Mapping[str, FlatProfile]
    home: Path

    @classmethod
    def of(cls, till: OpenTill) -> BankFileWays:
        """As the till's settings say."""
        return cls(
            desk=till.desk,
            settings=till.settings.till.direct_debit,
            profiles=till.settings.bank_profiles,
            home=till.paths.home,
        )

    @contextmanager
    def opened(self, file: Path, profile: str) -> Iterator[BankFile]:
        """The whole file, looked at. Raises Refused ``unknown_profile``, or as ``open_bank_file``."""
        with open_bank_file(
            file,
            layout=self._layout(profile),
            shop=self.desk.identity.currency,
            bytes_max=self.settings.bytes_max,
            entries_max=self.settings.entries_max,
            folder=self.home,
        ) as found:
            yield found

    def _layout(self, profile: str) -> FlatProfile | None:
        if profile == ISO20022:
            return None
        return flat_layout(self.profiles, profile, ModeKind.DIRECT_DEBIT, besides=[ISO20022])

    @property
    def names(self) -> tuple[str, ...]:
        """What a file may be read as."""
        return (ISO20022, *(name for name, one in self.profiles.items() if one.of is ModeKind.DIRECT_DEBIT))


def flat_layout(
    profiles: Mapping[str, FlatProfile], profile: str, of: ModeKind, *, besides: Sequence[str] = ()
) -> FlatProfile:
    """The profile of this name for payments ``of`` a kind. Raises Refused ``unknown_profile``."""
    known = {name: one for name, one in profiles.items() if one.of is of}
    if profile not in known:
        raise Refused(
            "unknown_profile",
            "There is no such profile of bank_files.toml.",
            allowed=[*besides, "records", *known],
        )
    return known[profile]


def to_be_run(found: BankFile) -> FileToRun:
    """What a run is told of the file."""
    return FileToRun(digest=found.digest, name=found.name, profile=found.profile, head=found.head)


class OpenedFile:
    """A file of the folder as it was when it was looked at, with what it would do; it stays open until ``close``."""

    def __init__(self, ways: BankFileWays, person: Person, path: Path, profile: str) -> None:
        self._desk = ways.desk
        self._person = person
        self._path = path
        self._stack = ExitStack()
        self._found = self._stack.enter_context(ways.opened(path, profile))
        self._carried: Generator[EntryPlan, None, None] | None = None
        self._run: KnownFile | None = None
        try:
            self.forecast: Forecast = forecast(ways.desk, person, to_be_run(self._found), self._found.read())
        except BaseException:
            self.close()
            raise
        self.told = self._found
        self.stopped = threshold_problem(ways.desk, self.forecast)

    def begin(self, *, above_threshold: bool) -> KnownFile:
        """Write that the run begins, or find where it was cut short. Raises as ``begin_file``."""
        desk = self._desk
        if self._run is not None:
            # It was cut short while the file was open: less is left than was forecast.
            self.forecast = forecast(desk, self._person, to_be_run(self._found), self._found.read())
        self._run = begin_file(
            desk,
            self._person,
            to_be_run(self._found),
            self.forecast,
            paid=self._found.paid,
            back=self._found.back,
            above_threshold=above_threshold,
        )
        self._carried = carry_out(desk, self._person, self._run, self._found.read())
        return self._run

    def carry_on(self, count: int) -> list[EntryPlan]:
        """Carry the next ``count`` entries out; fewer than that, the last was among them and the run is ended."""
        assert self._carried is not None, "the run has begun"
        return list(islice(self._carried, count))

    def write_result(self) -> str:
        """Write what was made of each entry beside the file; answers its name. Raises Refused ``not_written``."""
        assert self._run is not None, "the run has begun"
        path = self._path.with_name(f"{self._path.name}{RESULT_ENDS}")
        write_result(path, result_text(entries_of(self._desk, self._person, self._run.run_id)))
        return path.name

    def close(self) -> None:
        """Let the file go."""
        self._stack.close()


class FilesFolder:
    """The folder that the bank's files are laid in."""

    def __init__(self, ways: BankFileWays) -> None:
        self._ways = ways

    @property
    def profiles(self) -> tuple[str, ...]:
        """What a file may be read as."""
        return self._ways.names

    def files(self, person: Person) -> list[FoundFile]:
        """The files there, the newest first. Raises NotAuthorised, or Refused ``no_folder``."""
        require_look(self._ways.desk, ACT, person)
        found = []
        try:
            with os.scandir(self._folder()) as entries:
                for entry in entries:
                    told = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(told.st_mode) and not entry.name.endswith(RESULT_ENDS):
                        found.append((told.st_mtime, entry.name, told.st_size))
        except OSError as error:
            raise Refused(
                "no_folder", f"The folder of the bank's files cannot be read: {error.strerror}."
            ) from error
        zone = self._ways.desk.clock.now().tzinfo
        return [
            FoundFile(
                name=name, bytes=size, changed_at=datetime.fromtimestamp(at, zone), profile=self._usual(name)
            )
            for at, name, size in sorted(found, reverse=True)[:FILES_MAX]
        ]

    def open(self, person: Person, name: str, profile: str) -> OpenedFile:
        """Look at all of a file, and at what it would do. Raises as ``forecast`` and ``open_bank_file``."""
        require_look(self._ways.desk, ACT, person)
        if name not in {one.name for one in self.files(person)}:
            raise Refused("no_file", "The file is not in the folder any more.")
        return OpenedFile(self._ways, person, self._folder() / name, profile)

    def _folder(self) -> Path:
        self._ways.desk.identity.refuse_training("the bank's folder is not opened")
        folder = self._ways.settings.folder
        if not folder:
            raise Refused(
                "no_folder", "Name the folder of the bank's files: folder in [direct_debit] of till.toml."
            )
        return Path(folder)

    def _usual(self, name: str) -> str:
        """XML is the standard's; any other form the first profile there is."""
        return ISO20022 if name.lower().endswith(".xml") else next(iter(self.profiles[1:]), ISO20022)


def result_text(entries: list[ToldEntry]) -> str:
    """The result file: what was made of each entry, as CSV in which no cell is a formula."""
    rows = [RESULT_COLUMNS, *(result_row(entry) for entry in entries)]
    return "".join(csv_line(["" if cell is None else cell for cell in row]) for row in rows)


def result_row(entry: ToldEntry) -> tuple[str | int | None, ...]:
    """Its cells, by ``RESULT_COLUMNS``."""
    return (
        entry.number, entry.kind, entry.reference, entry.mandate, entry.account, entry.bill_no, entry.amount.plain(),
        entry.amount.currency.code, entry.value_date, entry.reason_code, entry.outcome, entry.remarks, entry.problem,
        entry.receipt, entry.paper, entry.fee.plain() if entry.fee else "", entry.settled,
    )  # fmt: skip


def write_result(path: Path, text: str) -> None:
    """A new file that nobody else may read. Raises Refused ``not_written``."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Refused("not_written", f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
