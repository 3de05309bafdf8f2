"""kmipd as a program: configuration, wiring, command line.

Start it with `python -m kmip_app` or `kmipd`, or from Python with `KmipServer`. The rooms: `settings` (the table of
what an operator decides), `choosing` (joins file, environment, command line), `config` (the result), `container` (what
stands behind each port), `server` (from start to stop), `pki` (the built-in certificates), `cli` (a module a command).
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmip_app.kmip_server import KmipServer

try:
    __version__ = version("kmipd")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

__all__ = ["KmipServer", "__version__"]


def __getattr__(name: str) -> Any:
    """Import `KmipServer` when it is asked for: everything hangs on it, and `kmipd -h` needs none of that."""
    if name == "KmipServer":
        from kmip_app.kmip_server import KmipServer

        return KmipServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
