"""What joins kmip_core to the world: the wire, the network, storage, cryptography, identity."""
