"""What `kmipd key` and `kmipd cert` have in common: many identifiers, lists of objects, attributes, content."""

import base64
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.output import chosen_form, print_json, print_record, print_rows
from kmip_app.cli.remote import REFUSED, RemoteError, connected
from kmip_app.configuration.config import StartError
from kmip_app.progress import progress

if TYPE_CHECKING:
    from kmip_app.client import KmipClient
    from kmip_core.attributes import Attributes
    from kmip_core.objects import Content

AT_ONCE: Final = 25  # objects whose attributes are read by one message
ENCODINGS: Final = ("raw", "hex", "base64", "pem")
COLUMNS: Final = {
    "unique_identifier": "Identifier",
    "name": "Name",
    "object_type": "Type",
    "cryptographic_algorithm": "Algorithm",
    "cryptographic_length": "Length",
    "state": "State",
}
LISTED: Final = ("object_type", "names", "cryptographic_algorithm", "cryptographic_length", "state")
"""Attributes that a list shows."""


def identifier_argument(*, many: bool = False) -> click.Parameter:
    """Return ID, or ID..., of which at least one must be given."""
    if many:
        return click.Argument(["identifiers"], metavar="ID...", nargs=-1, required=True)
    return click.Argument(["identifier"], metavar="ID")


def for_each(values: Mapping[str, Any], identifiers: Sequence[str], act: Callable[["KmipClient", str], Any]) -> int:
    """Perform an operation on every object; go on after a refusal and report it.  Return the exit code."""
    from kmip_app.client import OperationFailed
    from kmip_app.client.plain import plain

    form = chosen_form(values)
    done: list[dict[str, Any]] = []
    refused = 0
    with connected(values) as client:
        for identifier in identifiers:
            try:
                response = act(client, identifier)
            except OperationFailed as error:
                refused += 1
                click.echo(f"{identifier}: {error}", err=True)
            else:
                done.append(plain(response))
    if form == "json":
        print_json(done[0] if len(identifiers) == 1 and done else done)
    else:
        for one in done:
            click.echo("\t".join(map(str, one.values())))
    return REFUSED if refused else 0


def listed(client: "KmipClient", identifiers: Sequence[str], names: Iterable[str] = LISTED) -> list[dict[str, Any]]:
    """Return what a list shows of objects; those that this client may not read, or that are gone, are left out."""
    from kmip_app.client import OperationFailed, requests
    from kmip_app.client.plain import attributes

    rows: list[dict[str, Any]] = []
    references = tuple(names)
    with progress("Reading attributes") as report:
        for start in range(0, len(identifiers), AT_ONCE):
            requested = [requests.get_attributes(one, references) for one in identifiers[start : start + AT_ONCE]]
            for response in in_one_message(client, requested):
                if not isinstance(response, OperationFailed):
                    found = attributes(response.attributes)
                    row = {"unique_identifier": response.unique_identifier, **found}
                    rows.append(row | {"name": ", ".join(found.get("names", []))})
            report(len(rows), len(identifiers))
    return rows


def in_one_message(client: "KmipClient", requested: Sequence[Any]) -> list[Any]:
    """Return the Response, or the OperationFailed, of each request; one by one where the server takes no batches."""
    from kmip_app.client import ClientError, OperationFailed
    from kmip_core.enums import BatchErrorContinuationOption

    try:
        found = client.batch(requested, BatchErrorContinuationOption.CONTINUE)
        if len(found) == len(requested):
            return list(found)
    except ConnectionError:
        raise
    except ClientError:
        pass
    results: list[Any] = []
    for request in requested:
        try:
            results.append(client.call(request))
        except OperationFailed as error:
            results.append(error)
    return results


def print_list(rows: Sequence[Mapping[str, Any]], values: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    """Print a list of objects."""
    print_rows(rows, columns, chosen_form(values))


def show(identifier: str, **values: Any) -> None:
    """Show all attributes of one object."""
    from kmip_app.client.plain import attributes

    with connected(values) as client:
        response = client.get_attributes(identifier)
    print_record(
        {"unique_identifier": response.unique_identifier, **attributes(response.attributes)}, chosen_form(values)
    )


def filters(**values: Any) -> dict[str, Any]:
    """Return the parameters of Locate that a list's options ask for."""
    return {
        "name": values["name"],
        "state": values["state"],
        "group": values["group"],
        "maximum_items": values["limit"],
    }


def filter_options() -> list[click.Parameter]:
    """Return what a list can be narrowed by."""
    return [
        click.Option(["--name"], metavar="NAME", help="Only those of this name."),
        click.Option(["--state"], metavar="STATE", help="Only those in this state, for example active."),
        click.Option(["--group"], metavar="GROUP", help="Only those of this object group."),
        click.Option(["--limit"], type=click.IntRange(1), metavar="N", help="So many at most."),
    ]


# --- input and output of content ------------------------------------------------------------------------------------


def read_input(file: Path | None, text: str | None = None) -> bytes:
    """Return what a command works on: `text`, the file, or standard input for `-`.  Raises StartError, OSError."""
    if text is not None:
        if file is not None:
            raise StartError("name a file or --data, not both")
        return text.encode()
    if file is None or str(file) == "-":
        return sys.stdin.buffer.read()
    return file.read_bytes()


def file_argument() -> click.Parameter:
    """Return [FILE]."""
    path = click.Path(path_type=Path)
    return click.Argument(["file"], type=path, required=False, metavar="[FILE]", callback=_only_one_file)


def in_option() -> click.Parameter:
    """Return --in, for those who name the file by an option; it fills the argument FILE."""
    return click.Option(
        ["--in", "--file", "in_file"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        expose_value=False,
        callback=_take_file,
        help="The same as FILE.",
    )


def _only_one_file(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Refuse a second file; click calls this in the order of the command line, for FILE and for --in."""
    if value is not None and context.params.get("file") is not None:
        raise click.UsageError("name one file, as FILE or with --in", context)
    return value


def _take_file(context: click.Context, option: click.Parameter, value: Path | None) -> None:
    if _only_one_file(context, option, value) is not None:
        context.params["file"] = value


def out_option() -> click.Parameter:
    """Return --out."""
    return click.Option(
        ["--out"], type=click.Path(path_type=Path), metavar="FILE", help="A new file for the result, mode 0600."
    )


def write_out(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read.  Raises OSError, also if it is there already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def encoded(content: bytes, encoding: str, label: str | None) -> bytes:
    """Return content as text or as it is.  label: of PEM; None where content has no PEM form.  Raises StartError."""
    if encoding == "hex":
        return content.hex().encode()
    if encoding == "base64":
        return base64.b64encode(content)
    if encoding == "pem":
        if label is None:
            raise StartError("this object has no PEM form; write --encoding hex, base64 or raw")
        body = base64.encodebytes(content).replace(b"\n", b"")
        lines = [body[start : start + 64] for start in range(0, len(body), 64)]
        return b"\n".join([f"-----BEGIN {label}-----".encode(), *lines, f"-----END {label}-----".encode()])
    return content


def decoded(content: bytes, encoding: str) -> bytes:
    """Return the bytes that a text stands for; `raw` and `pem` are left as they are.  Raises StartError."""
    try:
        if encoding == "hex":
            return bytes.fromhex(content.decode("ascii"))
        if encoding == "base64":
            return base64.b64decode(b"".join(content.split()), validate=True)
    except ValueError as error:
        raise StartError(f"the input is not {encoding}: {error}") from error
    return content


def from_hex(text: str | None, option: str) -> bytes | None:
    """Return the bytes of an option's value.  Raises StartError."""
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise StartError(f"{option}: {error}") from error


def deliver(
    record: dict[str, Any],
    content: bytes,
    values: Mapping[str, Any],
    *,
    encoding: str,
    out: Path | None = None,
    label: str | None = None,
) -> None:
    """Print what a server has returned, or write it to a new file.

    record: for JSON, without the content.  content: the bytes themselves, in the encoding that was chosen.
    """
    text = encoded(content, encoding, label)
    if out is not None:
        write_out(out, text if encoding == "raw" else text + b"\n")
    elif chosen_form(values) == "json":
        print_json(record)
    elif encoding == "raw":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    else:
        click.echo(text.decode("ascii"))


def content_of(content: "Content") -> tuple[dict[str, Any], bytes | None]:
    """Return what can be shown of an object, and its bytes; None where it has none, as transparent keys."""
    from kmip_app.client.plain import plain

    block = getattr(content, "key_block", None)
    if block is None:
        value = getattr(content, "certificate_value", getattr(content, "opaque_data_value", None))
        if value is None:
            value = getattr(content, "certificate_request_value", None)
        return {}, value
    shown = {
        "key_format_type": plain(block.key_format_type),
        "cryptographic_algorithm": plain(block.cryptographic_algorithm),
        "cryptographic_length": block.cryptographic_length,
    }
    if block.key_wrapping_data is not None:
        shown["key_wrapping_data"] = plain(block.key_wrapping_data)
    value = block.key_value
    material = value if isinstance(value, bytes) else getattr(value, "key_material", None)
    if not isinstance(material, bytes):
        shown["key_material"] = plain(material)
        return shown, None
    return shown, material


PEM_LABELS: Final = {
    "PKCS_8": "PRIVATE KEY",
    "PKCS_1": "RSA PRIVATE KEY",
    "EC_PRIVATE_KEY": "EC PRIVATE KEY",
    "X_509": "PUBLIC KEY",
    "CERTIFICATE": "CERTIFICATE",
    "CERTIFICATE_REQUEST": "CERTIFICATE REQUEST",
}


def pem_label(content: "Content") -> str | None:
    """Return how PEM calls an object; None for what has no PEM form."""
    block = getattr(content, "key_block", None)
    if block is None:
        return PEM_LABELS.get(content.object_type.name)
    if block.key_wrapping_data is not None:
        return None
    if block.key_format_type.name == "PKCS_1" and content.object_type.name == "PUBLIC_KEY":
        return "RSA PUBLIC KEY"
    return PEM_LABELS.get(block.key_format_type.name)


def need_material(material: bytes | None) -> bytes:
    """Return the bytes of an object.  Raises RemoteError if the server has sent none."""
    if material is None:
        raise RemoteError("the server sends no bytes of this object; write --json, or another --key-format", REFUSED)
    return material


def attributes_of(client: "KmipClient", identifier: str, *names: str) -> "Attributes":
    """Return some attributes of an object."""
    return client.get_attributes(identifier, names).attributes
