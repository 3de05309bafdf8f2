"""The adapters of the crypto port."""

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.side_by_side import SideBySide
from kmip_adapters.crypto.software import SoftwareCrypto
from tests.softhsm import shared_crypto

IN_PROCESS = {
    "software": SoftwareCrypto,
    "hsm_stub": HsmStub,
    "software, modern": lambda: modern(SoftwareCrypto()),
    "software beside hsm_stub": lambda: SideBySide(SoftwareCrypto(), HsmStub(), token_by_default=False),
}
"""Adapters whose keys cost nothing: they import the thousands of keys of published vectors."""

ADAPTERS = IN_PROCESS | {"pkcs11": shared_crypto}
"""Every adapter."""
