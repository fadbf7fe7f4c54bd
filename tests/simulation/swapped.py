"""A name of a module or a class that stands for something else for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def swapped(place: object, name: str, stand_in: object) -> Iterator[None]:
    """Within the block ``place.name`` is ``stand_in``."""
    before = getattr(place, name)
    setattr(place, name, stand_in)
    try:
        yield
    finally:
        setattr(place, name, before)
