"""The configuration that a user pastes, with a started server's address and files in the place of the examples."""

import re
from pathlib import Path
from typing import Final, Protocol

HOST: Final = "kms.example"
PORT: Final = "5696"
FILES: Final = ("client.crt", "client.key", "client.pem", "ca.crt")
"""How the examples call the files of a client; the folder before the name is the user's choice."""


class Reachable(Protocol):
    """A server that has started, and the files of its first client."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def ca(self) -> str | Path: ...
    @property
    def cert(self) -> str | Path: ...
    @property
    def key(self) -> str | Path: ...


def pasted(configuration: Path, server: Reachable, pem: Path | None = None, **others: str) -> str:
    """Return the text of a configuration for this server.

    pem: certificate and key in one file; others: further examples by the text that stands for them.
    Raises: AssertionError if an example is not in the text, which a user would have to find in vain.
    """
    text = configuration.read_text("utf-8")
    said = {HOST: server.host, PORT: str(server.port)} | others
    for example, value in said.items():
        assert example in text, f"{configuration} does not say {example}"
        text = text.replace(example, value)
    paths = dict(zip(FILES, (server.cert, server.key, pem, server.ca), strict=True))
    return re.sub(rf"[\w./-]*\b({'|'.join(map(re.escape, FILES))})\b", lambda match: str(paths[match[1]]), text)


def in_one_file(folder: Path, server: Reachable) -> Path:
    """Write certificate and key of the first client into one file, as several clients want them."""
    path = folder / "client.pem"
    path.write_bytes(Path(server.cert).read_bytes() + Path(server.key).read_bytes())
    path.chmod(0o600)
    return path
