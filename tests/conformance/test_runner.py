"""The runner itself: placeholders are filled in, a wrong answer fails the case, a corrected file passes."""

from pathlib import Path

import pytest
from attrs import define, field

from kmip_adapters.ttlv.encodings import binary, items
from kmip_adapters.ttlv.encodings.items import Item
from kmip_app.conformance.cases import NOW, Case, offset_from_now, placeholder
from kmip_app.conformance.comparison import Known
from kmip_app.conformance.listening import Call
from kmip_app.conformance.runner import CaseFailed, Exchange, filled_in, play
from kmip_core.enums import ItemType

REQUEST = """
  <RequestMessage>
    <RequestHeader>
      <ProtocolVersion>
        <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="0"/>
      </ProtocolVersion>
      <BatchCount type="Integer" value="1"/>
    </RequestHeader>
    <BatchItem>
      <Operation type="Enumeration" value="{operation}"/>
      <RequestPayload>{payload}</RequestPayload>
    </BatchItem>
  </RequestMessage>"""
RESPONSE = """
  <ResponseMessage>
    <ResponseHeader>
      <ProtocolVersion>
        <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="0"/>
      </ProtocolVersion>
      <TimeStamp type="DateTime" value="$NOW"/>
      <BatchCount type="Integer" value="1"/>
    </ResponseHeader>
    <BatchItem>
      <Operation type="Enumeration" value="{operation}"/>
      <ResultStatus type="Enumeration" value="Success"/>
      <ResponsePayload>{payload}</ResponsePayload>
    </BatchItem>
  </ResponseMessage>"""
ID = '<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>'


class Oracle:
    """A server that answers as the case expects, with names of its own for what it makes up."""

    def __init__(self, case: Case) -> None:
        self.requests: list[Item] = []
        self._answers = iter([response for _, response in case.exchanges])

    def exchange(self, frame: bytes) -> bytes:
        self.requests.append(binary.decode(frame))
        return binary.encode(_made_up(next(self._answers)))


def _made_up(item: Item) -> Item:
    value = item.value
    if isinstance(value, tuple):
        return item._replace(value=tuple(map(_made_up, value)))
    if isinstance(value, int) and offset_from_now(value) is not None:
        return item._replace(value=1_335_514_344)
    if name := placeholder(value):
        return item._replace(value=f"made up {name}" if isinstance(value, str) else f"made up {name}".encode())
    return item


def a_case(folder: Path, *messages: str, name: str = "TC-1") -> Case:
    path = folder / f"{name}.xml"
    path.write_text(f"<KMIP>{'# TIME 1 <!-- a word -->'.join(messages)}</KMIP>")
    return Case(path)


def exchange(operation: str, asked: str = "", answered: str = "") -> tuple[str, str]:
    return REQUEST.format(operation=operation, payload=asked), RESPONSE.format(operation=operation, payload=answered)


def test_a_case_is_played_with_captured_identifiers(tmp_path: Path) -> None:
    case = a_case(tmp_path, *exchange("Activate", "", ID), *exchange("Destroy", ID, ID))
    oracle = Oracle(case)

    play(case, oracle.exchange)

    assert "made up $UNIQUE_IDENTIFIER_0" in items.describe(oracle.requests[1])


def test_an_identifier_that_no_response_has_shown_fails_the_case(tmp_path: Path) -> None:
    case = a_case(tmp_path, *exchange("Destroy", ID, ID))

    with pytest.raises(CaseFailed, match=r"no response has shown \$UNIQUE_IDENTIFIER_0"):
        play(case, Oracle(case).exchange)


def test_a_wrong_answer_fails_the_case_with_its_place(tmp_path: Path) -> None:
    case = a_case(tmp_path, *exchange("Revoke"))
    wrong = a_case(tmp_path, *exchange("Destroy"), name="TC-2")

    with pytest.raises(CaseFailed, match=r"exchange 1: the response differs\n.*Operation: expected Revoke"):
        play(case, Oracle(wrong).exchange)


def test_a_broken_connection_fails_the_case(tmp_path: Path) -> None:
    case = a_case(tmp_path, *exchange("Revoke"))

    def breaks(frame: bytes) -> bytes:
        raise ConnectionError("the server has closed the connection")

    with pytest.raises(CaseFailed, match="no usable response: the server has closed the connection"):
        play(case, breaks)


def test_a_message_that_the_runner_cannot_carry_fails_the_case(tmp_path: Path) -> None:
    case = a_case(tmp_path, *exchange("Query"), name="MSGENC-JSON-M-1-10")

    with pytest.raises(CaseFailed, match="JSON"):
        play(case, Oracle(case).exchange)


@define
class FakeCalls:
    """What a server sends, one after the other."""

    requests: list[Item]
    responses: list[Item] = field(factory=list)
    versions: list[str] = field(factory=list)

    def begin(self, version: str) -> None:
        self.versions.append(version)

    def take(self) -> Call:
        if not self.requests:
            raise TimeoutError("the server has sent nothing")
        return Call(self.requests.pop(0), self)  # type: ignore[arg-type]  # takes the answers

    def put(self, response: Item) -> None:
        self.responses.append(response)

    def end(self) -> None:
        self.versions.clear()


def a_dialogue_of_two(folder: Path) -> Case:
    return a_case(folder, *exchange("Activate", "", ID), *exchange("Notify", ID))


def named(request: Item, identifier: str) -> Item:
    if isinstance(request.value, tuple):
        return request._replace(value=tuple(named(child, identifier) for child in request.value))
    return request._replace(value=identifier) if placeholder(request.value) else request


def test_a_server_that_must_call_is_compared_and_answered(tmp_path: Path) -> None:
    case = a_dialogue_of_two(tmp_path)
    notification = case.exchanges[1][0]
    calls = FakeCalls([named(notification, "of an earlier run"), named(notification, "made up $UNIQUE_IDENTIFIER_0")])

    play(case, Oracle(case).exchange, calls=calls)

    assert not calls.requests
    assert len(calls.responses) == 2
    assert calls.versions == []  # ended


def test_a_server_that_does_not_call_fails_the_case(tmp_path: Path) -> None:
    case = a_dialogue_of_two(tmp_path)

    for calls, message in ((None, "does not listen"), (FakeCalls([]), "has sent nothing")):
        with pytest.raises(CaseFailed, match=f"exchange 2: the server must call the client.*{message}"):
            play(case, Oracle(case).exchange, calls=calls)


def test_a_server_that_sends_something_else_fails_the_case(tmp_path: Path) -> None:
    case = a_dialogue_of_two(tmp_path)
    put = a_case(tmp_path, *exchange("Put", ID), name="TC-2").exchanges[0][0]
    calls = FakeCalls([named(put, "made up $UNIQUE_IDENTIFIER_0")])

    with pytest.raises(CaseFailed, match=r"exchange 2: the request differs\n.*expected Notify"):
        play(case, Oracle(case).exchange, calls=calls)
    assert len(calls.responses) == 1  # no server is left waiting for its answer


def test_now_is_one_moment_for_the_whole_case() -> None:
    known = Known(started_at=1_000, now=1_000)
    date = Item(0x420001, ItemType.DATE_TIME, NOW - 60)

    assert filled_in(date, known).value == 940
    assert known.sent_dates == {940}


def test_each_client_of_a_case_speaks_over_a_connection_of_its_own(tmp_path: Path) -> None:
    messages = [*exchange("Query"), *exchange("Query"), *exchange("Activate"), *exchange("Query")]
    named = ["# TIME 0 [Client-A]", "", "# TIME 1 [Client-B]", "[Client-A]"]
    introduced = [f"{text}\n{message}" for text, message in zip(named, messages[::2], strict=True)]
    case = a_case(tmp_path, *(part for pair in zip(introduced, messages[1::2], strict=True) for part in pair))
    answers = [response for _, response in case.exchanges]
    spoken: list[str] = []

    def speaking(client: str) -> Exchange:
        def speak(frame: bytes) -> bytes:
            spoken.append(client)
            return binary.encode(_made_up(answers[len(spoken) - 1]))

        return speak

    play(case, speaking("first"), others=speaking)

    assert case.clients == ["Client-A", "Client-A", "Client-B", "Client-A"]
    assert spoken == ["first", "first", "Client-B", "first"]
