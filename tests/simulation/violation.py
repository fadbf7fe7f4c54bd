"""A broken invariant, with its name and the facts."""

from __future__ import annotations

from collections.abc import Iterator


class InvariantBroken(BaseException):
    """What the product promised did not hold. ``name`` begins with the invariant's number in the list of promises.

    No ordinary exception: the outermost edges of the product's loops must not swallow it.
    """

    def __init__(self, name: str, facts: str) -> None:
        super().__init__(f"{name}: {facts}")
        self.name = name
        self.facts = facts


def require(holds: bool, name: str, facts: str) -> None:
    """Raises InvariantBroken unless ``holds``."""
    if not holds:
        raise InvariantBroken(name, facts)


def leaves_of(fault: BaseException) -> Iterator[BaseException]:
    """The exceptions of a group, or the exception itself."""
    if isinstance(fault, BaseExceptionGroup):
        for part in fault.exceptions:
            yield from leaves_of(part)
    else:
        yield fault
