"""TLS at the till: always verified, against the usual authorities or the operator's own; why it failed is told plainly.

There is no way to turn it off. A till may show a certificate of its own. Source: reliability.md section 5.5.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

_EXPIRED, _NOT_YET, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64
"""OpenSSL's X509_V_ERR codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of PEM files; empty: the machine's own authorities, and no certificate of the till's."""

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""


def context_of(files: TlsFiles) -> ssl.SSLContext:
    """At least TLS 1.2, host name and chain verified. Raises OSError (ssl.SSLError is one) for files that do not serve."""
    context = ssl.create_default_context(cafile=files.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.client_cert:
        # An empty password, so that a key with one is refused and not asked for on the screen.
        context.load_cert_chain(files.client_cert, files.client_key or None, password="")
    return context


def why_not_secure(error: BaseException, *, whose: str = "central") -> str | None:
    """What of TLS was behind a transport's error, fit for a status line; None: something else was.

    ``whose``: who was to answer, as it stands in a sentence.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            found = _UNVERIFIED.get(
                cause.verify_code, "nobody whom this till trusts has issued {whose}'s certificate"
            )
            return found.format(whose=whose)
        if isinstance(cause, ssl.SSLError):
            reason = cause.reason or ""
            if "CERTIFICATE_REQUIRED" in reason or "BAD_CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
                return f"{whose} does not let this till in without a certificate that it knows"
            return (
                None
                if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
                else "no secure connection"
            )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    left: BaseException | None = error
    while left is not None and id(left) not in seen:
        seen.add(id(left))
        yield left
        left = left.__cause__ or left.__context__


_UNVERIFIED = {
    _EXPIRED: "{whose}'s certificate has run out",
    _NOT_YET: "{whose}'s certificate is not valid yet; look at this till's clock",
    _OTHER_HOST: "{whose}'s certificate is for another address",
    _OTHER_ADDRESS: "{whose}'s certificate is for another address",
}
