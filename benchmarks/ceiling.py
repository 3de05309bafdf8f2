"""A bare asyncio TLS server that answers each request with a canned success: the most a server here could do.

It cuts frames by their length and picks the answer by the operation code at its fixed place, no more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import ssl
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import certificates
from benchmarks.messages import HEADER_SIZE, OPERATION_AT, canned_answers

UNIQUE_IDENTIFIER: Final = "00000000-0000-4000-8000-000000000001"


class CannedAnswers(asyncio.Protocol):
    """One connection."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        while len(received) >= HEADER_SIZE:
            end = HEADER_SIZE + int.from_bytes(received[4:8], "big")
            if len(received) < end:
                break
            self._write(self._answers[received[OPERATION_AT]])
            received = received[end:]
        self._received = received


async def serve(ready_file: Path, directory: Path) -> None:
    """Serve on a free port of 127.0.0.1 until SIGTERM or SIGINT; write `ready_file` as kmipd does."""
    certificates.make(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(directory / "ca.crt")
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    answers = {code.to_bytes(4, "big"): answer for code, answer in canned_answers(UNIQUE_IDENTIFIER).items()}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: CannedAnswers(answers), "127.0.0.1", 0, ssl=context, backlog=512)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready = {
        "host": "127.0.0.1",
        "port": server.sockets[0].getsockname()[1],
        "ca": str(directory / "ca.crt"),
        "cert": str(directory / "client.crt"),
        "key": str(directory / "client.key"),
        "pid": os.getpid(),
        "version": "canned",
    }
    temporary = ready_file.with_suffix(".part")
    temporary.write_text(json.dumps(ready))
    temporary.replace(ready_file)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceiling", description=__doc__)
    parser.add_argument("--ready-file", type=Path, required=True, help="JSON file to write once listening")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ceiling-") as directory:
        asyncio.run(serve(arguments.ready_file, Path(directory)))


if __name__ == "__main__":
    main()
