"""Encryption of key material at rest: root keys (a key file so far) and the sealer that works under them."""
