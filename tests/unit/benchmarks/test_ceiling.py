import asyncio

import pytest

from benchmarks import messages
from benchmarks.ceiling import CannedAnswers

ANSWERS = messages.canned_answers("an-identifier")
REQUESTS = [messages.discover_versions(), messages.get("an-identifier"), messages.create()]
STREAM = b"".join(exchange.request for exchange in REQUESTS)


class WrittenDown(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.written = []

    def write(self, data):
        self.written.append(data)


@pytest.mark.parametrize("step", [1, 7, 100, len(STREAM)])
def test_each_request_gets_its_answer_however_the_bytes_arrive(step):
    transport = WrittenDown()
    connection = CannedAnswers({code.to_bytes(4, "big"): answer for code, answer in ANSWERS.items()})
    connection.connection_made(transport)
    for start in range(0, len(STREAM), step):
        connection.data_received(STREAM[start : start + step])

    assert [ANSWERS[exchange.operation] for exchange in REQUESTS] == transport.written
