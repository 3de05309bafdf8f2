"""Plays every official case against PyKMIP's server and writes docs/conformance-pykmip.md, beside kmipd's figures.

    python -m tools.pykmip_conformance [--oasis-cases DIR] [--version 1.4] [--failures FILE]

PyKMIP is installed into an environment of its own (benchmarks.pykmip_server). Each version has a server that starts
empty, each case a client certificate of its own. Only a run over every version writes the page.
"""

import argparse
import datetime as dt
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.load import Endpoint
from benchmarks.pykmip_server import REQUIREMENT, running_pykmip
from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_app.conformance.cases import Case, find_cases
from kmip_app.conformance.connections import OtherClients
from kmip_app.conformance.own_servers import issuer
from kmip_app.conformance.report import Outcome, summary
from kmip_app.conformance.runner import CaseFailed, play_in_order
from tests.conformance.folder import ROOT, cases_folder
from tools.conformance_report import UNIQUE

PAGE: Final = ROOT / "docs" / "conformance-pykmip.md"
OF_KMIPD: Final = ROOT / "docs" / "conformance.md"
TIMEOUT: Final = 20.0  # seconds for one answer; some requests are never answered
REASONS: Final = 25


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--oasis-cases", metavar="DIR", default=None)
    parser.add_argument("--version", default=None, help="play only this protocol version, and leave the page alone")
    parser.add_argument("--failures", type=Path, default=None, metavar="FILE", help="write the differences here")
    options = parser.parse_args(arguments)
    folder = cases_folder(options.oasis_cases)
    cases = [case for case in find_cases(folder) if options.version in (None, case.version)]
    if not cases:
        print(f"no official cases in {folder}", file=sys.stderr)
        return 2
    outcomes = []
    for version in sorted({case.version for case in cases}):
        with _player() as play:
            outcomes += [_outcome(case, play) for case in cases if case.version == version]
        passed = sum(o.failure is None for o in outcomes if o.case.version == version)
        print(f"{version}: {passed} of {sum(o.case.version == version for o in outcomes)} passed", flush=True)
    if options.version is None:
        PAGE.write_text(page(outcomes, dt.datetime.now(dt.UTC).date(), OF_KMIPD.read_text()))
    if options.failures:
        options.failures.write_text("\n\n".join(o.failure for o in outcomes if o.failure))
    return 0


@contextmanager
def _player() -> Iterator[Callable[[Case], None]]:
    """Give what plays one case against a server that was empty before."""
    with running_pykmip() as server, tempfile.TemporaryDirectory(prefix="kmipd-conformance-") as name:
        folder = Path(name)
        certificate = issuer(Path(server.ca), folder)

        def connect(identity: str) -> TlsTtlvClient:
            return _connect(server, certificate(identity), folder / "client.key")

        def play(case: Case) -> None:
            def another(client: str) -> TlsTtlvClient:
                return connect(f"{case.id} {client}" if case.has_credentials else case.id)

            with connect(case.id) as client, OtherClients(another) as others:
                play_in_order(case, client.exchange, None, others.exchange_of, None)

        yield play


def _connect(server: Endpoint, cert: Path, key: Path) -> TlsTtlvClient:
    context = client_context(ca=Path(server.ca), cert=cert, key=key)
    return TlsTtlvClient(server.host, server.port, context=context, timeout=TIMEOUT)


def _outcome(case: Case, play: Callable[[Case], None]) -> Outcome:
    try:
        play(case)
    except CaseFailed as error:
        return Outcome(case=case, failure=str(error), seconds=0)
    except OSError as error:
        why = "does not answer" if isinstance(error, TimeoutError) else f"ends the connection: {error}"
        return Outcome(case=case, failure=f"{case.id}\n  the server {why}", seconds=0)
    return Outcome(case=case, failure=None, seconds=0)


def page(outcomes: Sequence[Outcome], date: dt.date, of_kmipd: str) -> str:
    """Return the page as Markdown.  of_kmipd: the page docs/conformance.md, for the figures beside these."""
    versions = sorted({o.case.version for o in outcomes})
    families = sorted({o.case.family for o in outcomes})
    passed = sum(o.failure is None for o in outcomes)
    by_version = {row[0]: f"{row[2]}/{row[1]}" for row in _rows(of_kmipd, "By version")}
    release = REQUIREMENT.partition("==")[2]
    lines = [
        "# Conformance of PyKMIP",
        "",
        f"The official OASIS test cases, played on {date.isoformat()} against the server of PyKMIP {release} over TLS",
        "and compared by the same rules as those of [kmipd](conformance.md): every field of every answer, except what",
        "OASIS permits to differ. Generated by `python -m tools.pykmip_conformance --oasis-cases DIR`, which installs",
        f"`{REQUIREMENT}` into an environment of its own and starts its server with its default policies, for each",
        "version with an empty database; each case has a client certificate of its own. Any other server is played by",
        "`kmipd conformance --cases DIR --host HOST --port PORT --cert FILE --key FILE --ca FILE`.",
        "",
        f"**{passed} of {len(outcomes)} cases pass.** PyKMIP speaks KMIP 1.0 to 2.0 and has some of their"
        " operations; a",
        "case passes only if every request of it is answered as the authors of the standard expect.",
        "",
        "## By version",
        "",
        "| version | cases | passed | failed | kmipd on that day |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for version in versions:
        results = [o.failure is None for o in outcomes if o.case.version == version]
        counts = f"{len(results)} | {sum(results)} | {len(results) - sum(results)}"
        lines.append(f"| {version} | {counts} | {by_version[version]} |")
    lines += ["", "## By family", "", f"| family | {' | '.join(versions)} |", f"| --- |{' ---: |' * len(versions)}"]
    shares = {(row["family"], row["version"]): f"{row['passed']}/{row['cases']}" for row in summary(outcomes)}
    for family in families:
        lines.append(f"| {family} | {' | '.join(shares.get((family, version), '') for version in versions)} |")
    lines += ["", "Passed of all; empty where a version has no such case.", "", "## Why cases fail", ""]
    lines += ["What the server says in the first answer that is not as expected, else the first difference in it.", ""]
    lines += ["| cases | answer |", "| ---: | --- |"]
    counts_of = Counter(_generalised(o) for o in outcomes if o.failure)
    lines += [f"| {count} | {text} |" for text, count in counts_of.most_common(REASONS)]
    left = sum(count for _, count in counts_of.most_common()[REASONS:])
    if left:
        lines += [f"| {left} | others, each of few cases |"]
    return "\n".join(lines) + "\n"


def _generalised(outcome: Outcome) -> str:
    """Return why a case failed, without what is different in every case."""
    said = re.search(r"Result Message \(Text String\): '(.*)'", outcome.failure or "")
    text = outcome.difference or "" if said is None else f"“{said[1]}”"
    text = re.sub(r"\s+", " ", UNIQUE.sub("...", text).replace(outcome.case.id, "the case"))
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")[:160]


def _rows(text: str, heading: str) -> list[list[str]]:
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
