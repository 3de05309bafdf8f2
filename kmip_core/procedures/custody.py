"""Keys that live in a token: what happens to them there, beside the unit of work that records it.

Token and store cannot commit together. A key that was imported into the token is destroyed there if the unit of work
fails, and a key that is erased leaves the token only after the commit (DESIGN 5.10). With an adapter that keeps no keys
none of this has an effect.
"""

from functools import partial
from typing import Any

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import Content, PrivateKey, PublicKey, SecretData, SymmetricKey, key_block_of
from kmip_core.operation import Scope
from kmip_core.rules import Admitted


def take_in(scope: Scope, content: Content) -> Content:
    """Import the key of a client into the token, if it takes keys; return what to store for the content.

    Wrapped keys, and keys without their value, stay as they are: the token could not use them.
    Raises KmipError (Feature Not Supported, Cryptographic Failure) for a key that the token does not take.
    """
    if not isinstance(content, SymmetricKey | PrivateKey | PublicKey | SecretData):
        return content
    if content.key_block.is_wrapped or content.key_block.material is None:
        return content
    return forget_on_rollback(scope, scope.services.crypto.import_key(content))


def forget_on_rollback(scope: Scope, content: Content) -> Content:
    """Return content that was just made; if nothing is committed, the token destroys the key again."""
    if is_held(content):
        scope.hooks.on_commit.append(partial(scope.services.crypto.confirm_key, _key(content)))
        scope.hooks.on_rollback.append(partial(scope.services.crypto.destroy_key, _key(content)))
    return content


def forget_on_commit(scope: Scope, target: Admitted) -> None:
    """Have the token destroy the key of an object that is erased, once that is committed."""
    if scope.services.crypto.capabilities.exports_key_material or not target.managed_object.has_content:
        return
    content = scope.work.content(target)
    if is_held(content):
        scope.services.crypto.doom_key(_key(content))
        scope.hooks.on_commit.append(partial(scope.services.crypto.destroy_key, _key(content)))
        scope.hooks.on_rollback.append(partial(scope.services.crypto.confirm_key, _key(content)))


def is_held(content: Content) -> bool:
    """Return whether a token holds the key, so that the content has only a handle of it."""
    block = key_block_of(content)
    return block is not None and block.handle is not None


def may_leave(content: Content, extractable: bool | None) -> bool:
    """Return the Extractable attribute of new content: False for a key that a token holds.

    Raises KmipError (Not Extractable) if the client asks for True there.
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
