"""What only administrators may do: those whose identities the setting `administrators` names. ADR 0031."""

from collections.abc import Sized

from kmip_core.creation_rules import MAXIMUM_RULES
from kmip_core.errors import invalid_field, permission_denied
from kmip_core.operation import Scope


def check_administrator(scope: Scope) -> None:
    """Raise KmipError (Permission Denied) unless the asker is an administrator; by default there are none."""
    if scope.principal.name not in scope.settings.administrators:
        raise permission_denied("only administrators of this server may do this")


def check_number(rules: Sized) -> None:
    """Raise KmipError (Invalid Field) for more rules than every new object can be held against."""
    if len(rules) > MAXIMUM_RULES:
        raise invalid_field(f"the server keeps {MAXIMUM_RULES} of these at most")
