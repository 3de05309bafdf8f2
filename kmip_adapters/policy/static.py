"""Operation policies that do not change: the built-in ones, or those that a caller has put together."""

from collections.abc import Mapping
from typing import Final, TypeVar

from kmip_core import policy
from kmip_core.enums import ObjectType, Operation
from kmip_core.objects import ManagedObject
from kmip_core.policy import BUILT_IN, DEFAULT_POLICY, Decision, OperationPolicy, Visibility
from kmip_core.principal import Principal

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED: Final = 4_096  # answers of each kind; groups come from certificates and directories, so bound them


class StaticPolicies:
    """Judges by one immutable table of policies.

    A decision depends on groups, ownership, operation, type and policy only, so each is worked out once.
    """

    def __init__(self, policies: Mapping[str, OperationPolicy] = BUILT_IN) -> None:
        """Judge by `policies`, by name; the mapping is copied."""
        self._policies: Final = dict(policies)
        self._decisions: Final[dict[tuple[frozenset[str], bool, Operation, ObjectType, str], Decision]] = {}
        self._visibilities: Final[dict[tuple[str, frozenset[str]], Visibility]] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of the policies in force."""
        return frozenset(self._policies)

    def decide(self, principal: Principal, operation: Operation, managed_object: ManagedObject) -> Decision:
        """Return the decision for one object; never raises."""
        owner = managed_object.owner
        object_type = managed_object.object_type
        policy_name = managed_object.attributes.operation_policy_name or DEFAULT_POLICY
        key = (principal.groups, principal.name == owner, operation, object_type, policy_name)
        decision = self._decisions.get(key)
        if decision is None:
            decision = policy.decide(self._policies, principal, operation, object_type, policy_name, owner)
            _remember(self._decisions, key, decision)
        return decision

    def visibility(self, principal: Principal) -> Visibility:
        """Return which objects Locate may show."""
        key = (principal.name, principal.groups)
        visible = self._visibilities.get(key)
        if visible is None:
            visible = policy.visibility(self._policies, principal)
            _remember(self._visibilities, key, visible)
        return visible

    def in_force(self) -> "StaticPolicies":
        """Return these policies, which do not change."""
        return self

    def is_known(self, policy_name: str) -> bool:
        """Return whether a policy of this name is in force."""
        return policy_name in self._policies


def _remember(answers: dict[K, V], key: K, answer: V) -> None:
    if len(answers) >= REMEMBERED:
        answers.clear()  # rare enough that a cleverer choice would not pay
    answers[key] = answer
