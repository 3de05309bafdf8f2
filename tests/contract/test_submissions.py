"""The promises of ports/submissions.py, on every store."""

from kmip_app.testing.contracts.submissions import *  # noqa: F403  the promises, on every store
from tests.contract.test_storage import opener  # noqa: F401
