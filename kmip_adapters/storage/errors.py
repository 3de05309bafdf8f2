"""What can be wrong with a store at start."""

from kmip_core.errors import Unusable


class StorageUnusable(Unusable):
    """The store cannot be opened; the text says why and what to do. For the person at the start, not for clients."""


class StorageUnreachable(StorageUnusable):
    """The database gives no connection now; it may at another attempt."""
