"""`kmipd cert ...`: certificates of any KMIP server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.context import Group
from kmip_app.cli.objects import (
    ENCODINGS,
    content_of,
    deliver,
    file_argument,
    filter_options,
    filters,
    identifier_argument,
    in_option,
    listed,
    need_material,
    out_option,
    pem_label,
    print_list,
    read_input,
)
from kmip_app.cli.options import CONTEXT
from kmip_app.cli.output import chosen_form, print_json, print_record
from kmip_app.cli.remote import REFUSED, connected, remote_command
from kmip_app.configuration.config import StartError
from kmip_app.progress import progress

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as X509Certificate

    from kmip_app.client import KmipClient

COLUMNS: Final = {
    "unique_identifier": "Identifier",
    "name": "Name",
    "subject": "Subject",
    "not_valid_after": "Not valid after",
    "state": "State",
}


def register(file: Path | None, name: str | None, activate: bool, **values: Any) -> None:
    """Give an X.509 certificate in PEM or DER to the server and print its identifier; - is standard input."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from kmip_app.client.plain import plain
    from kmip_core.objects import Certificate

    der = _x509(read_input(file)).public_bytes(Encoding.DER)
    with connected(values) as client:
        made = client.register(Certificate(certificate_value=der), name=name)
        if activate:
            client.activate(made)
    print_record(plain(made), chosen_form(values), plain=["unique_identifier"])


def get(identifier: str, encoding: str | None, out: Path | None, **values: Any) -> None:
    """Fetch a certificate: to standard output as PEM, or to a new file."""
    with connected(values) as client:
        response = client.get(identifier)
    _, der = content_of(response.managed_object)
    label = pem_label(response.managed_object)
    record = {"unique_identifier": response.unique_identifier, **described(need_material(der))}
    if chosen_form(values) == "json" and out is None:
        print_json({**record, "certificate_value": need_material(der).hex()})
        return
    deliver(record, need_material(der), values, encoding=encoding or "pem", out=out, label=label)


def list_certificates(**values: Any) -> None:
    """List certificates that this client may see, newest first."""
    with connected(values) as client:
        found = client.locate(**filters(**values), object_type="Certificate")
        rows = with_content(client, listed(client, found.unique_identifiers, ("object_type", "names", "state")))
    print_list(rows, values, COLUMNS)


def show(identifier: str, **values: Any) -> None:
    """Show a certificate and all its attributes."""
    from kmip_app.client.plain import attributes

    with connected(values) as client:
        response = client.get_attributes(identifier)
        (row,) = with_content(client, [{"unique_identifier": response.unique_identifier}])
    print_record({**row, **attributes(response.attributes)}, chosen_form(values))


def certify(identifier: str | None, request: Path | None, name: str | None, subject: str | None, **values: Any) -> None:
    """Have the server issue a certificate, for a public key of it (ID) or for a PKCS#10 request, and print its ID."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from kmip_app.client.plain import plain
    from kmip_core.attributes import Attributes
    from kmip_core.enums import CertificateRequestType, CertificateType
    from kmip_core.structures import CertificateAttributes, CertificateSubject, Name

    if (identifier is None) == (request is None):
        raise StartError("name the public key by its ID, or a certificate request with --request FILE")
    parts = CertificateAttributes(certificate_subject_cn=subject) if subject is not None else None
    of_1x = CertificateSubject(certificate_subject_distinguished_name=f"CN={subject}") if subject is not None else None
    attributes = Attributes(
        certificate_type=CertificateType.X_509,
        names=(Name(name_value=name),) if name else (),
        certificate_attributes=parts,
        certificate_subject=of_1x,
    )
    fields: dict[str, Any] = {}
    if request is not None:
        content = request.read_bytes()
        try:
            load = x509.load_pem_x509_csr if content.lstrip().startswith(b"-----") else x509.load_der_x509_csr
            der = load(content).public_bytes(Encoding.DER)
        except ValueError as error:
            raise StartError(f"{request}: no PKCS#10 request: {error}") from error
        fields = {"certificate_request_type": CertificateRequestType.PKCS_10, "certificate_request": der}
    with connected(values) as client:
        made = client.certify(identifier, attributes=attributes, **fields)
    print_record(plain(made), chosen_form(values), plain=["unique_identifier"])


def validate(identifiers: tuple[str, ...], **values: Any) -> int:
    """Have the server check certificates: each one's chain, signatures and dates.  Exit code 0 if all are valid."""
    from kmip_app.client.plain import plain
    from kmip_core.enums import ValidityIndicator

    with connected(values) as client:
        found = client.validate(identifiers)
    verdict = plain(found.validity_indicator)
    if chosen_form(values) == "json":
        print_json({"validity_indicator": verdict})
    else:
        click.echo(verdict.lower())
    return 0 if found.validity_indicator is ValidityIndicator.VALID else REFUSED


def with_content(client: "KmipClient", rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of certificates with what stands in them; what this client may not fetch stays as it is."""
    from kmip_app.cli.objects import AT_ONCE, in_one_message
    from kmip_app.client import OperationFailed
    from kmip_core.operations import get as get_

    full: list[dict[str, Any]] = []
    with progress("Reading certificates") as report:
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            requested = [get_.Request(unique_identifier=row["unique_identifier"]) for row in part]
            for row, response in zip(part, in_one_message(client, requested), strict=True):
                _, der = (None, None) if isinstance(response, OperationFailed) else content_of(response.managed_object)
                full.append(row | (described(der) if der is not None else {}))
            report(len(full), len(rows))
    return full


def described(der: bytes) -> dict[str, Any]:
    """Return what people want to know of a certificate; nothing for one that cannot be read."""
    try:
        found = _x509(der)
    except StartError:
        return {}
    return {
        "subject": found.subject.rfc4514_string(),
        "issuer": found.issuer.rfc4514_string(),
        "serial_number": f"{found.serial_number:x}",
        "not_valid_before": found.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "not_valid_after": found.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
    }


def _x509(content: bytes) -> "X509Certificate":
    from cryptography import x509

    try:
        if content.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError as error:
        raise StartError("no X.509 certificate, neither PEM nor DER") from error


command = Group(
    "cert",
    commands=[
        remote_command(
            "register",
            register,
            [
                file_argument(),
                in_option(),
                click.Option(["--name"], metavar="NAME", help="Its name."),
                click.Option(["--activate"], is_flag=True, help="Make it Active at once."),
            ],
        ),
        remote_command(
            "get",
            get,
            [
                identifier_argument(),
                click.Option(["--encoding"], type=click.Choice(ENCODINGS), help="How to write it.  [default: pem]"),
                out_option(),
            ],
        ),
        remote_command("list", list_certificates, filter_options()),
        remote_command("show", show, [identifier_argument()]),
        remote_command(
            "certify",
            certify,
            [
                click.Argument(["identifier"], required=False, metavar="[ID]"),
                click.Option(
                    ["--request"], type=click.Path(path_type=Path), metavar="FILE", help="PKCS#10, PEM or DER."
                ),
                click.Option(["--subject"], metavar="CN", help="The common name, where there is no request."),
                click.Option(["--name"], metavar="NAME", help="The certificate's name in the server."),
            ],
        ),
        remote_command("validate", validate, [identifier_argument(many=True)]),
    ],
    help="Certificates of any KMIP server.",
    context_settings=CONTEXT,
)
