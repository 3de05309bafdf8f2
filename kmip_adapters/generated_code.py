"""Functions that are generated as text, where a loop over fields would cost too much in each request."""

import linecache
from collections.abc import Sequence
from typing import Any


def compiled(name: str, lines: Sequence[str], names: dict[str, Any], file_name: str) -> Any:
    """Return the function `name` that a text defines.

    lines: the text, each line with its end; made of the project's own plans and names of fields alone, never of what a
        client or an operator writes.
    names: what it refers to.  file_name: what tracebacks call it, which show its lines as attrs' functions do.
    """
    text = "".join(lines)
    linecache.cache[file_name] = (len(text), None, list(lines), file_name)
    exec(compile(text, file_name, "exec"), names)  # noqa: S102  see `lines`
    return names[name]
