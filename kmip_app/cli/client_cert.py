"""`kmipd client-cert NAME`: a certificate for one more client, from the built-in CA."""

from pathlib import Path
from typing import Annotated

import typer

from kmip_app.cli.options import DataDirectory
from kmip_app.config import StartError
from kmip_app.pki import PkiError, ensure_pki, issue_client


def client_cert(
    name: Annotated[str, typer.Argument(help="The client's identity: the certificate's common name.")],
    data_directory: DataDirectory,
    out: Annotated[Path, typer.Option("--out", help="Where NAME.crt, NAME.key and ca.crt go.")] = Path(),
) -> None:
    """Issue a client certificate: NAME.crt, NAME.key (mode 0600) and ca.crt."""
    try:
        bundle = issue_client(ensure_pki(data_directory.absolute() / "pki"), name, out)
    except PkiError as error:
        raise StartError(str(error)) from error
    typer.echo(f"{bundle.certificate}\n{bundle.key}\n{out / 'ca.crt'}")
