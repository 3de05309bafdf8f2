"""Wrong passwords: what is spent, where, and how it comes back."""

from unittest.mock import Mock

import pytest

from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.identity.throttling import FOR_A_NAME, PasswordThrottle, TooManyGuesses
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.principal import Principal


class Time:
    """A clock of seconds that the test moves."""

    seconds = 1_000_000.0

    def __call__(self) -> int:
        return int(self.seconds * 1000)


def throttle(now: Time) -> PasswordThrottle:
    return PasswordThrottle(RememberedAllowances(), now)


def who(address: str = "192.0.2.1", certificate: str = "client") -> Principal:
    return Principal(name=certificate, address=address)


def taken(made: PasswordThrottle, name: str, principal: Principal, at_most: int = 1_000) -> int:
    """Return how many guesses are allowed before one is refused."""
    for number in range(at_most):
        try:
            made.spend(name, principal)
        except KmipError:
            with pytest.raises(KmipError):
                made.check(name, principal)
            return number
    return at_most


def test_guesses_at_one_name_end_soon_and_at_all_names_together_later() -> None:
    made = throttle(Time())

    assert [taken(made, str(name), who()) for name in range(11)] == [FOR_A_NAME.at_once] * 10 + [0]


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", 0, id="the same"),
        pytest.param("192.0.2.1", "192.0.2.2", 10, id="another"),
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", 0, id="the same in IPv6 clothes"),
        pytest.param("2001:db8::1", "2001:db8::2", 0, id="a neighbour in IPv6, perhaps itself"),
        pytest.param("2001:db8::1", "2001:db8::1%eth0", 0, id="with the interface"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", 10, id="another network"),
        pytest.param("2001:db8::1", "unknown", 10, id="no address"),
    ],
)
def test_guesses_are_counted_for_what_a_host_cannot_change_of_its_address(first: str, second: str, left: int) -> None:
    made = throttle(Time())
    taken(made, "alice", who(first))

    assert taken(made, "alice", who(second)) == left


def test_guesses_are_counted_for_a_certificate() -> None:
    made = throttle(Time())
    taken(made, "alice", who(certificate="one"))

    assert taken(made, "alice", who(certificate="two")) == 10


def test_attempts_come_back_one_by_one() -> None:
    now = Time()
    made = throttle(now)
    taken(made, "alice", who())

    now.seconds += FOR_A_NAME.milliseconds / 1000 * 2.5
    assert taken(made, "alice", who()) == 2
    now.seconds += FOR_A_NAME.milliseconds / 1000 / 2
    assert taken(made, "alice", who()) == 1
    now.seconds += FOR_A_NAME.milliseconds / 1000 * 1_000
    assert taken(made, "alice", who()) == 10


def test_a_refunded_attempt_does_not_count() -> None:
    made = throttle(Time())
    for _ in range(500):
        made.spend("alice", who())
        made.refund("alice", who())

    assert taken(made, "alice", who()) == 10


def test_the_memory_of_guesses_is_bounded() -> None:
    kept = RememberedAllowances(remembered=8)
    made = PasswordThrottle(kept, Time())
    taken(made, "alice", who())
    for number in range(100):
        made.spend("alice" * 10_000, who(f"192.0.2.{number}"))

    assert len(kept._whole_at) == 8
    assert all(len(key) == 64 for key in kept._whole_at)
    assert taken(made, "alice", who("203.0.113.1")) == 10  # nobody is refused for the crowd


def test_the_end_of_an_allowance_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    made = throttle(Time())
    for _ in range(5):
        taken(made, "alice", who())

    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.1: too many wrong passwords; few more are checked"
    ]


def test_a_store_that_cannot_count_is_not_taken_for_a_wrong_password() -> None:
    away = KmipError(ResultReason.GENERAL_FAILURE, "the database is away")
    made = PasswordThrottle(Mock(left=Mock(side_effect=away)))

    with pytest.raises(KmipError, match="away") as caught:
        made.check("alice", who())
    assert not isinstance(caught.value, TooManyGuesses)


def test_a_name_that_is_no_text_is_counted() -> None:
    PasswordThrottle().spend("\ud800", who(certificate="\udfff"))
