"""`kmipd completion SHELL`: the script that lets a shell complete commands and options."""

import click

from kmip_app.cli.context import CONTEXT

SHELLS = ("bash", "zsh", "fish")


def completion(shell: str) -> None:
    """Print the script that lets SHELL complete kmipd's commands and options.

    bash: kmipd completion bash > ~/.local/share/bash-completion/completions/kmipd;
    zsh: kmipd completion zsh > a folder of $fpath, as _kmipd;
    fish: kmipd completion fish > ~/.config/fish/completions/kmipd.fish
    """
    from click.shell_completion import get_completion_class

    from kmip_app.cli import program

    kind = get_completion_class(shell)
    assert kind is not None, shell  # noqa: S101  one of SHELLS
    click.echo(kind(program, {}, "kmipd", "_KMIPD_COMPLETE").source())


command = click.Command(
    "completion",
    callback=completion,
    params=[click.Argument(["shell"], type=click.Choice(SHELLS))],
    help=completion.__doc__,
    context_settings=CONTEXT,
)
