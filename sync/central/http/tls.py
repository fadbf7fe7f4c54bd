"""TLS at central: its certificate and key, and the authority of its clients' certificates where they must show one."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from pos.domain.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files. ``client_ca``: only a client with a certificate that it issued gets a connection."""

    cert: Path
    key: Path
    client_ca: Path | None = None


class ServerTls:
    """The context of every new connection, TLS 1.2 or later."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises Refused ``bad_tls_files``."""
        self._files = files
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.reload()
        if files.client_ca is not None:
            try:
                self.context.load_verify_locations(files.client_ca)
            except OSError as error:
                raise _refused("client_ca", error) from None
            self.context.verify_mode = ssl.CERT_REQUIRED

    def reload(self) -> None:
        """Take a renewed certificate, for new connections. Raises Refused ``bad_tls_files``; the old one then stays."""
        try:
            mode = stat.S_IMODE(os.stat(self._files.key).st_mode)
            if mode & stat.S_IRWXO:
                raise Refused(
                    "bad_tls_files",
                    "The key of the certificate can be read by everybody. Make it private: chmod 600.",
                )
            # Tried by itself first: a pair that does not fit must not replace half of one that did.
            for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
                context.load_cert_chain(self._files.cert, self._files.key, password="")
        except OSError as error:
            raise _refused("cert or key", error) from None


def _refused(which: str, error: OSError) -> Refused:
    why = error.strerror or "no PEM, or they do not fit each other"
    return Refused("bad_tls_files", f"The TLS files cannot be used ({which}): {why}.")
