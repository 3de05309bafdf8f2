"""`kmipd migrate-from`: take over what another KMIP server keeps."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.context import CONTEXT
from kmip_app.cli.options import chosen, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_json, print_rows
from kmip_app.cli.remote import REFUSED, connection_options, remote_errors, target_of
from kmip_app.configuration.config import StartError
from kmip_app.progress import counted

if TYPE_CHECKING:
    from kmip_app.maintenance.migration import Moved

COLUMNS: Final = {
    "unique_identifier": "Identifier",
    "name": "Name",
    "object_type": "Type",
    "result": "Result",
    "reason": "Why",
}


def migrate_from(
    owner: str | None,
    dry_run: bool,
    report: Path | None,
    database_path: str | None,
    database: str | None,
    **values: Any,
) -> int:
    """Move the objects of another KMIP server, of any vendor, into the store that the configuration names.

    --host (or --profile) is the other server, --cert and --key a client there that may see and get the objects. They
    keep identifiers, names, states, dates, links and custom attributes; nothing there is changed. What is here already
    is left alone, so the command can be run again. The server here must not be running. Exit code 1 if an object could
    not be moved; the report says why.
    """
    from kmip_app.maintenance.migration import NOT_MOVED, migrate
    from kmip_app.maintenance.opening import opened

    if values["host"] is None and values["profile"] is None:
        raise StartError("name the other server with --host or --profile")
    target = target_of(values)
    name = owner or _common_name(target.cert)
    settings = {"data_dir": values["data_dir"], "database_path": database_path, "database": database}
    configuration = chosen(settings, values["config_path"]).configuration
    with (
        remote_errors(),
        target.client() as client,
        opened(configuration, alone=not dry_run, or_empty=dry_run) as container,
    ):
        found = migrate(client, container, owner=name, dry_run=dry_run)
        moved = [_record(one) for one in counted("Moving objects", found)]
    counts = Counter(one["result"] for one in moved)
    whole = {
        "from": f"{target.host}:{target.port}",
        "owner": name,
        "dry_run": dry_run,
        "counts": dict(sorted(counts.items())),
        "objects": moved,
    }
    if report is not None:
        report.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
    form = chosen_form(values)
    if form == "json":
        print_json(whole)
    else:
        print_rows([one for one in moved if one["result"] == NOT_MOVED or one.get("left_out")], COLUMNS, form)
        summary = ", ".join(f"{count} {result}" for result, count in sorted(counts.items())) or "no objects there"
        click.echo(f"{'would be: ' if dry_run else ''}{summary}")
    return REFUSED if counts[NOT_MOVED] else 0


def _record(one: "Moved") -> dict[str, Any]:
    record = {
        "unique_identifier": one.unique_identifier,
        "name": one.name,
        "object_type": one.object_type,
        "result": one.result,
        "reason": one.reason,
        "left_out": list(one.left_out),
    }
    return {field: value for field, value in record.items() if value not in ("", [])}


def _common_name(cert: Path | None) -> str:
    """Return the identity of the client there: it will come here with the same certificate."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    if cert is not None:
        names = x509.load_pem_x509_certificate(cert.read_bytes()).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if names:
            return str(names[0].value)
    raise StartError("whose are the objects here? name the client with --owner")


command = click.Command(
    "migrate-from",
    callback=migrate_from,
    params=[
        click.Option(["--owner"], metavar="NAME", help="The client that owns them here.  [default: that of --cert]"),
        click.Option(["--dry-run"], is_flag=True, help="Read and judge, and move nothing."),
        click.Option(["--report"], type=click.Path(path_type=Path), metavar="FILE", help="Write all of it as JSON."),
        *output_options(),
        *connection_options(),
        *setting_options(["database_path", "database"]),
    ],
    help=migrate_from.__doc__,
    context_settings=CONTEXT,
)
