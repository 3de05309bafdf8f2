"""kmipd as a program: configuration, wiring, command line.

Start it with `python -m kmip_app` or `kmipd`, or from Python with `KmipServer`. The rooms: `configuration` (the
table of what an operator decides, and what joins file, environment and command line), `container` (what stands behind
each port), `server` (from start to stop), `signals` and `process` (habits of a Unix service), `monitoring` (the admin
listener), `pki` (the built-in certificates), `maintenance` (commands on the store), `cli` (a module a command).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmip_app.kmip_server import KmipServer
    from kmip_app.version import VERSION as __version__

__all__ = ["KmipServer", "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is used: everything hangs on `KmipServer`, and `kmipd -h` needs none of that."""
    if name == "KmipServer":
        from kmip_app.kmip_server import KmipServer

        return KmipServer
    if name == "__version__":
        from kmip_app.version import VERSION

        return VERSION
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
