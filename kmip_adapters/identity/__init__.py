"""Who a peer is: what the transport saw of it becomes a `Principal`, or is refused."""
