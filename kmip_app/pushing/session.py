"""One conversation in which the server asks and a client answers."""

from typing import Any, Final

from attrs import field

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.standard.versions import FACTS
from kmip_core.classes import define
from kmip_core.enums import EndpointRole, Operation, QueryFunction, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem, ResponseMessage
from kmip_core.operations import discover_versions, query, set_endpoint_role
from kmip_core.ports.transport import Peer, PeerLost, SwappedConnection
from kmip_core.structures import ProtocolVersion

OLDEST_THAT_DISCOVERS: Final = ProtocolVersion(1, 1)


@define
class Session:
    """Asks a client, in a version that it speaks, for what it can do.

    seconds: for each answer.  operations: what the client says it supports; None if it has not said it.
    """

    peer: Peer
    codec: Codec
    seconds: float
    version: ProtocolVersion = field(init=False)
    operations: frozenset[Operation] | None = field(default=None, init=False)

    def begin(self) -> None:
        """Find out which version to speak, and which operations the client has.  Raises PeerLost."""
        self.version = self.peer.version or self._discovered()
        asked = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
        answer = self.ask(Operation.QUERY, asked)
        if answer.result_status is ResultStatus.SUCCESS and answer.payload is not None and answer.payload.operations:
            self.operations = frozenset(answer.payload.operations)

    def supports(self, operation: Operation) -> bool:
        """Return whether the client has the operation, as far as it says."""
        return self.operations is None or operation in self.operations

    def ask(self, operation: Operation, payload: Any) -> ResponseBatchItem:
        """Return the client's answer, a failure too.  Raises PeerLost for what is no answer."""
        (item,) = self._exchange(operation, payload, self.version).batch_items
        return item

    def give_back(self, connection: SwappedConnection) -> bool:
        """Have the client play the client again on its own connection; returns whether it does.

        Only of a client that lists Set Endpoint Role.  Raises PeerLost.  KMIP 2.1 §6.2.5; RULINGS 57.
        """
        if self.operations is None or Operation.SET_ENDPOINT_ROLE not in self.operations:
            return False
        request = set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)
        frame = self._encoded(Operation.SET_ENDPOINT_ROLE, request, self.version)
        return self._takes_role(connection.give_back(frame, self._takes_role, self.seconds))

    def _takes_role(self, frame: bytes) -> bool:
        try:
            items = self.codec.decode_response(frame).batch_items
        except KmipError:
            return False
        return [(i.operation, i.result_status) for i in items] == [
            (Operation.SET_ENDPOINT_ROLE, ResultStatus.SUCCESS)
        ] and (items[0].payload is not None and items[0].payload.endpoint_role is EndpointRole.CLIENT)

    def _encoded(self, operation: Operation, payload: Any, version: ProtocolVersion) -> bytes:
        message = RequestMessage(
            header=RequestHeader(protocol_version=version, batch_order_option=FACTS[version].batch_order),
            batch_items=(RequestBatchItem(operation=operation, payload=payload),),
        )
        return self.codec.encode_request(message)

    def _exchange(self, operation: Operation, payload: Any, version: ProtocolVersion) -> ResponseMessage:
        frame = self._encoded(operation, payload, version)
        try:
            response = self.codec.decode_response(self.peer.exchange(frame, self.seconds))
        except KmipError as error:
            self.peer.close()
            raise PeerLost(f"the answer cannot be read: {error.message[:200]}") from error
        if len(response.batch_items) != 1 or response.batch_items[0].operation not in (operation, None):
            self.peer.close()
            raise PeerLost("the answer is not to the request")
        return response

    def _discovered(self) -> ProtocolVersion:
        """Ask in the newest version; a client that does not know it answers in one that it has. KMIP 2.1 §6.2.1."""
        spoken = tuple(sorted(self.codec.versions, reverse=True))
        asked = discover_versions.Request(protocol_versions=spoken)
        if spoken[0] < OLDEST_THAT_DISCOVERS:
            return spoken[0]
        response = self._exchange(Operation.DISCOVER_VERSIONS, asked, spoken[0])
        (item,) = response.batch_items
        if item.result_status is not ResultStatus.SUCCESS or item.payload is None:
            return response.header.protocol_version
        known = [version for version in item.payload.protocol_versions if version in spoken]
        return known[0] if known else response.header.protocol_version
