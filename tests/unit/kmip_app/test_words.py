"""Members by whatever name a test has at hand."""

import enum

import pytest

from kmip_app.words import member
from kmip_core.enums import Operation, ResultReason


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


def test_a_wrong_name_is_reported_with_what_may_have_been_meant() -> None:
    with pytest.raises(ValueError, match=r"'Item Not Fond' is no Result Reason; did you mean Item Not Found\?"):
        member(ResultReason, "Item Not Fond")
    with pytest.raises(
        ValueError, match=r"^'x' is no Operation; write it as the standard does, for example Create, Create Key Pair, "
    ):
        member(Operation, "x")
