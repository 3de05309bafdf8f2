"""Whatever a file holds, its reader tells problems and never fails in another way."""

import configparser
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_app.configuration.loading import Choice, ConfigurationError, choose
from kmip_app.configuration.server_conf import read_file
from kmip_app.configuration.settings import SETTINGS

KEYS = st.sampled_from([*SETTINGS, "hostnme", "%", "enabled", "url", "a b", "zzzz", "\u00e9"])
VALUES = st.sampled_from(
    ["", "1", "%", "%%", "%(port)s", "%(nope)s", "%(hostname", "/", "True", "a\tb", "\u2028", "x" * 300]
)
HEADERS = st.sampled_from(
    ["[server]", "[DEFAULT]", "[auth:slugs]", "[auth:slugs2]", "[auth:x]", "[]", "[server", "[a]]"]
)
OPTIONS = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", " ", "  "]), KEYS, st.sampled_from(["=", ":", " = ", ""]), VALUES
)
LINES = st.one_of(HEADERS, OPTIONS, st.builds("  {}".format, VALUES), st.sampled_from(["# x", "; x", "", "\x00"]))
FILES = st.lists(LINES, max_size=12).map("\n".join)


@given(FILES)
def test_any_lines_are_read_or_complained_of(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.conf"
    path.write_text(text, "utf-8")

    choice: Choice | None = None
    problems: tuple[object, ...] = ()
    try:
        choice = choose({}, config_path=path, environment={})
    except ConfigurationError as error:
        problems = error.problems

    assert (choice is None) == bool(problems)


@given(FILES)
def test_no_key_is_passed_over(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "keys.conf"
    path.write_text(text, "utf-8")
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    with contextlib.suppress(configparser.Error):
        parser.read_string(path.read_text("utf-8"))
    expected = {key for key, value in parser["server"].items() if value.strip()} if "server" in parser else set()

    file = read_file(path)

    told = {problem.text.partition(":")[0] for problem in file.problems}
    assert set(file.entries) | told >= expected


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_complained_of(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.conf"
    path.write_bytes(content)

    file = read_file(path)

    assert file.problems or file.entries is not None
