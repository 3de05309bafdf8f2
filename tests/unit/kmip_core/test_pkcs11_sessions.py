"""The state of PKCS#11 applications: bounded, of one principal, and for a time."""

import pytest

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.pkcs11_sessions import LIFETIME, MAXIMUM_PER_PRINCIPAL, Applications


def test_an_application_ends_when_it_is_not_used() -> None:
    applications = Applications()
    applications.begin(b"1", "alice", 0)

    assert applications.find(b"1", "alice", LIFETIME - 1) is not None
    assert applications.find(b"1", "alice", 2 * LIFETIME - 2) is not None  # each request gives it a new hour
    assert applications.find(b"1", "alice", 3 * LIFETIME) is None
    assert applications.find(None, "alice", 0) is None


def test_the_oldest_application_of_a_principal_gives_way() -> None:
    applications = Applications()
    for number in range(MAXIMUM_PER_PRINCIPAL + 1):
        applications.begin(str(number).encode(), "alice", 0)
    applications.begin(b"bob's", "bob", 0)

    assert applications.find(b"0", "alice", 0) is None
    assert applications.find(b"1", "alice", 0) is not None
    assert applications.find(b"bob's", "alice", 0) is None


def test_all_applications_are_bounded_and_the_expired_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_core.pkcs11_sessions.MAXIMUM_APPLICATIONS", 1)
    applications = Applications()
    applications.begin(b"1", "alice", 0)
    with pytest.raises(KmipError) as caught:
        applications.begin(b"2", "bob", 1)

    assert caught.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
    applications.begin(b"2", "bob", LIFETIME)
    assert applications.find(b"2", "bob", LIFETIME) is not None
