import pytest

from benchmarks import messages
from benchmarks.messages import WrongAnswer

IDENTIFIER = "an-identifier"
ANSWERS = messages.canned_answers(IDENTIFIER)
EXCHANGES = {
    "activate": lambda: messages.activate(IDENTIFIER),
    "create": messages.create,
    "discover versions": messages.discover_versions,
    "encrypt": lambda: messages.encrypt(IDENTIFIER),
    "get": lambda: messages.get(IDENTIFIER),
    "locate": lambda: messages.locate("a name", unique_identifier=IDENTIFIER),
    "query": messages.query,
    "register": lambda: messages.register(bytes(messages.KEY_SIZE)),
}


@pytest.fixture(params=list(EXCHANGES.values()), ids=list(EXCHANGES))
def exchange(request):
    return request.param()


def with_time_stamp(answer: bytes, seconds: int) -> bytes:
    place = messages.read_answer(answer).time_stamp_at
    return answer[:place] + seconds.to_bytes(8, "big") + answer[place + 8 :]


def test_a_get_request_is_the_bytes_of_the_standard():
    # Written down by hand from KMIP 1.2 §9.1.
    expected = bytes.fromhex(
        "42007801 00000078"
        "42007701 00000038"
        "42006901 00000020 42006A02 00000004 00000001 00000000 42006B02 00000004 00000002 00000000"
        "42000D02 00000004 00000001 00000000"
        "42000F01 00000030"
        "42005C05 00000004 0000000A 00000000"
        "42007901 00000018 42009407 0000000D" + IDENTIFIER.encode().hex() + "000000"
    )

    assert expected == messages.get(IDENTIFIER).request


def test_the_operation_stands_where_the_ceiling_looks(exchange):
    assert exchange.operation == int.from_bytes(exchange.request[messages.OPERATION_AT], "big")


def test_a_success_passes_again_and_again_with_other_time_stamps(exchange):
    answer = ANSWERS[exchange.operation]
    for seconds in (1, 2):
        exchange.check(with_time_stamp(answer, seconds))


@pytest.mark.parametrize("checked_before", [False, True])
def test_a_wrong_answer_is_refused(exchange, checked_before):
    good = ANSWERS[exchange.operation]
    other = next(answer for operation, answer in ANSWERS.items() if operation != exchange.operation)
    bad = {
        "empty": b"",
        "cut": good[:-8],
        "tail": good + bytes(8),
        "two answers": good + good,
        "another operation": other,
        "failure": messages.failure(exchange.operation, 0x01, "item not found"),
        "no payload": messages.failure(exchange.operation, 0x01, "").replace(
            bytes.fromhex("42007F0500000004 00000001"), bytes.fromhex("42007F0500000004 00000000")
        ),
    }
    if checked_before:
        exchange.check(good)
    for answer in bad.values():
        with pytest.raises(WrongAnswer):
            exchange.check(answer)


@pytest.mark.parametrize("operation", [messages.GET, messages.LOCATE, messages.ACTIVATE])
def test_an_answer_about_another_object_is_refused(operation):
    exchange = messages.Exchange(request=b"", operation=operation, unique_identifier="another")

    with pytest.raises(WrongAnswer, match="another"):
        exchange.check(ANSWERS[operation])


def test_a_key_of_another_size_is_refused():
    material = bytes.fromhex("42004308 00000020") + bytes(range(32))
    short = bytes.fromhex("42004308 0000001F") + bytes(range(31)) + b"\0"
    answer = ANSWERS[messages.GET].replace(material, short)

    with pytest.raises(WrongAnswer, match="31 bytes"):
        messages.get(IDENTIFIER).check(answer)


def test_a_refusal_says_why():
    with pytest.raises(WrongAnswer, match="reason 1: item not found"):
        messages.create().check(messages.failure(messages.CREATE, 0x01, "item not found"))
