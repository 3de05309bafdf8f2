"""Options made from the table of settings, so that the command line has all of them and says the same.

Values stay text here: `kmip_app.configuration.loading` reads them together with all other places and reports all
problems at once.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from kmip_app.cli.context import CONTEXT
from kmip_app.configuration.loading import SEARCH, Check, Choice, choose, unchecked
from kmip_app.configuration.settings import SETTINGS, TOPICS, Setting

STORE: Final = (
    *("data_dir", "database_path", "database", "database_password_file", "root_key", "root_key_passphrase"),
    *("pkcs11_module", "pkcs11_token", "pkcs11_pin"),
)
"""Settings of commands that open the store."""


def config_option() -> click.Option:
    """Return -f FILE."""
    return click.Option(
        ["-f", "--config", "--config_path", "config_path"],
        metavar="FILE",
        help="Configuration file.  [default: the first that exists of the user's kmipd.conf, /etc/kmipd/kmipd.conf, "
        "/etc/pykmip/server.conf]",
    )


_ZERO: Final = re.compile(r"0 for [a-z ]+")  # in what a kind of setting accepts


def setting_options(names: Iterable[str] = tuple(SETTINGS)) -> list[click.Parameter]:
    """Return one option a setting."""
    return [_option(SETTINGS[name]) for name in names]


def _option(setting: Setting) -> click.Option:
    zero = _ZERO.search(setting.kind.accepts)
    notes = [f"default: {setting.default_text}"] if setting.default_text else []
    notes += [zero[0]] if zero else []
    help_text = setting.help + (f"  [{'; '.join(notes)}]" if notes else "")
    spellings = [setting.name, *filter(None, [setting.letters])]
    if not setting.kind.is_flag:
        return click.Option([*spellings, setting.option], metavar=setting.kind.metavar, help=help_text)
    if setting.name == "enable_tls_client_auth":
        spellings = [setting.name, f"{setting.option}/--ignore_tls_client_auth", f" /{setting.letters}"]
    else:
        spellings = [setting.name, f"{setting.option}/--no-{setting.option.removeprefix('--')}"]
    return click.Option(spellings, default=None, help=help_text)


def chosen(
    values: Mapping[str, Any],
    config_path: Any = SEARCH,
    check: Check = unchecked,
    *,
    as_pykmip: bool = False,
) -> Choice:
    """Return the configuration that a command line asks for.  Raises ConfigurationError.

    values: what click has parsed; what is no setting is passed over.  check, as_pykmip: as in
        `choose`.
    """
    given = {name: value for name, value in values.items() if name in SETTINGS}
    path = Path(config_path) if isinstance(config_path, str) else config_path
    return choose(given, config_path=SEARCH if path is None else path, place=_place, check=check, as_pykmip=as_pykmip)


def _place(setting: Setting) -> str:
    return f"{setting.letters}/{setting.option}" if setting.letters else setting.option


class SettingsCommand(click.Command):
    """A command whose help has the settings under their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first."""
        self.format_all(ctx, formatter, "Options")

    def format_all(self, ctx: click.Context, formatter: click.HelpFormatter, heading: str) -> None:
        """Write the command's own options under `heading`, then the settings under theirs."""
        own = [p for p in self.get_params(ctx) if p.name not in SETTINGS]
        rows = [row for p in own if (row := p.get_help_record(ctx)) is not None]
        with formatter.section(heading):
            formatter.write_dl(rows)
        params = {p.name: p for p in self.params}
        for topic, settings in TOPICS.items():
            records = [params[s.name].get_help_record(ctx) for s in settings if s.name in params]
            if records:
                with formatter.section(topic):
                    formatter.write_dl([record for record in records if record is not None])


__all__ = ["CONTEXT", "SettingsCommand", "chosen", "config_option", "setting_options"]
