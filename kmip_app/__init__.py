"""kmipd as a program: configuration, wiring, command line.

Start it with `python -m kmip_app` or `kmipd`. The rooms: `config` (what an operator decides), `container` (what stands
behind each port), `server` (from start to stop), `pki` (the built-in certificates), `cli` (one module per command).
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("kmipd")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"
