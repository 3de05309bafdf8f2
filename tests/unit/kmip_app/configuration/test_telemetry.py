"""The settings of the collector: what is a URL, what are headers, and what is missing."""

from pathlib import Path

import pytest

from kmip_app.configuration import telemetry
from kmip_app.configuration.secret_places import SecretPlace
from kmip_app.configuration.telemetry import OTLP, read_headers, telemetry_problems


@pytest.mark.parametrize("url", ["http://127.0.0.1:4318", "https://otel.example/of/kmip", "http://[::1]:4318/"])
def test_urls_of_http_are_taken(url: str) -> None:
    assert OTLP.read(url) == url


def test_none_is_no_collector() -> None:
    assert OTLP.read("None") is None


@pytest.mark.parametrize("text", ["collector:4318", "grpc://host:4317", "http://", "http://host:0", "http://host:x"])
def test_other_texts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write for example http://127\.0\.0\.1:4318"):
        OTLP.read(text)


@pytest.mark.parametrize("url", ["http://host:4318/?key=1", "http://host:4318/#top"])
def test_a_url_has_no_query(url: str) -> None:
    with pytest.raises(ValueError, match="no URL of a collector"):
        OTLP.read(url)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="by otel_headers") as refused:
        OTLP.read("https://user:geheim@host")

    assert "geheim" not in str(refused.value)


def place(tmp_path: Path, text: str) -> SecretPlace:
    path = tmp_path / "headers"
    path.write_text(text)
    path.chmod(0o600)
    return SecretPlace(f"file:{path}")


def test_headers_are_written_as_opentelemetry_has_them(tmp_path: Path) -> None:
    assert read_headers(place(tmp_path, "Authorization=Bearer%20abc==, X-Tenant = keys,\n")) == {
        "Authorization": "Bearer abc==",
        "X-Tenant": "keys",
    }


def test_without_a_place_there_are_no_headers() -> None:
    assert read_headers(None) == {}


@pytest.mark.parametrize("text", ["geheim", "=geheim", "X=geheim%0d%0aY: 1", "X=gehe\xefm"])
def test_text_that_holds_no_headers_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    ((where, problem),) = telemetry_problems("http://127.0.0.1:4318", place(tmp_path, text))

    assert where == "otel_headers"
    assert problem == "holds no headers; write NAME=VALUE, several with commas between them"


@pytest.mark.parametrize("missing", ["opentelemetry.no_such_part", "no_such_package.of_it"])
def test_a_missing_library_is_reported_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(telemetry, "LIBRARIES", (missing,))

    assert list(telemetry_problems("http://127.0.0.1:4318", None)) == [
        ("otel_endpoint", "needs the libraries of OpenTelemetry: pip install 'kmipd[otel]'")
    ]


def test_nothing_is_needed_where_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "LIBRARIES", ("no_such_package",))

    assert list(telemetry_problems(None, None)) == []
