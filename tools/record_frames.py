"""Records requests of every operation and version, plays them against a checkout, and compares the answers of two.

    python -m tools.record_frames make FRAMES --count 50000
    python -m tools.record_frames play FRAMES ANSWERS [--tree DIRECTORY] [--python INTERPRETER]
    python -m tools.record_frames compare OLD OLD_AGAIN NEW

`make` writes one request a line (hex), made up from the fields of the catalogue, in a fixed order for a fixed seed.
`tools.gather_frames` makes such a file of what real clients and official cases say. `play` starts `python -m kmip_app
serve --ephemeral` of a checkout and sends every frame. Identifiers of objects are placeholders of the same length: a
frame names the n-th identifier that this server gave, or the one that it gave in the answer to a line. `compare` takes
two plays of the old tree, whose differences are what is random or a time, and one of the new: every other value must be
equal. Result Message and Time Stamp are not compared. Exit code 1 if any answer differs.
"""

import argparse
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

IDENTIFIER: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PLACEHOLDER: Final = re.compile(rb"ffffffff-0000-0000-0000-([0-9]{12})")
PLACE: Final = re.compile(rb"eeeeeeee-[0-9a-f]{4}-0000-0000-[0-9]{12}")
Leaf = tuple[tuple[int, ...], int, bytes]
"""Tags from the root, item type, value; structures are leaves without a value, too."""
KNOWN: Final = 400
"""Identifiers that frames name: the first ones, which Create and Register made."""
NOT_COMPARED: Final = {0x42007D, 0x420092}  # Result Message, Time Stamp
STRUCTURE: Final = 1


def name_of_place(line: int, number: int) -> bytes:
    """Return the text that stands for an identifier by where it was given: the n-th in the answer to a line, from 0."""
    return b"eeeeeeee-%04x-0000-0000-%012d" % (number, line)


def identifiers_in(answer: bytes) -> list[bytes]:
    """Return the identifiers in an answer, each once, in their order."""
    return list(dict.fromkeys(IDENTIFIER.findall(answer)))


def placeholder(number: int) -> bytes:
    """Return the text that stands for the n-th identifier."""
    return b"ffffffff-0000-0000-0000-%012d" % number


def make(path: Path, count: int, seed: int) -> None:
    """Write `count` requests: first objects of every kind, then every operation in every version by turns."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    from kmip_adapters.ttlv.codec import Codec
    from kmip_adapters.ttlv.standard import tables
    from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
    from kmip_core.operations import CATALOGUE
    from tests.contract.test_any_request import about_these
    from tests.unit.kmip_adapters.ttlv.strategies import instances

    codec = Codec(CATALOGUE)
    kinds = [
        (version, spec)
        for version in tables.VERSIONS
        for spec in CATALOGUE.values()
        if int(spec.operation) in tables.enumeration_values("Operation", version)
    ]
    each = -(-count // len(kinds))
    identifiers = st.integers(0, KNOWN - 1).map(lambda number: placeholder(number).decode())

    def of_kind(number: int, version: Any, spec: Any) -> list[str]:
        frames: list[str] = []

        @seeded(seed + number)
        @settings(
            max_examples=each,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def draw(data: Any) -> None:
            payload = about_these(data.draw(instances(spec.request, version)), identifiers, data.draw)
            item = RequestBatchItem(operation=spec.operation, payload=payload)
            message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))
            frames.append(codec.encode_request(message).hex())

        draw()
        return frames

    by_kind = [of_kind(number, version, spec) for number, (version, spec) in enumerate(kinds, 1)]
    with path.open("w") as file:
        for turn in range(each):
            file.writelines(frames[turn] + "\n" for frames in by_kind if turn < len(frames))


def play(frames: Path, answers: Path, tree: Path, python: str) -> None:
    """Send every frame to a server of `tree` and write its answers, with placeholders for its identifiers."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        server = subprocess.Popen(
            [python, "-m", "kmip_app", "serve", "--ephemeral", "--port", "0", "--ready-file", str(ready)],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "KMIPD_PASSPHRASE": ""},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 60
            while not ready.exists() or not ready.read_text():
                if time.monotonic() > deadline or server.poll() is not None:
                    raise SystemExit("the server did not start")
                time.sleep(0.1)
            _play(frames, answers, json.loads(ready.read_text()))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def _play(frames: Path, answers: Path, ready: dict[str, Any]) -> None:
    context = ssl.create_default_context(cafile=ready["ca"])
    context.check_hostname = False
    context.load_cert_chain(ready["cert"], ready["key"])
    names = Names()
    connection: ssl.SSLSocket | None = None
    with frames.open() as source, answers.open("w") as target:
        for number, line in enumerate(source):
            frame = names.put_in(bytes.fromhex(line))
            try:
                if connection is None:
                    connection = context.wrap_socket(socket.create_connection((ready["host"], ready["port"]), 60))
                connection.sendall(frame)
                head = _exactly(connection, 8)
                answer = head + _exactly(connection, int.from_bytes(head[4:], "big"))
            except OSError:
                if connection is not None:
                    connection.close()
                connection, answer = None, b""
            target.write(names.take_out(number, answer).hex() + "\n")
    if connection is not None:
        connection.close()


class Names:
    """What stands for the identifiers of one server, in the frames that it gets and in its answers."""

    def __init__(self) -> None:
        self._given: list[bytes] = []  # in their order
        self._stand_in: dict[bytes, bytes] = {}  # by identifier
        self._at: dict[bytes, bytes] = {}  # by the place of an answer

    def put_in(self, frame: bytes) -> bytes:
        """Return a frame with identifiers of this server; one that it has not given yet stays a placeholder."""
        frame = PLACE.sub(lambda match: self._at.get(match[0], match[0]), frame)
        return PLACEHOLDER.sub(self._by_number, frame)

    def take_out(self, line: int, answer: bytes) -> bytes:
        """Return the answer to a line, counted from 0, with placeholders; remember what it gives."""
        for number, identifier in enumerate(identifiers_in(answer)):
            self._at[name_of_place(line, number)] = identifier
            if identifier not in self._stand_in and not PLACE.fullmatch(identifier):
                self._stand_in[identifier] = name_of_place(line, number)
                if not PLACEHOLDER.fullmatch(identifier):
                    self._given.append(identifier)
        return IDENTIFIER.sub(lambda match: self._stand_in.get(match[0], match[0]), answer)

    def _by_number(self, match: re.Match[bytes]) -> bytes:
        number = int(match[1])
        return self._given[number] if number < len(self._given) else match[0]


def _exactly(connection: ssl.SSLSocket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        if not (part := connection.recv(size - len(parts))):
            raise OSError("the server closed the connection")
        parts += part
    return bytes(parts)


def leaves(
    octets: bytes, at: int, end: int, path: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], int, bytes]]:
    """Yield (tags from the root, item type, value) of every value of a TTLV message."""
    while at < end:
        tag, kind = int.from_bytes(octets[at : at + 3], "big"), octets[at + 3]
        length = int.from_bytes(octets[at + 4 : at + 8], "big")
        at += 8
        if kind == STRUCTURE:
            yield (*path, tag), kind, b""
            yield from leaves(octets, at, at + length, (*path, tag))
        elif tag not in NOT_COMPARED:
            yield (*path, tag), kind, octets[at : at + length]
        at += length + -length % 8


def compare(old: Path, again: Path, new: Path) -> int:
    """Print how many answers differ and in which tags; return the exit code."""
    same, differing = 0, Counter[str]()
    with old.open() as first, again.open() as second, new.open() as third:
        for number, texts in enumerate(zip(first, second, third, strict=True), 1):
            one, two, three = (list(leaves(octets, 0, len(octets))) for octets in map(bytes.fromhex, texts))
            fixed = (
                {index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a == b}
                if len(one) == len(two)
                else set()
            )
            if len(one) == len(three) and all(one[i][:2] == three[i][:2] for i in range(len(one))):
                wrong = [i for i in fixed if one[i] != three[i]]
            else:
                wrong = [-1] if len(one) == len(two) else []
            if wrong:
                tags = "structure" if wrong == [-1] else "/".join(f"{tag:06X}" for tag in one[wrong[0]][0])
                differing[tags] += 1
                if differing[tags] <= 3:
                    print(f"line {number}: {tags}")
            else:
                same += 1
    print(f"{same} equal, {sum(differing.values())} differ")
    for tags, count in differing.most_common():
        print(f"  {count} in {tags}")
    return 1 if differing else 0


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make")
    maker.add_argument("frames", type=Path)
    maker.add_argument("--count", type=int, default=50_000)
    maker.add_argument("--seed", type=int, default=1)
    player = commands.add_parser("play")
    player.add_argument("frames", type=Path)
    player.add_argument("answers", type=Path)
    player.add_argument("--tree", type=Path, default=Path(__file__).resolve().parents[1])
    player.add_argument("--python", default=sys.executable)
    comparer = commands.add_parser("compare")
    for name in ("old", "again", "new"):
        comparer.add_argument(name, type=Path)
    arguments = parser.parse_args()
    match arguments.command:
        case "make":
            make(arguments.frames, arguments.count, arguments.seed)
        case "play":
            play(arguments.frames.resolve(), arguments.answers.resolve(), arguments.tree.resolve(), arguments.python)
        case "compare":
            return compare(arguments.old, arguments.again, arguments.new)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
