"""The promises of ports/key_forms.py and ports/certificates.py, on every adapter."""

from collections.abc import Callable
from typing import Final

import pytest

from kmip_adapters.crypto.software.certificates import SoftwareCertificates
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_adapters.ttlv.key_values import TtlvKeyValues
from kmip_app.testing.contracts.key_forms import *  # noqa: F403  the promises, with the fixtures of this module
from kmip_core.ports.certificates import Certificates
from kmip_core.ports.key_forms import KeyForms, KeyValueEncoder

FORMS: Final[dict[str, Callable[[], KeyForms]]] = {"software": SoftwareKeyForms}
CERTIFICATES: Final[dict[str, Callable[[], Certificates]]] = {"software": SoftwareCertificates}
ENCODERS: Final[dict[str, Callable[[], KeyValueEncoder]]] = {"ttlv": TtlvKeyValues}


@pytest.fixture(params=FORMS.values(), ids=list(FORMS))
def forms(request: pytest.FixtureRequest) -> KeyForms:
    made: KeyForms = request.param()
    return made


@pytest.fixture(params=CERTIFICATES.values(), ids=list(CERTIFICATES))
def certificates(request: pytest.FixtureRequest) -> Certificates:
    made: Certificates = request.param()
    return made


@pytest.fixture(params=ENCODERS.values(), ids=list(ENCODERS), scope="module")
def encoder(request: pytest.FixtureRequest) -> KeyValueEncoder:
    made: KeyValueEncoder = request.param()
    return made
