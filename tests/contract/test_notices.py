"""The promises of ports/notices.py, on every store."""

from kmip_app.testing.contracts.notices import *  # noqa: F403  the promises, on every store
from tests.contract.test_storage import opener  # noqa: F401
