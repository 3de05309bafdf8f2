"""Bytes that clients make the server hold."""

from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.transport.byte_budget import ByteBudget


def test_an_identity_has_spent_its_budget_until_it_frees_some() -> None:
    budget: ByteBudget[str] = ByteBudget(100, 1_000)
    budget.hold("alice", "a1", 60)
    assert not budget.is_spent_by("alice")

    budget.hold("alice", "a2", 40)
    assert budget.is_spent_by("alice")
    assert not budget.is_spent_by("bob")

    budget.hold("alice", "a1", 10)
    assert not budget.is_spent_by("alice")


def test_the_oldest_of_who_holds_most_gives_way() -> None:
    budget: ByteBudget[str] = ByteBudget(100, 100)
    budget.hold("alice", "a1", 30)
    budget.hold("bob", "b1", 30)
    budget.hold("bob", "b2", 40)
    assert budget.oldest_of_greatest() is None

    budget.hold("alice", "a2", 1)
    budget.hold("bob", "b1", 31)  # does not become younger

    assert budget.oldest_of_greatest() == "b1"
    budget.hold("bob", "b1", 0)
    assert budget.oldest_of_greatest() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.integers(0, 9)), max_size=60))
def test_the_sums_are_those_of_what_is_held(steps: list[tuple[str, int, int]]) -> None:
    budget: ByteBudget[tuple[str, int]] = ByteBudget(10, 20)
    held: dict[tuple[str, int], int] = {}
    for identity, number, count in steps:
        holder = (identity, number)
        budget.hold(identity, holder, count)
        held[holder] = count

        assert budget.total == sum(held.values())
        for name in "abc":
            assert budget.is_spent_by(name) == (sum(n for (who, _), n in held.items() if who == name) >= 10)

    for identity, number in held:
        budget.hold(identity, (identity, number), 0)
    assert budget.total == 0
    assert budget._held == {}
    assert not budget._of_identity
