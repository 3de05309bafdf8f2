"""`kmipd user` and `kmipd group`: administrators keep the users of a server from the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip_adapters.identity.passwords import hash_line
from kmip_app.cli import system_objects
from kmip_app.client import KmipClient, OperationFailed
from kmip_app.testing import KmipTestServer
from kmip_core.enums import LinkType, ObjectClassMask, ResultReason
from kmip_core.structures import NameReference
from tests.builders import a_name, an_instance
from tests.unit.kmip_app.cli.conftest import Shell, options_of


@pytest.fixture(scope="module")
def administered() -> Iterator[KmipTestServer]:
    with KmipTestServer(administrators=["client"]) as server:
        yield server


@pytest.fixture
def server(administered: KmipTestServer) -> KmipTestServer:
    administered.reset()
    return administered


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("first secret\n")
    return file


def authenticates(server: KmipTestServer, name: str, password: str) -> bool:
    """Whether a client with a certificate of another name may work as this user."""
    other = server.client_certificate("other")
    files = (other.cert, other.key, other.ca)
    try:
        with KmipClient(server.host, server.port, *files, username=name, password=password) as client:
            client.create("AES", 128)
    except OperationFailed as refused:
        if refused.reason is not ResultReason.AUTHENTICATION_NOT_SUCCESSFUL:
            raise
        return False
    return True


def test_a_user_lives_its_life(kmipd: Shell, server: KmipTestServer, password: Path, tmp_path: Path) -> None:
    kmipd("group", "add", "auditors")
    identifier = kmipd("user", "add", "carol", "--password-file", password, "--group", "auditors")

    assert kmipd("user", "list").split("\t") == ["carol", identifier, "yes", "auditors", "Password"]
    assert authenticates(server, "carol", "first secret")
    assert not authenticates(server, "carol", "guess")

    changed = tmp_path / "changed"
    changed.write_text("second secret")
    kmipd("user", "set-password", "carol", "--password-file", changed)

    assert authenticates(server, "carol", "second secret")
    assert not authenticates(server, "carol", "first secret")
    assert kmipd.json("user", "show", "carol")["credentials"] == ["Password"]

    kmipd("user", "disable", "carol")
    kmipd("user", "disable", "carol")
    assert kmipd.json("user", "show", "carol")["enabled"] is False
    assert not authenticates(server, "carol", "second secret")
    kmipd("user", "enable", "carol")
    assert authenticates(server, "carol", "second secret")

    kmipd("user", "disable", "carol")
    kmipd("user", "remove", "carol", "--yes")
    assert kmipd("user", "list") == ""
    assert kmipd.code("user", "show", "carol")[0] == 1
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca, version="3.0") as client:
        assert (
            client.locate(
                object_type="Password Credential", object_class_mask=ObjectClassMask.SYSTEM
            ).unique_identifiers
            == ()
        )


def test_a_user_by_certificate_has_no_password(kmipd: Shell, server: KmipTestServer, password: Path) -> None:
    dave = server.client_certificate("dave")
    kmipd("user", "add", "dave", "--certificate", dave.cert)
    assert kmipd.json("user", "show", "dave")["credentials"] == ["Certificate"]
    kmipd("user", "set-password", "dave", "--password-file", password)

    assert kmipd.json("user", "show", "dave")["credentials"] == ["Certificate", "Password"]


def test_an_administrator_does_not_become_another_user_by_mistake(
    kmipd: Shell, server: KmipTestServer, password: Path
) -> None:
    """With its own certificate as that of a user it would be no administrator any more, and could not undo it."""
    code, out, err = kmipd.code("user", "add", "dave", "--certificate", server.cert, "--password-file", password)

    assert (code, out) == (2, "")
    assert err == (
        f"kmipd: --certificate: {server.cert} is the certificate of this connection, which would be the user dave from"
        " now on; name that of dave, or connect with the certificate of another administrator\n"
    )
    assert kmipd("user", "list") == ""


def test_an_administrator_may_become_a_user_of_its_own_name(kmipd: Shell, server: KmipTestServer) -> None:
    kmipd("user", "add", "client", "--certificate", server.cert)

    assert kmipd.json("user", "show", "client")["credentials"] == ["Certificate"]


@pytest.mark.parametrize("is_disabled", [False, True])
def test_a_certificate_that_a_user_has_is_given_to_no_other(
    kmipd: Shell, server: KmipTestServer, is_disabled: bool
) -> None:
    """A certificate of two users authenticates neither."""
    dave = server.client_certificate("dave").cert
    kmipd("user", "add", "dave", "--certificate", dave)
    if is_disabled:
        kmipd("user", "disable", "dave")

    code, out, err = kmipd.code("user", "add", "erin", "--certificate", dave)

    assert (code, out) == (1, "")
    assert err == (
        f"kmipd: --certificate: {dave} is the certificate of the user dave; one that two users have authenticates"
        " neither\n"
    )
    assert kmipd("user", "list").split("\t")[0] == "dave"

    kmipd("user", "remove", "dave", "--yes")
    kmipd("user", "add", "erin", "--certificate", dave)
    assert kmipd.json("user", "show", "erin")["credentials"] == ["Certificate"]


def test_a_certificate_that_clients_keep_is_in_nobody_s_way(kmipd: Shell, server: KmipTestServer) -> None:
    dave = server.client_certificate("dave").cert
    kmipd("cert", "register", dave)

    kmipd("user", "add", "dave", "--certificate", dave)

    assert kmipd.json("user", "show", "dave")["credentials"] == ["Certificate"]


def test_a_user_that_cannot_be_made_leaves_no_credential(kmipd: Shell, server: KmipTestServer, password: Path) -> None:
    kmipd("user", "add", "carol", "--password-file", password)
    code, _, err = kmipd.code("user", "add", "carol", "--password-file", password)

    assert (code, "another User is named 'carol'" in err) == (1, True)
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca, version="3.0") as client:
        assert (
            len(
                client.locate(
                    object_type="Password Credential", object_class_mask=ObjectClassMask.SYSTEM
                ).unique_identifiers
            )
            == 1
        )


def test_a_credential_of_two_users_stays_until_the_second_is_gone(
    kmipd: Shell, server: KmipTestServer, password: Path
) -> None:
    from kmip_app.cli import system_objects
    from kmip_core.enums import LinkType

    kmipd("user", "add", "carol", "--password-file", password)
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca, version="3.0") as client:
        (shared,) = client.locate(
            object_type="Password Credential", object_class_mask=ObjectClassMask.SYSTEM
        ).unique_identifiers
        client.create_user(attributes=system_objects.named("erin", [(LinkType.CREDENTIAL_LINK, shared)]))
    kmipd("user", "remove", "carol", "--yes")

    assert authenticates(server, "erin", "first secret")


def test_groups_have_members_and_groups_above_them(kmipd: Shell, password: Path) -> None:
    for name in ("carol", "dave"):
        kmipd("user", "add", name, "--password-file", password)
    kmipd("group", "add", "staff")
    kmipd("group", "add", "auditors", "--parent", "staff")
    kmipd("group", "add-member", "auditors", "carol", "dave")
    kmipd("group", "add-member", "auditors", "carol")

    rows = {row["name"]: row for row in kmipd.json("group", "list")}
    assert rows["auditors"]["members"] == ["carol", "dave"]
    assert rows["auditors"]["parents"] == ["staff"]

    kmipd("group", "remove-member", "auditors", "dave")
    kmipd("group", "remove-member", "auditors", "dave")
    assert kmipd.json("group", "show", "auditors")["members"] == ["carol"]

    kmipd("group", "remove", "staff", "--yes")
    kmipd("group", "remove", "auditors", "--yes")
    assert kmipd("group", "list") == ""
    assert kmipd.json("user", "show", "carol")["groups"] == []


def test_the_files_of_passwords_and_groups_are_taken_over(
    kmipd: Shell, server: KmipTestServer, password: Path, tmp_path: Path
) -> None:
    passwords, groups = tmp_path / "passwords", tmp_path / "groups.json"
    passwords.write_text("# users\n" + hash_line("carol", "of the file") + "\n" + hash_line("dave", "another") + "\n")
    groups.write_text(json.dumps({"carol": ["auditors", "staff"], "dave": [], "nobody here": ["staff"]}))
    kmipd("user", "add", "dave", "--password-file", password)

    assert kmipd("user", "import", "--passwords", passwords).splitlines() == ["carol\tadded", "dave\tis there already"]
    assert authenticates(server, "carol", "of the file")
    assert authenticates(server, "dave", "first secret")
    assert kmipd("user", "import", "--passwords", passwords, "--replace").splitlines()[1] == "dave\treplaced"
    assert authenticates(server, "dave", "another")

    for _ in range(2):
        code, out, _ = kmipd.code("group", "import", groups)
        assert (code, out.splitlines()[-1]) == (1, "nobody here\tno such user")
    assert kmipd.json("user", "show", "carol")["groups"] == ["auditors", "staff"]
    assert kmipd.json("user", "show", "dave")["groups"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", "x", "--password-file", "missing"),
        ("user", "add", "x", "--certificate", "missing"),
        ("user", "import", "--passwords", "missing"),
        ("group", "import", "missing"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_file_that_is_missing_is_named(kmipd: Shell, words: tuple[str, ...]) -> None:
    code, _, err = kmipd.code(*words)

    assert (code, "missing" in err) == (2, True)


def test_other_clients_see_no_users(server: KmipTestServer, kmipd: Shell, shell: type, password: Path) -> None:
    kmipd("user", "add", "carol", "--password-file", password)
    other = server.client_certificate("other")
    stranger = shell(*options_of(server)[:4], "--cert", other.cert, "--key", other.key, "--ca", other.ca)

    assert stranger("user", "list") == ""
    for words in (
        ("user", "add", "mallory", "--password-file", password),
        ("user", "set-password", "carol", "--password-file", password),
        ("user", "disable", "carol"),
        ("user", "remove", "carol", "--yes"),
        ("group", "add", "rich"),
    ):
        assert stranger.code(*words)[0] == 1, words
    assert authenticates(server, "carol", "first secret")


def test_users_and_groups_that_are_linked_by_name_are_shown_and_taken_out(
    kmipd: Shell, server: KmipTestServer, password: Path, tmp_path: Path
) -> None:
    kmipd("group", "add", "staff")
    kmipd("user", "add", "carol", "--password-file", password, "--group", "staff")
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca, version="3.0") as client:
        (credential,) = client.locate(
            object_type="Password Credential", object_class_mask=ObjectClassMask.SYSTEM
        ).unique_identifiers
        client.add_attribute(credential, new_attribute=an_instance("names", a_name("of erin")))
        links = [
            (LinkType.CREDENTIAL_LINK, NameReference("of erin")),
            (LinkType.CREDENTIAL_LINK, NameReference("nothing")),
            (LinkType.GROUP_LINK, NameReference("staff")),
        ]
        client.create_user(attributes=system_objects.named("erin", links))
        parent = system_objects.link(LinkType.PARENT_LINK, NameReference("staff"))
        below = client.create_group(attributes=system_objects.named("below")).unique_identifier
        client.add_attribute(below, new_attribute=parent)
    assert authenticates(server, "erin", "first secret")

    shown = kmipd.json("user", "show", "erin")
    assert (shown["groups"], shown["credentials"]) == (["staff"], ["Password", "missing"])
    assert kmipd.json("group", "show", "staff")["members"] == ["carol", "erin"]
    assert kmipd.json("group", "show", "below")["parents"] == ["staff"]

    changed = tmp_path / "changed"
    changed.write_text("second secret")
    kmipd("user", "set-password", "erin", "--password-file", changed)
    assert authenticates(server, "erin", "second secret")
    assert not authenticates(server, "erin", "first secret")
    assert authenticates(server, "carol", "first secret")

    kmipd("group", "add-member", "staff", "erin")
    kmipd("group", "remove-member", "staff", "erin")
    assert kmipd.json("user", "show", "erin")["groups"] == []
    kmipd("group", "remove", "staff", "--yes")
    assert kmipd.json("group", "show", "below")["parents"] == []
