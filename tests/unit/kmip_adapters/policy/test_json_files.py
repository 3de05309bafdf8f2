"""Policy files under a running server: the last loaded wins, what it hid comes back, broken ones change nothing."""

import json
import logging
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.policy.json_files import JsonPolicies, MissingPolicies
from kmip_core.attributes import Attributes
from kmip_core.enums import ObjectType, Operation
from kmip_core.objects import ManagedObject
from kmip_core.principal import Principal

KEY = ObjectType.SYMMETRIC_KEY
PATIENCE = 120  # seconds; only a hang is this slow


def granting(*operations: str) -> dict[str, Any]:
    return {"preset": {"SYMMETRIC_KEY": dict.fromkeys(operations, "ALLOW_ALL")}}


def write(path: Path, content: dict[str, Any] | bytes) -> None:
    """Replace a file in one step, as a careful editor does, so that each version has another inode."""
    new = path.with_suffix(".new")
    new.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    new.replace(path)


def granted(policies: JsonPolicies, policy_name: str = "p") -> set[str]:
    """Return which of three operations somebody may do to somebody else's key."""
    key = ManagedObject(
        unique_identifier="1",
        object_type=KEY,
        owner="alice",
        attributes=Attributes(operation_policy_name=policy_name),
    )
    bob = Principal(name="bob")
    return {
        operation.name
        for operation in (Operation.GET, Operation.LOCATE, Operation.DESTROY)
        if policies.decide(bob, operation, key).is_allowed
    }


Opener = Callable[..., JsonPolicies]


@pytest.fixture
def opened() -> Iterator[Opener]:
    made: list[JsonPolicies] = []

    def open_policies(path: Path, **settings: Any) -> JsonPolicies:
        made.append(JsonPolicies(path, **{"is_live": False, **settings}))
        return made[-1]

    yield open_policies
    for policies in made:
        policies.close()


def test_all_json_files_of_a_folder_are_read_and_nothing_else(tmp_path: Path, opened: Opener) -> None:
    write(tmp_path / "a.json", {"a": granting("GET")})
    write(tmp_path / "b.json", {"b": granting("LOCATE"), "c": granting()})
    (tmp_path / "c.txt").write_text("{}")
    policies = opened(tmp_path)

    assert policies.names == {"default", "public", "a", "b", "c"}
    assert granted(policies, "a") == {"GET"}
    assert granted(policies, "b") == {"LOCATE"}
    assert policies.visibility(Principal(name="bob")).includes("alice", "b", KEY)
    assert policies.problems == ()


def test_one_file_may_be_named_whatever_its_suffix(tmp_path: Path, opened: Opener) -> None:
    write(tmp_path / "policy.conf", {"a": granting("GET")})
    policies = opened(tmp_path / "policy.conf")

    assert policies.is_known("a")


def test_an_empty_folder_leaves_the_built_in_policies(tmp_path: Path, opened: Opener) -> None:
    assert opened(tmp_path).names == {"default", "public"}


def test_a_missing_path_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(MissingPolicies, match=r"nowhere does not exist; create it or leave the setting out"):
        JsonPolicies(tmp_path / "nowhere")


def test_reserved_names_are_thrown_out_with_a_warning(
    tmp_path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a.json", {"default": granting("GET"), "public": granting("GET"), "p": granting("GET")})
    policies = opened(tmp_path)

    assert granted(policies, "default") == granted(policies, "public") == set()
    assert granted(policies) == {"GET"}
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "Policy 'default' overwrites a reserved policy and will be thrown out.",
        "Policy 'public' overwrites a reserved policy and will be thrown out.",
    ]


def test_the_last_file_in_name_order_wins_and_the_one_before_comes_back(tmp_path: Path, opened: Opener) -> None:
    for name, operation in (("b", "LOCATE"), ("a", "GET"), ("c", "DESTROY")):
        write(tmp_path / f"{name}.json", {"p": granting(operation)})
    policies = opened(tmp_path)

    assert granted(policies) == {"DESTROY"}
    (tmp_path / "c.json").unlink()
    assert policies.refresh()
    assert granted(policies) == {"LOCATE"}
    (tmp_path / "a.json").unlink()  # a hidden one goes: nothing to see
    assert policies.refresh()
    assert granted(policies) == {"LOCATE"}
    (tmp_path / "b.json").unlink()
    assert policies.refresh()
    assert not policies.is_known("p")


def test_a_changed_file_is_loaded_last_and_so_wins(tmp_path: Path, opened: Opener) -> None:
    write(tmp_path / "a.json", {"p": granting("GET")})
    write(tmp_path / "b.json", {"p": granting("LOCATE")})
    policies = opened(tmp_path)
    write(tmp_path / "a.json", {"p": granting("DESTROY")})

    assert policies.refresh()
    assert granted(policies) == {"DESTROY"}
    (tmp_path / "a.json").unlink()
    policies.refresh()
    assert granted(policies) == {"LOCATE"}


def test_an_entry_that_goes_uncovers_the_one_before(tmp_path: Path, opened: Opener) -> None:
    write(tmp_path / "a.json", {"p": granting("GET")})
    write(tmp_path / "b.json", {"p": granting("LOCATE"), "q": granting("GET")})
    policies = opened(tmp_path)
    write(tmp_path / "b.json", {"q": granting("GET")})
    policies.refresh()

    assert granted(policies) == {"GET"}
    assert granted(policies, "q") == {"GET"}


def test_a_hidden_entry_that_goes_does_not_come_back(tmp_path: Path, opened: Opener) -> None:
    """PyKMIP would bring it back: it forgets to look at what is hidden."""
    write(tmp_path / "a.json", {"p": granting("GET")})
    write(tmp_path / "b.json", {"p": granting("LOCATE")})
    policies = opened(tmp_path)
    write(tmp_path / "a.json", {})
    policies.refresh()
    (tmp_path / "b.json").unlink()
    policies.refresh()

    assert not policies.is_known("p")


def test_a_file_that_was_broken_from_the_start_is_logged_as_not_in_force(
    tmp_path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a.json", b"{")

    opened(tmp_path)

    assert (
        caplog.records[-1].getMessage() == f"Failure loading file: {tmp_path / 'a.json'}; its policies are not in force"
    )


def test_a_broken_file_keeps_what_it_said_and_where_it_stood(
    tmp_path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a.json", {"p": granting("GET"), "q": granting("GET")})
    write(tmp_path / "b.json", {"p": granting("LOCATE")})
    policies = opened(tmp_path)
    write(tmp_path / "a.json", b"{")
    policies.refresh()

    assert granted(policies) == {"LOCATE"}
    assert granted(policies, "q") == {"GET"}
    assert [str(problem).rpartition("/")[2] for problem in policies.problems] == [
        "a.json: line 1 column 2: is not JSON: Expecting property name enclosed in double quotes"
    ]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [
        str(policies.problems[0]),
        f"Failure loading file: {tmp_path / 'a.json'}; what it said before stays in force",
    ]
    assert not policies.refresh()  # said once, not at every look
    write(tmp_path / "a.json", {"p": granting("DESTROY")})
    policies.refresh()
    assert granted(policies) == {"DESTROY"}
    assert policies.problems == ()


def test_a_file_broken_from_the_start_grants_nothing_and_stops_nothing(tmp_path: Path, opened: Opener) -> None:
    write(tmp_path / "a.json", {"p": {"SYMMETRIC_KEY": {"GET": "ALLOW_ALL", "GTE": "ALLOW_ALL"}}})
    write(tmp_path / "b.json", {"q": granting("GET")})
    policies = opened(tmp_path)

    assert not policies.is_known("p")
    assert granted(policies, "q") == {"GET"}
    assert len(policies.problems) == 1


def test_a_file_that_cannot_be_opened_is_a_broken_one(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.json").mkdir()
    policies = opened(tmp_path)

    assert [problem.text for problem in policies.problems] == ["cannot be read: Is a directory"]


def test_a_link_to_nothing_is_a_broken_file_until_it_leads_somewhere(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "target")
    policies = opened(tmp_path)

    assert [problem.text for problem in policies.problems] == ["cannot be read: No such file or directory"]
    write(tmp_path / "target", {"p": granting("GET")})
    policies.refresh()
    assert granted(policies) == {"GET"}


def test_a_folder_that_goes_keeps_all_as_it_was_and_says_so_once(
    tmp_path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    write(folder / "a.json", {"p": granting("GET")})
    policies = opened(folder)
    folder.rename(tmp_path / "elsewhere")

    assert not policies.refresh()
    assert not policies.refresh()
    assert granted(policies) == {"GET"}
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        f"policies of {folder} stay as they are: No such file or directory"
    ]
    (tmp_path / "elsewhere").rename(folder)
    write(folder / "a.json", {"p": granting("LOCATE")})
    assert policies.refresh()
    assert granted(policies) == {"LOCATE"}


def test_a_change_of_the_same_size_within_one_tick_of_the_clock_is_seen(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "a.json"
    write(path, {"p": granting("GET")})
    before = path.stat()
    policies = opened(tmp_path)
    write(path, {"q": granting("GET")})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_size == before.st_size
    assert policies.refresh()
    assert policies.names == {"default", "public", "q"}


@pytest.mark.parametrize("form", ["folder", "file"])
@pytest.mark.parametrize("has_watchfiles", [True, False], ids=["watchfiles", "by time"])
def test_changes_are_taken_up_while_running(
    tmp_path: Path, opened: Opener, form: str, has_watchfiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_watchfiles:
        monkeypatch.setitem(sys.modules, "watchfiles", None)  # as where the extra is not installed
    reloaded = threading.Event()
    path = tmp_path / "a.json"
    write(path, {"p": granting("GET")})
    policies = opened(path if form == "file" else tmp_path, is_live=True, on_reload=reloaded.set)
    reloaded.clear()
    write(path, {"p": granting("LOCATE")})

    assert reloaded.wait(PATIENCE)
    assert granted(policies) == {"LOCATE"}


def test_changes_are_taken_up_after_the_folder_was_away(tmp_path: Path, opened: Opener) -> None:
    reloaded = threading.Event()
    folder = tmp_path / "policies"
    folder.mkdir()
    policies = opened(folder, is_live=True, on_reload=reloaded.set)
    reloaded.clear()
    folder.rmdir()
    folder.mkdir()
    write(folder / "a.json", {"p": granting("GET")})

    assert reloaded.wait(PATIENCE)
    assert granted(policies) == {"GET"}


def test_policy_files_are_polled_if_they_cannot_be_watched(
    tmp_path: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(*_: object, **__: object) -> Iterator[None]:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setitem(sys.modules, "watchfiles", types.SimpleNamespace(watch=watch))
    reloaded = threading.Event()
    policies = opened(tmp_path, is_live=True, on_reload=reloaded.set)
    reloaded.clear()
    write(tmp_path / "a.json", {"p": granting("GET")})

    assert reloaded.wait(PATIENCE)
    assert granted(policies) == {"GET"}


def test_nothing_is_taken_up_after_close(tmp_path: Path, opened: Opener) -> None:
    policies = opened(tmp_path, is_live=True)
    policies.close()
    policies.close()
    write(tmp_path / "a.json", {"p": granting("GET")})

    assert "policies" not in {thread.name for thread in threading.enumerate()}
    assert not policies.is_known("p")


def test_readers_see_whole_tables_only_while_files_change(tmp_path: Path, opened: Opener) -> None:
    """Two policies change together in one file: nobody may see one new and the other old within one visibility."""
    path = tmp_path / "a.json"
    write(path, {"p": granting("LOCATE"), "q": granting("LOCATE")})
    policies = opened(tmp_path)
    done = threading.Event()
    seen: set[tuple[bool, bool]] = set()

    def read() -> None:
        while not done.is_set():
            visible = policies.visibility(Principal(name="bob"))
            seen.add((visible.includes("alice", "p", KEY), visible.includes("alice", "q", KEY)))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(40):
        operation = "GET" if turn % 2 else "LOCATE"
        write(path, {"p": granting(operation), "q": granting(operation)})
        policies.refresh()
    done.set()
    reader.join(PATIENCE)

    assert seen <= {(True, True), (False, False)}
