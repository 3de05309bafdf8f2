"""What every crypto adapter promises (`kmip_core.ports.crypto`), by what it claims; wanted: a fixture `crypto`."""

from kmip_app.testing.contracts.crypto.ciphers import *  # noqa: F403
from kmip_app.testing.contracts.crypto.codes import *  # noqa: F403
from kmip_app.testing.contracts.crypto.derivation import *  # noqa: F403
from kmip_app.testing.contracts.crypto.describing import *  # noqa: F403
from kmip_app.testing.contracts.crypto.encapsulation import *  # noqa: F403
from kmip_app.testing.contracts.crypto.formats import *  # noqa: F403
from kmip_app.testing.contracts.crypto.signatures import *  # noqa: F403
from kmip_app.testing.contracts.crypto.support import aes  # noqa: F401
