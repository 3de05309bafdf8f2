"""`kmipd serve`: run the server in the foreground."""

import contextlib
import gc
import logging
import shlex
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app import logs
from kmip_app.cli.options import CONTEXT, SettingsCommand, chosen, config_option, setting_options
from kmip_app.configuration import checks
from kmip_app.configuration.config import default_data_directory
from kmip_app.configuration.loading import Choice

if TYPE_CHECKING:
    from kmip_app.server import Server

LOG: Final = logging.getLogger("kmip_app")


def serve(config_path: str | None, **values: Any) -> None:
    """Serve KMIP clients until SIGTERM or Ctrl-C."""
    run(chosen(values, config_path, checks.problems))


command = SettingsCommand(
    "serve",
    callback=serve,
    params=[config_option(), *setting_options()],
    help=serve.__doc__,
    context_settings=CONTEXT,
)


def run(choice: Choice) -> None:
    """Start, greet, and serve until the end."""
    from kmip_app.server import Server  # all of the wiring: not wanted for the help or a mistake in an option

    configuration = choice.configuration
    detach = logs.attach(configuration)
    try:
        if configuration.config_path is not None:
            LOG.info("configuration: %s", configuration.config_path)
        for warning in [*choice.warnings, *checks.warnings(configuration)]:
            LOG.warning("%s", warning)
        server = Server(configuration)
        with server.stopping_at_signals():
            server.start()
            _settle_in()
            greet(server)
            server.serve_forever()
    finally:
        detach()


def _settle_in() -> None:
    """Leave out of every garbage collection what lives as long as the process: a full one stopped it for 0.1 s."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


YOUNG: Final = 10_000
"""New containers until the collector looks at them: some hundred requests, whose garbage goes without it."""


def greet(server: "Server") -> None:
    """Print the few lines that a new user needs."""
    told = server.ready()
    configuration = server.configuration
    keeps = "nothing: all is forgotten at the end" if configuration.ephemeral else str(configuration.data_directory)
    rows = {
        "keeps": keeps,
        "CA": told["ca"],
        "client certificate": told.get("cert"),
        "client key": told.get("key"),
    }
    where = click.style(server.address, bold=True)
    lines = [f"{click.style('kmipd', bold=True)} {told['version']} serves KMIP on {where}"]
    lines += [f"  {label:<20}{value}" for label, value in rows.items() if value is not None]
    if told.get("cert") and not configuration.ephemeral:
        data = configuration.data_directory
        where = "" if data == default_data_directory() else f" --data-dir {shlex.quote(str(data))}"
        lines.append(click.style(f"  more clients: kmipd client-cert NAME{where} --out DIR; stop: Ctrl-C", dim=True))
    with contextlib.suppress(OSError):  # nobody reads, or a disk is full: no reason not to serve
        click.echo("\n".join(lines))
