"""Where central's two APIs are, what our own adds to them, and where it gives tokens."""

from __future__ import annotations

from dataclasses import dataclass

TMF676_PATH = "/tmf-api/paymentManagement/v4"
TMF678_PATH = "/tmf-api/customerBillManagement/v4"
OWN_PATH = "/counterfoil/v1"
TOKEN_PATH = "/oauth2/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Whole URLs of the two APIs, of what our central adds and of its tokens (None at a foreign server)."""

    payment: str
    bill: str
    own: str | None
    token: str | None = None

    @property
    def are_secure(self) -> bool:
        """Whether any of them is spoken to over TLS."""
        return any(url.startswith("https:") for url in (self.payment, self.bill, self.own or ""))

    @classmethod
    def of(cls, *, central: str, payment: str = "", bill: str = "") -> Addresses:
        """From the settings: each API's own URL where one is given, else below ``central``."""
        base = central.rstrip("/")
        return cls(
            payment=payment.rstrip("/") or base + TMF676_PATH,
            bill=bill.rstrip("/") or base + TMF678_PATH,
            own=base + OWN_PATH if base else None,
            token=base + TOKEN_PATH if base else None,
        )
