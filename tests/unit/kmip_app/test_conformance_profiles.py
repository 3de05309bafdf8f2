"""Profiles that Query claims: all of them where the cases pass, none without what they need."""

import re
from collections.abc import Collection
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.standard import tables
from kmip_app.capabilities import capabilities_of
from kmip_app.conformance_profiles import (
    CLAIMS,
    MORE_WITH_SYSTEM_OBJECTS,
    Claim,
    claimed,
    claimed_with_system_objects,
)
from kmip_core.enums import Operation, ProfileName, QueryFunction
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import CATALOGUE, query
from kmip_core.ports.crypto import CryptoCapabilities
from kmip_core.structures import ProfileInformation, ProtocolVersion
from tests.builders import ALICE, an_engine
from tests.unit.kmip_adapters.ttlv.builders import CODEC

ABLE = SoftwareCrypto().capabilities
PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.family)
def test_every_case_of_a_claimed_family_passes(claim: Claim) -> None:
    (row,) = re.findall(rf"^\| {claim.family} \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    results = [cell.strip().split("/") for cell in row.split("|") if cell.strip()]

    assert results
    assert all(passed == cases for passed, cases in results)


def families_of_3_0() -> dict[str, bool]:
    """Return the families of the page of conformance that have cases of 3.0, and whether all of them pass."""
    rows = re.findall(r"^\| ([A-Z][A-Z0-9_-]*) \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    cells = {family: row.split("|")[-1].strip().split("/") for family, row in rows if len(row.split("|")) == 8}
    return {family: passed == cases for family, (passed, *rest) in cells.items() for cases in rest}


EVERYTHING = (*CATALOGUE, Operation.NOTIFY, Operation.PUT)


def test_in_3_0_a_whole_server_claims_the_profile_of_every_family_that_passes_and_of_no_other() -> None:
    families = families_of_3_0()
    told = claimed_with_system_objects(EVERYTHING, ABLE, has_administrators=True, has_https=True)
    stems = {claim.family: claim.stem for claim in (*CLAIMS, *MORE_WITH_SYSTEM_OBJECTS)}

    assert len(families) == 12
    assert set(families) == set(stems)
    assert [profile.name for profile in told] == [stem for family, stem in stems.items() if families[family]]
    known = tables.enumeration_values("ProfileName", ProtocolVersion(3, 0))
    assert all(int(profile) in known for profile in told)
    assert len(set(told)) == len(told)


def test_in_3_0_a_baseline_server_has_administrators_and_other_encodings_come_by_https() -> None:
    def told(operations: Collection[Operation] = EVERYTHING, **parts: bool) -> set[ProfileName]:
        given = {"has_administrators": True, "has_https": True, **parts}
        return set(claimed_with_system_objects(operations, ABLE, **given))

    by_https = {ProfileName.HTTPS_SERVER, ProfileName.JSON_SERVER, ProfileName.XML_SERVER}
    assert told() - told(has_administrators=False) == {ProfileName.BASELINE_SERVER}
    assert told() - told(has_https=False) == by_https
    assert told() - told(set(EVERYTHING) - {Operation.LOGIN}) == by_https
    assert ProfileName.BASELINE_SERVER not in told(set(EVERYTHING) - {Operation.CREATE_USER})
    assert ProfileName.PKCS_11_SERVER not in told(set(EVERYTHING) - {Operation.PKCS_11})


@pytest.mark.parametrize("version", [version for version in tables.VERSIONS if version >= (1, 3)], ids=str)
def test_query_tells_each_version_its_own_profiles(version: ProtocolVersion) -> None:
    """A server without administrators is no Baseline Server of 3.0, and is one of 2.1."""
    engine = an_engine(capabilities=capabilities_of(CATALOGUE, SoftwareCrypto(), has_https=True))
    request = query.Request(query_functions=(QueryFunction.QUERY_PROFILES,))
    message = RequestMessage(
        header=RequestHeader(protocol_version=version),
        batch_items=(RequestBatchItem(operation=Operation.QUERY, payload=request),),
    )
    read = CODEC.decode_request(CODEC.encode_request(message))
    (item,) = CODEC.decode_response(CODEC.encode_response(engine.handle(read, ALICE))).batch_items

    told = {information.profile_name for information in item.payload.profile_informations}
    assert (ProfileName.BASELINE_SERVER in told) is (ProtocolVersion(2, 0) <= version < ProtocolVersion(3, 0))
    assert (ProfileName.PKCS_11_SERVER in told) is (version == ProtocolVersion(3, 0))


def test_a_whole_server_claims_every_profile() -> None:
    profiles = claimed(CATALOGUE, ABLE)

    assert profiles == tuple(profile for claim in CLAIMS for profile in claim.profiles)
    assert len(set(profiles)) == len(profiles)


def test_a_server_without_an_operation_a_cipher_or_key_material_claims_fewer_profiles() -> None:
    without_encrypt = claimed(set(CATALOGUE) - {Operation.ENCRYPT}, ABLE)
    without_ciphers = claimed(CATALOGUE, CryptoCapabilities())
    with_handles = claimed(CATALOGUE, evolve(ABLE, exports_key_material=False))

    assert ProfileName.BASIC_CRYPTOGRAPHIC_SERVER not in without_encrypt
    assert ProfileName.RNG_CRYPTOGRAPHIC_SERVER in without_encrypt
    assert set(without_ciphers) == set(with_handles)
    assert ProfileName.SYMMETRIC_KEY_FOUNDRY_SERVER not in without_ciphers
    assert ProfileName.OPAQUE_MANAGED_OBJECT_STORE_SERVER in without_ciphers


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_version_gets_the_names_that_it_defines(version: ProtocolVersion) -> None:
    converter = make_converter(version)
    profiles = claimed(CATALOGUE, ABLE)
    told = tuple(ProfileInformation(profile_name=name) for name in profiles)

    items = converter.get_unstructure_hook(query.Response)(query.Response(profile_informations=told))
    answer = converter.get_structure_hook(query.Response)(items, query.Response)

    known = tables.enumeration_values("ProfileName", version) if version >= ProtocolVersion(1, 3) else ()
    assert [p.profile_name for p in answer.profile_informations] == [name for name in profiles if name in known]
