"""Keys of a token whose making or destruction failed half way: what the store does not name is destroyed."""

import logging
from collections.abc import Iterator
from typing import Any, Final

from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.objects import Content, key_block_of

LOG: Final = logging.getLogger("kmip_app")


def settle_token_keys(keys: Any, storage: Any) -> None:
    """Compare the unsettled keys of a token with the store, and have it destroy those that no object names.

    keys: the adapter of the token; only one that keeps a journal has anything unsettled. Nothing is done while the
    store is sealed or the token does not answer. Reads all objects once, and only after a crash or a failed call.
    """
    if not hasattr(keys, "unsettled") or not (unsettled := keys.unsettled()):
        return
    if not _is_open(storage):
        LOG.warning("%d keys in the token wait for the store to be opened", len(unsettled))
        return
    if keys.probe() is not None:
        return
    destroyed = keys.settle(token for token in _tokens(storage) if token in unsettled)
    LOG.warning(
        "a failure left %d keys in the token unsettled: %d were in no object and are destroyed",
        len(unsettled),
        destroyed,
    )


def _is_open(storage: Any) -> bool:
    return isinstance(storage, MemoryStorage) or bool(storage.sealer.is_open)


def _tokens(storage: Any) -> Iterator[str]:
    for content in _contents(storage):
        block = None if content is None else key_block_of(content)
        if block is not None and block.handle is not None:
            yield block.handle.token


def _contents(storage: Any) -> Iterator[Content | None]:
    if isinstance(storage, MemoryStorage):
        return iter(storage.contents())
    from kmip_adapters.storage.sql.maintenance import everything  # only where there is such a store

    return (content for _, content in everything(storage, lambda done, total: None))
