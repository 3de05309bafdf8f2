"""Two servers over one database: what one has answered is what the other knows at its next request.

Caches fill when an object is used again and again, so each object is used five times on the other node before it is
changed. KMIPD_NODE_ROUNDS=10000 goes further than the rounds of an everyday run.
"""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
    UsageLimitsUnit,
)
from kmip_core.operations import create, get_attributes, locate, login, logout
from tests import postgresql
from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.test_tickets import Asker
from tests.interop.wire import Parts, attribute
from tests.server import StartedServer, run, running

ROUNDS: Final = int(os.environ.get("KMIPD_NODE_ROUNDS", "240"))
CLIENTS: Final = 4
WITHIN: Final = 120.0  # seconds; a hang limit, not a promise

Nodes = tuple[StartedServer, StartedServer]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two servers; the second was given the root key and the certificates of the first."""
    directory = tmp_path_factory.mktemp("nodes")
    with ExitStack() as resources:
        yield start_two(directory, postgresql.url_for(directory), resources, "--rotation-every", "1")


def start_two(directory: Path, url: str, resources: ExitStack, *more: str) -> Nodes:
    for name in ("a", "b"):
        (directory / name / "data").mkdir(parents=True)
    first = resources.enter_context(running(directory / "a", *arguments(directory / "a", url), *more))
    shutil.copytree(directory / "a" / "data" / "pki", directory / "b" / "data" / "pki")
    shutil.copyfile(directory / "a" / "data" / "root.key", directory / "b" / "data" / "root.key")
    (directory / "b" / "data" / "root.key").chmod(0o600)
    second = resources.enter_context(running(directory / "b", *arguments(directory / "b", url), *more))
    return first, second


def arguments(directory: Path, url: str) -> tuple[str, ...]:
    return ("--data-dir", str(directory / "data"), "--database", url, "--logging_level", "WARNING")


def encrypt(client: Dialogue, identifier: str) -> bytes:
    parameters = ("CryptographicParameters", [
        ("BlockCipherMode", BlockCipherMode.CBC), ("PaddingMethod", PaddingMethod.PKCS5),
    ])  # fmt: skip
    asked: Parts = [("UniqueIdentifier", identifier), parameters, ("Data", b"data"), ("IVCounterNonce", bytes(16))]
    found: bytes = client.do(Operation.ENCRYPT, asked)["Data"].value
    return found


def compromise(client: Dialogue, identifier: str) -> None:
    reason = ("RevocationReason", [("RevocationReasonCode", RevocationReasonCode.KEY_COMPROMISE)])
    client.do(Operation.REVOKE, [("UniqueIdentifier", identifier), reason])


def contact(client: Dialogue, identifier: str) -> str:
    asked: Parts = [("UniqueIdentifier", identifier), ("AttributeName", "Contact Information")]
    found: str = client.do(Operation.GET_ATTRIBUTES, asked)["Attribute/AttributeValue"].value
    return found


def is_refused(call: Callable[..., object], *arguments: object) -> bool:
    try:
        call(*arguments)
    except Refused:
        return True
    return False


def revoked(here: Dialogue, there: Dialogue, identifier: str) -> bool:
    compromise(here, identifier)
    return is_refused(encrypt, there, identifier) and there.state(identifier) == State.COMPROMISED


def destroyed(here: Dialogue, there: Dialogue, identifier: str) -> bool:
    here.revoke(identifier)
    here.destroy(identifier)
    return is_refused(there.material, identifier) and there.state(identifier) == State.DESTROYED


def modified(here: Dialogue, there: Dialogue, identifier: str) -> bool:
    here.do(Operation.MODIFY_ATTRIBUTE, [("UniqueIdentifier", identifier), attribute("Contact Information", "new")])
    return contact(there, identifier) == "new"


CHANGES: Final = (revoked, destroyed, modified)


def test_a_change_on_one_node_is_seen_by_the_other_at_its_next_request(nodes: Nodes) -> None:
    violations: list[str] = []
    failed: list[BaseException] = []
    done: list[int] = []

    def live(number: int) -> None:
        try:
            with Dialogue(nodes[number % 2]) as here, Dialogue(nodes[1 - number % 2]) as there:
                for round_number in range(ROUNDS // CLIENTS):
                    identifier = here.register(f"{number}-{round_number}", os.urandom(32))
                    here.do(
                        Operation.ADD_ATTRIBUTE,
                        [("UniqueIdentifier", identifier), attribute("Contact Information", "old")],
                    )
                    here.activate(identifier)
                    for _ in range(5):
                        there.material(identifier)
                        encrypt(there, identifier)
                        assert contact(there, identifier) == "old"
                    change = CHANGES[round_number % len(CHANGES)]
                    if not change(here, there, identifier):
                        violations.append(f"{change.__name__} {identifier}")
                    done.append(1)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=live, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)

    assert failed == []
    assert violations == []
    assert len(done) == ROUNDS // CLIENTS * CLIENTS


def test_two_nodes_together_spend_no_more_than_a_usage_limit(nodes: Nodes) -> None:
    limit = 30
    with Dialogue(nodes[0]) as client:
        identifier = client.register("limited", os.urandom(32))
        limits = [("UsageLimitsTotal", limit), ("UsageLimitsCount", limit), ("UsageLimitsUnit", UsageLimitsUnit.OBJECT)]
        client.do(Operation.ADD_ATTRIBUTE, [("UniqueIdentifier", identifier), attribute("Usage Limits", limits)])
        client.activate(identifier)
    spent: list[int] = []

    def spend(number: int) -> None:
        with Dialogue(nodes[number % 2]) as client:
            for _ in range(limit):
                if not is_refused(encrypt, client, identifier):
                    spent.append(1)

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)

    assert len(spent) == limit


def test_a_ticket_of_one_node_serves_at_the_other_until_it_ends(tmp_path: Path) -> None:
    with ExitStack() as resources:
        first, second = start_two(tmp_path, postgresql.url_for(tmp_path), resources, "--tickets", "bound")
        here, there = Asker(first), Asker(second)
        identifier = here.a_key()
        ticket = here.ask(Operation.LOGIN, login.Request()).payload.ticket
        counted = there.ask(Operation.LOGIN, login.Request(request_count=3)).payload.ticket

        assert there.get(identifier, ticket) is None
        assert [node.get(identifier, counted) for node in (here, there, here)] == [None] * 3
        assert {node.get(identifier, counted) for node in (here, there)} == {ResultReason.USAGE_LIMIT_EXCEEDED}
        assert there.ask(Operation.LOGOUT, logout.Request(ticket=ticket)).result_reason is None
        assert here.get(identifier, ticket) is ResultReason.INVALID_TICKET


def test_each_node_has_a_chain_of_its_own(nodes: Nodes) -> None:
    folders = [node.output.parent / "data" for node in nodes]
    names = [(folder / "node").read_text().split()[0] for folder in folders]

    assert names[0] != names[1]
    for folder, name in zip(folders, names, strict=True):
        chains = {path.stem for path in (folder / "audit").glob("*.jsonl")}
        assert chains == {name}
        lines = [json.loads(line) for line in (folder / "audit" / f"{name}.jsonl").read_text().splitlines()]
        assert {line["chain"] for line in lines} == {name}


def test_two_nodes_rotate_each_key_once(nodes: Nodes) -> None:
    """Both look for what is due every second: a key that both have rotated would have two of one generation."""
    first, second = Asker(nodes[0]), Asker(nodes[1])
    groups = [f"rotated {number}" for number in range(3)]
    for group in groups:
        attributes = Attributes(
            object_groups=(group,),
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
            rotate_automatic=True,
            rotate_interval=1,
            rotate_offset=0,
        )
        request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)
        assert first.ask(Operation.CREATE, request).result_status is ResultStatus.SUCCESS

    def generations(group: str) -> list[int]:
        of_group = AttributeInstance(reference=AttributeReference(attribute="object_groups"), value=group)
        sought = locate.Request(criteria=(of_group,))
        found = second.ask(Operation.LOCATE, sought).payload.unique_identifiers
        read = (get_attributes.Request(unique_identifier=identifier) for identifier in found)
        answers = (second.ask(Operation.GET_ATTRIBUTES, request).payload.attributes for request in read)
        return sorted(attributes.rotate_generation for attributes in answers)

    for group in groups:
        end = time.monotonic() + WITHIN
        while len(made := generations(group)) < 4 and time.monotonic() < end:
            time.sleep(0.2)
        assert len(made) >= 4
        assert made == list(range(len(made)))


def test_a_node_made_of_a_copy_of_the_whole_data_directory_is_another_node(tmp_path: Path) -> None:
    url = postgresql.url_for(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with running(tmp_path / "a", *arguments(tmp_path / "a", url)) as first, Dialogue(first) as client:
        identifier = client.register("shared", bytes(32))
    shutil.copytree(tmp_path / "a" / "data", tmp_path / "b" / "data")
    with (
        running(tmp_path / "a", *arguments(tmp_path / "a", url)) as first,
        running(tmp_path / "b", *arguments(tmp_path / "b", url)) as second,
        Dialogue(first) as here,
        Dialogue(second) as there,
    ):
        assert there.material(identifier) == bytes(32)
        here.destroy(identifier)
        assert is_refused(there.material, identifier)

    names = {(tmp_path / name / "data" / "node").read_text().split()[0] for name in ("a", "b")}
    assert len(names) == 2


def test_a_chain_that_was_cut_is_found_by_the_head_that_the_database_keeps(tmp_path: Path) -> None:
    url = postgresql.url_for(tmp_path)
    data = tmp_path / "data"
    with running(tmp_path, *arguments(tmp_path, url)) as server, Dialogue(server) as client:
        client.create("one")
    (trail,) = (data / "audit").glob("*.jsonl")
    (data / "anchors" / "anchors.jsonl").unlink()
    asked = ("audit", "verify", "--data-dir", str(data), "--database")
    whole = run(*asked, url)
    trail.write_text("".join(trail.read_text().splitlines(keepends=True)[:-1]))
    cut = run(*asked, url)
    trail.unlink()
    missing = run(*asked, url)
    unreachable = run(*asked, "postgresql+psycopg://kmipd@/none?host=/nowhere")

    assert (whole.returncode, cut.returncode, missing.returncode) == (0, 1, 1)
    assert f"{trail}" in cut.stdout
    assert f"chain {trail.stem} is missing" in missing.stdout
    assert "the heads that the database keeps cannot be read" in unreachable.stderr


def test_a_killed_node_loses_no_audit_record_and_the_other_goes_on(tmp_path: Path) -> None:
    url = postgresql.url_for(tmp_path)
    acknowledged: dict[str, list[str]] = {}
    with ExitStack() as resources:
        first, second = start_two(tmp_path, url, resources)
        for round_number in range(3):
            enough = threading.Event()

            def work(node: StartedServer, label: str, enough: threading.Event = enough) -> None:
                found = acknowledged.setdefault(label, [])
                try:
                    with Dialogue(node) as client:
                        for number in range(10_000):
                            found.append(client.register(f"{label}-{number}", bytes(32)))
                            if number == 10:
                                enough.set()
                except OSError:
                    return

            threads = [
                threading.Thread(target=work, args=(first, f"{round_number}-{number}")) for number in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            assert enough.wait(120)
            first.kill()
            for thread in threads:
                thread.join(120)
            with Dialogue(second) as client:
                for label in [label for label in acknowledged if label.startswith(f"{round_number}-")]:
                    for identifier in acknowledged[label]:
                        assert client.material(identifier) == bytes(32)
            first = resources.enter_context(running(tmp_path / "a", *arguments(tmp_path / "a", url)))
        first.stop()

    trail = "".join(path.read_text() for path in (tmp_path / "a" / "data" / "audit").glob("*.jsonl"))
    missing = [each for found in acknowledged.values() for each in found if each not in trail]
    assert missing == []
