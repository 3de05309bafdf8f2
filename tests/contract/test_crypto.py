"""What every crypto adapter promises, tried on all of them."""

import pytest

from kmip_app.testing.contracts.crypto import *  # noqa: F403  the promises, with the `crypto` of this module
from tests.contract.crypto_adapters import ADAPTERS


@pytest.fixture(params=list(ADAPTERS.values()), ids=list(ADAPTERS))
def crypto(request):
    return request.param()
