"""The vectors for authors of other codecs are what this codec reads and writes, in every encoding alike."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.encoding import BINARY, JSON, XML, Encoding
from kmip_adapters.ttlv.standard import tables
from kmip_core.operations import CATALOGUE
from kmip_core.standard_names import standard_name

FOLDER = Path(__file__).parents[3] / "vectors"
CODEC = Codec(CATALOGUE)
ENCODINGS = {"xml": XML, "json": JSON}


def rows(version: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (FOLDER / f"{version}.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_every_operation_of_a_version_has_a_request_and_a_response(version) -> None:
    present = tables.enumeration_values("Operation", version)
    names = {standard_name(operation) for operation in CATALOGUE if int(operation) in present}

    assert {(row["operation"], row["message"]) for row in rows(str(version))} == {
        (name, message) for name in names for message in ("request", "response")
    }


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_the_three_encodings_of_a_message_say_the_same(version) -> None:
    for row in rows(str(version)):
        is_request = row["message"] == "request"
        decode: Callable[[bytes, Encoding], Any] = CODEC.decode_request if is_request else CODEC.decode_response
        encode: Callable[[Any, Encoding], bytes] = CODEC.encode_request if is_request else CODEC.encode_response
        message = decode(bytes.fromhex(row["ttlv"]), BINARY)

        assert encode(message, BINARY).hex() == row["ttlv"], row["operation"]
        for name, encoding in ENCODINGS.items():
            assert decode(row[name].encode(), encoding) == message, (row["operation"], name)
            assert encode(message, encoding).decode() == row[name], (row["operation"], name)
