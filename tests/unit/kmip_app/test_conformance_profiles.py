"""Profiles that Query claims: all of them where the cases pass, none without what they need."""

import re
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.standard import tables
from kmip_app.conformance_profiles import CLAIMS, Claim, claimed
from kmip_core.enums import Operation, ProfileName
from kmip_core.operations import CATALOGUE, query
from kmip_core.ports.crypto import CryptoCapabilities
from kmip_core.structures import ProfileInformation, ProtocolVersion

ABLE = SoftwareCrypto().capabilities
PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.family)
def test_every_case_of_a_claimed_family_passes(claim: Claim) -> None:
    (row,) = re.findall(rf"^\| {claim.family} \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    # The last column is 3.0, of which no profile is claimed.
    results = [cell.strip().split("/") for cell in row.split("|")[:-1] if cell.strip()]

    assert results
    assert all(passed == cases for passed, cases in results)


def test_a_whole_server_claims_every_profile() -> None:
    profiles = claimed(CATALOGUE, ABLE)

    assert profiles == tuple(profile for claim in CLAIMS for profile in claim.profiles)
    assert len(set(profiles)) == len(profiles)


def test_what_lacks_an_operation_a_cipher_or_the_keys_claims_less() -> None:
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
