"""Versions, fail-over and retries, with servers that are scripted step by step."""

from collections.abc import Callable
from typing import Any

import pytest

from kmip_app.client.conversation import (
    REPEATABLE,
    VERSIONS,
    Address,
    Connect,
    Conversation,
    Disconnect,
    Exchange,
    StaleConnection,
    Step,
    codec_of,
    is_repeatable,
)
from kmip_app.client.errors import (
    NoCommonVersion,
    NotInVersion,
    OperationFailed,
    OutcomeUnknown,
    ServerUnreachable,
    UnreadableAnswer,
)
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import (
    RequestBatchItem,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    failure,
)
from kmip_core.operations import CATALOGUE, activate, discover_versions, hash, query
from kmip_core.structures import CryptographicParameters, ProtocolVersion

A, B = Address("a.example", 5696), Address("::1", 5697)
V10, V11, V14, V20, V21 = (ProtocolVersion(*numbers) for numbers in ((1, 0), (1, 1), (1, 4), (2, 0), (2, 1)))
QUERY = query.Request(query_functions=())
ACTIVATE = activate.Request(unique_identifier="1")
PAYLOADS = {Operation.QUERY: query.Response(), Operation.ACTIVATE: activate.Response(unique_identifier="1")}


class Server:
    """Speaks `versions`; `has_discovery` False is a server of 1.0.  fails: errors for the next exchanges."""

    def __init__(self, *versions: ProtocolVersion, has_discovery: bool = True) -> None:
        self.versions = versions
        self.has_discovery = has_discovery
        self.fails: list[OSError | None] = []
        self.is_down = False
        self.connections = 0
        self.asked: list[RequestMessage] = []

    def answer(self, frame: bytes) -> bytes:
        if self.fails and (error := self.fails.pop(0)) is not None:
            raise error
        for version in self.versions:
            try:
                request = codec_of(version).decode_request(frame)
            except KmipError:
                continue
            self.asked.append(request)
            return self._respond(version, [self._item(item) for item in request.batch_items])
        refusal = KmipError(ResultReason.UNSUPPORTED_PROTOCOL_VERSION, "another version")
        return self._respond(self.versions[0], [failure(refusal)])

    def _item(self, item: RequestBatchItem) -> ResponseBatchItem:
        operation: Any = item.operation
        if operation is Operation.DISCOVER_VERSIONS:
            if not self.has_discovery:
                return failure(KmipError(ResultReason.OPERATION_NOT_SUPPORTED, "no"), item)
            common = tuple(v for v in self.versions if v in item.payload.protocol_versions)
            return ResponseBatchItem(operation=operation, payload=discover_versions.Response(protocol_versions=common))
        return ResponseBatchItem(operation=operation, payload=PAYLOADS[operation])

    def _respond(self, version: ProtocolVersion, items: list[ResponseBatchItem]) -> bytes:
        header = ResponseHeader(protocol_version=version, time_stamp=0)
        return codec_of(version).encode_response(ResponseMessage(header=header, batch_items=tuple(items)))


class Driver:
    """Does the steps of a conversation with scripted servers."""

    def __init__(self, servers: dict[Address, Server]) -> None:
        self.servers = servers
        self.server: Server | None = None
        self.steps: list[Step] = []

    def run(self, steps: Any) -> Any:
        try:
            step = next(steps)
            while True:
                self.steps.append(step)
                try:
                    answer = self.do(step)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            return end.value

    def do(self, step: Step) -> bytes:
        if isinstance(step, Connect):
            self.server = self.servers[step.address]
            if self.server.is_down:
                raise ConnectionRefusedError("refused")
            self.server.connections += 1
        elif isinstance(step, Disconnect):
            self.server = None
        elif isinstance(step, Exchange):
            assert self.server is not None
            return self.server.answer(step.frame)
        return b""


@pytest.mark.parametrize(
    ("server", "agreed"),
    [
        pytest.param(lambda: Server(*reversed(VERSIONS)), VERSIONS[0], id="ok the newest of both"),
        pytest.param(lambda: Server(V10, V11, V14), V14, id="ok a server of 1.x"),
        pytest.param(lambda: Server(V10, V11), V11, id="ok a server of 1.1"),
        pytest.param(lambda: Server(V14), V14, id="ok a server of 1.4 alone"),
        pytest.param(lambda: Server(V20, V21), V21, id="ok a server that has given up 1.x"),
        pytest.param(lambda: Server(V20), V20, id="ok a server of 2.0 alone"),
        pytest.param(lambda: Server(V10, has_discovery=False), V10, id="ok a server of 1.0"),
        pytest.param(lambda: Server(V10, V11, has_discovery=False), V10, id="ok a server without Discover Versions"),
    ],
)
def test_the_newest_common_version_is_agreed_on(server: Callable[[], Server], agreed: ProtocolVersion) -> None:
    conversation = Conversation([A])
    Driver({A: server()}).run(conversation.perform([QUERY]))

    assert conversation.version == agreed


def test_a_chosen_version_is_used_without_asking() -> None:
    server = Server(V10, V14)
    conversation = Conversation([A], versions=[V14])
    Driver({A: server}).run(conversation.perform([QUERY]))

    assert [item.operation for request in server.asked for item in request.batch_items] == [Operation.QUERY]


def test_a_server_without_a_common_version_is_refused() -> None:
    class Silent(Server):
        def _item(self, item: RequestBatchItem) -> ResponseBatchItem:
            return ResponseBatchItem(operation=item.operation, payload=discover_versions.Response())

    with pytest.raises(NoCommonVersion, match=r"speaks none of 2\.1, 1\.1, 1\.0"):
        Driver({A: Server(V14)}).run(Conversation([A], versions=[V10, V11, V21]).connect())
    with pytest.raises(NoCommonVersion, match=r"speaks KMIP none that was offered"):
        Driver({A: Silent(V11)}).run(Conversation([A], versions=[V11, V21]).connect())
    with pytest.raises(NoCommonVersion, match=r"speaks none of 2\.1, 1\.1"):
        Driver({A: Server(V11, has_discovery=False)}).run(Conversation([A], versions=[V11, V21]).connect())


def test_the_next_server_is_tried_and_stays_in_use() -> None:
    first, second = Server(V11, V14), Server(V11, V21)
    first.is_down = True
    conversation, driver = Conversation([A, B]), Driver({A: first, B: second})
    driver.run(conversation.perform([QUERY]))
    first.is_down = False
    driver.run(conversation.perform([QUERY]))

    assert (str(conversation.address), conversation.version) == ("[::1]:5697", V21)
    assert (first.connections, second.connections) == (0, 1)


def test_every_failure_is_named_when_no_server_can_be_used() -> None:
    first, second = Server(V11, V14), Server(V11, V21)
    first.is_down = second.is_down = True
    with pytest.raises(ServerUnreachable) as caught:
        Driver({A: first, B: second}).run(Conversation([A, B]).connect())

    assert [failure.server for failure in caught.value.failures] == ["a.example:5696", "[::1]:5697"]


def test_a_request_that_changes_nothing_is_sent_again_to_the_next_server() -> None:
    first, second = Server(V11, V14), Server(V11, V21)
    first.fails = [None, ConnectionResetError("reset")]  # after Discover Versions
    conversation = Conversation([A, B])

    assert Driver({A: first, B: second}).run(conversation.perform([QUERY])) == (query.Response(),)
    assert conversation.address == B


def test_retries_end() -> None:
    server = Server(V11, V14)
    server.fails = [None, *[ConnectionResetError("reset")] * 3]
    with pytest.raises(OutcomeUnknown, match="reset"):
        Driver({A: server}).run(Conversation([A], retries=2).perform([QUERY]))
    assert server.connections == 3


def test_a_request_that_changes_something_is_not_sent_again() -> None:
    server = Server(V11, V14)
    server.fails = [None, ConnectionResetError("reset")]
    conversation, driver = Conversation([A]), Driver({A: server})
    with pytest.raises(OutcomeUnknown, match="may have done it"):
        driver.run(conversation.perform([QUERY, ACTIVATE]))

    assert not conversation.is_connected
    assert isinstance(driver.steps[-1], Disconnect)


def test_a_connection_that_was_closed_while_idle_costs_nothing() -> None:
    server = Server(V11, V14)
    conversation, driver = Conversation([A], retries=0), Driver({A: server})
    driver.run(conversation.connect())
    server.fails = [StaleConnection("closed")]

    assert driver.run(conversation.perform([ACTIVATE])) == (activate.Response(unique_identifier="1"),)
    assert server.connections == 2


def test_a_request_that_the_version_lacks_is_refused_before_it_is_sent() -> None:
    conversation, driver = Conversation([A], versions=[V10]), Driver({A: Server(V10)})
    request = hash.Request(cryptographic_parameters=CryptographicParameters(), data=b"")
    with pytest.raises(NotInVersion, match=r"KMIP 1\.0 has no Hash"):
        driver.run(conversation.perform([request]))
    assert not any(isinstance(step, Exchange) for step in driver.steps)


def test_nonsense_instead_of_an_answer_is_named() -> None:
    class Nonsense(Server):
        def answer(self, frame: bytes) -> bytes:
            return b"HTTP/1.1 400 Bad Request\r\n"

    for versions in ([V14], [V14, V11]):
        with pytest.raises(UnreadableAnswer, match=r"a\.example"):
            Driver({A: Nonsense(V14)}).run(Conversation([A], versions=versions).perform([QUERY]))


def test_a_batch_that_is_refused_as_a_whole_raises() -> None:
    class Refusing(Server):
        def answer(self, frame: bytes) -> bytes:
            return self._respond(V14, [failure(KmipError(ResultReason.INVALID_MESSAGE, "no batches here"))])

    with pytest.raises(OperationFailed, match="no batches here"):
        Driver({A: Refusing(V14)}).run(Conversation([A], versions=[V14]).perform([QUERY, QUERY]))


def test_more_answers_than_requests_are_nonsense() -> None:
    class Talkative(Server):
        def answer(self, frame: bytes) -> bytes:
            return self._respond(V14, [self._item(RequestBatchItem(operation=Operation.QUERY, payload=None))] * 2)

    with pytest.raises(UnreadableAnswer, match="2 answers to 1 request"):
        Driver({A: Talkative(V14)}).run(Conversation([A], versions=[V14]).perform([QUERY]))


def test_a_conversation_needs_a_server_and_versions_that_exist() -> None:
    with pytest.raises(ValueError, match="at least one server"):
        Conversation([])
    with pytest.raises(ValueError, match=r"9\.9"):
        Conversation([A], versions=[ProtocolVersion(9, 9)])


def test_only_operations_that_leave_nothing_behind_are_repeatable() -> None:
    charged = {spec.operation for spec in CATALOGUE.values() if spec.amount is not None}

    assert not REPEATABLE & charged
    assert not REPEATABLE & {
        Operation.CREATE,
        Operation.ACTIVATE,
        Operation.ENCRYPT,
        Operation.LOGIN,
        Operation.RNG_SEED,
    }
    assert is_repeatable(QUERY)


def test_a_part_of_a_stream_is_not_repeatable() -> None:
    parameters = CryptographicParameters()

    assert is_repeatable(hash.Request(cryptographic_parameters=parameters, data=b"a"))
    assert not is_repeatable(hash.Request(cryptographic_parameters=parameters, data=b"a", init_indicator=True))
    assert not is_repeatable(hash.Request(cryptographic_parameters=parameters, data=b"a", correlation_value=b"1"))
