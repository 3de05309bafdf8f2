"""Writes test vectors for authors of KMIP codecs: a message of every operation and version, in every encoding.

    python -m tools.generate_vectors [--output DIRECTORY]

One JSON object a line, a file for each version: operation, `message` (request or response), and the same message as
TTLV in hex, as XML and as JSON. What is in the fields is made up from their types, with a fixed seed; a message stands
for its form, not for an answer that a server would give.
"""

import argparse
import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.encoding import BINARY, JSON, XML, Encoding
from kmip_adapters.ttlv.encodings.items import UnwritableText
from kmip_adapters.ttlv.standard import tables
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.operations import CATALOGUE
from kmip_core.standard_names import standard_name
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.strategies import instances

OUTPUT = Path(__file__).resolve().parents[1] / "tests" / "vectors"
TIME = 1_800_000_000
Encode = Callable[[Any, Encoding], bytes]


def drawn(cls: type, version: ProtocolVersion, number: int) -> list[Any]:
    """Return instances of a payload, the same for the same number, the richest first."""
    found: list[Any] = []

    @seeded(number)
    @settings(
        max_examples=12, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def draw(data: Any) -> None:
        found.append(data.draw(instances(cls, version)))

    draw()
    return sorted(found, key=lambda value: len(repr(value)), reverse=True)


def vectors(version: ProtocolVersion, codec: Codec) -> Iterator[dict[str, str]]:
    """Yield the vectors of one version, a request and a response for each operation that it has."""
    present = tables.enumeration_values("Operation", version)
    for operation, spec in CATALOGUE.items():
        if int(operation) not in present:
            continue
        requests = (
            RequestMessage(
                header=RequestHeader(protocol_version=version),
                batch_items=(RequestBatchItem(operation=operation, payload=payload),),
            )
            for payload in drawn(spec.request, version, 2 * int(operation))
        )
        responses = (
            ResponseMessage(
                header=ResponseHeader(protocol_version=version, time_stamp=TIME),
                batch_items=(ResponseBatchItem(operation=operation, payload=payload),),
            )
            for payload in drawn(spec.response, version, 2 * int(operation) + 1)
        )
        name = standard_name(operation)
        yield {
            "operation": name,
            "message": "request",
            **_encoded(requests, codec.encode_request, codec.decode_request),
        }
        yield {
            "operation": name,
            "message": "response",
            **_encoded(responses, codec.encode_response, codec.decode_response),
        }


def _encoded(messages: Iterable[Any], encode: Encode, decode: Callable[[bytes, Encoding], Any]) -> dict[str, str]:
    """Return the first message that every encoding can carry: XML has no control characters."""
    for message in messages:
        with contextlib.suppress(UnwritableText):
            xml = encode(message, XML)
            if decode(xml, XML) == message:
                return {
                    "ttlv": encode(message, BINARY).hex(),
                    "xml": xml.decode(),
                    "json": encode(message, JSON).decode(),
                }
    raise SystemExit("no message of a dozen can be written in every encoding")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIRECTORY")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    codec = Codec(CATALOGUE)
    for version in tables.VERSIONS:
        with (output / f"{version}.jsonl").open("w", encoding="utf-8") as file:
            for row in vectors(version, codec):
                file.write(json.dumps(row, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
