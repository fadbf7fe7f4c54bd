"""A certificate authority for tests, as an operator has one: it issues for central and for tills."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path

import trustme

from sync.central.http.tls import TlsFiles as ServerFiles
from sync.transport_security import TlsFiles


class Authority:
    """Its files lie in ``folder``; ``certificate`` is the path of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self._numbers = count(1)
        self.certificate = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.certificate)

    def server(
        self, *names: str, valid: tuple[datetime, datetime] | None = None, client_ca: bool = False
    ) -> ServerFiles:
        """For a central at these names or addresses; ``client_ca``: it lets in only who has one of this authority."""
        cert, key = self._issue(names, valid)
        return ServerFiles(cert=cert, key=key, client_ca=Path(self.certificate) if client_ca else None)

    def client(self, name: str) -> TlsFiles:
        """For a till, which trusts this authority too."""
        cert, key = self._issue((f"{name}.tills.example",), None)
        return TlsFiles(ca_file=self.certificate, client_cert=str(cert), client_key=str(key))

    def _issue(self, names: tuple[str, ...], valid: tuple[datetime, datetime] | None) -> tuple[Path, Path]:
        stem = self._folder / f"issued-{next(self._numbers)}"
        cert, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        if valid is None:
            issued = self._authority.issue_cert(*names)
        else:
            issued = self._authority.issue_cert(*names, not_before=valid[0], not_after=valid[1])
        cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(str(key))
        return cert, key
