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
    add_attribute,
    adjust_attribute,
    archive,
    certify,
    check,
    create,
    create_key_pair,
    create_split_key,
    decrypt,
    delegated_login,
    delete_attribute,
    derive_key,
    destroy,
    discover_versions,
    encrypt,
    export,
    get,
    get_attribute_list,
    get_attributes,
    get_constraints,
    get_usage_allocation,
    hash,
    import_,
    interop,
    join_split_key,
    locate,
    log,
    login,
    logout,
    mac,
    mac_verify,
    modify_attribute,
    obtain_lease,
    ping,
    query,
    re_certify,
    re_key,
    re_key_key_pair,
    recover,
    register,
    revoke,
    rng_retrieve,
    rng_seed,
    set_attribute,
    set_constraints,
    set_defaults,
    sign,
    signature_verify,
    validate,
)
from kmip_core.settings import Settings

MODULES: Final[tuple[ModuleType, ...]] = (
    create,
    register,
    locate,
    get,
    get_attributes,
    get_attribute_list,
    add_attribute,
    modify_attribute,
    delete_attribute,
    set_attribute,
    adjust_attribute,
    check,
    obtain_lease,
    get_usage_allocation,
    archive,
    recover,
    activate,
    revoke,
    destroy,
    query,
    discover_versions,
    ping,
    create_key_pair,
    re_key,
    re_key_key_pair,
    derive_key,
    encrypt,
    decrypt,
    sign,
    signature_verify,
    mac,
    mac_verify,
    hash,
    rng_retrieve,
    rng_seed,
    export,
    import_,
    interop,
    log,
    certify,
    re_certify,
    create_split_key,
    join_split_key,
    validate,
    get_constraints,
    set_constraints,
    set_defaults,
    login,
    delegated_login,
    logout,
)

CATALOGUE: Final[dict[Operation, Spec]] = {module.SPEC.operation: module.SPEC for module in MODULES}


def offered(settings: Settings) -> dict[Operation, Spec]:
    """Return the catalogue without what the settings leave out."""
    return {operation: spec for operation, spec in CATALOGUE.items() if spec.is_offered(settings)}
