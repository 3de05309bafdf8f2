"""Fuzzes readers with atheris, one process each.

    python -m tests.fuzz [--seconds N] [--corpus FOLDER] [TARGET ...]

Without targets all of them, one after the other. What a run finds is printed with the input; put that into
`tests/fuzz/findings/TARGET/`. --corpus keeps what has led to new code, so that the next run goes on from there.
Ends with 1 if something was found.
"""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Final

import atheris

with atheris.instrument_imports(include=["kmip_adapters", "kmip_app", "kmip_core"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS, Target


BY_BYTES: Final = 0.1  # of the changes of targets that have a way of their own


def main() -> int:
    """Run the targets that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--corpus", type=Path, help="where inputs are kept that have led to new code")
    options = parser.parse_args()
    logging.disable()
    failed = [name for name in options.targets or TARGETS if not _run(name, options.seconds, options.corpus)]
    for name in failed:
        print(f"{name}: something was found", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, seconds: int, corpus: Path | None) -> bool:
    """Fuzz in a child process, since libFuzzer ends the process that it runs in.  False if something was found."""
    print(f"{name}: {seconds} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="kmipd-fuzz-") as scratch:
        folder = Path(scratch) if corpus is None else corpus / name
        folder.mkdir(parents=True, exist_ok=True)
        child = os.fork()
        if not child:
            _fuzz(TARGETS[name], folder, seconds)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _fuzz(target: Target, folder: Path, seconds: int) -> None:
    for number, seed in enumerate(target.seeds()):
        (folder / f"seed-{number}").write_bytes(seed)
    arguments = [
        sys.argv[0],
        str(folder),
        f"-max_total_time={seconds}",
        f"-max_len={target.longest}",
        "-timeout=60",  # a hang is a finding as well
        "-rss_limit_mb=2048",
        f"-artifact_prefix={folder}/found-",
        "-verbosity=1",  # so that it is seen whether new code is reached ("cov")
        "-print_final_stats=1",
    ]
    _set_up(target, arguments)
    atheris.Fuzz()


def _set_up(target: Target, arguments: list[str]) -> None:
    change = target.mutated
    if change is None:
        atheris.Setup(arguments, target.run)
        return
    seen = [b""]  # an input from which the next one may take something over

    def mutate(data: bytes, longest: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < BY_BYTES:
            return bytes(atheris.Mutate(data, longest))
        found = change(data, seen[0], lambda value: bytes(atheris.Mutate(value, len(value) + 16)), random)
        seen[0] = data
        return found if found is not None and len(found) <= longest else bytes(atheris.Mutate(data, longest))

    atheris.Setup(arguments, target.run, custom_mutator=mutate)


if __name__ == "__main__":
    sys.exit(main())
