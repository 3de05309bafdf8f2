"""The fixtures as a user's test session sees them: there without a word, and free of charge until used."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import kmip_app.testing  # noqa: F401  pytester forgets what a session has imported, and cryptography is imported once

pytest_plugins = ["pytester"]


def test_the_fixtures_are_there_without_a_word(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pathlib

        def test_a_server_runs(kmip_server):
            assert kmip_server.port > 0
            assert pathlib.Path(kmip_server.cert).exists()
            kmip_server.seed([])

        def test_it_is_the_same_one(kmip_server, kmip_server_factory):
            with kmip_server_factory(auth_suite="TLS1.2") as other:
                assert other.port != kmip_server.port
        """
    )

    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_servers_of_the_factory_end_with_the_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="module")
        def strict(kmip_server_factory):
            return kmip_server_factory(maximum_batch_items=1, own_ca=True)

        def test_it_runs(strict):
            with open("port", "w") as file:
                file.write(f"{strict.host} {strict.port} {strict.ca}")
        """
    )

    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)

    host, port, ca = (pytester.path / "port").read_text().split()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5)
    assert not Path(ca).exists()


def test_the_fixtures_are_described_where_pytest_lists_them(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--fixtures", "-p", "no:cacheprovider")

    result.stdout.fnmatch_lines(["kmip_server_factory [[]session scope[]]*", "*settings of your own*"])


def test_a_session_that_does_not_use_them_imports_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_imported():
            ours = {name for name in sys.modules if name.split(".")[0].startswith("kmip")}
            assert ours == {"kmip_app", "kmip_app.pytest_plugin"}
            assert "cryptography" not in sys.modules
        """
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=pytester.path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_our_own_session_does_without_so_that_coverage_sees_everything(request: pytest.FixtureRequest) -> None:
    assert request.config.pluginmanager.is_blocked("kmipd")
    assert not request.config.pluginmanager.has_plugin("kmipd")
