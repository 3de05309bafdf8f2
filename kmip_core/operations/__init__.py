"""The catalogue: every operation this server has, written out.

Dispatch, admission, Query, the wire form in every version, the generated documentation and the round-trip tests all
read `CATALOGUE`; an operation that is not listed here does not exist.
"""

from types import ModuleType
from typing import Final

from kmip_core.enums import Operation
from kmip_core.operation import Spec
from kmip_core.operations import (
    activate,
    create,
    destroy,
    discover_versions,
    get,
    get_attribute_list,
    get_attributes,
    locate,
    query,
    register,
    revoke,
)

MODULES: Final[tuple[ModuleType, ...]] = (
    create,
    register,
    locate,
    get,
    get_attributes,
    get_attribute_list,
    activate,
    revoke,
    destroy,
    query,
    discover_versions,
)

CATALOGUE: Final[dict[Operation, Spec]] = {module.SPEC.operation: module.SPEC for module in MODULES}
