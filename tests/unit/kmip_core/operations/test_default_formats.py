"""In which format a key comes where none is named: as it was registered, or by Table 81 from 2.0 on (RULINGS 34)."""

from typing import Any

import pytest

from kmip_app.testing.contracts.crypto.uses import hash_of
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    KeyFormatType,
    Operation,
    RecommendedCurve,
)
from kmip_core.objects import PrivateKey
from kmip_core.operations import create_key_pair, export, get, register
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicDomainParameters
from tests.builders import an_engine, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import pair_of

F = KeyFormatType
A = CryptographicAlgorithm


def made(engine: Engine, algorithm: A, length: int, **more: Any) -> tuple[str, str]:
    mask = Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN)
    common = Attributes(cryptographic_algorithm=algorithm, cryptographic_length=length, **more)
    request = create_key_pair.Request(common_attributes=common, private_key_attributes=mask, public_key_attributes=mask)
    pair = perform(engine, Operation.CREATE_KEY_PAIR, request)
    return pair.private_key_unique_identifier, pair.public_key_unique_identifier


def fetched(engine: Engine, identifier: str, operation: Operation = Operation.GET, **form: Any) -> Any:
    request = get.Request if operation is Operation.GET else export.Request
    return perform(engine, operation, request(unique_identifier=identifier, **form)).managed_object.key_block


DEFAULTS = {
    A.EC: (256, (F.PKCS_8, F.X_509), (F.TRANSPARENT_EC_PRIVATE_KEY, F.TRANSPARENT_EC_PUBLIC_KEY)),
    A.DSA: (1024, (F.PKCS_8, F.X_509), (F.TRANSPARENT_DSA_PRIVATE_KEY, F.TRANSPARENT_DSA_PUBLIC_KEY)),
    A.RSA: (1024, (F.PKCS_1, F.PKCS_1), (F.PKCS_1, F.PKCS_1)),
}


@pytest.mark.parametrize("operation", [Operation.GET, Operation.EXPORT], ids=lambda operation: operation.name)
@pytest.mark.parametrize("algorithm", DEFAULTS, ids=lambda algorithm: algorithm.name)
def test_a_key_made_here_comes_in_the_default_format_of_the_version(algorithm: A, operation: Operation) -> None:
    length, old, new = DEFAULTS[algorithm]
    engine = an_engine()
    identifiers = made(engine, algorithm, length)

    for identifier, before, since in zip(identifiers, old, new, strict=True):
        assert fetched(engine, identifier, operation).key_format_type is before
        block = fetched(engine, identifier, operation, prefers_transparent_keys=True)
        assert block.key_format_type is since
        named = {digest.key_format_type for digest in attributes_of(engine, identifier).digests}
        assert {before, since} <= named


def test_the_digest_is_that_of_the_material_that_is_given() -> None:
    engine = an_engine()
    identifier, _ = made(engine, A.EC, 256)

    structure = fetched(engine, identifier, prefers_transparent_keys=True).key_value.key_material
    encoded = engine.services.key_values.encode_key_material(structure, _version(engine))

    expected = hash_of(engine.services.crypto, HashingAlgorithm.SHA_256, encoded)
    digests = {digest.key_format_type: digest.digest_value for digest in attributes_of(engine, identifier).digests}
    assert digests[F.TRANSPARENT_EC_PRIVATE_KEY] == expected


def _version(engine: Engine) -> Any:
    return engine.services.capabilities.protocol_versions[0]


def test_a_format_that_was_named_when_the_key_was_made_stays() -> None:
    engine = an_engine()
    request = create_key_pair.Request(
        common_attributes=Attributes(cryptographic_algorithm=A.EC, cryptographic_length=256),
        private_key_attributes=Attributes(
            cryptographic_usage_mask=CryptographicUsageMask.SIGN, key_format_type=F.PKCS_8
        ),
        public_key_attributes=Attributes(
            cryptographic_usage_mask=CryptographicUsageMask.VERIFY, key_format_type=F.X_509
        ),
    )
    pair = perform(engine, Operation.CREATE_KEY_PAIR, request)

    block = fetched(engine, pair.private_key_unique_identifier, prefers_transparent_keys=True)
    assert block.key_format_type is F.PKCS_8


def test_a_registered_key_comes_as_it_was_registered() -> None:
    engine = an_engine()
    key = pair_of(A.EC, 256).private_key
    assert isinstance(key, PrivateKey)
    request = register.Request(object_type=key.object_type, managed_object=key)
    identifier = perform(engine, Operation.REGISTER, request).unique_identifier

    assert fetched(engine, identifier, prefers_transparent_keys=True) == key.key_block


def test_a_format_that_is_named_is_given() -> None:
    engine = an_engine()
    identifier, _ = made(engine, A.EC, 256)

    block = fetched(engine, identifier, prefers_transparent_keys=True, key_format_type=F.PKCS_8)
    assert block.key_format_type is F.PKCS_8


def test_in_pykmip_mode_keys_come_as_they_were_made() -> None:
    engine = an_engine(settings=Settings(pykmip_compatible=True))
    identifier, _ = made(engine, A.EC, 256)

    assert fetched(engine, identifier, prefers_transparent_keys=True).key_format_type is F.PKCS_8


@pytest.mark.parametrize(
    ("algorithm", "domain"),
    [
        (A.ED25519, None),
        (A.EC, CryptographicDomainParameters(recommended_curve=RecommendedCurve.CURVE25519)),
        (A.ECDH, CryptographicDomainParameters(recommended_curve=RecommendedCurve.CURVE448)),
    ],
    ids=["Ed25519", "Curve25519", "Curve448"],
)
def test_a_curve_without_a_transparent_format_keeps_its_own(
    algorithm: A, domain: CryptographicDomainParameters | None
) -> None:
    engine = an_engine()
    length = 448 if domain and domain.recommended_curve is RecommendedCurve.CURVE448 else 256
    identifier, _ = made(engine, algorithm, length, cryptographic_domain_parameters=domain)

    assert fetched(engine, identifier, prefers_transparent_keys=True).key_format_type is F.PKCS_8
