"""What is wrong with a file as a whole: it is refused, and nothing of it is applied."""

from __future__ import annotations

from pos.domain.errors import Refused


def bad_file(what: str, **details: object) -> Refused:
    """The file cannot be read as what it should be."""
    return Refused("bad_file", f"The file is refused: {what} Nothing was done.", **details)


def sums_differ(what: str, said: object, found: object) -> Refused:
    """The file says another count or sum of itself than it has: it is not whole."""
    return Refused(
        "sums_differ",
        f"The file is refused: it says {what} {said}, but has {found}. Nothing was done. Ask the bank for it again.",
        said=str(said)[:40],
        found=str(found)[:40],
    )


def too_many_entries(entries_max: int) -> Refused:
    """More than a run takes."""
    return Refused(
        "too_many_entries",
        f"The file has more than {entries_max} entries. Nothing was done. Ask the bank to split it.",
    )
