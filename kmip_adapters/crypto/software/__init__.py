"""Cryptography in this process, by pyca/cryptography alone.

One module per kind of work, each a table and the few functions that read it; `adapter` puts them behind the
port. Parsed private keys live no longer than the call, or the stream, that needs them.
"""

from kmip_adapters.crypto.software.adapter import SoftwareCrypto as SoftwareCrypto
