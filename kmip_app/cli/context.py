"""What every command shares of click."""

from typing import Any, Final

import click

CONTEXT: Final[dict[str, Any]] = {
    "help_option_names": ["-h", "--help"],
    "token_normalize_func": lambda name: name.replace("_", "-"),  # PyKMIP's options have underscores, others dashes
    "max_content_width": 110,
}


class Group(click.Group):
    """Commands under one name; its help has the first sentence of each, which click would cut at the margin."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its first sentence, over as many lines as it takes."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, one.get_short_help_str(_WHOLE)) for name, one in commands if one is not None]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


_WHOLE: Final = 10_000  # characters: more than any sentence
