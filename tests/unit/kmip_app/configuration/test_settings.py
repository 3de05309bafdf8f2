"""One table of settings: whatever reads it agrees."""

import importlib
import pkgutil
from pathlib import Path

import attrs
import click
import pytest

from kmip_app.cli import serve
from kmip_app.configuration import topics
from kmip_app.configuration.config import Configuration
from kmip_app.configuration.settings import SETTINGS, TOPICS, Setting
from tools.generate_configuration_page import PAGE, page

OF_PYKMIP = {
    "hostname", "port", "certificate_path", "key_path", "ca_path", "auth_suite", "policy_path",
    "enable_tls_client_auth", "tls_cipher_suites", "logging_level", "database_path",
}  # fmt: skip
NOT_SET_BY_NAME = {
    "may_start_sealed", "may_upgrade", "worker", "takes_over", "common_secret",
    "rehearses", "pki_path", "config_path", "slugs", "data_directory", "core", "limits",
    "notices", "allowance", "quota"
}  # fmt: skip


def each(settings: dict[str, Setting] | None = None) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda setting: setting.name)


def test_every_key_of_pykmip_is_there() -> None:
    assert {name for name, setting in SETTINGS.items() if setting.of_pykmip} == OF_PYKMIP


def test_every_topic_has_its_place() -> None:
    names = [found.name for found in pkgutil.iter_modules(topics.__path__)]
    tables = [getattr(importlib.import_module(f"{topics.__name__}.{name}"), name.upper()) for name in names]
    headings = [heading for table in tables for heading in table]

    assert sorted(headings) == sorted(TOPICS)


def test_every_field_of_the_configuration_can_be_set() -> None:
    fields = set(attrs.fields_dict(Configuration)) - NOT_SET_BY_NAME

    assert fields == {s.leads_to for s in SETTINGS.values() if "." not in s.leads_to} - {"data_directory"}


@each()
def test_a_setting_leads_to_a_field(setting: Setting) -> None:
    record = Configuration(data_directory=Path("/data"))
    for name in setting.leads_to.split("."):
        assert hasattr(record, name)
        record = getattr(record, name)


@each()
def test_a_documented_default_value_is_read_back(setting: Setting) -> None:
    text = setting.default_text
    if setting.default is not None or not text:
        pytest.skip("told in words")

    assert setting.kind.write(setting.kind.read(text)) == text


@each()
def test_a_setting_is_an_option_of_serve(setting: Setting) -> None:
    option = next(p for p in serve.command.params if p.name == setting.name)

    assert isinstance(option, click.Option)
    assert setting.option in option.opts
    assert setting.letters in {"", *option.opts, *option.secondary_opts}


def test_no_two_settings_share_a_letter() -> None:
    letters = [s.letters for s in SETTINGS.values() if s.letters] + ["-f", "-h"]

    assert len(set(letters)) == len(letters)


def test_the_documentation_says_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tools.generate_configuration_page"
