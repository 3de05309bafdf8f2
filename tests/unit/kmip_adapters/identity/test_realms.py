"""Which clients are called by their names alone, and that no two clients are called the same."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.identity.realms import KINDS, ClientNames, Realm, authorities_in, kinds_of
from tests.unit.kmip_adapters.identity.authorities import an_authority

OURS = Realm(authorities=["CN=Ours"])


def test_names_of_the_realm_stand_alone() -> None:
    names = ClientNames(OURS)

    assert names.text("alice", "cn", "CN=Ours") == "alice"
    assert names.text("alice", "cn", "CN=Theirs") == "alice <cn; CN=Theirs>"


@pytest.mark.parametrize("name", ["alice <cn; CN=Theirs>", "a <>", " <x>"])
def test_names_that_look_as_if_they_had_a_ca_never_stand_alone(name: str) -> None:
    assert ClientNames(OURS).text(name, "cn", "CN=Ours") == f"{name} <cn; CN=Ours>"


@pytest.mark.parametrize(
    ("name", "kind"), [("urn:disk", "uri"), ("a@example", "email"), ("host.example", "dns"), ("alice", "cn")]
)
def test_a_name_of_several_kinds_stands_alone_as_what_it_looks_like(name: str, kind: str) -> None:
    names = ClientNames(OURS, kinds_of(["san", "cn"]))

    alone = [one for one in names.kinds if names.text(name, one, "CN=Ours") == name]

    assert alone == [kind]


def test_stores_from_before_have_kinds_as_one() -> None:
    names = ClientNames(Realm(authorities=["CN=Ours"], joins_kinds=True), kinds_of(["dns", "cn"]))

    assert names.text("host.example", "cn", "CN=Ours") == names.text("host.example", "dns", "CN=Ours")


@st.composite
def subjects(draw: st.DrawFn) -> str:
    text = draw(st.text(st.sampled_from('ab<>;=,\\" '), min_size=1, max_size=6))
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]).rfc4514_string()


SUBJECTS = st.one_of(st.sampled_from(["CN=Ours", "CN=Theirs"]), subjects())
NAMES = st.one_of(
    st.text(st.sampled_from("ab<>;=,.:@ "), min_size=1, max_size=8),
    st.builds("{} <{}; {}>".format, st.sampled_from(["a", "alice"]), st.sampled_from(KINDS), SUBJECTS),
)
IDENTITIES = st.tuples(NAMES, st.sampled_from(KINDS), SUBJECTS)


@given(
    one=IDENTITIES,
    other=IDENTITIES,
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, unique=True),
    ours=st.sets(SUBJECTS, max_size=1),
)
def test_two_identities_are_never_called_the_same(
    one: tuple[str, str, str], other: tuple[str, str, str], kinds: list[str], ours: set[str]
) -> None:
    names = ClientNames(Realm(authorities=ours), tuple(kinds))

    assert (names.text(*one) == names.text(*other)) == (one == other)


def test_a_new_store_begins_with_the_first_ca() -> None:
    realm = Realm.begun(["CN=One", "CN=Two"], has_objects=False, has_kinds=True)

    assert realm == Realm(authorities=["CN=One"], others=["CN=Two"])


def test_a_store_with_owners_begins_with_all_that_named_them() -> None:
    realm = Realm.begun(["CN=One", "CN=Two"], has_objects=True, has_kinds=True)

    assert realm == Realm(authorities=["CN=One", "CN=Two"], joins_kinds=True)


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        (["CN=Ours"], OURS),
        (["CN=New"], Realm(authorities=["CN=Ours", "CN=New"])),
        (["CN=Ours", "CN=New"], Realm(authorities=["CN=Ours"], others=["CN=New"])),
        (["CN=New", "CN=Newer"], Realm(authorities=["CN=Ours"], others=["CN=New", "CN=Newer"])),
        ([], OURS),
    ],
    ids=["the same", "its successor", "one beside it", "two in its place", "none"],
)
def test_only_a_ca_that_replaces_all_others_comes_into_the_realm(trusted: list[str], expected: Realm) -> None:
    assert OURS.with_trusted(trusted) == expected


def test_a_ca_that_was_beside_the_realm_stays_outside_when_it_is_the_last() -> None:
    assert OURS.with_trusted(["CN=Ours", "CN=New"]).with_trusted(["CN=New"]).authorities == {"CN=Ours"}


@pytest.mark.parametrize(
    ("change", "inside", "outside"),
    [
        (lambda realm: realm.with_authorities(["CN=New"]), {"CN=Ours", "CN=New"}, set()),
        (lambda realm: realm.of_authorities(["CN=New"]), {"CN=New"}, {"CN=Ours"}),
    ],
    ids=["one more", "one alone"],
)
def test_an_operator_says_which_cas_are_the_realm(
    change: Callable[[Realm], Realm], inside: set[str], outside: set[str]
) -> None:
    changed = change(OURS.with_trusted(["CN=Ours", "CN=New"]))

    assert (changed.authorities, changed.others) == (inside, outside)


@pytest.mark.parametrize("joins_kinds", [True, False])
def test_what_is_recorded_is_read_again(joins_kinds: bool) -> None:
    realm = Realm(authorities=["CN=One", 'CN=T\\"wo'], others=["CN=Three"], joins_kinds=joins_kinds)

    assert Realm.from_text(realm.to_text()) == realm


def test_the_ca_above_all_others_counts() -> None:
    root, issuing = an_authority("Root"), an_authority("Issuing", by="Root")

    authorities, above = authorities_in([issuing, root, an_authority("Other")])

    assert authorities == ("CN=Root", "CN=Other")
    assert ClientNames(above=above).authority_of("CN=Issuing") == "CN=Root"
    assert ClientNames(above=above).authority_of("CN=Other") == "CN=Other"


def test_an_issuing_ca_without_its_root_counts_itself() -> None:
    assert authorities_in([an_authority("Issuing", by="Root")]) == (("CN=Issuing",), {})


def test_a_renewed_ca_is_the_same() -> None:
    assert authorities_in([an_authority("Root"), an_authority("Root")]) == (("CN=Root",), {})


def test_certificates_of_clients_vouch_for_nobody_else() -> None:
    assert authorities_in([an_authority("alice", is_ca=False), an_authority("bob", is_ca=None)]) == ((), {})


def test_cas_that_are_above_each_other_come_to_an_end() -> None:
    assert ClientNames(above={"CN=A": "CN=B", "CN=B": "CN=A"}).authority_of("CN=A") in {"CN=A", "CN=B"}
