"""What a handler may use."""

from typing import Final

import pytest
from attrs import evolve

from kmip_core.enums import ObjectType, Operation, ResultReason, UniqueIdentifier
from kmip_core.errors import KmipError
from kmip_core.operation import Group, always, perform_nothing
from kmip_core.operations import CATALOGUE, validate
from kmip_core.policy import USES
from kmip_core.ports.crypto import CryptoCapabilities
from tests.builders import RememberedFaults, a_symmetric_key, an_engine, perform


def test_a_store_that_mixes_up_contents_is_at_fault_and_not_the_client() -> None:
    faults = RememberedFaults()
    record, key = a_symmetric_key("certificate")
    engine = an_engine((evolve(record, object_type=ObjectType.CERTIFICATE), key), faults=faults)

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.VALIDATE, validate.Request(unique_identifiers=("certificate",)))

    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    assert [str(error) for error in faults.errors] == ["the CERTIFICATE holds a SymmetricKey"]


STANDS_FOR: Final = {
    UniqueIdentifier.CERTIFY: (Operation.CERTIFY, "unique_identifier"),
    UniqueIdentifier.CREATE: (Operation.CREATE, "unique_identifier"),
    UniqueIdentifier.CREATE_KEY_PAIR: (Operation.CREATE_KEY_PAIR, "private_key_unique_identifier"),
    UniqueIdentifier.CREATE_KEY_PAIR_PRIVATE_KEY: (Operation.CREATE_KEY_PAIR, "private_key_unique_identifier"),
    UniqueIdentifier.CREATE_KEY_PAIR_PUBLIC_KEY: (Operation.CREATE_KEY_PAIR, "public_key_unique_identifier"),
    UniqueIdentifier.CREATE_SPLIT_KEY: (Operation.CREATE_SPLIT_KEY, "unique_identifiers"),
    UniqueIdentifier.DERIVE_KEY: (Operation.DERIVE_KEY, "unique_identifier"),
    UniqueIdentifier.IMPORT: (Operation.IMPORT, "unique_identifier"),
    UniqueIdentifier.JOIN_SPLIT_KEY: (Operation.JOIN_SPLIT_KEY, "unique_identifier"),
    UniqueIdentifier.LOCATE: (Operation.LOCATE, "unique_identifiers"),
    UniqueIdentifier.REGISTER: (Operation.REGISTER, "unique_identifier"),
    UniqueIdentifier.RE_KEY: (Operation.RE_KEY, "unique_identifier"),
    UniqueIdentifier.RE_CERTIFY: (Operation.RE_CERTIFY, "unique_identifier"),
    UniqueIdentifier.RE_KEY_KEY_PAIR: (Operation.RE_KEY_KEY_PAIR, "private_key_unique_identifier"),
    UniqueIdentifier.RE_KEY_KEY_PAIR_PRIVATE_KEY: (Operation.RE_KEY_KEY_PAIR, "private_key_unique_identifier"),
    UniqueIdentifier.RE_KEY_KEY_PAIR_PUBLIC_KEY: (Operation.RE_KEY_KEY_PAIR, "public_key_unique_identifier"),
    UniqueIdentifier.RE_PROVISION: (Operation.RE_PROVISION, "unique_identifier"),
    UniqueIdentifier.CREATE_USER: (Operation.CREATE_USER, "unique_identifier"),
    UniqueIdentifier.CREATE_GROUP: (Operation.CREATE_GROUP, "unique_identifier"),
    UniqueIdentifier.CREATE_CREDENTIAL: (Operation.CREATE_CREDENTIAL, "unique_identifier"),
}
"""KMIP 2.1 §11.58; written again by hand, so that names alone do not decide what a reference means."""


def test_each_reference_of_the_standard_stands_for_one_field_of_a_response() -> None:
    found = {
        reference: (operation, name)
        for operation, spec in CATALOGUE.items()
        for name, references in spec.references.items()
        for reference in references
    }

    assert found == STANDS_FOR


def test_an_operation_that_runs_no_others_has_nothing_to_run_them_with() -> None:
    with pytest.raises(TypeError):
        perform_nothing(Operation.PING)


def test_operations_that_every_crypto_adapter_can_do_are_always_possible() -> None:
    assert always(CryptoCapabilities())


def test_groups_hold_what_tables_treat_alike() -> None:
    def of(group: Group) -> set[Operation]:
        return {operation for operation, spec in CATALOGUE.items() if spec.group is group}

    assert of(Group.MAKES) | of(Group.RENEWS) == {operation for operation, _ in STANDS_FOR.values()} - {
        Operation.LOCATE,
        Operation.RE_PROVISION,
    } | {Operation.ENCAPSULATE, Operation.DECAPSULATE}  # csd02 has no "last one made by" for them
    assert of(Group.USES_KEYS) < USES
    assert of(Group.SETS_RULES) == {Operation.SET_CONSTRAINTS, Operation.SET_DEFAULTS}
