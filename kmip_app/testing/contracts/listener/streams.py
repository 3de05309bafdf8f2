"""What is promised for a stream of messages: whole answers, in order, and an end after nonsense."""

import pytest

from kmip_app.testing.contracts.listener.service import request, response
from kmip_app.testing.contracts.listener.support import Peer


@pytest.mark.parametrize(
    "pace",
    [b"Q", b"B", b"C", b"S", b"R"],
    ids=["ok quick", "ok brief", "ok commits", "ok slow", "ok quick that has to commit"],
)
def test_a_message_of_any_pace_is_answered(peer: Peer, pace: bytes) -> None:
    assert peer.send((request(pace + b"1"),), 1) == [response(b"client says " + pace + b"1")]


def test_pipelined_messages_are_answered_in_order_whatever_their_pace(peer: Peer) -> None:
    bodies = [b"QBCSR"[n % 5 : n % 5 + 1] + str(n).encode() for n in range(100)]

    answers = peer.send(tuple(map(request, bodies)), 100)

    assert [response(b"client says " + body) for body in bodies] == answers


@pytest.mark.parametrize("length", [0, 1, 16_376, 16_377, 65_528, 65_529, 1 << 20])
def test_a_message_of_any_length_is_answered_whole(peer: Peer, length: int) -> None:
    body = bytes(length)

    assert peer.send((request(body),), 1) == [response(b"client says " + body)]


def test_an_answer_of_many_records_arrives_whole_and_the_next_after_it(peer: Peer) -> None:
    answers = peer.send((request(b"L5000000"), request(b"Q")), 2)

    assert answers == [response(bytes(5_000_000)), response(b"client says Q")]


def test_bytes_that_are_no_message_are_answered_once_and_end_the_connection(peer: Peer) -> None:
    for nonsense in peer.nonsense:
        received = peer.send_and_read_to_the_end((request(b"Q1"),), nonsense, (request(b"Q2"),))

        assert received == response(b"client says Q1") + peer.refusal_of_nonsense


@pytest.mark.parametrize(
    "pace", [b"Q", b"B", b"C", b"S", b"R"], ids=["ok quick", "ok brief", "ok commits", "ok slow", "ok later slow"]
)
@pytest.mark.parametrize("words", [b"", b"no TTLV"], ids=["ok none", "ok some"])
def test_other_bytes_are_sent_instead_of_an_answer_and_end_the_connection(
    peer: Peer, pace: bytes, words: bytes
) -> None:
    received = peer.send_and_read_to_the_end((request(b"Q1"), request(pace + b"!" + words), request(b"Q2")))

    assert received == response(b"client says Q1") + words
