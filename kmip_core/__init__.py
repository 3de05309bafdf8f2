"""The life-cycle rules of KMIP, without wire, network, storage or cryptography."""
