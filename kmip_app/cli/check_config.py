"""`kmipd check-config`: everything that a start would complain of, without serving."""

from functools import partial
from typing import Any

import click

from kmip_app import logs
from kmip_app.cli.options import CONTEXT, SettingsCommand, chosen, config_option, setting_options
from kmip_app.configuration import checks


def check_config(config_path: str | None, **values: Any) -> None:
    """Say what is wrong with the configuration and how to mend it, without serving.  Exit code 2 if anything is."""
    with logs.silent():
        choice = chosen(values, config_path, partial(checks.problems, strictly=True))
    configuration = choice.configuration
    for warning in [*choice.warnings, *checks.warnings(configuration)]:
        click.echo(f"warning: {warning}")
    click.echo(f"{configuration.config_path or 'no configuration file; the defaults'}: good")


command = SettingsCommand(
    "check-config",
    callback=check_config,
    params=[config_option(), *setting_options()],
    help=check_config.__doc__,
    context_settings=CONTEXT,
)
