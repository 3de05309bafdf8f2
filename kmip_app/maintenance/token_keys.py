"""Keys of a token whose making or destruction a crash has interrupted: what the store does not name is destroyed."""

import logging
from collections.abc import Iterator
from typing import Any, Final

from kmip_core.objects import key_block_of

LOG: Final = logging.getLogger("kmip_app")


def settle_token_keys(keys: Any, storage: Any) -> None:
    """Compare the unsettled keys of a crypto adapter with the store, and have it destroy those that no object names.

    keys: an adapter; only one that keeps a journal has anything unsettled. Nothing is done while the store is sealed:
    the journal waits for the next start. Reads all objects once, and only after a crash.
    """
    if not hasattr(keys, "unsettled") or not (unsettled := keys.unsettled()):
        return
    if not storage.sealer.is_open:
        LOG.warning("%d keys in the token wait for the store to be opened", len(unsettled))
        return
    destroyed = keys.settle(token for token in _tokens(storage) if token in unsettled)
    LOG.warning(
        "a crash left %d keys in the token unsettled: %d were in no object and are destroyed", len(unsettled), destroyed
    )


def _tokens(storage: Any) -> Iterator[str]:
    from kmip_adapters.storage.sql.maintenance import everything  # SQLAlchemy: only where there is such a store

    for _, content in everything(storage, lambda done, total: None):
        block = None if content is None else key_block_of(content)
        if block is not None and block.handle is not None:
            yield block.handle.token
