"""`kmipd serve`: run the server in the foreground."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from kmip_app.cli.options import DataDirectory
from kmip_app.config import DEFAULT_PORT, LOGGING_LEVELS, Configuration, StartError
from kmip_app.server import Server


def serve(
    data_directory: DataDirectory,
    hostname: Annotated[str, typer.Option("--hostname", "-n", help="Name or address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0 for any free one.")] = DEFAULT_PORT,
    database: Annotated[
        str | None,
        typer.Option("--database", help="SQLAlchemy URL.", show_default="kmipd.sqlite in the data directory"),
    ] = None,
    logging_level: Annotated[
        str, typer.Option("--logging_level", "-v", help=f"One of {', '.join(LOGGING_LEVELS)}.")
    ] = "INFO",
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: memory only, throw-away certificates.")
    ] = False,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Write host, port, ca, cert, key, pid here as JSON once serving.")
    ] = None,
) -> None:
    """Serve KMIP clients until SIGTERM or Ctrl-C."""
    if logging_level.upper() not in LOGGING_LEVELS:
        raise StartError(f"--logging_level {logging_level}: must be one of {', '.join(LOGGING_LEVELS)}")
    logging.basicConfig(
        level=logging_level.upper(),
        format="%(asctime)s - %(name)s - %(levelname)s - %(message)s",
        stream=sys.stderr,
        force=True,
    )
    server = Server(
        Configuration(
            data_directory=data_directory.absolute(),
            hostname=hostname,
            port=port,
            database=database,
            logging_level=logging_level.upper(),
            ephemeral=ephemeral,
            ready_file=None if ready_file is None else ready_file.absolute(),
        )
    )
    server.start()
    greet(server)
    server.serve_forever()


def greet(server: Server) -> None:
    """Print the few lines that a new user needs."""
    told: dict[str, Any] = server.ready()
    console = Console(highlight=False, soft_wrap=True)
    keeps = "nothing: all is forgotten at the end" if server.configuration.ephemeral else None
    console.print(f"[bold]kmipd {told['version']}[/] serves KMIP on [bold]{told['host']}:{told['port']}[/]")
    rows = {
        "keeps": keeps or str(server.configuration.data_directory),
        "CA": told["ca"],
        "client certificate": told.get("cert"),
        "client key": told.get("key"),
    }
    for label, value in rows.items():
        if value is not None:
            console.print(f"  {label:<20}{value}", markup=False)
    console.print("  [dim]more clients: kmipd client-cert NAME --out DIR; stop: Ctrl-C[/]")
