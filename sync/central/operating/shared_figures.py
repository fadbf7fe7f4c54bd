"""Where several processes of one central keep their figures together, so that whichever is asked tells those of all; and
what each client has left of its rate, so that whichever it asks counts it.

The library for them decides when it is loaded, by its environment: this comes first, in the process that starts the others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sync.central.http.shared_shelf import SharedShelf, make_shelf

SHELF = "buckets.sqlite"
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_figures() -> Iterator[None]:
    """Keep the figures of this process and of those that it starts in one folder, which is gone at the end."""
    assert "prometheus_client" not in sys.modules, "the figures were loaded before they could be shared"
    with TemporaryDirectory(prefix="central-figures-") as folder:
        make_shelf(Path(folder) / SHELF)
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[_VARIABLE]


def folder_of_figures() -> Path | None:
    """Where they lie, None where each process has its own."""
    named = os.environ.get(_VARIABLE)
    return None if named is None else Path(named)


def shelf_of_workers() -> SharedShelf | None:
    """Where they keep what each client has left of its rate, None where each process is one alone."""
    folder = folder_of_figures()
    return SharedShelf(folder / SHELF) if folder is not None and (folder / SHELF).exists() else None
