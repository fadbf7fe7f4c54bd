"""Whether the name on a cheque is the account's own: spellings of one name are one, another's name is a third party.

A doubt costs the cashier a look at the paper, not the payer a refusal; so it is answered "another". Source: domain.md
rule 40.
"""

from __future__ import annotations

import re

from pos.domain.text_guard import fold

_NO_PART_OF_IT = frozenset(
    "mr mrs ms miss dr sir and co company ltd llc wll kscc ksc spc inc plc est the for of".split()
)
_ARTICLE = re.compile(r"\b(al|el|bin|ibn|abu|de|van|von|mac|mc)[\s\-'\u2019]+(?=\w)")


def is_third_party(drawer: str, account_name: str) -> bool:
    """Whether ``drawer`` is somebody else than the account's holder. A name that is missing is nobody else's.

    Order, case, accents, initials, titles, middle names and how an article is joined make no difference; of a joint
    account either holder may sign.
    """
    written, known = _parts(drawer), _parts(account_name)
    if not written or not known or "".join(sorted(written)) == "".join(sorted(known)):
        return False
    fewer, more = sorted((written, known), key=len)
    if len(fewer) < 2 or all(len(part) == 1 for part in fewer):
        return True
    left = list(more)
    for part in sorted(fewer, key=len, reverse=True):
        met = next((other for other in left if _same(part, other)), None)
        if met is None:
            return True
        left.remove(met)
    return False


def _parts(name: str) -> list[str]:
    """The words of a name that tell it from others."""
    folded = _ARTICLE.sub(r"\1", fold(name).replace(".", " "))
    folded = re.sub(r"['\u2019`]", "", folded)
    words = re.findall(r"\w+", folded)
    return [word for word in words if word not in _NO_PART_OF_IT] or words


def _same(part: str, other: str) -> bool:
    """One word, or one the initial of the other."""
    return part == other or (1 in (len(part), len(other)) and part[0] == other[0])
