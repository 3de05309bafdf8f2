"""Who may do what: decisions for one object, and visibility for all of them."""

from typing import Protocol

from kmip_core.enums import Operation
from kmip_core.objects import ManagedObject
from kmip_core.policy import Decision, Visibility
from kmip_core.principal import Principal


class PolicyDecider(Protocol):
    """Judges principals by the operation policies in force at this moment. Re-entrant."""

    def decide(self, principal: Principal, operation: Operation, managed_object: ManagedObject) -> Decision:
        """Return the decision for one object; never raises."""
        ...

    def visibility(self, principal: Principal) -> Visibility:
        """Return which objects Locate may show; agrees with `decide(..., LOCATE, ...)` object by object."""
        ...

    def in_force(self) -> object:
        """Return what stands for the policies in force; another object once they have changed."""
        ...

    def is_known(self, policy_name: str) -> bool:
        """Return whether a policy of this name is in force."""
        ...
