"""What a new user meets: the first start, the second one, the end, and what is told when something is in the way."""

import json
import os
import shlex
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kmip_adapters.transport.client import TlsTtlvClient
from tests.e2e.conftest import Start
from tests.server import ROOT, StartedServer, command, printed_with, running

WITHIN = 120  # seconds; a hang limit
QUIET = ("--logging_level", "ERROR")  # tests run where the server warns: as root, below the temporary directory


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of kmipd to its end."""
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=WITHIN, check=False)


@pytest.fixture
def start_anew(tmp_path: Path) -> Iterator[Start]:
    """Start a server that finds nothing at its first start, and makes all that it needs."""
    data = str(tmp_path / "data")
    with ExitStack() as resources:
        yield lambda *arguments: resources.enter_context(
            running(tmp_path, "--data-dir", data, *arguments, makes_pki=True)
        )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_makes_what_it_needs_and_prints_it(start_anew: Start, tmp_path: Path) -> None:
    server = start_anew()
    data = tmp_path / "data"
    ready = json.loads((tmp_path / "ready.json").read_text())
    told = printed_with(server.output, "more clients: ")

    assert mode(data) == 0o700
    assert mode(data / "root.key") == 0o600
    assert mode(data / "kmipd.sqlite") & 0o077 == 0
    assert all(mode(key) == 0o600 for key in (data / "pki").glob("*.key"))
    assert {"host", "port", "ca", "cert", "key", "pid", "version"} <= ready.keys()
    assert ready["pid"] == server.process.pid
    assert all(str(text) in told for text in (f"{server.host}:{server.port}", server.ca, server.cert, server.key))


def test_the_command_for_more_clients_works_as_it_is_printed(start: Start, tmp_path: Path) -> None:
    server = start()
    (line,) = [line for line in printed_with(server.output, "more clients: ").splitlines() if "more clients: " in line]
    words = shlex.split(line.partition("more clients: kmipd ")[2].partition(";")[0])
    for name, value in (("NAME", "alice"), ("DIR", str(tmp_path / "alice"))):
        words[words.index(name)] = value

    issued = run(*words)

    assert issued.returncode == 0, issued.stderr
    assert (tmp_path / "alice" / "ca.crt").read_bytes() == server.ca.read_bytes()


def test_the_second_start_goes_on_with_what_is_there(start_anew: Start, tmp_path: Path) -> None:
    first = start_anew()
    made = {path: path.read_bytes() for path in (first.ca, first.cert, first.key, tmp_path / "data" / "root.key")}
    assert first.stop() == 0
    second = start_anew()

    assert {path: path.read_bytes() for path in made} == made
    with second.client(first.cert, first.key) as client:
        assert client.socket.getpeercert() is not None


def test_sigterm_ends_a_server_with_an_open_connection(start: Start, tmp_path: Path) -> None:
    server = start()
    with server.client():
        assert server.stop() == 0

    assert not (tmp_path / "ready.json").exists()


@needs_ipv6
def test_an_ipv6_address_is_reported_in_brackets_and_serves(start: Start) -> None:
    server = start("--hostname", "::1")
    told = printed_with(server.output, "more clients: ")

    assert f"serves KMIP on [::1]:{server.port}\n" in told
    assert f"bound socket handler to [::1]:{server.port}\n" in told
    with server.client() as client:
        assert client.socket.getpeercert() is not None


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_the_ready_file_of_a_server_on_every_interface_holds_an_address_that_can_be_reached(
    start: Start, everywhere: str
) -> None:
    server = start("--hostname", everywhere)

    assert server.host == "127.0.0.1"
    with server.client() as client:
        assert client.socket.getpeercert() is not None


@needs_ipv6
def test_a_server_on_every_interface_of_ipv6_serves_ipv4_too(start: Start) -> None:
    server = start("--hostname", "::")

    for host in ("::1", "127.0.0.1"):
        with TlsTtlvClient(host, server.port, server.ca, server.cert, server.key) as client:
            assert client.socket.getpeercert() is not None


def test_a_greeting_that_cannot_be_written_does_not_stop_the_server(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    arguments = command("serve", "--ephemeral", "--port", "0", "--ready-file", str(ready))
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    try:
        with process.stderr as lines:
            assert any("Starting connection service" in line for line in lines)
    finally:
        process.terminate()

    assert process.wait(WITHIN) == 0


def test_a_device_is_not_replaced_by_a_ready_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    result = run("serve", "--ephemeral", "--port", "0", "--ready-file", str(pipe))

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"kmipd: --ready-file: {pipe} is a device or a pipe; name an ordinary file\n"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_taken_port_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", *QUIET, "--data-dir", str(tmp_path / "data"), "--port", str(port))

    assert result.returncode == 2
    assert str(port) in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_data_directory_in_use_is_one_line_and_exit_code_2(start: Start, tmp_path: Path) -> None:
    start()
    result = run("serve", *QUIET, "--data-dir", str(tmp_path / "data"), "--port", "0")

    assert result.returncode == 2
    assert str(tmp_path / "data") in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_client_cert_issues_a_bundle_that_connects(start: Start, tmp_path: Path) -> None:
    server = start()
    out = tmp_path / "bundle"
    result = run("client-cert", "storage-array", "--data-dir", str(tmp_path / "data"), "--out", str(out))

    assert result.returncode == 0, result.stderr
    assert {path.name for path in out.iterdir()} == {"storage-array.crt", "storage-array.key", "ca.crt"}
    assert mode(out / "storage-array.key") == 0o600
    with server.client(out / "storage-array.crt", out / "storage-array.key") as client:
        assert client.socket.version() in ("TLSv1.2", "TLSv1.3")


def test_a_client_without_a_certificate_gets_no_answer(start: Start) -> None:
    server = start()
    context = ssl.create_default_context(cafile=str(server.ca))

    with pytest.raises((ssl.SSLError, ConnectionError)):
        answer_to(bytes(8), server, context)


def answer_to(message: bytes, server: StartedServer, context: ssl.SSLContext) -> bytes:
    """Return what comes back.  Raises ConnectionError, after a handshake in TLS 1.3, if nothing does."""
    with (
        socket.create_connection((server.host, server.port), timeout=WITHIN) as plain,
        context.wrap_socket(plain, server_hostname=server.host) as connection,
    ):
        connection.sendall(message)
        if not (answer := connection.recv(1)):
            raise ConnectionResetError
        return answer


@pytest.mark.parametrize("arguments", [("-h",), ("serve", "-h"), ("client-cert", "-h")], ids=" ".join)
def test_help_is_everywhere(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert (result.returncode, result.stderr) == (0, "")
    assert "--help" in result.stdout
