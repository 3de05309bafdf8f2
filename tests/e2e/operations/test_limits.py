"""What an operator limits, as its clients and its log see it."""

import json
import re
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.operations.conftest import Start, eventually


def test_a_quota_of_objects_holds_for_every_way_to_make_one_and_is_raised_in_the_running_server(
    start: Start, tmp_path: Path
) -> None:
    quotas = tmp_path / "quotas.json"
    quotas.write_text(json.dumps({"identities": {"kmipd-client": {"objects": 2}, "client": {"objects": 2}}}))
    server = start("--quotas-path", str(quotas), "--objects-per-owner", "2", "--admin-address", "127.0.0.1:0")
    with Dialogue(server) as client:
        first, _ = client.create("one"), client.create("two")
        for way in (
            lambda: client.create("three"),
            lambda: client.register("three", bytes(16)),
            lambda: client.register_secret("three", b"secret"),
            lambda: client.create_pair("three"),
        ):
            with pytest.raises(Refused, match="2 objects of 2 that it may have"):
                way()
        assert client.locate("three") == []
        client.activate(first)
        client.revoke(first)

        ready = json.loads((server.output.parent / "ready.json").read_text())
        with urllib.request.urlopen(f"http://{ready['admin']}/metrics") as answer:
            counted = re.search(rb"^kmipd_quota_refusals_total (\d+)", answer.read(), re.MULTILINE)
        assert counted is not None
        assert int(counted[1]) == 4
        assert "objects" in server.output.read_text()

        named = "client"
        quotas.write_text(json.dumps({"identities": {named: {"objects": 5}, "kmipd-client": {"objects": 5}}}))

        def has_room() -> bool:
            try:
                client.create("three")
            except Refused:
                return False
            return True

        eventually(has_room, "the raised quota")
