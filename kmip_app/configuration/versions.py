"""The setting of the protocol versions that are spoken, as `2.1` or `1.2, 1.4, 2.1`."""

from collections.abc import Iterable
from typing import Any, Final

from kmip_adapters.ttlv.standard.versions import VERSIONS
from kmip_app.configuration.setting_types import Kind, split_names
from kmip_core.structures import ProtocolVersion

_BY_NAME: Final = {str(version): version for version in VERSIONS}


def _read(value: Any) -> tuple[ProtocolVersion, ...]:
    """Return the versions, oldest first.  Raises ValueError for one that this server does not have."""
    named = [value] if isinstance(value, str | ProtocolVersion) else list(value) if isinstance(value, Iterable) else []
    names = split_names([str(each) if isinstance(each, ProtocolVersion) else each for each in named])
    unknown = [name for name in names if name not in _BY_NAME]
    if unknown or not names:
        raise ValueError(f"{value!r} names no versions of {', '.join(_BY_NAME)}; list one or several of them")
    return tuple(sorted(_BY_NAME[name] for name in names))


PROTOCOL_VERSIONS: Final = Kind(
    accepts=f"protocol versions of {', '.join(_BY_NAME)}, separated by commas or spaces",
    metavar="VERSIONS",
    read=_read,
    write=lambda versions: ", ".join(map(str, versions)),
)
