"""Keys in a PKCS#11 token: made, used and destroyed there, behind handles everywhere else.

adapter     `Pkcs11Crypto`: the crypto port; what no key of the token is needed for is done in software
mechanisms  what the token can do, as the port's capabilities, and how each use is spelled in PKCS#11
ciphers     an encryption or decryption with a key of the token
signatures  a signature or message authentication code with a key of the token
parts       the same over several messages
refusals    what an error of the token means to a client
journal     what was begun in the token and is not yet settled in the store, on disk
"""

from kmip_adapters.crypto.pkcs11.adapter import Pkcs11Crypto

__all__ = ["Pkcs11Crypto"]
