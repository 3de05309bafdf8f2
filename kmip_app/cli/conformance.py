"""`kmipd conformance`: the official test cases of OASIS against this server or any other."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kmip_app.cli.context import CONTEXT
from kmip_app.cli.output import chosen_form, output_options, print_json, print_rows
from kmip_app.cli.remote import REFUSED, RemoteError, Target, connection_options, target_of
from kmip_app.configuration.addresses import Address, read_address
from kmip_app.configuration.config import UNREACHABLE, StartError
from kmip_app.printable import printable
from kmip_app.progress import counted
from kmip_app.system_errors import reason_of

if TYPE_CHECKING:
    from kmip_app.conformance.cases import Case
    from kmip_app.conformance.listening import Listener
    from kmip_app.conformance.report import Outcome


def conformance(
    cases: Path,
    kmip_version: str | None,
    families: tuple[str, ...],
    patterns: tuple[str, ...],
    junit: Path | None,
    html: Path | None,
    **values: Any,
) -> int:
    """Play the official test cases (XML files of OASIS) and compare each answer strictly.

    With --host or --profile against that server, as one client, which sees what earlier cases have left. With --listen
    the server can call that client, for cases of Notify and Put: this one, if it was started after
    `kmipd client notify NAME --notify-url URL --put own --own-changes`. Without --host and --profile against servers of
    this program that keep nothing, each case with the setting that it needs and as a client of its own. Exit code 0 if
    all cases pass, 1 if not.
    """
    from kmip_app.conformance import report

    chosen = _choose(cases, kmip_version, families, patterns)
    form = chosen_form(values)
    with _player(values) as (server, play):
        outcomes = [_outcome(case, play) for case in _shown(chosen, form)]
    for path, content in ((junit, report.as_junit), (html, report.as_html)):
        if path is not None:
            text = content(outcomes, server)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    failures = [outcome for outcome in outcomes if outcome.failure is not None]
    if form == "json":
        print_json(report.as_json(outcomes, server))
    else:
        print_rows(report.summary(outcomes), report.COLUMNS, form)
        for outcome in failures:
            click.echo(f"{outcome.case.id}: {printable(outcome.difference or '')}")
        click.echo(f"{server}: {len(outcomes) - len(failures)} of {len(outcomes)} cases pass")
    return REFUSED if failures else 0


def _choose(folder: Path, version: str | None, families: Sequence[str], patterns: Sequence[str]) -> "list[Case]":
    from kmip_app.conformance.cases import find_cases

    found = find_cases(folder)
    if not found:
        raise StartError(f"--cases: no test cases in {folder}; they are XML files such as TC-REKEY-1-14.xml")
    known = sorted({case.family for case in found})
    for family in families:
        if family not in known:
            raise StartError(f"--family: no test case is of {family}; families are {', '.join(known)}")
    for pattern in patterns:
        if not any(_has_name(case, pattern) for case in found):
            raise StartError(f"--case: no test case has the name {pattern}; one is {found[0].id}")
    chosen = [
        case
        for case in found
        if version in (None, case.version)
        and (not families or case.family in families)
        and (not patterns or any(_has_name(case, pattern) for pattern in patterns))
    ]
    if not chosen:
        raise StartError(f"no test case is left of {len(found)}; families are {', '.join(known)}")
    return chosen


def _has_name(case: "Case", pattern: str) -> bool:
    return fnmatchcase(case.name, pattern) or fnmatchcase(case.id, pattern)


@contextmanager
def _player(values: Mapping[str, Any]) -> "Iterator[tuple[str, Callable[[Case], None]]]":
    """Give the server's name, and what plays one case."""
    if values["host"] is None and values["port"] is None and values["profile"] is None:
        from kmip_app.conformance.own_servers import OwnServers
        from kmip_app.version import VERSION

        with OwnServers() as servers:
            yield f"kmipd {VERSION}", servers.play
        return
    from kmip_adapters.transport.client import TlsTtlvClient
    from kmip_app.cli.remote import remote_errors
    from kmip_app.client.files import context_of
    from kmip_app.conformance.connections import OtherClients
    from kmip_app.conformance.https import poster
    from kmip_app.conformance.runner import play_in_order
    from kmip_app.connection_errors import explained

    target = target_of(values)
    with remote_errors():
        context = context_of(target.ca, target.cert, target.key)

    def connect() -> TlsTtlvClient:
        return TlsTtlvClient(
            target.host, target.port, context=context, timeout=target.timeout, server_name=target.server_name
        )

    listen = None if values["listen"] is None else _address(values["listen"])
    https_port: int | None = values["https_port"]
    post = None if https_port is None else poster(target.host, https_port, context, target.timeout)

    try:
        with connect():
            pass
    except OSError as error:
        text = (
            f"{target.host}:{target.port}: {explained(error)}; kmipd doctor, with the same options, says what is wrong"
        )
        raise RemoteError(text, UNREACHABLE) from error
    with nullcontext() if listen is None else _listener(target, listen) as calls:

        def play(case: "Case") -> None:
            # One certificate is given for another server: its connections are one identity.
            with connect() as client, OtherClients(lambda _: connect()) as others:
                play_in_order(case, client.exchange, post, others.exchange_of, calls)

        yield f"{target.host}:{target.port}", play


def _address(text: str) -> Address:
    try:
        return read_address(text)
    except ValueError as error:
        raise StartError(f"--listen: {error}") from None


def _listener(target: Target, address: Address) -> "Listener":
    """Return what listens as the client.  Raises StartError."""
    from kmip_app.conformance.listening import Listener

    if target.ca is None or target.cert is None:
        raise StartError("--listen: the client shows its certificate there, too; name --ca, --cert and --key")
    try:
        return Listener(
            ca=target.ca,
            cert=target.cert,
            key=target.key,
            host=address.host,
            port=address.port,
            patience=target.timeout,
        )
    except OSError as error:
        raise StartError(f"--listen {address}: {reason_of(error)}") from error


def _outcome(case: "Case", play: "Callable[[Case], None]") -> "Outcome":
    from kmip_app.conformance.report import Outcome
    from kmip_app.conformance.runner import CaseFailed

    started = time.monotonic()
    failure: str | None = None
    try:
        play(case)
    except CaseFailed as error:
        failure = str(error)
    except OSError as error:
        failure = f"{case.id}: the connection failed: {reason_of(error)}"
    return Outcome(case=case, failure=failure, seconds=time.monotonic() - started)


def _shown(cases: "Sequence[Case]", form: str) -> "Iterator[Case]":
    """Yield the cases, and say how many were played."""
    yield from cases if form == "json" else counted("Playing cases", cases, len(cases))


command = click.Command(
    "conformance",
    callback=conformance,
    params=[
        click.Option(
            ["--cases"],
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            required=True,
            metavar="DIR",
            help="Folder of the official XML files, searched with all below it.",
        ),
        click.Option(["--version", "--kmip-version", "kmip_version"], metavar="N.N", help="Only those of a version."),
        click.Option(["--family", "families"], multiple=True, metavar="NAME", help="Only this family: CS-BC, say."),
        click.Option(["--case", "patterns"], multiple=True, metavar="PATTERN", help="Only these, say TC-REKEY-*."),
        click.Option(["--https-port"], type=click.IntRange(1, 65535), metavar="PORT", help="For cases over HTTPS."),
        click.Option(
            ["--listen"],
            metavar="HOST:PORT",
            help="Where the client listens, for cases in which the server calls it; the server must know of it.",
        ),
        click.Option(["--junit"], type=click.Path(path_type=Path), metavar="FILE", help="Write a JUnit report."),
        click.Option(["--html"], type=click.Path(path_type=Path), metavar="FILE", help="Write a page."),
        *output_options(),
        *[option for option in connection_options() if option.name != "kmip_version"],
    ],
    help=conformance.__doc__,
    context_settings=CONTEXT,
)
