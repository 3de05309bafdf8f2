"""Encryption of key material at rest.

Root keys come from a key file (`key_file`) or a passphrase (`passphrase`) and wrap data keys; the sealer of a store
(`envelope`) works under those; `rotation` changes the root key. `direct` seals one small file under a root key.
"""
