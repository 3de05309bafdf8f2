"""Connections for the second and further clients of a case."""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_app.conformance.runner import Exchange


class OtherClients:
    """Opens a connection when a client first speaks, and closes all with the block.

    connect: returns a client that connects on entry, by the name that the case gives it.
    """

    def __init__(self, connect: Callable[[str], TlsTtlvClient]) -> None:
        self._connect = connect
        self._resources = ExitStack()
        self._exchanges: dict[str, Exchange] = {}

    def exchange_of(self, client: str) -> Exchange:
        """Return what carries its frames."""
        if client not in self._exchanges:
            self._exchanges[client] = self._resources.enter_context(self._connect(client)).exchange
        return self._exchanges[client]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()
