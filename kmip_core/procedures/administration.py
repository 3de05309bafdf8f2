"""Administrators, whom the setting `administrators` names: what only they may do, and what they vouch for. ADR 0031."""

from collections.abc import Iterator, Sized

from kmip_core.creation_rules import MAXIMUM_RULES
from kmip_core.errors import invalid_field, permission_denied
from kmip_core.operation import Scope
from kmip_core.policy import Visibility


def trusted(scope: Scope) -> Iterator[Visibility]:
    """Yield which objects a request may rely on without naming them: the client's own, then each administrator's.

    Any client can register a template or a root certificate that every other client sees. Only its owner relies on
    it: what belongs to strangers never decides what a new object is like, or which certificate is valid.
    """
    seen, owner = scope.visibility, scope.principal.name
    yield Visibility(owner=owner, owned=seen.owned | seen.everyone, everyone=frozenset())
    for name in sorted(set(scope.services.settings.administrators) - {owner}):
        yield Visibility(owner=name, owned=seen.everyone, everyone=frozenset())


def check_administrator(scope: Scope) -> None:
    """Raise KmipError (Permission Denied) unless the client is an administrator; by default there are none."""
    if scope.principal.name not in scope.services.settings.administrators:
        raise permission_denied("only administrators of this server may do this")


def check_number(rules: Sized) -> None:
    """Raise KmipError (Invalid Field) for more rules than every new object can be held against."""
    if len(rules) > MAXIMUM_RULES:
        raise invalid_field(f"the server keeps {MAXIMUM_RULES} of these at most")
