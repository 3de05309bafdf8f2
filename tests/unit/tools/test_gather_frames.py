"""Frames of recordings name what a server has given in an earlier answer, in every version."""

from tools.gather_frames import in_version, lines
from tools.record_frames import Names, name_of_place

RECORDED = b"11111111-1111-1111-1111-111111111111"
GIVEN = b"22222222-2222-2222-2222-222222222222"


def test_a_frame_names_the_answer_that_gave_its_object() -> None:
    frames = list(lines([[(b"Create", RECORDED), (b"Get " + RECORDED, b"")]], [(1, 0)]))

    assert frames == [b"Create", b"Get " + name_of_place(0, 0)]


def test_each_server_gets_its_own_identifiers_and_answers_are_the_same() -> None:
    names = Names()

    assert names.take_out(0, b"made " + GIVEN) == b"made " + name_of_place(0, 0)
    assert names.put_in(b"Get " + name_of_place(0, 0)) == b"Get " + GIVEN
    assert names.put_in(b"Get " + name_of_place(9, 0)) == b"Get " + name_of_place(9, 0)
    assert names.take_out(1, b"got " + GIVEN) == b"got " + name_of_place(0, 0)


def test_the_version_alone_is_changed() -> None:
    head = bytes.fromhex("4200780100000048420077010000004042006901000000204200 6a0200000004".replace(" ", ""))
    frame = head + bytes.fromhex("0000000100000000 42006b02000000040000000400000000".replace(" ", "")) + b"the rest"

    changed = in_version(frame, 2, 1)

    assert changed == frame[:32] + b"\0\0\0\2" + frame[36:48] + b"\0\0\0\1" + frame[52:]
    assert in_version(b"no message", 2, 1) == b"no message"
