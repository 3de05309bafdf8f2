"""`kmipd client-cert NAME`: a certificate for one more client, from the built-in CA."""

from pathlib import Path
from typing import Any

import click
from cryptography import x509

from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError
from kmip_app.pki.authority import PkiError, ensure_pki, issue_client
from kmip_app.pki.registry import Registry


def client_cert(name: str, out: Path, config_path: str | None, **values: Any) -> None:
    """Issue a client certificate: NAME.crt, NAME.key (mode 0600) and ca.crt.

    NAME is the client's identity: the certificate's common name.
    """
    configuration = chosen(values, config_path).configuration
    if configuration.ca_path is not None:
        raise StartError(f"clients are vouched for by {configuration.ca_path}; ask that CA for the certificate")
    try:
        pki = ensure_pki(configuration.data_directory / "pki", hostnames=None)
        bundle = issue_client(pki, name, out.absolute())
        Registry(pki).note(x509.load_pem_x509_certificate(bundle.certificate.read_bytes()), name)
    except PkiError as error:
        raise StartError(str(error)) from error
    click.echo(f"{bundle.certificate}\n{bundle.key}\n{out.absolute() / 'ca.crt'}")
    click.echo("PKCS#12 for Java and .NET, one PEM for MongoDB: kmipd client bundle NAME", err=True)


command = click.Command(
    "client-cert",
    callback=client_cert,
    params=[
        click.Argument(["name"]),
        click.Option(
            ["--out"],
            type=click.Path(path_type=Path),
            default=Path(),
            metavar="DIR",
            help="Where NAME.crt, NAME.key and ca.crt go.  [default: here]",
        ),
        *setting_options(["data_dir", "database_path", "database"]),
        config_option(),
    ],
    help=client_cert.__doc__,
    context_settings=CONTEXT,
)
