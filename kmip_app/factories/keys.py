"""What uses keys: software, a token or both, within a profile."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.processes import ProcessPool
from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.side_by_side import SideBySide
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.sealing.direct import DirectSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_app.configuration.config import Configuration, TokenKeys
from kmip_app.root_keys import token
from kmip_core.ports.crypto import Crypto
from kmip_core.settings import Profile

if TYPE_CHECKING:
    from kmip_adapters.crypto.pkcs11 import Pkcs11Crypto


def make_hsm_stub(configuration: Configuration) -> HsmStub:
    """Return the stand-in for a token."""
    if configuration.ephemeral:
        return HsmStub()
    # A key file of its own, as a token has its own keys: rotating the store's root key leaves it alone.
    folder = configuration.data_directory
    return HsmStub(folder / "hsm_stub.sealed", DirectSealer(KeyFile(folder / "hsm_stub.key")))


def open_pkcs11(configuration: Configuration, processes: Callable[[], ProcessPool]) -> "Pkcs11Crypto":
    """Open the PKCS#11 token.  processes: say whether a call may wait, and run long work."""
    from kmip_adapters.crypto.pkcs11 import Pkcs11Crypto

    def may_wait() -> bool:
        return processes().may_wait  # asked anew each time: it depends on the work under way

    software = SoftwareCrypto(processes())
    if configuration.ephemeral:
        return Pkcs11Crypto(token(configuration), may_wait=may_wait, software=software)
    folder = configuration.data_directory
    journal = folder / ("pkcs11.journal" if configuration.leads else f"pkcs11-w{configuration.worker}.journal")
    # Journals are of one process each. The first one of a server starts alone, and takes over what others have left.
    left_by = sorted(folder.glob("pkcs11-w*.journal")) if configuration.takes_over else ()
    opened = token(configuration)
    return Pkcs11Crypto(opened, journal=journal, left_by=left_by, may_wait=may_wait, software=software)


def put_beside(software: Crypto, token: Crypto | None, token_keys: TokenKeys) -> Crypto:
    """Return software keys alone, or beside those of a token."""
    return software if token is None else SideBySide(software, token, token_by_default=token_keys is TokenKeys.ALL)


def restrict(profile: Profile, crypto: Crypto) -> Crypto:
    """Return the cryptography that a profile allows."""
    return modern(crypto) if profile is Profile.MODERN else crypto
