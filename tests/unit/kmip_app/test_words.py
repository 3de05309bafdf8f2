"""Members by whatever name a test has at hand."""

import enum

import pytest

from kmip_app.words import member
from kmip_core import enums
from kmip_core.enums import Operation, ResultReason
from kmip_core.standard_names import standard_name

ENUMERATIONS = [kind for kind in vars(enums).values() if isinstance(kind, type) and issubclass(kind, enum.Enum)]


class TheirOperation(enum.Enum):
    REKEY = 4
    GET = 10


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        pytest.param(Operation.GET, Operation.GET, id="ok itself"),
        pytest.param("Get", Operation.GET, id="ok as the standard writes it"),
        pytest.param("Create Key Pair", Operation.CREATE_KEY_PAIR, id="ok of several words"),
        pytest.param("CreateKeyPair", Operation.CREATE_KEY_PAIR, id="ok without spaces"),
        pytest.param("MAC_VERIFY", Operation.MAC_VERIFY, id="ok as code writes it"),
        pytest.param(TheirOperation.GET, Operation.GET, id="ok of another library"),
        pytest.param(TheirOperation.REKEY, Operation.RE_KEY, id="ok of another library that spells it otherwise"),
    ],
)
def test_a_name_finds_its_member(given: object, meant: Operation) -> None:
    assert member(Operation, given) is meant


@pytest.mark.parametrize("kind", ENUMERATIONS, ids=lambda kind: kind.__name__)
def test_every_member_is_found_by_the_name_that_people_read_and_by_that_of_code(kind: type[enum.Enum]) -> None:
    """The member 0 is one as well."""
    for one in kind:
        assert member(kind, standard_name(one)) is member(kind, one.name) is one


def test_a_wrong_name_is_reported_with_what_may_have_been_meant() -> None:
    with pytest.raises(ValueError, match=r"'Item Not Fond' is no Result Reason; did you mean Item Not Found\?"):
        member(ResultReason, "Item Not Fond")
    with pytest.raises(
        ValueError, match=r"^'x' is no Operation; write it as the standard does, for example Create, Create Key Pair, "
    ):
        member(Operation, "x")
