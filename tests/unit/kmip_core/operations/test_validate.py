"""Validate: chains given and stored, trusted by registration."""

from typing import Any, Final

import pytest

from kmip_adapters.policy.static import StaticPolicies
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    CertificateType,
    CryptographicAlgorithm,
    ObjectType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    ValidityIndicator,
)
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, OpaqueObject
from kmip_core.operations import archive, register, revoke, validate
from kmip_core.policy import BUILT_IN, OperationPolicy, Permission
from kmip_core.ports.certificates import CertificateContents
from kmip_core.ports.crypto import KeyPair
from kmip_core.structures import RevocationReason
from tests.builders import NOW, an_engine, perform

YEAR: Final = 365 * 24 * 3600
ENGINE: Final = an_engine()
CRYPTO, CERTIFICATES = ENGINE.services.crypto, ENGINE.services.certificates


class Entity:
    """A key with its certificate."""

    def __init__(self, name: str, issuer: "Entity | None" = None, *, is_authority: bool = True, years: int = 1) -> None:
        self.pair: KeyPair = CRYPTO.make_key_pair(CryptographicAlgorithm.EC, 256)
        contents = CertificateContents(
            public_key=self.pair.public_key,
            subject=CERTIFICATES.distinguished_name(f"CN={name}"),
            not_before=NOW - YEAR,
            not_after=NOW + years * YEAR,
            is_authority=is_authority,
        )
        key = self.pair.private_key if issuer is None else issuer.pair.private_key
        above = None if issuer is None else issuer.certificate
        self.certificate: Certificate = CERTIFICATES.make_certificate(contents, above, key)


ROOT: Final = Entity("root", years=3)
MIDDLE: Final = Entity("middle", ROOT, years=2)
LEAF: Final = Entity("leaf", MIDDLE, is_authority=False)
CHAIN: Final = (LEAF.certificate, MIDDLE.certificate, ROOT.certificate)


def kept(engine: Engine, certificate: Certificate, **attributes: Any) -> str:
    request = register.Request(
        object_type=ObjectType.CERTIFICATE, attributes=Attributes(**attributes), managed_object=certificate
    )
    return str(perform(engine, Operation.REGISTER, request).unique_identifier)


def judged(engine: Engine, *certificates: Certificate, **fields: Any) -> ValidityIndicator:
    request = validate.Request(certificates=certificates, **fields)
    indicator: ValidityIndicator = perform(engine, Operation.VALIDATE, request).validity_indicator
    return indicator


@pytest.fixture
def engine() -> Engine:
    engine = an_engine()
    kept(engine, ROOT.certificate)
    return engine


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
def test_a_chain_is_valid_in_any_order_if_its_root_is_registered(engine: Engine, order: tuple[int, ...]) -> None:
    assert judged(engine, *(CHAIN[place] for place in order)) is ValidityIndicator.VALID


def test_a_root_that_is_not_registered_is_not_trusted() -> None:
    assert judged(an_engine(), *CHAIN) is ValidityIndicator.UNKNOWN


def test_stored_and_given_certificates_make_one_chain(engine: Engine) -> None:
    middle = kept(engine, MIDDLE.certificate)

    assert judged(engine, LEAF.certificate, unique_identifiers=(middle,)) is ValidityIndicator.VALID


def test_missing_issuers_are_found_among_what_is_stored(engine: Engine) -> None:
    assert judged(engine, LEAF.certificate, MIDDLE.certificate) is ValidityIndicator.VALID
    assert judged(engine, LEAF.certificate) is ValidityIndicator.UNKNOWN
    kept(engine, MIDDLE.certificate)
    assert judged(engine, LEAF.certificate) is ValidityIndicator.VALID


@pytest.mark.parametrize(
    ("date", "indicator"),
    [
        (NOW - YEAR - 1, ValidityIndicator.INVALID),
        (NOW - YEAR, ValidityIndicator.VALID),
        (NOW + YEAR, ValidityIndicator.VALID),
        (NOW + YEAR + 1, ValidityIndicator.INVALID),
        (2**62, ValidityIndicator.INVALID),
    ],
    ids=["too early", "first second", "last second", "too late", "absurd"],
)
def test_every_certificate_must_be_valid_at_the_date(engine: Engine, date: int, indicator: ValidityIndicator) -> None:
    assert judged(engine, *CHAIN, validity_date=date) is indicator


def test_a_leaf_does_not_issue() -> None:
    with pytest.raises(KmipError) as refused:
        Entity("child", LEAF)
    assert refused.value.reason is ResultReason.INVALID_FIELD


def test_certificates_that_are_not_one_chain_are_invalid(engine: Engine) -> None:
    stranger = Entity("stranger", ROOT, is_authority=False)

    assert judged(engine, stranger.certificate, *CHAIN) is ValidityIndicator.INVALID


def test_a_forged_signature_is_invalid(engine: Engine) -> None:
    forged = bytearray(LEAF.certificate.certificate_value)
    forged[-1] ^= 1

    found = judged(engine, Certificate(certificate_value=bytes(forged)), MIDDLE.certificate, ROOT.certificate)
    assert found is ValidityIndicator.INVALID


def test_an_impostor_of_the_issuer_is_invalid(engine: Engine) -> None:
    impostor = Entity("middle", ROOT)

    assert judged(engine, LEAF.certificate, impostor.certificate, ROOT.certificate) is ValidityIndicator.INVALID


def a_revocation(identifier: str) -> revoke.Request:
    compromised = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    return revoke.Request(unique_identifier=identifier, revocation_reason=compromised)


@pytest.mark.parametrize("revoked", ["middle", "root"])
def test_a_revoked_certificate_makes_the_chain_invalid(revoked: str) -> None:
    engine = an_engine()
    stored = {"middle": kept(engine, MIDDLE.certificate), "root": kept(engine, ROOT.certificate)}
    perform(engine, Operation.REVOKE, a_revocation(stored[revoked]))

    found = judged(engine, LEAF.certificate, unique_identifiers=tuple(stored.values()))
    assert found is ValidityIndicator.INVALID
    if revoked == "root":
        assert judged(engine, *CHAIN) is ValidityIndicator.INVALID


def test_the_validity_of_an_unreadable_certificate_is_unknown(engine: Engine) -> None:
    pgp = Certificate(certificate_type=CertificateType.PGP, certificate_value=b"pgp")

    assert judged(engine, pgp) is ValidityIndicator.UNKNOWN


def test_no_certificates_are_no_chain_and_neither_are_many(engine: Engine) -> None:
    for number in (0, validate.MAXIMUM_CHAIN + 1):
        with pytest.raises(KmipError) as refused:
            judged(engine, *[ROOT.certificate] * number)
        assert refused.value.reason is ResultReason.INVALID_MESSAGE


def test_only_certificates_are_validated(engine: Engine) -> None:
    request = register.Request(object_type=ObjectType.OPAQUE_OBJECT, managed_object=OpaqueObject(b"x"))
    opaque = perform(engine, Operation.REGISTER, request).unique_identifier

    with pytest.raises(KmipError) as refused:
        judged(engine, unique_identifiers=(opaque,))
    assert refused.value.reason is ResultReason.INVALID_OBJECT_TYPE


# --- issuers that are looked for -----------------------------------------------------------------------------------


def test_an_issuer_that_is_archived_or_revoked_is_passed_over_for_the_next_of_its_name(engine: Engine) -> None:
    kept(engine, MIDDLE.certificate)
    archived, revoked = (kept(engine, MIDDLE.certificate) for _ in range(2))
    assert judged(engine, LEAF.certificate) is ValidityIndicator.VALID

    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=archived))
    perform(engine, Operation.REVOKE, a_revocation(revoked))
    assert judged(engine, LEAF.certificate) is ValidityIndicator.VALID


def test_an_issuer_that_is_archived_is_no_help(engine: Engine) -> None:
    middle = kept(engine, MIDDLE.certificate)
    perform(engine, Operation.ARCHIVE, archive.Request(unique_identifier=middle))

    assert judged(engine, LEAF.certificate) is ValidityIndicator.UNKNOWN


def test_an_issuer_that_is_to_be_seen_but_not_read_is_no_help() -> None:
    grants = dict.fromkeys((Operation.REGISTER, Operation.LOCATE), Permission.ALLOW_OWNER)
    seen = OperationPolicy(name="seen", preset={ObjectType.CERTIFICATE: grants})
    engine = an_engine(policy=StaticPolicies({**BUILT_IN, seen.name: seen}))
    kept(engine, ROOT.certificate)
    kept(engine, MIDDLE.certificate, operation_policy_name=seen.name)

    assert judged(engine, LEAF.certificate) is ValidityIndicator.UNKNOWN


def test_a_chain_as_long_as_it_may_be_is_not_completed() -> None:
    engine = an_engine()
    links = [Entity("0", years=3)]
    for number in range(1, validate.MAXIMUM_CHAIN + 1):
        links.append(Entity(str(number), links[-1], years=2))
    kept(engine, links[0].certificate)
    longest = [entity.certificate for entity in links[1:]]

    assert judged(engine, *longest[:-1]) is ValidityIndicator.VALID
    assert judged(engine, *longest) is ValidityIndicator.UNKNOWN


def test_a_root_with_issuer_and_number_of_a_stored_one_is_not_that_one() -> None:
    forged = bytearray(ROOT.certificate.certificate_value)
    forged[-1] ^= 1
    engine = an_engine()
    kept(engine, Certificate(certificate_value=bytes(forged)))

    assert judged(engine, *CHAIN) is ValidityIndicator.UNKNOWN
