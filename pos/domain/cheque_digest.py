"""A cheque's identity as other shops hear of it: digests, from which no bank account can be read off.

Branch and account have digests of their own, so that one which is not known on a side still tells nothing. Each is
bound to its cheque: two cheques of one account cannot be seen to be so. Source: domain.md rule 37.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pos.domain.cheque import ChequeIdentity

DIGEST_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeDigest:
    """SHA-256 in hex of bank and serial, of the branch and of the account; empty where that is not known."""

    identity: str
    branch: str
    account: str

    @classmethod
    def of(cls, cheque: ChequeIdentity) -> ChequeDigest:
        """The digests of ``cheque``."""
        paper = f"{cheque.bank}\x1f{cheque.serial}"
        return cls(
            identity=_digest("cheque", paper),
            branch=_digest("branch", paper, cheque.branch) if cheque.branch else "",
            account=_digest("account", paper, cheque.account) if cheque.account else "",
        )

    def same_as(self, other: ChequeDigest) -> bool:
        """As ``ChequeIdentity.same_as`` of what they were made from."""
        return (
            self.identity == other.identity
            and ("" in (self.branch, other.branch) or self.branch == other.branch)
            and ("" in (self.account, other.account) or self.account == other.account)
        )

    def says_more_than(self, other: ChequeDigest) -> bool:
        """As ``ChequeIdentity.says_more_than``."""
        return self != other and other.branch in ("", self.branch) and other.account in ("", self.account)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()
