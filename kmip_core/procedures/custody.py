"""Keys that live in a token: which ones do, and what happens to them there, beside the unit of work that records it.

Token and store cannot commit together. A key that was imported into the token is destroyed there if the unit of work
fails, and a key that is erased leaves the token only after the commit (DESIGN 5.10). With an adapter that keeps no keys
none of this has an effect.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from kmip_core.attributes import Attributes
from kmip_core.enums import ProtectionStorageMask, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import Content, PrivateKey, SymmetricKey, key_block_of
from kmip_core.operation import Scope
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.ports.crypto import IN_SOFTWARE, Custody
from kmip_core.rules import Admitted

HARDWARE: Final = ProtectionStorageMask.HARDWARE
"""How objects are stored whose keys a token holds; all others are stored in software."""


def choose(
    scope: Scope,
    attributes: Attributes,
    wanted: tuple[ProtectionStorageMask, ...] = (),
    unavailable: ResultReason = ResultReason.PROTECTION_STORAGE_UNAVAILABLE,
    replaced: Attributes | None = None,
) -> Custody:
    """Return where a new secret or private key is kept: as the request, the key that it replaces, its Object Group or
    operation policy, or the settings say, in this order.

    wanted: the Protection Storage Masks of the request, best first.  replaced: the attributes of the key's predecessor.
    Raises KmipError: `unavailable` where no mask can be satisfied; Not Extractable for a key of a token that would let
    none out.
    """
    offered = scope.services.capabilities.protection_storage_masks
    able = scope.services.crypto.capabilities
    if not wanted and not able.holds_keys:
        return IN_SOFTWARE
    if wanted:
        chosen = first_possible(wanted, offered, unavailable)[1]
    elif replaced is not None and replaced.protection_storage_mask is not None:
        is_hardware = bool(replaced.protection_storage_mask & HARDWARE)
        chosen = next((offer for offer in offered if bool(offer & HARDWARE) is is_hardware), offered[0])
    else:
        chosen = HARDWARE if HARDWARE in offered and _belongs_in_token(scope, attributes) else offered[0]
    in_token = able.holds_keys and (bool(chosen & HARDWARE) or HARDWARE not in offered)
    extractable = attributes.extractable is True
    if in_token and extractable and not able.extractable:
        raise _stays()
    return Custody(
        in_token=in_token, extractable=extractable, sensitive=attributes.sensitive is True or not extractable
    )


def _belongs_in_token(scope: Scope, attributes: Attributes) -> bool:
    """Return whether the settings keep new keys of this Object Group, or under this operation policy, in a token."""
    settings = scope.services.settings
    policy = attributes.operation_policy_name or DEFAULT_POLICY
    return policy in settings.token_policies or not settings.token_groups.isdisjoint(attributes.object_groups)


def first_possible(
    wanted: tuple[ProtectionStorageMask, ...], offered: Iterable[ProtectionStorageMask], unavailable: ResultReason
) -> tuple[ProtectionStorageMask, ProtectionStorageMask]:
    """Return the first mask that is satisfied in all its bits, and by what.  Raises KmipError (`unavailable`)."""
    for mask in wanted:
        for offer in offered:
            if mask is offer or mask & ~offer == 0:  # flags are combined by calls in Python
                return mask, offer
    raise KmipError(unavailable, "objects are not stored here in any of the ways that would do")


def stored_as(scope: Scope, content: Content) -> ProtectionStorageMask:
    """Return the mask that says where content is that the client did not say a place for."""
    if is_held(content):
        return HARDWARE
    offered = scope.services.capabilities.protection_storage_masks
    return next(offer for offer in offered if offer != HARDWARE)


def take_in(scope: Scope, content: Content, choice: Callable[[], Custody]) -> Content:
    """Import the key of a client where it is kept, and return what to store for the content.

    choice: says where, of a key that a token could use.

    Wrapped keys, and keys without their value, stay as they are: the token could not use them.
    Raises KmipError (Feature Not Supported, Cryptographic Failure) for a key that the token does not take.
    """
    return forget_on_rollback(scope, import_into(scope, content, choice))


def import_into(scope: Scope, content: Content, choice: Callable[[], Custody]) -> Content:
    """Import a key as `take_in`; the caller has it destroyed on rollback."""
    if not isinstance(content, SymmetricKey | PrivateKey) or is_held(content):
        return content
    if content.key_block.is_wrapped or content.key_block.material is None:
        return content
    chosen = choice()
    return scope.services.crypto.import_key(content, chosen) if chosen.in_token else content


def forget_on_rollback(scope: Scope, content: Content) -> Content:
    """Return content that was just made; if nothing is committed, the token destroys the key again."""
    if is_held(content):
        scope.hooks.on_commit.append(partial(scope.services.crypto.confirm_key, _key(content)))
        scope.hooks.on_rollback.append(partial(scope.services.crypto.destroy_key, _key(content)))
    return content


def forget_on_commit(scope: Scope, target: Admitted) -> None:
    """Have what was read of an erased object forgotten, and the token destroy its key, once that is committed."""
    scope.hooks.on_commit.append(scope.services.crypto.forget_read_keys)
    if not scope.services.crypto.capabilities.holds_keys or not target.managed_object.has_content:
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


def may_leave(extractable: bool | None, *, held: bool) -> bool:
    """Return the Extractable attribute of new content: for a key that a token holds False, unless it was made so."""
    return bool(extractable) if held else extractable is not False


def give_out(scope: Scope, content: Content) -> Content:
    """Return content with its key, which a token gives out if it may leave.  Raises KmipError (Not Extractable)."""
    return scope.services.crypto.export_key(_key(content)) if is_held(content) else content


def _stays() -> KmipError:
    return KmipError(
        ResultReason.NOT_EXTRACTABLE, "keys are held by a token and do not leave it; leave Extractable out"
    )


def _key(content: Any) -> Any:
    return content
