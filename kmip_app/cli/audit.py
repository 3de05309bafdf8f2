"""`kmipd audit`: verify, show, export and anchor the audit trail, beside a running server."""

import datetime as dt
import itertools
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from kmip_adapters.audit import reading
from kmip_adapters.audit.anchors import UnusableAnchor, heads_of
from kmip_adapters.audit.lines import Head, Line
from kmip_adapters.audit.reading import Filter
from kmip_adapters.audit.verify import verify as problems_of
from kmip_app import audit
from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_json, print_rows, print_stream
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.maintenance.node_names import SINGLE
from kmip_app.printable import printable
from kmip_app.progress import counted, working
from kmip_app.version import VERSION

UNFINISHED: Final = "is unfinished"
AGAIN_AFTER: Final = 0.3  # seconds: what a running server was writing is whole then

FORMATS: Final[Mapping[str, Callable[[Line], str]]] = {
    "jsonl": reading.as_json,
    "cef": partial(reading.as_cef, version=VERSION),
    "ocsf": partial(reading.as_ocsf, version=VERSION),
}

SHOWN: Final = {"Time": 20, "Client": 24, "What": 20, "Result": 20, "Objects": 36, "Remark": 6}
"""Columns of `show` -> their widths."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def verify(anchor: tuple[Path, ...], anchor_key: str | None, config_path: str | None, **values: Any) -> int:
    """Check every chain of the trail: nothing edited, removed, reordered, cut off or emptied.  Exit code 1 on damage.

    What the files alone do not show is compared with the head that the database keeps, and with the signed heads of
    the data directory and of --anchor.
    """
    configuration = _configuration(values, config_path)
    folder = audit.folder_of(configuration)
    try:
        heads: dict[str, list[Head]] = {chain: [head] for chain, head in audit.kept_heads(configuration).items()}
    except audit.UnreadableHeads as error:
        click.echo(printable(f"the heads that the database keeps cannot be read: {error}"), err=True)
        heads = {}
    found: list[str] = []
    try:
        for one in audit.anchors_in(configuration, anchor, _key(anchor_key)):
            for chain, head in one.heads.items():
                heads.setdefault(chain, []).append(head)
    except UnusableAnchor as error:
        found.append(str(error))
    with working("Reading the trail"):
        problems = problems_of(folder, heads)
    if any(UNFINISHED in problem.text for problem in problems):
        time.sleep(AGAIN_AFTER)
        problems = problems_of(folder, heads)
    found += map(str, problems)
    chains = {} if found else {chain: head.sequence for chain, head in sorted(heads_of(folder).items())}
    known = {chain: max(head.sequence for head in of_chain) for chain, of_chain in sorted(heads.items()) if of_chain}
    form = chosen_form(values)
    if form == "json":
        print_json({"ok": not found, "findings": found, "records": chains, "known_up_to": known})
        return 1 if found else 0
    if form == "table" and found:
        print_rows([{"text": text} for text in found], {"text": "Finding"}, form)
    else:
        for text in found:
            click.echo(printable(text))
    if found:
        click.echo(f"damaged: {len(found)} finding{'s' * (len(found) > 1)}")
        return 1
    if form == "table":
        rows = [{"chain": chain, "records": last, "known": known.get(chain, 0)} for chain, last in chains.items()]
        print_rows(rows, {"chain": "Chain", "records": "Records", "known": "Known up to"}, form)
    shown = ", ".join(f"{chain} {last} records" for chain, last in chains.items()) or "no records"
    up_to = ", ".join(f"{last}" if chain == SINGLE else f"{last} of {chain}" for chain, last in known.items()) or "0"
    click.echo(f"whole: {shown}; known up to record {up_to} from the database and anchors")
    return 0


def show(follow: bool, config_path: str | None, **values: Any) -> None:
    """Show records: time, client, operation, result, objects, remark.  --follow goes on with those to come.

    JSON is one object a line.
    """
    folder, wanted = _wanted(values, config_path)
    lines = reading.records(folder, wanted)
    if follow:
        lines = itertools.chain(lines, reading.follow(folder, wanted))
    form = chosen_form(values)
    with _ending_at_pipe():
        if form == "json":
            for line in lines:
                click.echo(printable(reading.as_json(line)))
        else:
            print_stream(map(reading.as_columns, lines), SHOWN, form)


def export(form: str, out: Path | None, config_path: str | None, **values: Any) -> None:
    """Write records for other programs: JSON Lines, CEF (ArcSight) or OCSF 1.3 (API Activity)."""
    write = FORMATS[form.lower()]
    folder, wanted = _wanted(values, config_path)
    if out is None:
        with _ending_at_pipe():
            for line in reading.records(folder, wanted):
                click.echo(printable(write(line)))
        return
    with out.open("x", encoding="utf-8") as file:
        out.chmod(0o600)
        for line in counted("Writing records", reading.records(folder, wanted)):
            file.write(write(line) + "\n")


def anchor(config_path: str | None, **values: Any) -> None:
    """Print the signed head of the trail, and hand it to anchor_file and anchor_command as the server does every day.

    Keep it where the server cannot write: `kmipd audit verify --anchor FILE` then shows whether anything up to it was
    cut off or written anew.
    """
    configuration = _configuration(values, config_path)
    try:
        click.echo(audit.make_anchor(configuration))
    except UnusableAnchor as error:
        raise StartError(str(error)) from error


def _configuration(values: dict[str, Any], config_path: str | None) -> Configuration:
    configuration = chosen(values, config_path).configuration
    folder = audit.folder_of(configuration)
    if not folder.is_dir():
        raise StartError(f"{folder} does not exist; name the server's data directory or its configuration")
    return configuration


def _key(given: str | None) -> str | None:
    """Return the public key in hexadecimal from an option: itself, or the file that has it."""
    if given is None or re.fullmatch(r"[0-9a-f]{64}", given):
        return given
    try:
        key = Path(given).read_text("ascii").strip()
    except FileNotFoundError:
        key = ""
    except UnicodeDecodeError:
        key = given
    if not re.fullmatch(r"[0-9a-f]{64}", key):
        raise StartError(
            f"--anchor-key: {given} is neither a public key in 64 hexadecimal digits nor a file that has one"
        )
    return key


def _wanted(values: dict[str, Any], config_path: str | None) -> tuple[Path, Filter]:
    folder = audit.folder_of(_configuration(values, config_path))
    return folder, Filter(
        since=_moment("--since", values["since"]),
        until=_moment("--until", values["until"]),
        client=values["client"],
        object=values["object_"],
        operation=_operation(values["operation"], folder),
        result=_result(values["result"]),
    )


def _operation(given: str | None, folder: Path) -> str | None:
    """Return the operation or event that is wanted.  Raises StartError for one that no record can have."""
    if given is None:
        return None
    from kmip_app.audit_events import check_event

    try:
        check_event(given)
    except ValueError as error:
        # A server of another release may have left events that this one does not know.
        if next(reading.records(folder, Filter(operation=given)), None) is None:
            raise StartError(f"--operation: {error}") from error
    return given


def _result(given: str | None) -> str | None:
    """Return the result that is wanted.  Raises StartError for one that no record can have."""
    if given is None or given.lower() in ("success", "failure", "refused"):
        return given
    from kmip_app.words import member
    from kmip_core.enums import ResultReason

    try:
        return member(ResultReason, given).name
    except ValueError as error:
        raise StartError(f"--result: {error}; or write success or failure") from error


def _moment(option: str, text: str | None) -> int | None:
    """Return seconds since 1970-01-01 UTC: of a time in ISO 8601 (UTC unless it says otherwise), or so long ago."""
    if text is None:
        return None
    ago = re.fullmatch(r"(\d{1,9})([smhdw])", text)
    if ago:
        return int(time.time()) - int(ago[1]) * _UNITS[ago[2]]
    if re.fullmatch(r"\d{9,11}", text):
        return int(text)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise StartError(
            f"{option}: {text!r} is no time; write 2026-11-30T12:00:00Z, or 2h for two hours ago"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp())


class _ending_at_pipe:
    """While inside, a reader that has gone away ends the work quietly."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, BrokenPipeError)


_PLACE: Final = ["data_dir", "database_path", "database"]


def _filters() -> list[click.Parameter]:
    return [
        click.Option(["--since"], metavar="TIME", help="From this time on: ISO 8601, or 30m, 2h, 7d ago."),
        click.Option(["--until"], metavar="TIME", help="Up to this time."),
        click.Option(["--client"], metavar="NAME", help="Of this client."),
        click.Option(["--object", "object_"], metavar="ID", help="About the object with this Unique Identifier."),
        click.Option(["--operation"], metavar="NAME", help="Of this operation, as Get or Create Key Pair, or event."),
        click.Option(["--result"], metavar="NAME", help="success, failure, or a reason as Permission Denied."),
    ]


def _command(name: str, callback: Callable[..., Any], *params: click.Parameter, more: list[str] | None = None) -> Any:
    return click.Command(
        name,
        callback=callback,
        params=[*params, config_option(), *setting_options([*_PLACE, *(more or [])])],
        help=callback.__doc__,
        context_settings=CONTEXT,
    )


command = Group(
    "audit",
    commands=[
        _command(
            "verify",
            verify,
            click.Option(
                ["--anchor"], type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Anchors kept apart."
            ),
            click.Option(["--anchor-key"], metavar="KEY", help="Their public key: hexadecimal, or a file that has it."),
            *output_options(),
        ),
        _command(
            "show",
            show,
            *_filters(),
            click.Option(["--follow"], is_flag=True, help="Go on with records to come."),
            *output_options(),
        ),
        _command(
            "export",
            export,
            *_filters(),
            click.Option(
                ["--format", "form"],
                type=click.Choice(list(FORMATS), case_sensitive=False),
                default="jsonl",
                show_default=True,
                help="Form of the records.",
            ),
            click.Option(
                ["--out"], type=click.Path(path_type=Path), metavar="FILE", help="A new file.  [default: stdout]"
            ),
        ),
        _command("anchor", anchor, more=["anchor_file", "anchor_command"]),
    ],
    help="Verify, show, export and anchor the audit trail; the server may be running.",
    context_settings=CONTEXT,
)
