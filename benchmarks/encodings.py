"""Requests per second in JSON and XML beside binary, without a network: decoded, performed over memory, and encoded.

    python -m benchmarks.encodings [--rounds N] [--requests N]

The encodings take turns in each round, every request is another one, and what counts is processor time: other work on
the machine changes the rates, and hardly the ratios. HTTP adds the same to each encoding, and so does TLS.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from kmip_adapters.ttlv.encodings.encoding import BINARY, ENCODINGS, Encoding
from kmip_adapters.ttlv.service import TtlvService, in_every_encoding
from kmip_app.testing import KmipTestServer
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import CryptographicAlgorithm, CryptographicUsageMask, ObjectType, Operation
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import create, get, get_attributes, locate
from kmip_core.ports.steps import run_blocking
from kmip_core.principal import Principal
from kmip_core.structures import Name, ProtocolVersion

VERSION: Final = ProtocolVersion(2, 1)
CLIENT: Final = Principal(name="client")
OBJECTS: Final = 200

Make = Callable[[str, int], Any]
"""Identifier and number of an object -> the payload of a request about it."""


def a_key(number: int, name: str) -> create.Request:
    """Return a request for a key."""
    attributes = Attributes(
        names=(Name(name_value=f"{name} {number}"),),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
    )
    return create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)


def _by_name(number: int) -> locate.Request:
    name = AttributeInstance(
        reference=AttributeReference(attribute="names"), value=Name(name_value=f"key {number % OBJECTS}")
    )
    return locate.Request(criteria=(name,))


CASES: Final[dict[str, tuple[Operation, Make]]] = {
    "Get": (Operation.GET, lambda identifier, number: get.Request(unique_identifier=identifier)),
    "Get Attributes": (
        Operation.GET_ATTRIBUTES,
        lambda identifier, number: get_attributes.Request(unique_identifier=identifier),
    ),
    "Locate by name": (Operation.LOCATE, lambda identifier, number: _by_name(number)),
    "Create": (Operation.CREATE, lambda identifier, number: a_key(number, "new")),
}


def message(operation: Operation, payload: Any) -> RequestMessage:
    """Return a request of one item."""
    item = RequestBatchItem(operation=operation, payload=payload)
    return RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))


def seconds_of(service: TtlvService, frames: Sequence[bytes]) -> float:
    """Return the processor time of answering frames, each of which is new to the service."""
    begun = time.thread_time()
    for frame in frames:
        answer_of(service, frame)
    return time.thread_time() - begun


def answer_of(service: TtlvService, frame: bytes) -> Any:
    """Return the answer of a service to a frame."""
    job = service.open(frame, CLIENT)
    if not isinstance(job.request, RequestMessage):
        raise job.request
    return run_blocking(service.steps(job.request, CLIENT, job.pace))


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=OBJECTS, help="of each encoding and round")
    options = parser.parse_args(arguments)
    with KmipTestServer() as server:
        container: Any = server._server.container
        plain: TtlvService = container.plain_service()
        identifiers = [_made(plain, number) for number in range(OBJECTS)]
        print("| requests/s of one core | " + " | ".join(e.name for e in ENCODINGS.values()) + " |")
        print("|---|" + "---|" * len(ENCODINGS))
        for title, (operation, make) in CASES.items():
            rates = rates_of(plain, operation, make, identifiers, options.rounds, options.requests)
            of_binary = rates[BINARY.name]
            cells = [f"{rate:,.0f} ({rate / of_binary:.2f})" for rate in rates.values()]
            print(f"| {title} | {' | '.join(cells)} |")
    return 0


def rates_of(
    plain: TtlvService, operation: Operation, make: Make, identifiers: Sequence[str], rounds: int, requests: int
) -> dict[str, float]:
    """Return requests per second by encoding: the medians of interleaved rounds."""
    seconds: dict[str, list[float]] = {encoding.name: [] for encoding in ENCODINGS.values()}
    number = 0
    for round_number in range(rounds + 1):  # the first one warms up
        for content_type, service in in_every_encoding(plain).items():  # new ones: nothing is remembered
            encoding: Encoding = ENCODINGS[content_type]
            frames = []
            for _ in range(requests):
                number += 1
                payload = make(identifiers[number % len(identifiers)], number)
                frames.append(plain.codec.encode_request(message(operation, payload), encoding))
            spent = seconds_of(service, frames)
            if round_number:
                seconds[encoding.name].append(spent)
    return {name: requests / statistics.median(found) for name, found in seconds.items()}


def _made(plain: TtlvService, number: int) -> str:
    frame = plain.codec.encode_request(message(Operation.CREATE, a_key(number, "key")))
    identifier: str = plain.codec.decode_response(answer_of(plain, frame)).batch_items[0].payload.unique_identifier
    return identifier


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
