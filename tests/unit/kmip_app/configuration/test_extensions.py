"""Vendor extensions as settings say them."""

import pytest

from kmip_app.configuration.extensions import EXTENSIONS
from kmip_core.enums import ItemType
from kmip_core.structures import ExtensionInformation

LOCATION = ExtensionInformation(
    extension_name="ACME LOCATION", extension_tag=0x54AA01, extension_type=int(ItemType.TEXT_STRING)
)
ZIP_CODE = ExtensionInformation(
    extension_name="ACME ZIP CODE", extension_tag=0x54AA02, extension_type=int(ItemType.INTEGER)
)


@pytest.mark.parametrize(
    ("text", "extensions"),
    [
        ("", ()),
        ("ACME LOCATION=0x54AA01:TextString", (LOCATION,)),
        ("ACME LOCATION = 0x54aa01 : text string, ACME ZIP CODE=0x54AA02:INTEGER,", (LOCATION, ZIP_CODE)),
        (["ACME ZIP CODE=0x54AA02:integer"], (ZIP_CODE,)),
        ((LOCATION,), (LOCATION,)),
    ],
    ids=["ok none", "ok one", "ok several, loosely", "ok a list", "ok as read before"],
)
def test_extensions_are_read(text: object, extensions: tuple[ExtensionInformation, ...]) -> None:
    assert extensions == EXTENSIONS.read(text)


@pytest.mark.parametrize(
    "text",
    ["ACME", "ACME=0x54AA01", "ACME=0x54AA01:Number", "ACME=0x42000A:Integer", "=0x54AA01:Integer"],
    ids=["fail no tag", "fail no type", "fail unknown type", "fail a tag of the standard", "fail no name"],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="0x54"):
        EXTENSIONS.read(text)


def test_extensions_are_written_as_they_are_read() -> None:
    written = EXTENSIONS.write((LOCATION, ZIP_CODE))

    assert written == "ACME LOCATION=0x54AA01:TextString, ACME ZIP CODE=0x54AA02:Integer"
    assert EXTENSIONS.read(written) == (LOCATION, ZIP_CODE)
