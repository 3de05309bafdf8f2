"""Keys that live in a token: what happens to them there, beside the unit of work that records it.

Token and store cannot commit together. What the token has taken is given back if the unit of work comes to nothing, and
what is destroyed leaves the token only after the commit (DESIGN 5.10). With an adapter that keeps no keys all of this
does nothing.
"""

from functools import partial
from typing import Any

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import Content, PrivateKey, PublicKey, SecretData, SymmetricKey, key_block_of
from kmip_core.operation import Scope
from kmip_core.rules import Admitted


def taken_in(scope: Scope, content: Content) -> Content:
    """Return what to store for content that a client has brought: itself, or a key that the token now holds.

    Wrapped keys, and keys without their value, stay as they are: the token could not use them.
    Raises KmipError (Feature Not Supported, Cryptographic Failure) for a key that the token does not take.
    """
    if not isinstance(content, SymmetricKey | PrivateKey | PublicKey | SecretData):
        return content
    if content.key_block.is_wrapped or content.key_block.material is None:
        return content
    return watched(scope, scope.services.crypto.import_key(content))


def watched(scope: Scope, content: Content) -> Content:
    """Return content that was just made; a token forgets its key again if the unit of work comes to nothing."""
    if is_held(content):
        scope.hooks.on_rollback.append(partial(scope.services.crypto.destroy_key, _key(content)))
    return content


def let_go(scope: Scope, target: Admitted) -> None:
    """Have a token forget the key of an object that is erased, once that is committed."""
    if scope.services.crypto.capabilities.exports_key_material or not target.managed_object.has_content:
        return
    content = scope.work.content(target)
    if is_held(content):
        scope.hooks.on_commit.append(partial(scope.services.crypto.destroy_key, _key(content)))


def is_held(content: Content) -> bool:
    """Return whether a token holds the key, and the content only says which one it is."""
    block = key_block_of(content)
    return block is not None and block.handle is not None


def may_leave(content: Content, extractable: bool | None) -> bool:
    """Return the Extractable attribute of new content: what a token holds never leaves it.

    Raises KmipError (Not Extractable) if a client insists on what cannot be.
    """
    if not is_held(content):
        return extractable is not False
    if extractable:
        raise KmipError(
            ResultReason.NOT_EXTRACTABLE, "keys are held by a token and do not leave it; leave Extractable out"
        )
    return False


def _key(content: Any) -> Any:
    return content
