"""Objects as rows."""

import pytest
from attrs import evolve

from kmip_adapters.storage.sql.rows import MAXIMUM_ATTRIBUTES, changing_columns
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from tests.builders import a_custom, a_symmetric_key


def test_the_attributes_of_an_object_are_bounded_together() -> None:
    key, _ = a_symmetric_key()
    piece = "x" * 65_536
    many = tuple(a_custom(f"ID {number}", piece) for number in range(MAXIMUM_ATTRIBUTES // len(piece)))

    changing_columns(evolve(key, attributes=evolve(key.attributes, custom_attributes=many[:-1])), hides_all=False)
    with pytest.raises(KmipError) as refused:
        changing_columns(evolve(key, attributes=evolve(key.attributes, custom_attributes=many)), hides_all=False)
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
