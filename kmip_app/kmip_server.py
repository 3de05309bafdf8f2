"""`KmipServer`: PyKMIP's server class by its keyword arguments, for scripts and tests that start a server from Python.

    with KmipServer(port=0, config_path=None, data_dir=folder, log_path=None) as server:
        ...                                     # serves in a thread, server.port is known

or, as with PyKMIP, `server.start(); server.serve()`, with `server.stop()` from another thread or a signal.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import evolve

from kmip_app import logs, signals
from kmip_app.configuration import checks
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.configuration.loading import PYKMIP_CONFIG, choose
from kmip_app.configuration.settings import SETTINGS
from kmip_app.logs import DEFAULT_LOG
from kmip_app.server import Server

LOG: Final = logging.getLogger("kmip_app")

PathLike = str | Path


class KmipServer:
    """A KMIP server under PyKMIP's name and arguments; arguments go before the file, None counts as not given.

    config_path: a server.conf; None reads no file. That of PyKMIP, which is the default, may be missing.
    log_path: a rotated file; None for standard error. PyKMIP's default is used if it can be written.
    tls_cipher_suites: a list, or a text with commas or spaces.
    key_path: may be left out if the certificate's file holds the key too.
    settings: every other setting of docs/configuration.md by its name, for example `ephemeral=True`.
    Raises StartError, at once for a configuration with problems, from `start` for what shows then.
    """

    def __init__(
        self,
        hostname: str | None = None,
        port: int | None = None,
        certificate_path: PathLike | None = None,
        key_path: PathLike | None = None,
        ca_path: PathLike | None = None,
        auth_suite: str | None = None,
        config_path: PathLike | None = PYKMIP_CONFIG,
        log_path: PathLike | None = DEFAULT_LOG,
        policy_path: PathLike | None = None,
        enable_tls_client_auth: bool | None = None,
        tls_cipher_suites: Sequence[str] | str | None = None,
        logging_level: str | None = None,
        live_policies: bool | None = None,
        database_path: PathLike | None = None,
        **settings: Any,
    ) -> None:
        unknown = sorted(settings.keys() - SETTINGS.keys())
        if unknown:
            raise TypeError(f"KmipServer() has no setting {', '.join(unknown)}; docs/configuration.md lists them")
        given = settings | {
            "hostname": hostname,
            "port": port,
            "certificate_path": certificate_path,
            "key_path": key_path,
            "ca_path": ca_path,
            "auth_suite": auth_suite,
            "policy_path": policy_path,
            "enable_tls_client_auth": enable_tls_client_auth,
            "tls_cipher_suites": tls_cipher_suites,
            "logging_level": logging_level,
            "live_policies": live_policies,
            "database_path": database_path,
        }
        remarks = []
        if log_path == DEFAULT_LOG and not logs.is_writable(DEFAULT_LOG):
            remarks.append(f"{DEFAULT_LOG} cannot be written; logging to standard error")
            log_path = None
        if log_path is not None:
            given["log_path"] = log_path
        path = None if config_path is None else Path(config_path)
        path = None if path == PYKMIP_CONFIG and not path.exists() else path
        choice = choose(given, config_path=path, check=checks.problems, as_pykmip=True)
        self.configuration: Configuration = choice.configuration
        if self.configuration.workers > 1:
            remarks.append("workers is for `kmipd serve`; this server is one process")
            self.configuration = evolve(self.configuration, workers=1)
        self._remarks = [*remarks, *choice.warnings, *checks.warnings(choice.configuration)]
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._is_stopped = False
        self._detach: Callable[[], None] | None = None

    @property
    def port(self) -> int:
        """The port: the one that is bound, once started."""
        return self.configuration.port if self._server is None else self._server.port

    @property
    def hostname(self) -> str:
        """What it listens on."""
        return self.configuration.hostname

    @property
    def server(self) -> Server:
        """The server behind the name, once started: `server.pki` are the built-in certificates."""
        if self._server is None:
            raise RuntimeError("start() the server first")
        return self._server

    def start(self) -> None:
        """Bind: clients may connect, and are served as soon as `serve` runs.  Raises StartError."""
        if self._server is not None:
            raise RuntimeError("the server has been started already")
        self._is_stopped = False
        self._detach = logs.attach(self.configuration)
        for remark in self._remarks:
            LOG.warning("%s", remark)
        server = Server(self.configuration)
        try:
            server.start()
        except StartError as error:
            LOG.critical("%s", error)
            self._release()
            raise
        except BaseException:
            self._release()
            raise
        self._server = server

    def serve(self) -> None:
        """Serve until `stop`, in the main thread also until SIGTERM or SIGINT; inside `with` only wait for that.

        Returns at once if the server has been stopped before.
        """
        server, thread = self._server, self._thread
        if server is None and not self._is_stopped:
            self.start()
            server = self.server
        if server is None:
            return
        work = server.serve_forever if thread is None else thread.join
        if threading.current_thread() is threading.main_thread():
            with signals.obeyed(server):
                work()
        else:
            work()

    def stop(self) -> None:
        """Stop and release everything; may be called more than once, from any thread but the one that serves."""
        self._is_stopped = True
        if self._server is not None:
            self._server.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._server = None
        self._release()

    def __enter__(self) -> Self:
        """Start, and serve in a thread."""
        self.start()
        self._thread = threading.Thread(target=self.server.serve_forever, name="kmip-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _release(self) -> None:
        if self._detach is not None:
            self._detach()
            self._detach = None
