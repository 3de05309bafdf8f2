"""Quantum Safe is judged by every operation that makes an object or sets the attribute. KMIP 2.1 §4.45."""

from typing import Any

import pytest

from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    AdjustmentType,
    CertificateType,
    DerivationMethod,
    HashingAlgorithm,
    ObjectType,
    Operation,
    ResultReason,
    SplitKeyMethod,
)
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError
from kmip_core.objects import SymmetricKey
from kmip_core.operations import (
    add_attribute,
    adjust_attribute,
    certify,
    create,
    create_key_pair,
    create_split_key,
    derive_key,
    import_,
    join_split_key,
    locate,
    modify_attribute,
    re_key,
    register,
    set_attribute,
)
from kmip_core.procedures.quantum_safety import QUANTUM_SAFE, category_of, check
from kmip_core.structures import CryptographicParameters, DerivationParameters
from tests.builders import a_symmetric_key, an_engine, an_instance, attributes_of, faults_of, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_public_key

SAFE: dict[str, Any] = {"quantum_safe": True}


def identifiers(engine: Engine) -> int:
    """Return how many objects there are."""
    return len(perform(engine, Operation.LOCATE, locate.Request()).unique_identifiers)


def aes(length: int, **more: Any) -> Attributes:
    return Attributes(
        cryptographic_algorithm=Algorithm.AES,
        cryptographic_length=length,
        cryptographic_usage_mask=Mask.ENCRYPT,
        **more,
    )


def making(operation: Operation, is_safe: bool) -> tuple[Engine, Any]:
    """Return an engine and a request that makes an object that says Quantum Safe."""
    bits = 256 if is_safe else 128
    engine = an_engine(
        a_key(material=bytes(bits // 8)), a_symmetric_key("old", cryptographic_length=bits), a_public_key()
    )
    match operation:
        case Operation.CREATE:
            return engine, create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(bits, **SAFE))
        case Operation.CREATE_KEY_PAIR:
            algorithm, length = (Algorithm.ML_DSA_44, None) if is_safe else (Algorithm.EC, 256)
            return engine, create_key_pair.Request(
                common_attributes=Attributes(
                    cryptographic_algorithm=algorithm, cryptographic_length=length, quantum_safe=True
                ),
                private_key_attributes=Attributes(cryptographic_usage_mask=Mask.SIGN),
                public_key_attributes=Attributes(cryptographic_usage_mask=Mask.VERIFY),
            )
        case Operation.REGISTER:
            key = SymmetricKey(Algorithm.AES, bits, bytes(bits // 8))
            return engine, register.Request(
                object_type=ObjectType.SYMMETRIC_KEY, managed_object=key, attributes=aes(bits, **SAFE)
            )
        case Operation.DERIVE_KEY:
            how = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
            return engine, derive_key.Request(
                object_type=ObjectType.SYMMETRIC_KEY,
                unique_identifiers=("key",),
                derivation_method=DerivationMethod.HASH,
                derivation_parameters=DerivationParameters(cryptographic_parameters=how),
                attributes=aes(bits, **SAFE),
            )
        case Operation.RE_KEY:
            return engine, re_key.Request(unique_identifier="key", attributes=Attributes(quantum_safe=True))
        case Operation.JOIN_SPLIT_KEY:
            split = create_split_key.Request(
                object_type=ObjectType.SPLIT_KEY,
                unique_identifier="key",
                split_key_parts=2,
                split_key_threshold=2,
                split_key_method=SplitKeyMethod.XOR,
            )
            parts = perform(engine, Operation.CREATE_SPLIT_KEY, split).unique_identifiers
            return engine, join_split_key.Request(
                object_type=ObjectType.SYMMETRIC_KEY, unique_identifiers=parts, attributes=Attributes(**SAFE)
            )
        case _:
            raise AssertionError(operation)


MAKING = [
    Operation.CREATE,
    Operation.CREATE_KEY_PAIR,
    Operation.REGISTER,
    Operation.DERIVE_KEY,
    Operation.RE_KEY,
    Operation.JOIN_SPLIT_KEY,
]


@pytest.mark.parametrize("operation", MAKING, ids=lambda operation: operation.name)
def test_an_object_said_to_be_quantum_safe_must_be(operation: Operation) -> None:
    engine, request = making(operation, is_safe=True)
    made = perform(engine, operation, request)
    name = getattr(made, "unique_identifier", None) or made.private_key_unique_identifier
    assert attributes_of(engine, name).quantum_safe is True

    engine, request = making(operation, is_safe=False)
    before = identifiers(engine)
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, request)
    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    assert identifiers(engine) == before
    assert not faults_of(engine)


def test_a_certificate_of_an_elliptic_curve_is_not_quantum_safe() -> None:
    engine = an_engine(a_public_key())
    before = identifiers(engine)
    wanted = Attributes(certificate_type=CertificateType.X_509, **SAFE)

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.CERTIFY, certify.Request(unique_identifier="public", attributes=wanted))
    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    assert identifiers(engine) == before


SETTING = {
    Operation.ADD_ATTRIBUTE: lambda: add_attribute.Request(
        unique_identifier="key", new_attribute=an_instance("quantum_safe", True)
    ),
    Operation.SET_ATTRIBUTE: lambda: set_attribute.Request(
        unique_identifier="key", new_attribute=an_instance("quantum_safe", True)
    ),
    Operation.MODIFY_ATTRIBUTE: lambda: modify_attribute.Request(
        unique_identifier="key", new_attribute=an_instance("quantum_safe", True)
    ),
    Operation.ADJUST_ATTRIBUTE: lambda: adjust_attribute.Request(
        unique_identifier="key",
        attribute_reference=AttributeReference(attribute="quantum_safe"),
        adjustment_type=AdjustmentType.NEGATE,
    ),
}


@pytest.mark.parametrize("operation", SETTING, ids=lambda operation: operation.name)
def test_every_way_to_set_the_attribute_judges_it(operation: Operation) -> None:
    present: dict[str, Any] = {} if operation is Operation.ADD_ATTRIBUTE else {"quantum_safe": False}
    safe = an_engine(a_key(material=bytes(32), **present))
    perform(safe, operation, SETTING[operation]())
    assert attributes_of(safe).quantum_safe is True

    unsafe = an_engine(a_key(material=bytes(16), **present))
    with pytest.raises(KmipError) as refused:
        perform(unsafe, operation, SETTING[operation]())
    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    assert attributes_of(unsafe).quantum_safe is (None if operation is Operation.ADD_ATTRIBUTE else False)


@pytest.mark.parametrize("value", [False, None])
def test_false_and_absent_are_not_judged(value: bool | None) -> None:
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(128, quantum_safe=value))

    assert perform(an_engine(), Operation.CREATE, request).unique_identifier


def test_import_does_not_judge() -> None:
    key = SymmetricKey(Algorithm.AES, 128, bytes(16))
    engine = an_engine()
    identifier = engine.services.identifiers.new()
    perform(
        engine,
        Operation.IMPORT,
        import_.Request(
            unique_identifier=identifier,
            object_type=ObjectType.SYMMETRIC_KEY,
            managed_object=key,
            attributes=aes(128, **SAFE),
        ),
    )

    assert attributes_of(engine, identifier).quantum_safe is True


@pytest.mark.parametrize(
    ("algorithm", "length", "category", "is_taken"),
    [
        (Algorithm.AES, 128, 1, True),
        (Algorithm.AES, 256, 5, True),
        (Algorithm.AES, 256, 1, False),
        (Algorithm.HMAC_SHA256, 512, 4, True),
        (Algorithm.HMAC_SHA256, 512, 6, False),
        (Algorithm.HMAC_SHA256, 512, 0, False),
    ],
)
def test_a_security_category_is_that_of_the_algorithm_and_its_length(
    algorithm: Algorithm, length: int, category: int, is_taken: bool
) -> None:
    engine = an_engine()
    attributes = Attributes(
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
        cryptographic_usage_mask=Mask.ENCRYPT,
        nist_security_category=category,
    )
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)
    if is_taken:
        made = perform(engine, Operation.CREATE, request).unique_identifier
        assert attributes_of(engine, made).nist_security_category == category
        return
    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.CREATE, request)
    assert refused.value.reason is ResultReason.INVALID_ATTRIBUTE_VALUE


@pytest.mark.parametrize(
    ("algorithm", "category"),
    [(Algorithm.ML_KEM_768, 3), (Algorithm.ML_DSA_44, 2), (Algorithm.SLH_DSA_SHAKE_256F, 5), (Algorithm.RSA, None)],
)
def test_an_algorithm_of_nist_has_one_category(algorithm: Algorithm, category: int | None) -> None:
    assert category_of(algorithm) == category
    assert category_of(algorithm, 2048, 1) == category


def test_a_post_quantum_key_has_its_category_from_the_server() -> None:
    engine = an_engine()
    common = Attributes(cryptographic_algorithm=Algorithm.ML_DSA_65)
    request = create_key_pair.Request(
        common_attributes=common,
        private_key_attributes=Attributes(cryptographic_usage_mask=Mask.SIGN),
        public_key_attributes=Attributes(cryptographic_usage_mask=Mask.VERIFY),
    )

    made = perform(engine, Operation.CREATE_KEY_PAIR, request)

    for identifier in (made.private_key_unique_identifier, made.public_key_unique_identifier):
        assert attributes_of(engine, identifier).nist_security_category == 3


@pytest.mark.parametrize("algorithm", Algorithm, ids=lambda algorithm: algorithm.name)
def test_quantum_safe_algorithms_have_a_category_and_others_have_none(algorithm: Algorithm) -> None:
    """FIPS 203 to 205 are safe and have one category at every length; symmetric keys by theirs; all others neither."""
    for length in (56, 112, 128, 168, 192, 256, 384, 512, 2048, 4096, 12544):
        category = category_of(algorithm, length)
        attributes = Attributes(cryptographic_algorithm=algorithm, cryptographic_length=length, quantum_safe=True)
        try:
            check(attributes, ObjectType.SYMMETRIC_KEY)
            is_safe = True
        except KmipError:
            is_safe = False

        if algorithm in QUANTUM_SAFE:
            assert (is_safe, category in (1, 2, 3, 5)) == (True, True)
        elif category is not None:
            assert (category, is_safe) in {(1, False), (3, False), (5, True)}
            assert length in (128, 192, 256)
        elif is_safe:
            assert length > 256
