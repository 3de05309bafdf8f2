"""`kmipd password NAME`: a line for the file of passwords."""

import sys

import click

from kmip_adapters.identity.passwords import UnusablePasswords, hash_line
from kmip_app.cli.options import CONTEXT
from kmip_app.configuration.config import StartError


def password(name: str) -> None:
    """Print the line of the passwords_path file for the user NAME, whose password is asked for.

    Where no terminal is, the password is the first line of standard input.
    """
    if sys.stdin.isatty():
        text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    try:
        click.echo(hash_line(name, text))
    except UnusablePasswords as error:
        raise StartError(str(error)) from error


command = click.Command(
    "password",
    callback=password,
    params=[click.Argument(["name"])],
    help=password.__doc__,
    context_settings=CONTEXT,
)
