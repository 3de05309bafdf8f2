"""Changing the root key while the store is in use, resumable at every point.

The next root key is made durable first; then the store changes all its data keys over in one transaction; then the old
root key is replaced. A crash leaves the old key valid, or the new one beside it, which the next start puts into place.
"""

from kmip_adapters.sealing.envelope import unwrap_data_key, wrap_data_key
from kmip_adapters.sealing.key_file import KeyFile
from kmip_core.ports.sealing import DataKeys, RootKeySource


def rotate_root_key(key_file: KeyFile, data_keys: DataKeys) -> str:
    """Wrap all data keys under a new root key in the same file, and return its identifier.

    The old one opens nothing afterwards. Servers that run on the store notice when they next need a data key; nothing
    is sealed anew, since content is under data keys. Raises RootKeyUnavailable, SealBroken.
    """
    root_key_id = change_root_key(key_file, key_file.successor, data_keys)
    key_file.succeed()
    return root_key_id


def change_root_key(old: RootKeySource, new: RootKeySource, data_keys: DataKeys) -> str:
    """Wrap all data keys under the root key that another source makes, and return its identifier.

    Servers that run on the store must be started anew with the other source before they next need a data key.
    Raises RootKeyUnavailable, SealBroken.
    """
    present = data_keys.load()
    old_key = old.open(present[-1].root_key_id if present else None)
    new_key = new.open(None)
    while True:
        changed = tuple(wrap_data_key(new_key, key.data_key_id, unwrap_data_key(old_key, key)) for key in present)
        if data_keys.rewrap(changed):
            return new_key.root_key_id
        present = data_keys.load()
