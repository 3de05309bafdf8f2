"""The PEM files behind the listeners, of the built-in CA or of the operator."""

from pathlib import Path

from kmip_app.pki.authority import Bundle
from kmip_core.classes import frozen


@frozen(kw_only=True)
class TlsFiles:
    """The PEM files behind TLS.  crl: that of the built-in CA is made at the first revocation."""

    servers: tuple[Bundle, ...]
    ca: Path
    crl: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        servers = [path for server in self.servers for path in (server.certificate, server.key)]
        return (*servers, self.ca, *([self.crl] if self.crl else []))
