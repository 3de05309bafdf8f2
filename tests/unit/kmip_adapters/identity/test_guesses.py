"""Wrong passwords: what is spent, where, and how it comes back."""

import pytest

from kmip_adapters.identity.guesses import FOR_A_NAME, Guesses
from kmip_core.errors import KmipError
from kmip_core.principal import Principal


class Time:
    """A clock of seconds that the test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def who(address: str = "192.0.2.1", certificate: str = "client") -> Principal:
    return Principal(name=certificate, address=address)


def taken(made: Guesses, name: str, principal: Principal, at_most: int = 1_000) -> int:
    """Return how many guesses are allowed before one is refused."""
    for number in range(at_most):
        try:
            made.take(name, principal)
        except KmipError:
            with pytest.raises(KmipError):
                made.check(name, principal)
            return number
    return at_most


def test_guesses_at_one_name_end_soon_and_at_all_names_together_later() -> None:
    made = Guesses(Time())

    assert [taken(made, str(name), who()) for name in range(11)] == [FOR_A_NAME.at_once] * 10 + [0]


@pytest.mark.parametrize(
    ("address", "left"),
    [
        pytest.param("192.0.2.1", 0, id="the same"),
        pytest.param("192.0.2.2", 10, id="another"),
        pytest.param("::ffff:192.0.2.1", 0, id="the same in IPv6 clothes"),
    ],
)
def test_guesses_are_counted_for_an_address(address: str, left: int) -> None:
    made = Guesses(Time())
    taken(made, "alice", who("192.0.2.1"))

    assert taken(made, "alice", who(address)) == left


@pytest.mark.parametrize(
    ("address", "left"),
    [
        pytest.param("2001:db8::2", 0, id="a neighbour, perhaps itself"),
        pytest.param("2001:db8::1%eth0", 0, id="with the interface"),
        pytest.param("2001:db8:0:1::1", 10, id="another network"),
        pytest.param("unknown", 10, id="no address"),
    ],
)
def test_a_host_has_a_whole_network_of_addresses_in_ipv6(address: str, left: int) -> None:
    made = Guesses(Time())
    taken(made, "alice", who("2001:db8::1"))

    assert taken(made, "alice", who(address)) == left


def test_guesses_are_counted_for_a_certificate() -> None:
    made = Guesses(Time())
    taken(made, "alice", who(certificate="one"))

    assert taken(made, "alice", who(certificate="two")) == 10


def test_what_is_spent_comes_back_one_by_one() -> None:
    now = Time()
    made = Guesses(now)
    taken(made, "alice", who())

    now.seconds += FOR_A_NAME.seconds * 2.5
    assert taken(made, "alice", who()) == 2
    now.seconds += FOR_A_NAME.seconds / 2
    assert taken(made, "alice", who()) == 1
    now.seconds += FOR_A_NAME.seconds * 1_000
    assert taken(made, "alice", who()) == 10


def test_what_is_given_back_was_not_spent() -> None:
    made = Guesses(Time())
    for _ in range(500):
        made.take("alice", who())
        made.give_back("alice", who())

    assert taken(made, "alice", who()) == 10


def test_the_memory_of_guesses_is_bounded() -> None:
    made = Guesses(Time(), remembered=8)
    taken(made, "alice", who())
    for number in range(100):
        made.take("alice" * 10_000, who(f"192.0.2.{number}"))

    assert len(made._spent) == 8
    assert all(len(key) == 32 for key in made._spent)
    assert taken(made, "alice", who("203.0.113.1")) == 10  # nobody is refused for the crowd


def test_the_end_of_an_allowance_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    made = Guesses(Time())
    for _ in range(5):
        taken(made, "alice", who())

    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.1: too many wrong passwords; few more are listened to"
    ]
