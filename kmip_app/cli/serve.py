"""`kmipd serve`: run the server in the foreground."""

import contextlib
import logging
import shlex
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app import logs, process, signals
from kmip_app.cli.options import CONTEXT, SettingsCommand, chosen, config_option, setting_options
from kmip_app.configuration import checks
from kmip_app.configuration.config import default_data_directory
from kmip_app.configuration.loading import Choice
from kmip_app.imports import undisturbed
from kmip_app.service_manager import ServiceManager, inherited_sockets

if TYPE_CHECKING:
    from kmip_app.server import Server
    from kmip_app.workers.supervisor import Supervisor

LOG: Final = logging.getLogger("kmip_app")


def serve(config_path: str | None, **values: Any) -> None:
    """Serve KMIP clients until SIGTERM or Ctrl-C."""
    ignore_hangups()

    def read() -> Choice:
        return chosen(values, config_path, checks.problems)

    run(read(), read)


command = SettingsCommand(
    "serve",
    callback=serve,
    params=[config_option(), *setting_options()],
    help=serve.__doc__,
    context_settings=CONTEXT,
)


def ignore_hangups() -> None:
    """Have SIGHUP, which ends a process that says nothing else, do nothing until there is a server to reload."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def run(choice: Choice, read: Callable[[], Choice]) -> None:
    """Start, greet, and serve until the end.

    read: gives the choice anew, for a reload.
    """
    configuration = choice.configuration
    make: Callable[..., Server | Supervisor]
    with undisturbed():
        if configuration.workers > 1:
            from kmip_app.workers.supervisor import Supervisor as make
        else:  # all of the wiring: not wanted for the help or a mistake in an option
            from kmip_app.server import Server as make

        process.begin()

    detach = logs.attach(configuration)
    if not configuration.allow_core_dumps:
        process.forbid_core_dumps()
    try:
        if configuration.config_path is not None:
            LOG.info("configuration: %s", configuration.config_path)
        for warning in [*choice.warnings, *checks.warnings(configuration), *process.warnings()]:
            LOG.warning("%s", warning)
        server = make(
            configuration,
            read=lambda: read().configuration,
            sockets=inherited_sockets(),
            manager=ServiceManager(),
        )
        with signals.obeyed(server):
            try:
                server.start()
            except KeyboardInterrupt:  # asked to end before it had begun: that is done
                LOG.info("stopped while starting")
                return
            process.settle_in()
            greet(server)
            server.serve_forever()
    finally:
        detach()


def greet(server: "Server | Supervisor") -> None:
    """Print the few lines that a new user needs."""
    ready = server.ready()
    configuration = server.configuration
    keeps = "nothing: all is forgotten at the end" if configuration.ephemeral else str(configuration.data_directory)
    rows = {
        "keeps": keeps,
        "CA": ready["ca"],
        "client certificate": ready.get("cert"),
        "client key": ready.get("key"),
    }
    where = click.style(server.address, bold=True)
    lines = [f"{click.style('kmipd', bold=True)} {ready['version']} serves KMIP on {where}"]
    lines += [f"  {label:<20}{value}" for label, value in rows.items() if value is not None]
    if ready.get("cert") and not configuration.ephemeral:
        data = configuration.data_directory
        where = "" if data == default_data_directory() else f" --data-dir {shlex.quote(str(data))}"
        lines.append(click.style(f"  more clients: kmipd client-cert NAME{where} --out DIR; stop: Ctrl-C", dim=True))
    with contextlib.suppress(OSError):  # standard output is closed, or a disk is full: no reason not to serve
        click.echo("\n".join(lines))
