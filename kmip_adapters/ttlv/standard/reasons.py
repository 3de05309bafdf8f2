"""Result reasons by version: the precise reason of the core, as the version of the request has it.

The core always raises the newest and most precise reason. Authority: the error tables (KMIP 1.4 §11, 2.0 and 2.1
§6.1.x "Error Handling"), and above them the official test cases; RULINGS 1, 3 and 4. A reason with no row here is
written as it is; a test proves that whatever comes out is a reason of the version.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, TypeAlias

from kmip_core.enums import Operation as Op
from kmip_core.enums import ResultReason as Reason
from kmip_core.operation import Group
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion

Key: TypeAlias = tuple[Reason, Op | None]
Span: TypeAlias = tuple[ProtocolVersion, ProtocolVersion | None]
"""First and last version; None: every later one, too."""

_1_0, _1_1, _1_3, _1_4, _2_0, _2_1, _3_0 = (
    ProtocolVersion(*v) for v in ((1, 0), (1, 1), (1, 3), (1, 4), (2, 0), (2, 1), (3, 0))
)
IN_1X: Final[Span] = (_1_0, _1_4)
TO_1_0: Final[Span] = (_1_0, _1_0)
TO_1_1: Final[Span] = (_1_0, _1_1)
TO_1_3: Final[Span] = (_1_0, _1_3)
TO_2_0: Final[Span] = (_1_0, _2_0)
TO_2_1: Final[Span] = (_1_0, _2_1)
IN_2_0: Final[Span] = (_2_0, _2_0)
FROM_2_0: Final[Span] = (_2_0, None)
FROM_3_0: Final[Span] = (_3_0, None)
ALL: Final[Span] = (_1_0, None)


def _group(group: Group) -> tuple[Op, ...]:
    return tuple(operation for operation, spec in CATALOGUE.items() if spec.group is group)


_MAKINGS: Final = _group(Group.MAKES)
_RENEWALS: Final = _group(Group.RENEWS)
_CREATIONS: Final = (*_MAKINGS, *_RENEWALS)
_CHANGES: Final = (Op.ADD_ATTRIBUTE, Op.ADJUST_ATTRIBUTE, Op.MODIFY_ATTRIBUTE, Op.DELETE_ATTRIBUTE)
_RULES: Final = _group(Group.SETS_RULES)
_WITHOUT_PARAMETERS: Final = (Op.CREATE, Op.CREATE_KEY_PAIR, Op.REGISTER, Op.IMPORT, *_RENEWALS, Op.HASH, Op.VALIDATE)
_USES: Final = _group(Group.USES_KEYS)

ROWS: Final[tuple[tuple[Reason, tuple[Op, ...], Span, Reason], ...]] = (
    # precise reason, operations (none: all others), versions, reason on the wire
    #
    # Missing, foreign and destroyed objects: RULINGS 1 and 4. Where 1.x refuses Destroy of a destroyed object, 11.22.
    (Reason.OBJECT_NOT_FOUND, (), TO_2_0, Reason.ITEM_NOT_FOUND),
    (Reason.OBJECT_NOT_FOUND, (Op.GET_ATTRIBUTES,), FROM_3_0, Reason.ITEM_NOT_FOUND),  # BL-M-20
    (Reason.OBJECT_DESTROYED, (), TO_2_0, Reason.ITEM_NOT_FOUND),
    (Reason.OBJECT_DESTROYED, (Op.DESTROY,), TO_2_0, Reason.PERMISSION_DENIED),
    (Reason.WRAPPING_OBJECT_NOT_FOUND, (), TO_2_0, Reason.ITEM_NOT_FOUND),
    (Reason.WRAPPING_OBJECT_DESTROYED, (), TO_2_0, Reason.ITEM_NOT_FOUND),
    (Reason.WRAPPING_OBJECT_ARCHIVED, (), IN_1X, Reason.OBJECT_ARCHIVED),
    # States: RULINGS 3. TC-PKCS12-2-20 wants the precise reason of Register already in 2.0.
    (Reason.WRONG_KEY_LIFECYCLE_STATE, (), TO_2_0, Reason.PERMISSION_DENIED),
    (Reason.WRONG_KEY_LIFECYCLE_STATE, (Op.REGISTER,), IN_1X, Reason.PERMISSION_DENIED),
    (Reason.WRONG_KEY_LIFECYCLE_STATE, (Op.REGISTER,), IN_2_0, Reason.WRONG_KEY_LIFECYCLE_STATE),
    # What a key may be used for. CS-BC-M-7 and its kin want Permission Denied for a spent key in every version.
    (Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, (), TO_2_0, Reason.PERMISSION_DENIED),
    (Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, (Op.DERIVE_KEY,), TO_2_0, Reason.INVALID_FIELD),
    (Reason.USAGE_LIMIT_EXCEEDED, (), IN_1X, Reason.PERMISSION_DENIED),
    (Reason.USAGE_LIMIT_EXCEEDED, (*_USES, Op.DERIVE_KEY), FROM_2_0, Reason.PERMISSION_DENIED),
    (Reason.SENSITIVE, (), TO_1_3, Reason.PERMISSION_DENIED),
    (Reason.NOT_EXTRACTABLE, (), TO_1_3, Reason.PERMISSION_DENIED),
    (Reason.NOT_AUTHORISED, (), IN_1X, Reason.PERMISSION_DENIED),
    (Reason.KEY_VALUE_NOT_PRESENT, (), TO_1_1, Reason.ILLEGAL_OPERATION),  # 1.4 §11.12: only attributes are there
    # Types.
    (Reason.INVALID_OBJECT_TYPE, (), IN_1X, Reason.ILLEGAL_OPERATION),
    (Reason.INVALID_OBJECT_TYPE, (*_MAKINGS, Op.VALIDATE), IN_1X, Reason.INVALID_FIELD),
    (Reason.INVALID_OBJECT_TYPE, _RENEWALS, IN_1X, Reason.PERMISSION_DENIED),
    (Reason.INVALID_OBJECT_TYPE, _USES, IN_1X, Reason.PERMISSION_DENIED),
    (Reason.ILLEGAL_OBJECT_TYPE, (), IN_1X, Reason.ILLEGAL_OPERATION),
    (Reason.INVALID_OBJECT_TYPE, (Op.CHECK,), FROM_2_0, Reason.ILLEGAL_OBJECT_TYPE),
    (Reason.ILLEGAL_OPERATION, (), FROM_2_0, Reason.INVALID_OBJECT_TYPE),  # reserved from 2.0
    (Reason.ILLEGAL_OPERATION, (Op.RE_KEY, Op.RE_KEY_KEY_PAIR), FROM_2_0, Reason.INVALID_FIELD),
    # Attributes. 2.x has two reasons for one fault and names one or the other by operation.
    (Reason.READ_ONLY_ATTRIBUTE, (), IN_1X, Reason.PERMISSION_DENIED),
    (Reason.READ_ONLY_ATTRIBUTE, _CREATIONS, IN_1X, Reason.INVALID_FIELD),
    (
        Reason.READ_ONLY_ATTRIBUTE,
        (*_CREATIONS, Op.MODIFY_ATTRIBUTE, Op.DELETE_ATTRIBUTE),
        FROM_2_0,
        Reason.ATTRIBUTE_READ_ONLY,
    ),
    (Reason.ATTRIBUTE_READ_ONLY, (), IN_1X, Reason.PERMISSION_DENIED),
    (Reason.ATTRIBUTE_READ_ONLY, _CREATIONS, IN_1X, Reason.INVALID_FIELD),
    (
        Reason.ATTRIBUTE_READ_ONLY,
        (Op.ADD_ATTRIBUTE, Op.ADJUST_ATTRIBUTE, Op.SET_ATTRIBUTE),
        FROM_2_0,
        Reason.READ_ONLY_ATTRIBUTE,
    ),
    (Reason.ATTRIBUTE_SINGLE_VALUED, (), IN_1X, Reason.ILLEGAL_OPERATION),
    (Reason.ATTRIBUTE_SINGLE_VALUED, _CREATIONS, IN_1X, Reason.INVALID_FIELD),
    (
        Reason.ATTRIBUTE_SINGLE_VALUED,
        (*_RENEWALS, *_RULES, Op.DERIVE_KEY, Op.CREATE_SPLIT_KEY),
        FROM_2_0,
        Reason.INVALID_FIELD,
    ),
    (Reason.MULTI_VALUED_ATTRIBUTE, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.NON_UNIQUE_NAME_ATTRIBUTE, (), IN_1X, Reason.ILLEGAL_OPERATION),
    (Reason.NON_UNIQUE_NAME_ATTRIBUTE, _CREATIONS, IN_1X, Reason.INVALID_FIELD),
    (Reason.ATTRIBUTE_NOT_FOUND, (), IN_1X, Reason.ITEM_NOT_FOUND),
    (Reason.ATTRIBUTE_NOT_FOUND, (Op.MODIFY_ATTRIBUTE,), IN_1X, Reason.INVALID_FIELD),
    (Reason.ATTRIBUTE_NOT_FOUND, (Op.GET_USAGE_ALLOCATION,), IN_1X, Reason.ILLEGAL_OPERATION),
    (Reason.ATTRIBUTE_INSTANCE_NOT_FOUND, (), IN_1X, Reason.ITEM_NOT_FOUND),
    (Reason.INDEX_OUT_OF_BOUNDS, (), FROM_2_0, Reason.INVALID_FIELD),  # reserved from 2.0
    (Reason.UNSUPPORTED_ATTRIBUTE, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.INVALID_ATTRIBUTE, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.INVALID_ATTRIBUTE, (Op.ADD_ATTRIBUTE,), IN_1X, Reason.PERMISSION_DENIED),
    (Reason.INVALID_ATTRIBUTE, (Op.ADJUST_ATTRIBUTE,), FROM_2_0, Reason.UNSUPPORTED_ATTRIBUTE),
    (Reason.INVALID_ATTRIBUTE_VALUE, (), IN_1X, Reason.INVALID_FIELD),
    (  # not in the tables of these
        Reason.INVALID_ATTRIBUTE_VALUE,
        (*_CHANGES, *_RENEWALS, *_RULES, Op.DERIVE_KEY, Op.LOCATE),
        FROM_2_0,
        Reason.INVALID_FIELD,
    ),
    (Reason.INVALID_DATA_TYPE, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.NUMERIC_RANGE, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.OBJECT_ALREADY_EXISTS, (), TO_1_3, Reason.ILLEGAL_OPERATION),
    # Cryptography.
    (Reason.BAD_CRYPTOGRAPHIC_PARAMETERS, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.BAD_CRYPTOGRAPHIC_PARAMETERS, (Op.GET, Op.EXPORT), IN_1X, Reason.ITEM_NOT_FOUND),  # 1.4 §11.12
    (Reason.BAD_CRYPTOGRAPHIC_PARAMETERS, _WITHOUT_PARAMETERS, FROM_2_0, Reason.INVALID_FIELD),
    (Reason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, _WITHOUT_PARAMETERS, FROM_2_0, Reason.INVALID_FIELD),
    (
        Reason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        (Op.GET, Op.EXPORT, Op.MAC, Op.MAC_VERIFY),
        FROM_2_0,
        Reason.BAD_CRYPTOGRAPHIC_PARAMETERS,
    ),
    (Reason.MISSING_INITIALIZATION_VECTOR, (), ALL, Reason.INVALID_MESSAGE),  # RULINGS 13, CS-BC-M cases of Decrypt
    (Reason.INVALID_CORRELATION_VALUE, (), IN_1X, Reason.ITEM_NOT_FOUND),  # 1.4 §11.30
    (Reason.INVALID_CSR, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.BAD_PASSWORD, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.KEY_WRAP_TYPE_NOT_SUPPORTED, (), IN_1X, Reason.FEATURE_NOT_SUPPORTED),
    (Reason.ENCODING_OPTION_ERROR, (), TO_1_0, Reason.INVALID_FIELD),
    # The rest of what 2.x added.
    (Reason.ATTESTATION_REQUIRED, (), TO_1_1, Reason.PERMISSION_DENIED),
    (Reason.ATTESTATION_FAILED, (), TO_1_1, Reason.PERMISSION_DENIED),
    (Reason.INVALID_TICKET, (), IN_1X, Reason.AUTHENTICATION_NOT_SUCCESSFUL),
    (Reason.CODEC_ERROR, (), IN_1X, Reason.INVALID_MESSAGE),
    (Reason.UNKNOWN_ENUMERATION, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.UNKNOWN_TAG, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.UNKNOWN_MESSAGE_EXTENSION, (), IN_1X, Reason.FEATURE_NOT_SUPPORTED),
    (Reason.UNSUPPORTED_PROTOCOL_VERSION, (), IN_1X, Reason.INVALID_MESSAGE),  # RULINGS 16
    (Reason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE, (), IN_1X, Reason.ITEM_NOT_FOUND),  # 1.4 §11.29
    (Reason.INTERNAL_SERVER_ERROR, (), IN_1X, Reason.GENERAL_FAILURE),
    (Reason.SERVER_LIMIT_EXCEEDED, (), IN_1X, Reason.GENERAL_FAILURE),
    (Reason.SERVER_LIMIT_EXCEEDED, (*_CREATIONS, Op.ADD_ATTRIBUTE), IN_1X, Reason.INDEX_OUT_OF_BOUNDS),
    (Reason.PROTECTION_STORAGE_UNAVAILABLE, (), IN_1X, Reason.FEATURE_NOT_SUPPORTED),
    (Reason.PRIVATE_PROTECTION_STORAGE_UNAVAILABLE, (), IN_1X, Reason.FEATURE_NOT_SUPPORTED),
    (Reason.PUBLIC_PROTECTION_STORAGE_UNAVAILABLE, (), IN_1X, Reason.FEATURE_NOT_SUPPORTED),
    (Reason.PKCS_11_CODEC_ERROR, (), IN_1X, Reason.INVALID_MESSAGE),
    (Reason.PKCS_11_INVALID_FUNCTION, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.PKCS_11_INVALID_INTERFACE, (), IN_1X, Reason.INVALID_FIELD),
    (Reason.UNKNOWN_OBJECT_GROUP, (), TO_2_0, Reason.INVALID_FIELD),
    (Reason.UNKNOWN_OBJECT_GROUP, (), FROM_3_0, Reason.INVALID_FIELD),
    (Reason.CONSTRAINT_VIOLATION, (), TO_2_0, Reason.PERMISSION_DENIED),
    (Reason.DUPLICATE_PROCESS_REQUEST, (), TO_2_0, Reason.INVALID_FIELD),
    (Reason.CIRCULAR_LINK_ERROR, (), TO_2_1, Reason.INVALID_FIELD),
)


def on_wire(reason: Reason, operation: Op | None, version: ProtocolVersion) -> Reason:
    """Return the reason that `version` has for this refusal of `operation` (None: of the whole message)."""
    table = _table(version)
    return table.get((reason, operation)) or table.get((reason, None), reason)


def is_in(version: ProtocolVersion, span: Span) -> bool:
    """Return whether a row of this span is one of the version."""
    first, last = span
    return first <= version and (last is None or version <= last)


@cache
def _table(version: ProtocolVersion) -> Mapping[Key, Reason]:
    """Return the rows of one version."""
    return dict(_entries(version))


def _entries(version: ProtocolVersion) -> Iterable[tuple[Key, Reason]]:
    for reason, operations, span, wire in ROWS:
        if is_in(version, span):
            for operation in operations or (None,):
                yield (reason, operation), wire
