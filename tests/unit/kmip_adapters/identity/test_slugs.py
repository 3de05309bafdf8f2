"""SLUGS services as PyKMIP asks them, on loopback; whatever they answer, nobody gets in by mistake."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from kmip_adapters.identity.groups import UNREACHABLE
from kmip_adapters.identity.slugs import ANSWER_SIZE, SlugsDirectory, SlugsService
from kmip_core.errors import KmipError

Answers = dict[str, tuple[int, bytes]]


@pytest.fixture
def answers() -> Answers:
    return {
        "/slugs/users/alice": (200, b"{}"),
        "/slugs/users/alice/groups": (200, b'{"groups": ["auditors", "ops"]}'),
    }


@pytest.fixture
def url(answers: Answers) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/slugs"
    server.shutdown()
    server.server_close()
    thread.join()


def directory(*urls: str) -> SlugsDirectory:
    return SlugsDirectory(tuple(SlugsService(url) for url in urls))


def test_groups_of_a_known_user_are_returned(url: str) -> None:
    assert directory(url)("alice") == {"auditors", "ops"}


def test_an_unknown_user_is_refused(url: str) -> None:
    with pytest.raises(KmipError, match="does not know"):
        directory(url)("mallory")


def test_the_next_service_is_asked_where_the_first_does_not_know(url: str) -> None:
    assert directory(f"{url}/elsewhere", url)("alice") == {"auditors", "ops"}


def test_the_next_service_is_asked_where_the_first_is_silent(url: str) -> None:
    assert directory("http://127.0.0.1:1", url)("alice") == {"auditors", "ops"}


def test_every_client_is_refused_while_no_service_can_be_reached() -> None:
    with pytest.raises(KmipError, match=UNREACHABLE.split(";")[0]):
        directory("http://127.0.0.1:1")("alice")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((200, b"<html>"), id="no JSON"),
        pytest.param((200, b"[]"), id="a list"),
        pytest.param((200, b"{}"), id="no groups"),
        pytest.param((200, b'{"groups": "auditors"}'), id="a name instead of a list"),
        pytest.param((200, b'{"groups": [1]}'), id="numbers"),
        pytest.param((500, b'{"groups": ["auditors"]}'), id="an error"),
        pytest.param((302, b"/slugs/users/alice"), id="elsewhere"),
        pytest.param((200, b" " * (ANSWER_SIZE + 1)), id="too long"),
    ],
)
def test_an_answer_that_is_none_refuses(url: str, answers: Answers, answer: tuple[int, bytes]) -> None:
    answers["/slugs/users/alice/groups"] = answer

    with pytest.raises(KmipError):
        directory(url)("alice")


@pytest.mark.parametrize("name", ["..", ".", "alice/groups", "x?y", "alice#", "alice/../alice"])
def test_a_name_leads_to_no_other_path(url: str, answers: Answers, name: str) -> None:
    answers["/slugs/users"] = answers["/slugs/"] = answers["/slugs/users/alice"]

    with pytest.raises(KmipError, match="does not know"):
        directory(url)(name)
