"""Changing the root key while the store is in use, resumable at every point.

The next root key is made durable first; then the store changes all its data keys over in one transaction; then the old
root key is replaced. A crash leaves the old key valid, or the new one beside it, which the next start puts into place.
"""

from kmip_adapters.sealing.envelope import unwrap_data_key, wrap_data_key
from kmip_adapters.sealing.key_file import KeyFile
from kmip_core.ports.sealing import DataKeys


def rotate_root_key(key_file: KeyFile, data_keys: DataKeys) -> str:
    """Wrap all data keys under a new root key, and return its identifier.  The old one opens nothing afterwards.

    Servers that run on the store notice when they next need a data key; nothing is sealed anew, since content is under
    data keys. Raises RootKeyUnavailable, SealBroken.
    """
    present = data_keys.load()
    old = key_file.open(present[-1].root_key_id if present else None)
    new = key_file.successor.open(None)
    while True:
        changed = tuple(wrap_data_key(new, key.data_key_id, unwrap_data_key(old, key)) for key in present)
        if data_keys.rewrap(changed):
            break
        present = data_keys.load()
    key_file.succeed()
    return new.root_key_id
