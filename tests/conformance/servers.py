"""Started servers for playing cases: one for each set of options, a fresh identity for each case."""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_app.conformance.cases import Case
from kmip_app.conformance.connections import OtherClients
from kmip_app.conformance.https import Post, poster
from kmip_app.conformance.own_servers import OwnServers
from kmip_app.conformance.runner import play_in_order
from kmip_app.conformance.settings import options_for
from tests import postgresql
from tests.server import Clients, StartedServer, running


class Servers:
    """Starts servers when a case first needs them and ends them with the block.

    A case comes with a client certificate of its own, so that it cannot see the objects of another.
    store: see the option --oasis-store.
    """

    def __init__(self, store: str = "memory") -> None:
        self._store = store
        self._resources = ExitStack()
        self._own: OwnServers | None = None
        self._started: dict[tuple[str, ...], tuple[StartedServer, Clients]] = {}

    def play(self, case: Case) -> None:
        """Play `case` over TLS.  Raises CaseFailed."""
        if case.has_calls:
            self._listening_servers().play(case)
            return
        server, clients = self._server(options_for(case))

        def connect(name: str) -> TlsTtlvClient:
            identity = f"{case.id} {name}" if case.has_credentials else case.id
            return server.client(clients.certificate(identity), clients.key)

        with server.client(clients.certificate(case.id), clients.key) as client, OtherClients(connect) as others:
            play_in_order(case, client.exchange, self._post(server, clients, case), others.exchange_of)

    def _listening_servers(self) -> OwnServers:
        """Return servers in this process: they take up at once where a client listens."""
        if self._own is None:
            self._own = self._resources.enter_context(OwnServers())
        return self._own

    def _post(self, server: StartedServer, clients: Clients, case: Case) -> Post | None:
        ready = json.loads((server.output.parent / "ready.json").read_text())
        if "https_port" not in ready:
            return None
        context = client_context(ca=server.ca, cert=clients.certificate(case.id), key=clients.key)
        return poster(server.host, ready["https_port"], context)

    def _server(self, options: tuple[str, ...]) -> tuple[StartedServer, Clients]:
        if options not in self._started:
            folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
            arguments = (*_keeping_in(self._store, folder), "--logging_level", "WARNING", *options)
            server = self._resources.enter_context(running(folder, *arguments))
            self._started[options] = (server, Clients(server.ca, folder))
        return self._started[options]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()


def _keeping_in(store: str, folder: Path) -> tuple[str, ...]:
    """Return the options that say where a server keeps its objects."""
    data = ("--data-dir", str(folder / "data"))
    return {
        "memory": lambda: ("--ephemeral",),
        "sqlite": lambda: data,
        "workers": lambda: (*data, "--workers", "2"),
        "postgresql": lambda: (*data, "--database", postgresql.url_for(folder)),
    }[store]()
