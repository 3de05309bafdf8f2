"""Operation policies as values: who may do what to an object, decided without side effects.

A policy maps object type and operation to a permission, once for all clients (`preset`) and once per group. The
decision is PyKMIP's: a principal without groups is judged by the preset; one with groups only by the sections of its
groups, any of which may allow; what no section names is denied. KMIP 1.4 §3.18 (Operation Policy Name).
"""

import enum
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from attrs import evolve, field

from kmip_core.classes import frozen
from kmip_core.enums import ObjectClassMask, ObjectType, Operation
from kmip_core.objects import SYSTEM_TYPES, class_of
from kmip_core.principal import Principal


class Permission(enum.Enum):
    """What a rule grants."""

    ALLOW_ALL = "ALLOW_ALL"
    ALLOW_OWNER = "ALLOW_OWNER"
    DISALLOW_ALL = "DISALLOW_ALL"


Rules: TypeAlias = Mapping[ObjectType, Mapping[Operation, Permission]]

DEFAULT_POLICY: Final = "default"
"""The policy of objects whose creator named none."""


@frozen(kw_only=True)
class OperationPolicy:
    """A named policy.  preset: for principals without groups.  groups: by group name."""

    name: str
    preset: Rules | None = None
    groups: Mapping[str, Rules] = field(factory=dict)


@frozen(kw_only=True)
class Decision:
    """Whether an operation is allowed, why, and whether the client may know that the object exists.

    rule: the rule that decided, for logs and `policy explain`.
    is_visible: True when the client holds some grant on the object; if not, it must look missing (RULINGS 1).
    by_reading: True where the use of a key is allowed because the policy allows Get: no right to change anything.
    """

    is_allowed: bool
    is_visible: bool
    rule: str
    by_reading: bool = False


@frozen(kw_only=True)
class Visibility:
    """Which objects a principal may find, as a value that storage compiles into its query.

    An object is visible if (policy, type) is in `everyone`, or if it is owned by `owner` and (policy, type) is in
    `owned`.
    """

    owner: str
    owned: frozenset[tuple[str, ObjectType]]
    everyone: frozenset[tuple[str, ObjectType]]

    def includes(self, owner: str, policy_name: str, object_type: ObjectType) -> bool:
        """Return whether one object is visible; the reference for what storage compiles."""
        pair = (policy_name, object_type)
        return pair in self.everyone or (owner == self.owner and pair in self.owned)

    def with_system_objects(self) -> "Visibility":
        """Return what an administrator may find besides."""
        return evolve(self, everyone=self.everyone | SYSTEM_PAIRS)

    def of_types(self, types: frozenset[ObjectType]) -> "Visibility":
        """Return what is visible of the objects of these types."""
        return evolve(
            self,
            owned=frozenset(pair for pair in self.owned if pair[1] in types),
            everyone=frozenset(pair for pair in self.everyone if pair[1] in types),
        )

    def of_classes(self, classes: ObjectClassMask) -> "Visibility":
        """Return what is visible of the objects of these classes."""
        return _of_wanted(self, int(classes))


@lru_cache(256)  # one client's Locates ask for the same again and again
def _of_wanted(visible: Visibility, wanted: int) -> Visibility:
    narrowed = evolve(visible, owned=_of_classes(visible.owned, wanted), everyone=_of_classes(visible.everyone, wanted))
    return visible if narrowed == visible else narrowed


def _of_classes(pairs: frozenset[tuple[str, ObjectType]], wanted: int) -> frozenset[tuple[str, ObjectType]]:
    return frozenset([pair for pair in pairs if _CLASS_OF[pair[1]] & wanted])


_CLASS_OF: Final = {object_type: int(ObjectClassMask[class_of(object_type).name]) for object_type in ObjectType}
"""Object type -> the bit of its Object Class."""


USES: Final = frozenset(
    {
        Operation.ENCRYPT,
        Operation.DECRYPT,
        Operation.SIGN,
        Operation.SIGNATURE_VERIFY,
        Operation.MAC,
        Operation.MAC_VERIFY,
        Operation.DERIVE_KEY,
        Operation.ENCAPSULATE,
        Operation.DECAPSULATE,
        Operation.EXPORT,
    }
)
"""Operations that Get decides for where a policy tells none of them apart: PyKMIP asks for Get only."""

_NAMED_USES: Final = USES - {Operation.DERIVE_KEY}  # PyKMIP's files name Derive Key as a matter of course


FOR_ADMINISTRATORS: Final = Decision(is_allowed=True, is_visible=True, rule="system objects are the administrators'")
_NOT_AN_ADMINISTRATOR: Final = evolve(FOR_ADMINISTRATORS, is_allowed=False, is_visible=False)

SYSTEM_PAIRS: Final = frozenset((DEFAULT_POLICY, object_type) for object_type in SYSTEM_TYPES)
"""Policy and type of every system object: none has another policy."""


def decide(
    policies: Mapping[str, OperationPolicy],
    principal: Principal,
    operation: Operation,
    object_type: ObjectType,
    policy_name: str,
    owner: str,
) -> Decision:
    """Return whether `principal` may do `operation` to an object of this type, policy and owner.

    System objects are the administrators' (`Services.decide`): no policy gives anyone else rights on them.
    """
    if object_type in SYSTEM_TYPES:
        return _NOT_AN_ADMINISTRATOR
    policy = policies.get(policy_name)
    if policy is None:
        return Decision(is_allowed=False, is_visible=False, rule=f"no policy is named {policy_name}")
    is_owner = principal.name == owner
    rule = f"{policy_name} has no section for this principal"
    is_visible = False
    for section, rules, is_for_owners in _sections(policy, principal):
        if is_for_owners and not is_owner:
            continue
        row = rules.get(object_type, {})
        is_visible = is_visible or any(_grants(permission, is_owner) for permission in row.values())
        permission = permission_for(row, operation)
        rule = f"{policy_name}, {section}, {object_type.name}, {operation.name}: {permission.value}"
        if _grants(permission, is_owner):
            return Decision(is_allowed=True, is_visible=True, rule=rule, by_reading=operation not in row)
    return Decision(is_allowed=False, is_visible=is_visible, rule=rule)


def visibility(
    policies: Mapping[str, OperationPolicy], principal: Principal, operation: Operation = Operation.LOCATE
) -> Visibility:
    """Return what `principal` may find: the same rules as `decide`, gathered over all policies and types."""
    owned: set[tuple[str, ObjectType]] = set()
    everyone: set[tuple[str, ObjectType]] = set()
    for policy in policies.values():
        for _, rules, is_for_owners in _sections(policy, principal):
            for object_type, row in rules.items():
                if object_type in SYSTEM_TYPES:
                    continue
                permission = permission_for(row, operation)
                if permission is Permission.ALLOW_ALL and not is_for_owners:
                    everyone.add((policy.name, object_type))
                elif _grants(permission, is_owner=True):
                    owned.add((policy.name, object_type))
    return Visibility(owner=principal.name, owned=frozenset(owned), everyone=frozenset(everyone))


def permission_for(row: Mapping[Operation, Permission], operation: Operation) -> Permission:
    """Return what one row of rules grants; a use of a key falls back to Get if the row tells no use apart."""
    named = row.get(operation)
    if named is not None:
        return named
    if operation in USES and not _NAMED_USES & row.keys():
        return row.get(Operation.GET, Permission.DISALLOW_ALL)
    return Permission.DISALLOW_ALL


def _sections(policy: OperationPolicy, principal: Principal) -> Iterator[tuple[str, Rules, bool]]:
    """Yield the sections that apply to this principal, and whether one applies to its own objects alone.

    A principal with groups has what its groups have, and beside it what the preset section gives to an owner: keys that
    were its own before it had groups stay its own (RULINGS 29).
    """
    for group in sorted(principal.groups):
        if group in policy.groups:
            yield f"group {group}", policy.groups[group], False
    if policy.preset is not None:
        yield "preset", policy.preset, bool(principal.groups)


def _grants(permission: Permission, is_owner: bool) -> bool:
    return permission is Permission.ALLOW_ALL or (permission is Permission.ALLOW_OWNER and is_owner)


_READABLE: Final = frozenset(
    {
        Operation.LOCATE,
        Operation.CHECK,
        Operation.GET,
        Operation.GET_ATTRIBUTES,
        Operation.GET_ATTRIBUTE_LIST,
        Operation.OBTAIN_LEASE,
        Operation.VALIDATE,
    }
)
_FOR_OWNER: Final = {operation: Permission.ALLOW_OWNER for operation in Operation if operation not in USES}
_PUBLISHED: Final = {
    operation: Permission.ALLOW_ALL if operation in _READABLE else Permission.ALLOW_OWNER for operation in _FOR_OWNER
}
_READ_BY_ALL: Final = dict.fromkeys(
    (Operation.LOCATE, Operation.GET, Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST), Permission.ALLOW_ALL
)
_PUBLIC_TYPES: Final = frozenset({ObjectType.CERTIFICATE, ObjectType.PUBLIC_KEY})

BUILT_IN: Final[Mapping[str, OperationPolicy]] = {
    DEFAULT_POLICY: OperationPolicy(
        name=DEFAULT_POLICY,
        preset={t: _PUBLISHED if t in _PUBLIC_TYPES else _FOR_OWNER for t in ObjectType},
        groups={},
    ),
    "public": OperationPolicy(
        name="public",
        preset={ObjectType.TEMPLATE: _READ_BY_ALL},
        groups={},
    ),
}
"""`default` and `public` as the PyKMIP server defines them; files cannot replace them. KMIP 1.4 §3.18.2."""
