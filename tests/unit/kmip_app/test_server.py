"""What stops a start is told to the operator in one line."""

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kmip_adapters.storage.lock import directory_lock
from kmip_app import signals
from kmip_app.configuration.addresses import Address
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.server import Server


def test_a_start_that_fails_leaves_no_evidence_of_a_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(Configuration(data_directory=tmp_path, port=port))

        with pytest.raises(StartError, match="address already in use"):
            server.start()

    trail = tmp_path / "audit" / "main.jsonl"
    assert not trail.exists() or "Stop" not in trail.read_text()


def test_a_start_that_fails_after_its_port_was_bound_lets_go_of_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        admin = Address("127.0.0.1", taken.getsockname()[1])
        server = Server(Configuration(data_directory=tmp_path, port=0, admin_address=admin))

        with pytest.raises(StartError, match="address already in use"):
            server.start()

    with socket.create_server(("127.0.0.1", server.port)):
        pass


def test_a_signal_whose_interrupt_is_lost_stops_the_start_all_the_same(tmp_path: Path) -> None:
    server = Server(Configuration(data_directory=tmp_path, port=0))

    with signals.obeyed(server):
        with contextlib.suppress(KeyboardInterrupt):  # as Python does in finalizers and callbacks of the collector
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            server.start()

    with directory_lock(tmp_path), socket.create_server(("127.0.0.1", server.port)):
        pass  # all is released


@pytest.mark.parametrize(
    ("hostname", "address"),
    [("127.0.0.1", "127.0.0.1:5696"), ("::1", "[::1]:5696"), ("kms.example", "kms.example:5696")],
)
def test_an_address_is_one_word(tmp_path: Path, hostname: str, address: str) -> None:
    assert Server(Configuration(data_directory=tmp_path, hostname=hostname)).address == address


def test_a_start_loads_no_client_nothing_that_writes_metrics_no_tap_and_no_functions_of_pkcs11() -> None:
    outside = ("email.message", "http.client", "http.server", "opentelemetry", "prometheus_client", "urllib.request")
    seldom = (*outside, "kmip_app.client", "kmip_app.inspection", "kmip_core.pkcs11.functions", "xml.etree.ElementTree")
    code = f"import sys, kmip_app.server; print([name for name in {seldom} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


MOST_MODULES = 520
"""Modules of kmipd that a server with SQLite has loaded when it is ready: 475 of 670, and some to spare."""

MOST_CLASSES = 150
"""Classes of kmipd whose methods attrs has written by then: 129 of 460, and some to spare (`kmip_core.classes`)."""

SELDOM = ("alembic", "h11", "prometheus_client", "psycopg", "rich", "sqlalchemy")
"""Packages that such a server needs for an upgrade, HTTPS, a scrape, another database and a command's tables."""


def test_a_start_loads_few_modules_and_nothing_for_other_databases(tmp_path: Path) -> None:
    code = f"""
import linecache, sys
from pathlib import Path
from kmip_app.configuration.config import Configuration
from kmip_app.server import Server

with Server(Configuration(data_directory=Path({str(tmp_path)!r}), port=0)):
    print(sorted({{name.split(".")[0] for name in sys.modules}}.intersection({SELDOM})))
    print(sum(name.startswith("kmip_") for name in sys.modules))
    print(sum(name.startswith("<attrs generated methods kmip_") for name in linecache.cache))
"""

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    seldom, modules, made = found.stdout.splitlines()
    assert seldom == "[]"
    assert int(modules) <= MOST_MODULES
    assert int(made) <= MOST_CLASSES
