"""`kmipd check-config`: everything that a start would complain of, without serving."""

from functools import partial
from typing import Any

import click

from kmip_app import logs
from kmip_app.cli.options import CONTEXT, SettingsCommand, chosen, config_option, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_json, print_rows
from kmip_app.configuration import checks
from kmip_app.configuration.loading import ConfigurationError


def check_config(config_path: str | None, **values: Any) -> int:
    """Say what is wrong with the configuration and how to mend it, without serving.  Exit code 2 if anything is."""
    form = chosen_form(values)
    try:
        with logs.silent():
            choice = chosen(values, config_path, partial(checks.problems, strictly=True))
    except ConfigurationError as error:
        problems = [{"where": one.where, "text": one.text} for one in error.problems]
        if form == "json":
            print_json({"ok": False, "problems": problems})
        elif form == "table":
            print_rows(problems, {"where": "Where", "text": "Problem"}, form)
        else:
            raise
        return 2
    configuration = choice.configuration
    warnings = [*choice.warnings, *checks.warnings(configuration)]
    if form == "json":
        file = configuration.config_path
        print_json({"ok": True, "file": None if file is None else str(file), "warnings": warnings})
        return 0
    if form == "table" and warnings:
        print_rows([{"text": warning} for warning in warnings], {"text": "Warning"}, form)
    else:
        for warning in warnings:
            click.echo(f"warning: {warning}")
    click.echo(f"{configuration.config_path or 'no configuration file; the defaults'}: good")
    return 0


command = SettingsCommand(
    "check-config",
    callback=check_config,
    params=[*output_options(), config_option(), *setting_options()],
    help=check_config.__doc__,
    context_settings=CONTEXT,
)
