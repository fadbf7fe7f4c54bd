"""A printer that is a folder: each paper becomes a file in it, whole or not at all."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from pos.domain.ports import PrinterUnavailable

_NAME = re.compile(r"[A-Z0-9][A-Za-z0-9._-]{0,79}")
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class FilePrinter:
    """Writes papers into ``folder``, which only the till's own user may enter.

    The folder is made when the printer is, never later: if it vanishes, a disk was taken away, and a new folder in
    its place would hide that.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # A folder that cannot be made is told by the first paper, which then waits in the queue.
        with suppress(OSError):
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)

    def put(self, *, name: str, content: bytes) -> None:
        """Write ``content`` durably under ``name``; a file of that name is replaced in one step.

        Raises PrinterUnavailable if the disk or the folder refuses, and ValueError if ``name`` is not made of
        A-Z, a-z, 0-9, dot, hyphen and underscore, begins with a lower-case letter or a sign, or has over 80
        characters: such a name comes from a fault in the program, not from the counter.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("this is not a name for a paper")
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                _keep_private(folder)
                _replace(folder, name, content)
            finally:
                os.close(folder)
        except OSError as error:
            raise PrinterUnavailable(f"The folder for papers refused: {error.strerror}") from error


def _keep_private(folder: int) -> None:
    if stat.S_IMODE(os.fstat(folder).st_mode) != _FOLDER_MODE:
        os.fchmod(folder, _FOLDER_MODE)


def _replace(folder: int, name: str, content: bytes) -> None:
    unfinished = f".{name}.part"
    # Left behind if the machine died in the middle of a write. The queue has one printer at a time, so it is ours.
    with suppress(FileNotFoundError):
        os.unlink(unfinished, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    file = os.open(unfinished, flags, _FILE_MODE, dir_fd=folder)
    try:
        try:
            _write_all(file, content)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
        raise
    os.fsync(folder)


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
