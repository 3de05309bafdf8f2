"""Sign and Signature Verify."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    Operation,
    PaddingMethod,
    ResultReason,
    ValidityIndicator,
)
from kmip_core.errors import KmipError
from kmip_core.operations import hash, sign, signature_verify
from kmip_core.structures import CryptographicParameters as Parameters
from tests.builders import an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_private_key, a_public_key

PSS = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)
BY_NAME = Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION)
DATA = b"a text"


def signed(engine: Engine, **fields: Any) -> bytes:
    request = sign.Request(**{"unique_identifier": "private", **fields})
    response = perform(engine, Operation.SIGN, request)
    assert response.unique_identifier == "private"
    signature = response.signature_data
    assert isinstance(signature, bytes)
    return signature


def validity(engine: Engine, **fields: Any) -> ValidityIndicator:
    request = signature_verify.Request(**{"unique_identifier": "public", **fields})
    response: signature_verify.Response = perform(engine, Operation.SIGNATURE_VERIFY, request)
    assert response.validity_indicator is not None
    return response.validity_indicator


def refusal(call: Any, *arguments: Any, **fields: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        call(*arguments, **fields)
    return caught.value.reason


@pytest.mark.parametrize("how", [PSS, BY_NAME], ids=["padding and hash", "algorithm by name"])
def test_a_signature_is_valid_for_its_data_only(how: Parameters) -> None:
    engine = an_engine(a_private_key(), a_public_key())

    signature = signed(engine, cryptographic_parameters=how, data=DATA)

    told = {"cryptographic_parameters": how, "signature_data": signature}
    assert validity(engine, data=DATA, **told) is ValidityIndicator.VALID
    assert validity(engine, data=b"another", **told) is ValidityIndicator.INVALID


@pytest.mark.parametrize(
    ("algorithm", "length"),
    [
        pytest.param(CryptographicAlgorithm.EC, 256, id="ECDSA"),
        pytest.param(CryptographicAlgorithm.ED25519, None, id="Ed25519"),
        pytest.param(CryptographicAlgorithm.ML_DSA_65, None, id="ML-DSA-65"),
    ],
)
def test_other_kinds_of_keys_sign_without_parameters(algorithm: CryptographicAlgorithm, length: int | None) -> None:
    engine = an_engine(a_private_key(algorithm, length), a_public_key(algorithm, length))

    signature = signed(engine, data=DATA)

    assert validity(engine, data=DATA, signature_data=signature) is ValidityIndicator.VALID


@pytest.mark.parametrize(
    "algorithm",
    [CryptographicAlgorithm.ML_DSA_44, CryptographicAlgorithm.ML_DSA_65, CryptographicAlgorithm.ML_DSA_87],
    ids=lambda algorithm: algorithm.name,
)
def test_a_signature_of_ml_dsa_is_bound_to_its_context(algorithm: CryptographicAlgorithm) -> None:
    engine = an_engine(a_private_key(algorithm, None), a_public_key(algorithm, None))
    contexts = (None, b"", b"one", b"two", bytes(255))

    for context in contexts:
        signature = signed(engine, data=DATA, cryptographic_parameters=Parameters(context_string=context))
        for other in contexts:
            how = Parameters(context_string=other)
            verdict = validity(engine, data=DATA, signature_data=signature, cryptographic_parameters=how)
            assert (verdict is ValidityIndicator.VALID) is ((context or b"") == (other or b""))


@pytest.mark.parametrize("call", [signed, validity], ids=["Sign", "Signature Verify"])
def test_a_context_that_a_key_does_not_take_is_refused(call: Any) -> None:
    for algorithm, length, padding_method in (
        (CryptographicAlgorithm.RSA, 2048, PaddingMethod.PSS),
        (CryptographicAlgorithm.EC, 256, None),
        (CryptographicAlgorithm.ED25519, None, None),
    ):
        engine = an_engine(a_private_key(algorithm, length), a_public_key(algorithm, length))
        given = Parameters(
            context_string=b"one", padding_method=padding_method, hashing_algorithm=HashingAlgorithm.SHA_256
        )
        fields: dict[str, Any] = {"data": DATA, "cryptographic_parameters": given}
        if call is validity:
            fields["signature_data"] = b"s"
        assert refusal(call, engine, **fields) is ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS

    ml_dsa = CryptographicAlgorithm.ML_DSA_44
    engine = an_engine(a_private_key(ml_dsa, None), a_public_key(ml_dsa, None))
    fields = {"data": DATA, "cryptographic_parameters": Parameters(context_string=bytes(256))}
    if call is validity:
        fields["signature_data"] = b"s"
    assert refusal(call, engine, **fields) is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS


def test_a_context_of_the_key_is_that_of_its_signatures() -> None:
    ml_dsa = CryptographicAlgorithm.ML_DSA_65
    private, content = a_private_key(ml_dsa, None)
    own = private.attributes.but(cryptographic_parameters=(Parameters(context_string=b"mine"),))
    engine = an_engine((evolve(private, attributes=own), content), a_public_key(ml_dsa, None))

    signature = signed(engine, data=DATA)

    for context, verdict in ((b"mine", ValidityIndicator.VALID), (None, ValidityIndicator.INVALID)):
        how = Parameters(context_string=context)
        assert validity(engine, data=DATA, signature_data=signature, cryptographic_parameters=how) is verdict
    other = Parameters(context_string=b"other")
    reason = refusal(signed, engine, data=DATA, cryptographic_parameters=other)
    assert reason is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS


def test_a_digest_can_be_signed_and_verified_instead_of_its_data() -> None:
    engine = an_engine(a_private_key(), a_public_key())
    hashing = hash.Request(cryptographic_parameters=Parameters(hashing_algorithm=HashingAlgorithm.SHA_256), data=DATA)
    digest = perform(engine, Operation.HASH, hashing).data

    signature = signed(engine, cryptographic_parameters=PSS, digested_data=digest)

    told = {"cryptographic_parameters": PSS, "signature_data": signature}
    assert validity(engine, data=DATA, **told) is ValidityIndicator.VALID
    assert validity(engine, digested_data=digest, **told) is ValidityIndicator.VALID


@pytest.mark.parametrize("call", [signed, validity], ids=["Sign", "Signature Verify"])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({}, ResultReason.INVALID_MESSAGE, id="fail no data"),
        pytest.param({"data": DATA, "digested_data": bytes(32)}, ResultReason.INVALID_FIELD, id="fail both"),
    ],
)
def test_either_data_or_digest(call: Any, fields: dict[str, Any], reason: ResultReason) -> None:
    engine = an_engine(a_private_key(), a_public_key())

    assert refusal(call, engine, cryptographic_parameters=PSS, **fields) is reason


def test_a_signature_must_be_given_at_last() -> None:
    engine = an_engine(a_public_key())
    begun = perform(
        engine,
        Operation.SIGNATURE_VERIFY,
        signature_verify.Request(unique_identifier="public", cryptographic_parameters=PSS, init_indicator=True),
    )

    assert refusal(validity, engine, cryptographic_parameters=PSS, data=DATA) is ResultReason.INVALID_FIELD
    assert (
        refusal(validity, engine, correlation_value=begun.correlation_value, final_indicator=True)
        is ResultReason.INVALID_FIELD
    )


def test_a_key_signs_by_its_own_parameters_if_the_request_has_none() -> None:
    engine = an_engine(a_private_key(cryptographic_parameters=(PSS,)), a_public_key())

    signature = signed(engine, data=DATA)

    assert validity(engine, data=DATA, signature_data=signature, cryptographic_parameters=PSS) is (
        ValidityIndicator.VALID
    )


@pytest.mark.parametrize(
    ("call", "key", "kind"),
    [
        pytest.param(signed, "public", a_public_key, id="Sign with a public key"),
        pytest.param(validity, "private", a_private_key, id="Signature Verify with a private key"),
    ],
)
def test_the_other_half_does_not_do(call: Any, key: str, kind: Any) -> None:
    engine = an_engine(kind())

    assert refusal(call, engine, unique_identifier=key, cryptographic_parameters=PSS, data=DATA) is (
        ResultReason.INVALID_OBJECT_TYPE
    )


@pytest.mark.parametrize(
    ("call", "kind"),
    [pytest.param(signed, a_private_key, id="Sign"), pytest.param(validity, a_public_key, id="Signature Verify")],
)
def test_the_mask_must_allow_it(call: Any, kind: Any) -> None:
    engine = an_engine(kind(cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT))

    assert refusal(call, engine, cryptographic_parameters=PSS, data=DATA) is (
        ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK
    )
