"""Operations that the server asks of clients. KMIP 2.1 §6.2.

`CATALOGUE` is for the codec: the server writes these requests and reads the answers. Their `perform` is the client's.
"""

from collections.abc import Mapping
from typing import Final

from kmip_core.calls import notify, put
from kmip_core.enums import Operation
from kmip_core.operation import Spec
from kmip_core.operations import discover_versions, query, set_endpoint_role

CATALOGUE: Final[Mapping[Operation, Spec]] = {
    spec.operation: spec for spec in (notify.SPEC, put.SPEC, query.SPEC, discover_versions.SPEC, set_endpoint_role.SPEC)
}
