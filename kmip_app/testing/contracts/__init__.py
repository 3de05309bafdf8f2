"""The promises of the ports as tests, for authors of other adapters: every adapter of kmipd is held to them.

    from kmip_app.testing.contracts.storage import *

    @pytest.fixture
    def opener(tmp_path):
        return Opener(MyStore, tmp_path)

Each module tests one port and names the fixtures that it wants. `pip install kmipd[contracts]` brings pytest and
Hypothesis. docs/contracts.md is the manual.
"""
