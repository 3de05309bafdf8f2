"""What a service manager such as systemd and this process tell each other: sockets, readiness, signs of life.

Sockets come as open descriptors ($LISTEN_FDS, sd_listen_fds(3)), by name `kmip`, `https`, `admin` or `enrol`; without
a name the first is KMIP's. States go as datagrams to the socket that $NOTIFY_SOCKET names (sd_notify(3)). Outside a
service manager none of this is there, and nothing happens.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final

from kmip_app.system_errors import reason_of

LOG: Final = logging.getLogger("kmip_app")

FIRST_DESCRIPTOR: Final = 3
UNNAMED: Final = ("kmip", "admin", "enrol")
"""What sockets are for, in their order, if they have no names that we know."""
NAMED: Final = frozenset({*UNNAMED, "https"})


def inherited_sockets(environment: MutableMapping[str, str] = os.environ) -> Mapping[str, list[socket.socket]]:
    """Return the listening sockets by what they are for, and have no child process take them again."""
    count, process = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_PID", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdigit() or process != str(os.getpid()):
        return {}
    found: dict[str, list[socket.socket]] = {}
    for number in range(int(count)):
        descriptor = FIRST_DESCRIPTOR + number
        os.set_inheritable(descriptor, False)
        name = names[number] if number < len(names) else ""
        if name not in NAMED:
            name = UNNAMED[min(number, len(UNNAMED) - 1)]
        sock = socket.socket(fileno=descriptor)
        sock.setblocking(False)
        found.setdefault(name, []).append(sock)
    return found


class ServiceManager:
    """Tells the service manager about this process; silent without one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watched = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watched = int(watched) / 1e6 if watched.isdigit() and is_ours and self._address else 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def ready(self, status: str) -> None:
        """Say that clients are served."""
        self._send(f"READY=1\nSTATUS={status}\nMAINPID={os.getpid()}")

    def reloading(self) -> None:
        """Say that a reload has begun; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1_000}\nSTATUS=reloading")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1\nSTATUS=finishing requests in progress")

    def watch(self, is_alive: Callable[[], bool]) -> None:
        """Give signs of life, twice in the time that the manager waits for one, as long as `is_alive`."""
        if not self._watched:
            return

        def give_signs() -> None:
            while not self._stop.wait(self._watched / 2):
                if is_alive():
                    self._send("WATCHDOG=1")

        self._send("WATCHDOG=1")
        self._thread = threading.Thread(target=give_signs, name="kmip-watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give no more signs of life."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.connect(self._address)
                sock.sendall(state.encode())
        except OSError as error:
            LOG.warning(
                "the service manager at %s cannot be notified: %s", self._address.lstrip("\0"), reason_of(error)
            )
