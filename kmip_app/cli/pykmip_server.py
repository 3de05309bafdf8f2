"""`kmipd-pykmip-server`: PyKMIP's command under a name of its own, so that both can be installed side by side.

The same letters, the same default paths; a script needs one word changed.
"""

import sys
from typing import Any, Final

import click

from kmip_app import logs
from kmip_app.cli import run_command, serve
from kmip_app.cli.options import CONTEXT, SettingsCommand, chosen, setting_options
from kmip_app.configuration import checks
from kmip_app.configuration.loading import PYKMIP_CONFIG, Choice
from kmip_app.logs import DEFAULT_LOG

NAMES: Final = (
    "hostname", "port", "certificate_path", "key_path", "ca_path", "auth_suite", "log_path", "policy_path",
    "enable_tls_client_auth", "logging_level", "database_path", "data_dir", "ready_file",
)  # fmt: skip


def pykmip_server(config_path: str, **values: Any) -> None:
    """Run the server as pykmip-server does: by /etc/pykmip/server.conf, with a log file."""
    serve.ignore_hangups()
    if values["log_path"] is None and logs.is_writable(DEFAULT_LOG):
        values["log_path"] = str(DEFAULT_LOG)

    def read() -> Choice:
        return chosen(values, config_path, checks.problems, as_pykmip=True)

    choice = read()
    if choice.configuration.log_path is None:
        choice.warnings.append(f"{DEFAULT_LOG} cannot be written; logging to standard error")
    serve.run(choice, read)


command = SettingsCommand(
    "kmipd-pykmip-server",
    callback=pykmip_server,
    params=[
        click.Option(
            ["-f", "--config_path", "config_path"],
            metavar="FILE",
            default=str(PYKMIP_CONFIG),
            help=f"Configuration file.  [default: {PYKMIP_CONFIG}]",
        ),
        *setting_options(NAMES),
    ],
    help=pykmip_server.__doc__,
    context_settings=CONTEXT,
)


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run_command(command, sys.argv[1:], "kmipd-pykmip-server"))


if __name__ == "__main__":
    main()
