"""A server from start to stop: data directory, evidence, wiring, transport, ready file."""

import json
import os
import signal
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import evolve

import kmip_app
from kmip_adapters.audit.file_trail import FileTrail, UnusableTrail
from kmip_adapters.sealing.key_file import UnusableRootKey
from kmip_adapters.storage.sql import StoreError, own_directory
from kmip_adapters.transport.tls_ttlv import TlsTtlvServer
from kmip_app.config import Configuration, StartError
from kmip_app.container import build
from kmip_app.pki import Pki, PkiError
from kmip_core.ports.audit import AuditRecord, AuditTrail

DRAIN_SECONDS: Final = 10.0  # how long requests in progress may take after the order to stop (R-DUR-8)


class Server:
    """One server.  `start` binds it; `serve_forever` runs it in this thread; it is also a context manager."""

    def __init__(self, configuration: Configuration) -> None:
        self._resources = ExitStack()
        self.configuration = configuration
        self._container: Any = None
        self._transport: TlsTtlvServer | None = None

    @property
    def port(self) -> int:
        """The port that is bound, once started."""
        return self.configuration.port if self._transport is None else self._transport.port

    @property
    def pki(self) -> Pki:
        """The built-in PKI, made when it is first asked for."""
        pki: Pki = self._container.pki()
        return pki

    def start(self) -> None:
        """Build everything, bind, and write the ready file.  Raises StartError; nothing is left half open."""
        try:
            self._open()
        except (PkiError, StoreError, UnusableRootKey, UnusableTrail, ValueError) as error:
            self._resources.close()
            raise StartError(str(error)) from error
        except OSError as error:
            self._resources.close()
            raise StartError(_told(error)) from error
        except BaseException:
            self._resources.close()
            raise

    def serve_forever(self) -> None:
        """Serve until `request_stop` or, in the main thread, SIGTERM or SIGINT; then drain and release everything."""
        transport = self._need_transport()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: transport.request_stop(DRAIN_SECONDS))
        try:
            transport.serve_forever()
        finally:
            self._close()

    def request_stop(self) -> None:
        """Ask a serving thread to drain and return; may be called from anywhere."""
        self._need_transport().request_stop(DRAIN_SECONDS)

    def __enter__(self) -> Self:
        """Start and serve in a thread of its own."""
        self.start()
        self._need_transport().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._need_transport().stop(DRAIN_SECONDS)
        self._close()

    def _open(self) -> None:
        os.umask(0o077)  # database, log and audit files are nobody else's (R-CFG-2)
        configuration = self.configuration
        if configuration.ephemeral:
            folder = self._resources.enter_context(tempfile.TemporaryDirectory(prefix="kmipd-"))
            configuration = evolve(configuration, data_directory=Path(folder))
        else:
            configuration.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._resources.enter_context(own_directory(configuration.data_directory))
        self.configuration = configuration
        self._container = build(configuration)
        storage = self._container.storage()
        self._resources.callback(storage.close)
        audit: AuditTrail = self._container.audit()
        self._resources.callback(audit.close)
        if isinstance(audit, FileTrail):
            audit.replay(storage)
        self._resources.callback(self._record, "Stop")
        transport: TlsTtlvServer = self._container.transport()
        transport.start()
        self._transport = transport
        self._record("Start")
        if configuration.ready_file is not None:
            write_atomically(configuration.ready_file, json.dumps(self.ready()) + "\n")

    def ready(self) -> dict[str, object]:
        """Return what a client needs to know, as the ready file tells it."""
        configuration = self.configuration
        told: dict[str, object] = {"host": configuration.hostname, "port": self.port}
        if configuration.ca_path is None:
            told["ca"] = str(self.pki.ca.certificate)
            told["cert"] = str(self.pki.client.certificate)
            told["key"] = str(self.pki.client.key)
        else:
            told["ca"] = str(configuration.ca_path)
        return told | {"pid": os.getpid(), "version": kmip_app.__version__}

    def _record(self, event: str) -> None:
        """Leave evidence of a server event (R-AUD-1)."""
        container = self._container
        container.audit().append(
            AuditRecord(
                record_id=container.identifiers().new(), time=container.clock().now(), principal="", event=event
            )
        )

    def _close(self) -> None:
        if self.configuration.ready_file is not None:
            self.configuration.ready_file.unlink(missing_ok=True)
        self._resources.close()

    def _need_transport(self) -> TlsTtlvServer:
        if self._transport is None:
            raise RuntimeError("start the server first")
        return self._transport


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def _told(error: OSError) -> str:
    """Return an operating system's error as one line that names the file."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
