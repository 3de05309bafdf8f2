"""What every clock and every source of identifiers promises (`kmip_core.ports.system`).

Wanted: a fixture `clock`, and a fixture `identifiers`.
"""

import re

from kmip_core.ports.system import Clock, Identifiers


def test_a_clock_returns_whole_seconds_and_does_not_go_back(clock: Clock) -> None:
    times = [clock.now() for _ in range(100)]

    assert all(type(time) is int for time in times)
    assert times == sorted(times)


def test_identifiers_do_not_repeat(identifiers: Identifiers) -> None:
    made = [identifiers.new() for _ in range(5_000)]

    assert len(set(made)) == len(made)


def test_identifiers_are_short_printable_text(identifiers: Identifiers) -> None:
    assert all(re.fullmatch(r"[0-9a-f-]{1,36}", identifiers.new()) for _ in range(100))


def test_an_identifier_has_the_form_of_those_made_here(identifiers: Identifiers) -> None:
    assert all(identifiers.has_form(identifiers.new()) for _ in range(100))
