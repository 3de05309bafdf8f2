"""How a request uses a key that has Cryptographic Parameters of its own: what is remembered is as if found anew."""

from typing import Any

import pytest
from attrs import fields_dict
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_core.attributes import Attributes
from kmip_core.enums import BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod, ResultReason
from kmip_core.errors import KmipError
from kmip_core.procedures import key_use
from kmip_core.structures import CryptographicParameters as Parameters
from tests.rounds import rounds

FEW_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "block_cipher_mode": st.sampled_from([BlockCipherMode.CBC, BlockCipherMode.GCM]),
    "padding_method": st.sampled_from([PaddingMethod.PKCS5, PaddingMethod.NONE]),
    "hashing_algorithm": st.sampled_from([HashingAlgorithm.SHA_1, HashingAlgorithm.SHA_256]),
    "cryptographic_algorithm": st.sampled_from([CryptographicAlgorithm.AES, CryptographicAlgorithm.RSA]),
    "tag_length": st.sampled_from([4, 16]),
    "iv_length": st.sampled_from([1, 12]),
    "random_iv": st.booleans(),
    "p_source": st.sampled_from([b"", b"p"]),
    "context_string": st.sampled_from([b"", b"c"]),
}
PARAMETERS = st.fixed_dictionaries({}, optional=FEW_VALUES).map(lambda chosen: Parameters(**chosen))


def outcome(call: Any, *arguments: Any) -> Parameters | ResultReason:
    try:
        found: Parameters = call(*arguments)
    except KmipError as refusal:
        return refusal.reason
    return found


@settings(max_examples=rounds(300, nightly=5_000))
@given(st.none() | PARAMETERS, st.lists(PARAMETERS, min_size=1, max_size=6).map(tuple))
def test_what_is_remembered_is_what_it_would_be_anew(wanted: Parameters | None, own: tuple[Parameters, ...]) -> None:
    attributes = Attributes(cryptographic_parameters=own)

    expected = outcome(key_use._used_by, wanted, own)
    for _ in range(2):
        found = outcome(key_use.parameters_of, wanted, attributes)
        assert expected == found
        if isinstance(expected, Parameters) and isinstance(found, Parameters):
            for name in fields_dict(Parameters):
                assert type(getattr(expected, name)) is type(getattr(found, name))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_use, "MOST_USED", 8)
    for length in range(100):
        key_use.parameters_of(Parameters(counter_length=length), Attributes(cryptographic_parameters=(Parameters(),)))

    assert 0 < len(key_use._used) <= 8


@pytest.mark.parametrize(
    ("wanted", "own"),
    [
        pytest.param(Parameters(context_string=b"c" * 100), (Parameters(),), id="long text of a request"),
        pytest.param(None, (Parameters(p_source=b"p" * 100),), id="long text of a key"),
        pytest.param(None, (Parameters(),) * 5, id="a key with many"),
    ],
)
def test_what_clients_make_long_is_not_remembered(wanted: Parameters | None, own: tuple[Parameters, ...]) -> None:
    key_use._used.clear()
    key_use.parameters_of(wanted, Attributes(cryptographic_parameters=own))

    assert not key_use._used
