"""Where traces and metrics are sent, as the settings name it; without the libraries that send them."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import attrs

from kmip_app.configuration import setting_types
from kmip_app.configuration.secret_places import SecretPlace

LIBRARIES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
"""Of the extra `otel`."""


def _otlp(value: Any) -> str | None:
    text: str = setting_types.TEXT.read(value)
    if text.lower() == "none":
        return None
    try:
        url = urlsplit(text)
        is_url = url.scheme in {"http", "https"} and bool(url.hostname) and not (url.query or url.fragment)
        is_url = is_url and (url.port is None or url.port > 0)
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError("is no URL of a collector; write for example http://127.0.0.1:4318")
    if url.username is not None or url.password is not None:
        raise ValueError("holds a password; give it as a header, by otel_headers")
    return text


OTLP: Final = attrs.evolve(
    setting_types.TEXT, accepts="http:// or https:// URL, or none for no collector", metavar="URL", read=_otlp
)


def read_headers(place: SecretPlace | None) -> dict[str, str]:
    """Return the headers for the collector, written as NAME=VALUE,NAME=VALUE with values as in URLs.

    Raises ValueError, which repeats nothing of them.
    """
    headers = {}
    for part in filter(None, map(str.strip, ("" if place is None else place.read().decode("latin-1")).split(","))):
        name, equals, value = part.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not equals or not name or not (name + value).isascii() or not (name + value).isprintable():
            raise ValueError("holds no headers; write NAME=VALUE, several with commas between them")
        headers[name] = value
    return headers


def telemetry_problems(endpoint: str | None, headers: SecretPlace | None) -> Iterator[tuple[str, str]]:
    """Yield why nothing can be sent: the setting, and what to do."""
    if endpoint is None:
        return
    if not _are_installed():
        yield "otel_endpoint", "needs the libraries of OpenTelemetry: pip install 'kmipd[otel]'"
    try:
        read_headers(headers)
    except ValueError as error:
        yield "otel_headers", str(error)


def _are_installed() -> bool:
    try:
        return all(find_spec(name) is not None for name in LIBRARIES)
    except ImportError:  # not even the package that they are in
        return False
