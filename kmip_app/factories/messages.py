"""What reads and writes messages; planned once for all servers of a process."""

from collections.abc import Mapping
from functools import cache, partial
from typing import Final

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.framing import RESPONSE_MESSAGE, FrameReader
from kmip_adapters.ttlv.failure_injection import FailingService, PlannedFailures
from kmip_adapters.ttlv.key_values import TtlvKeyValues
from kmip_adapters.ttlv.service import TtlvService, in_every_encoding
from kmip_adapters.ttlv.standard.versions import VERSIONS
from kmip_app.configuration.config import Configuration
from kmip_core.calls import CATALOGUE as CALLS
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion

ANSWER_SIZE: Final = 65_536  # bytes: a client's answers say which operations it has, or nothing


@cache
def planned_codec(versions: tuple[ProtocolVersion, ...] = VERSIONS, pykmip_compatible: bool = False) -> Codec:
    """Return the codec of all servers of this process that speak these versions: to plan one takes long."""
    return Codec(CATALOGUE, versions, pykmip_compatible=pykmip_compatible)


@cache
def planned_key_values() -> TtlvKeyValues:
    """Return what writes key values, for the same reason only once."""
    return TtlvKeyValues()


@cache
def planned_call_codec(versions: tuple[ProtocolVersion, ...] = VERSIONS) -> Codec:
    """Return the codec of what servers of these versions ask of clients."""
    return Codec(CALLS, versions)


def make_framers(configuration: Configuration) -> "partial[FrameReader]":
    """Return what makes a framer for each connection, with the largest request that is read."""
    return partial(FrameReader, configuration.maximum_request_size)


def new_answer_framer() -> FrameReader:
    """Return what cuts the answers of a client that is sent requests."""
    return FrameReader(ANSWER_SIZE, RESPONSE_MESSAGE)


def fail_every_encoding(service: TtlvService, failures: PlannedFailures) -> Mapping[str, FailingService]:
    """Return the services by content type, which fail as is planned."""
    return {name: FailingService(one, failures) for name, one in in_every_encoding(service).items()}
