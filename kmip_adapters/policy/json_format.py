"""PyKMIP's policy files: JSON text in, `OperationPolicy` values and every problem out.

A file maps a policy's name to `{"preset": RULES, "groups": {GROUP: RULES}}`, either part alone, or directly to RULES
(which then are the preset). RULES map an object type to operations, and each of these to a permission:

    {"storage": {"preset": {"SYMMETRIC_KEY": {"GET": "ALLOW_OWNER", "LOCATE": "ALLOW_ALL"}},
                 "groups": {"auditors": {"SYMMETRIC_KEY": {"GET_ATTRIBUTES": "ALLOW_ALL"}}}}}

Rules that name ENCRYPT, DECRYPT, SIGN and the like tell using a key from reading it; for rules that name none of them
Get decides, as in PyKMIP.
"""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from attrs import field

from kmip_core.classes import define, frozen
from kmip_core.enums import ObjectType, Operation
from kmip_core.policy import OperationPolicy, Permission, Rules

MAXIMUM_SIZE: Final = 16 * 1024 * 1024  # bytes of one file

OPERATIONS: Final[Mapping[str, Operation]] = {
    **Operation.__members__,
    "REKEY": Operation.RE_KEY,
    "REKEY_KEY_PAIR": Operation.RE_KEY_KEY_PAIR,
    "RECERTIFY": Operation.RE_CERTIFY,
    "REPROVISION": Operation.RE_PROVISION,
}
OBJECT_TYPES: Final[Mapping[str, ObjectType]] = {
    **ObjectType.__members__,
    "OPAQUE_DATA": ObjectType.OPAQUE_OBJECT,
}
PERMISSIONS: Final[Mapping[str, Permission]] = dict(Permission.__members__)
"""Names in files: the standard's, and beside them those that PyKMIP spells otherwise."""

SECTIONS: Final = frozenset({"preset", "groups"})

T = TypeVar("T")


@frozen
class Problem:
    """Something in a policy file that cannot be accepted.

    where: the keys that lead to it, joined by dots, or line and column.  text: what is wrong and what would be right.
    """

    file: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.text}" if self.where else f"{self.file}: {self.text}"


def read_policies(content: bytes, file: str) -> tuple[dict[str, OperationPolicy], list[Problem]]:
    """Return the policies of one file and all its problems; with problems the policies are not to be used.

    file: its name, for the problems.
    """
    reading = _Reading(file=file)
    policies: dict[str, OperationPolicy] = {}
    for name, value in reading.members(reading.parse(content), ""):
        policy = reading.policy(name, value)
        if policy is not None:
            policies[name] = policy
    return policies, reading.problems


class _Object(list[tuple[str, Any]]):
    """A JSON object with its members in order, repeated ones too."""


@define(kw_only=True)
class _Reading:
    file: str
    problems: list[Problem] = field(factory=list)

    def complain(self, where: str, text: str) -> None:
        self.problems.append(Problem(self.file, where, text))

    def parse(self, content: bytes) -> Any:
        if len(content) > MAXIMUM_SIZE:
            self.complain("", f"has {len(content)} bytes; up to {MAXIMUM_SIZE} are read")
            return _Object()
        try:
            return json.loads(content, object_pairs_hook=_Object)
        except json.JSONDecodeError as error:
            self.complain(f"line {error.lineno} column {error.colno}", f"is not JSON: {error.msg}")
        except UnicodeDecodeError as error:
            self.complain(f"byte {error.start}", "is not text in UTF-8")
        except RecursionError:
            self.complain("", "is nested too deeply; policies need five levels")
        return _Object()

    def members(self, value: Any, where: str) -> Iterable[tuple[str, Any]]:
        """Return an object's members; what comes twice is a problem, for JSON itself would lose one of them."""
        if not isinstance(value, _Object):
            self.complain(where, f"must be an object in braces, not {_kind(value)}")
            return ()
        unique = dict(value)
        if len(unique) != len(value):
            names = [name for name, _ in value]
            for name in sorted({name for name in names if names.count(name) > 1}):
                self.complain(_join(where, name), "is there more than once; keep one")
        return unique.items()

    def policy(self, name: str, value: Any) -> OperationPolicy | None:
        """Return one policy; None for an empty one, which PyKMIP skips."""
        members = dict(self.members(value, name))
        if not members:
            return None
        if members.keys() <= SECTIONS:
            groups = {
                group: self.rules(rules, f"{name}.groups.{group}")
                for group, rules in self.members(members.get("groups", _Object()), f"{name}.groups")
            }
            preset = self.rules(members["preset"], f"{name}.preset") if "preset" in members else None
            return OperationPolicy(name=name, preset=preset, groups=groups)
        if members.keys() <= OBJECT_TYPES.keys():
            return OperationPolicy(name=name, preset=self.rules(value, name))
        for key in sorted(members.keys() - SECTIONS - OBJECT_TYPES.keys()):
            self.complain(
                _join(name, key),
                f"Policy '{name}' contains an invalid section named: {key}; "
                + ("it is called preset now" if key == "default" else "use preset, groups or an object type"),
            )
        if members.keys() & SECTIONS and members.keys() & OBJECT_TYPES.keys():
            self.complain(name, "has object types beside preset or groups; put them into preset")
        return None

    def rules(self, value: Any, where: str) -> Rules:
        rules: dict[ObjectType, Mapping[Operation, Permission]] = {}
        for type_name, row in self.members(value, where):
            place = _join(where, type_name)
            object_type = self.known(OBJECT_TYPES, type_name, "ObjectType", place)
            permissions = {}
            for operation_name, permission_name in self.members(row, place):
                inner = _join(place, operation_name)
                operation = self.known(OPERATIONS, operation_name, "Operation", inner)
                permission = self.known(PERMISSIONS, permission_name, "Policy", inner)
                if operation is not None and permission is not None:
                    permissions[operation] = permission
            if object_type is not None:
                rules[object_type] = permissions
        return rules

    def known(self, names: Mapping[str, T], name: Any, kind: str, where: str) -> T | None:
        """Return what a name stands for; an unknown one is a problem that tells the nearest right one."""
        if isinstance(name, str) and name in names:
            return names[name]
        text = name if isinstance(name, str) else json.dumps(name)[:100]
        near = get_close_matches(text.upper(), names, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"one of {', '.join(sorted(names))}"
        self.complain(where, f"'{text}' is not a valid {kind} value; {remedy}")
        return None


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else json.dumps(value)[:100]
