"""Rotation by dates over real processes: one server."""

import time
from typing import Any, Final

from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    LinkType,
    ObjectType,
    Operation,
    RotateNameType,
)
from kmip_core.operations import create, get_attributes
from kmip_core.structures import Name, RotateName
from tests.e2e.conftest import Start
from tests.e2e.test_tickets import Asker

WITHIN: Final = 120.0  # seconds; a hang limit, not a promise


def attributes_of(asker: Asker, identifier: str) -> Any:
    request = get_attributes.Request(unique_identifier=identifier)
    return asker.ask(Operation.GET_ATTRIBUTES, request).payload.attributes


def replacement_of(asker: Asker, identifier: str) -> str:
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        for link in attributes_of(asker, identifier).links:
            if link.link_type is LinkType.REPLACEMENT_OBJECT_LINK:
                return str(link.linked_object_identifier)
        time.sleep(0.05)
    raise AssertionError(f"{identifier} was not rotated")


def test_a_key_is_rotated_by_itself_and_its_name_follows(start: Start) -> None:
    asker = Asker(start("--rotation-every", "1"))
    attributes = Attributes(
        names=(Name(name_value="backups"),),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        rotate_automatic=True,
        rotate_interval=1,
        rotate_offset=0,
        rotate_name=RotateName(rotate_name_value="b", rotate_name_type=RotateNameType.UNINTERPRETED_TEXT_STRING),
    )
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)
    first = asker.ask(Operation.CREATE, request).payload.unique_identifier

    second = replacement_of(asker, first)
    third = replacement_of(asker, second)

    old, new = attributes_of(asker, first), attributes_of(asker, third)
    assert (old.rotate_generation, old.rotate_latest, old.rotate_automatic) == (0, False, False)
    assert new.rotate_generation == 2
    assert new.rotate_name == attributes.rotate_name
    assert (old.names, new.names[0].name_value, new.initial_date > old.initial_date) == ((), "backups", True)
