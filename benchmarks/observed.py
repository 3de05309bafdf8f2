"""What metrics and traces cost a Get, side by side: the same request, asked in turn with and without them.

`python -m benchmarks.observed [--rounds N]`: servers are wired as `python -m kmip_app` wires them, on SQLite, and asked
in this process without sockets. Processor time of the thread that answers, the least of many short runs; the thread
that sends spans is not in it.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from benchmarks import messages
from kmip_app.configuration.config import Configuration
from kmip_app.container import build
from kmip_core.engine import Engine
from kmip_core.ports.transport import Service, run_to_end
from kmip_core.principal import Principal, Source

NOWHERE: Final = "http://127.0.0.1:9"
REQUESTS: Final = 10  # in one run
PRINCIPAL: Final = Principal(name="benchmark", source=Source.CERTIFICATE)


def main() -> None:
    """Measure and print the three side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1_000, help="runs of each")
    options = parser.parse_args()
    os.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = "1000000"  # for spans that nothing takes
    os.environ["OTEL_BSP_SCHEDULE_DELAY"] = "3600000"
    with ExitStack() as resources:
        plain = _container(resources, None)
        traced = _container(resources, NOWHERE)
        without = evolve(
            plain.plain_service(),
            engine=Engine(catalogue=plain.catalogue(), services=evolve(plain.engine().services, audit=plain.audit())),
        )
        asked = {
            "without": _asking(without),
            "metrics": _asking(plain.service()),
            "metrics and traces": _asking(traced.traced_service()),
        }
        least = dict.fromkeys(asked, float("inf"))
        for _ in range(options.rounds):
            for name, ask in asked.items():
                begun = time.thread_time()
                for _ in range(REQUESTS):
                    ask()
                least[name] = min(least[name], time.thread_time() - begun)
    for name, seconds in least.items():
        print(f"{name:20} {seconds / REQUESTS * 1e6:6.0f} us {seconds / least['without'] - 1:+8.1%}")


def _container(resources: ExitStack, endpoint: str | None) -> Any:
    folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
    container = build(Configuration(data_directory=folder, port=0, otel_endpoint=endpoint))
    resources.callback(container.audit().close)
    resources.callback(container.storage().close)
    if (telemetry := container.telemetry()) is not None:
        resources.callback(telemetry.close)
    return container


def _asking(service: Service) -> Callable[[], object]:
    """Return what asks for one key, once that is made."""

    def ask(frame: bytes) -> bytes:
        answer = run_to_end(service.open(frame, PRINCIPAL))
        assert isinstance(answer, bytes)
        return answer

    made = messages.read_answer(ask(messages.create("key").request))
    frame = messages.get(made.unique_identifiers[0]).request
    return lambda: ask(frame)


if __name__ == "__main__":
    main()
