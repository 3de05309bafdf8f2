"""`kmipd client`: certificates of clients from the built-in CA, from first to last; `kmipd pki renew-ca`."""

import datetime as dt
import secrets
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import click
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_rows
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.configuration.secret_places import FORMS, SECRET
from kmip_app.pki.authority import Pki, PkiError, ensure_pki, issue_client, renew_ca, write_file, write_pem
from kmip_app.pki.registry import VALID, Registry
from kmip_core.subscriptions import GROUP, MAXIMUM_SCOPES, OBJECT, OWN, Subscription

PASSWORD_BYTES: Final = 12
BUNDLES: Final = ("files", "pem", "pkcs12")


def add(name: str, out: Path, days: int | None, **values: Any) -> None:
    """Issue a certificate to a new client: NAME.crt, NAME.key, NAME.pem (both) and ca.crt in --out.

    NAME is the client's identity, the certificate's common name. `kmipd client bundle` makes other forms of it.
    With --notify-url the certificate is good for listening there, and the server notifies the client of its objects:
    see `kmipd client notify`.
    """
    pki = _pki(values)
    url = values["notify_url"]
    subscription = None if url is None else _subscription(name, values)
    host = None if url is None else _address_of(url)[0]
    bundle = _pki_errors(issue_client, pki, name, out.absolute(), lifetime=_days(days), listens_on=host)
    write_pem(bundle)
    if subscription is not None:
        _subscribe(subscription, values)
    Registry(pki).note(x509.load_pem_x509_certificate(bundle.certificate.read_bytes()), name)
    click.echo("\n".join(str(path) for path in (bundle.certificate, bundle.key, bundle.pem, out.absolute() / "ca.crt")))


def notify(name: str, off: bool, **values: Any) -> None:
    """Have the server send Notify and Put to a client, over connections that the server opens to it.

    \b
    --notify, --put   own           the objects that the client owns (the default of --notify)
                      group:NAME    those of an object group
                      object:ID     one object

    A client that listens at --notify-url shows a certificate of the clients' CA with its identity NAME, good for
    servers and clients. Without --notify-url it comes by itself, by Set Endpoint Role. What is sent is what the client
    may read when it is sent. The server must have run once; it may be running.
    """
    if off:
        with _opened(_configuration(values)) as container:
            container.storage().unsubscribe(name)
        return
    _subscribe(_subscription(name, values), values)


def list_clients(**values: Any) -> None:
    """List certificates: client, serial number, end, state, last use; and requests that wait for approval.

    Of clients that are notified also where, how many notices wait, and what has become of the last attempt.
    """
    configuration = _configuration(values)
    notified = _notified(configuration)
    if configuration.ca_path is not None:  # only who is notified is known here
        print_rows([{"name": name, **told} for name, told in notified.items()], _COLUMNS, chosen_form(values))
        return
    pki = _pki(values)
    registry = Registry(pki)
    seen = registry.seen()
    now = dt.datetime.now(dt.UTC).timestamp()
    rows: list[dict[str, Any]] = [
        {
            "name": one.name or "(removed)",
            "serial": one.serial,
            "not_after": _iso(one.not_after),
            "state": "expired" if one.state == VALID and one.not_after <= now else one.state,
            "last_seen": _iso(seen[one.serial]) if one.serial in seen else "",
        }
        for one in _pki_errors(registry.issued)
    ]
    rows += [
        {"name": one.name, "serial": one.request_id, "not_after": "", "state": "pending", "last_seen": _iso(one.time)}
        for one in registry.pending()
    ]
    known = {row["name"] for row in rows}
    rows += [
        {"name": name, "serial": "", "not_after": "", "state": "", "last_seen": ""}
        for name in notified
        if name not in known
    ]
    rows = [row | notified.get(row["name"], dict.fromkeys(_DELIVERY, "")) for row in rows]
    columns = _COLUMNS if notified else {name: title for name, title in _COLUMNS.items() if name not in _DELIVERY}
    print_rows(rows, columns, chosen_form(values))


_DELIVERY: Final = {
    "notify_url": "Notified at",
    "pending": "Pending",
    "sent": "Sent",
    "dropped": "Dropped",
    "failure": "Failure",
}
_COLUMNS: Final = {
    "name": "Client",
    "serial": "Serial",
    "not_after": "Until",
    "state": "State",
    "last_seen": "Last seen",
    **_DELIVERY,
}


def _notified(configuration: Configuration) -> dict[str, dict[str, Any]]:
    """Return what is known of clients that are notified, by name; nothing where there is no store yet."""
    if configuration.sqlite_path is not None and not configuration.sqlite_path.exists():
        return {}
    with _opened(configuration) as container:
        storage = container.storage()
        deliveries = {one.name: one for one in storage.deliveries()}
        return {
            one.name: {
                "notify_url": one.url or "its own connection",
                "pending": deliveries[one.name].pending,
                "sent": deliveries[one.name].delivered,
                "dropped": deliveries[one.name].dropped + deliveries[one.name].overflowed,
                "failure": deliveries[one.name].failure,
            }
            for one in storage.subscriptions()
            if one.name in deliveries
        }


def _subscription(name: str, values: dict[str, Any]) -> Subscription:
    """Return what the options say.  Raises StartError."""
    url = values["notify_url"]
    if url is not None:
        _address_of(url)
    scopes = (*values["notify_scopes"], *values["put_scopes"])
    for scope in scopes:
        if scope != OWN and not any(scope.startswith(kind) and scope != kind for kind in (GROUP, OBJECT)):
            raise StartError(f"{scope!r} is neither own, nor group:NAME, nor object:ID")
    if len(scopes) > MAXIMUM_SCOPES:
        raise StartError(f"a client is notified of {MAXIMUM_SCOPES} groups and objects at most")
    return Subscription(
        name=name,
        url=url,
        notify=tuple(dict.fromkeys(values["notify_scopes"])) or (OWN,),
        put=tuple(dict.fromkeys(values["put_scopes"])),
        own_changes=values["own_changes"],
    )


def _address_of(url: str) -> tuple[str, int]:
    from kmip_adapters.transport.dialling import address_of

    try:
        return address_of(url)
    except ValueError as error:
        raise StartError(f"--notify-url: {error}") from None


def _opened(configuration: Configuration) -> AbstractContextManager[Any]:
    from kmip_app.maintenance.opening import opened  # all of the wiring: not wanted for the help

    return opened(configuration)


def _subscribe(subscription: Subscription, values: dict[str, Any]) -> None:
    configuration = _configuration(values)
    if subscription.url is not None and configuration.password_identity and configuration.passwords_path is not None:
        from kmip_adapters.identity.passwords import PasswordFile

        if PasswordFile(configuration.passwords_path).has(subscription.name):
            raise StartError(
                f"{subscription.name} is a user with a password (password_identity), which no certificate stands for;"
                " leave --notify-url out: such a client comes by itself, and sends its password with Set Endpoint Role"
            )
    with _opened(configuration) as container:
        container.storage().subscribe(subscription)


def sign_csr(
    csr: Path | None, pending: str | None, name: str | None, days: int | None, out: Path | None, **values: Any
) -> None:
    """Sign a certificate signing request in PEM, of a file or, with --pending, one that waits for approval.

    The client's identity is the request's common name, or --name. The certificate goes to --out or is printed.
    """
    registry = Registry(_pki(values))
    if (csr is None) == (pending is None):
        raise StartError("name the file of the request, or --pending ID; one of them")
    if csr is None:
        certificate = _pki_errors(registry.approve, pending)
    else:
        certificate = _pki_errors(registry.sign, csr.read_bytes(), name, _days(days))
    _give(certificate, out)


def renew(name: str, days: int | None, out: Path | None, **values: Any) -> None:
    """Issue a new certificate to a client for the key that it has; the old one stays valid until its end."""
    _give(_pki_errors(Registry(_pki(values)).renew, name, _days(days)), out)


def revoke(name: str, serial: str | None, **values: Any) -> None:
    """Revoke a client's certificates, or one of them; a running server ends its sessions within a second or two."""
    for one in _pki_errors(Registry(_pki(values)).revoke, name, serial):
        click.echo(f"revoked {one.serial} of {one.name}")


def remove(name: str, **values: Any) -> None:
    """Revoke what a client has and leave it out of the list; its objects stay (see kmipd object chown)."""
    count = _pki_errors(Registry(_pki(values)).remove, name)
    click.echo(f"removed {name}: {count} certificate{'s' * (count != 1)} revoked")


def bundle(name: str, form: str, key: Path | None, out: Path | None, password: str | None, **values: Any) -> None:
    """Put a client's certificate into the form that its software wants.

    \b
    pkcs12  NAME.p12 for Java, .NET and native-tls, with the CA; its password is that of --password, else printed
    pem     NAME.pem with key and certificate, for MongoDB
    files   NAME.crt, NAME.key and ca.crt, for most others

    The client's private key is not kept here: --key names it, by default NAME.key in --out.
    """
    pki = _pki(values)
    folder = (out or Path()).absolute()
    certificate = x509.load_pem_x509_certificate(_pki_errors(Registry(pki).find, name).pem.encode())
    private = _private_key(key or (pki.client.key if name == pki.client.key.stem else folder / f"{name}.key"))
    if private.public_key() != certificate.public_key():
        raise StartError(f"the key does not belong to the newest certificate of {name}; name the right one by --key")
    pem = certificate.public_bytes(Encoding.PEM)
    key_pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if form == "pem":
        _write(folder / f"{name}.pem", pem + key_pem)
    elif form == "files":
        write_file(folder / f"{name}.crt", pem, 0o644)
        _write(folder / f"{name}.key", key_pem)
        write_file(folder / "ca.crt", pki.ca.certificate.read_bytes(), 0o644)
        click.echo(f"{folder / f'{name}.crt'}\n{folder / 'ca.crt'}")
    else:
        words = _password(password)
        authorities = x509.load_pem_x509_certificates(pki.ca.certificate.read_bytes())
        # AES-256 and SHA-256: what Java 8u301, .NET and OpenSSL 1.1 read.
        encryption = (
            PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(100_000)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .build(words)
        )
        made = pkcs12.serialize_key_and_certificates(name.encode(), private, certificate, authorities, encryption)
        _write(folder / f"{name}.p12", made)


def token(name: str | None, lifetime: int, uses: int, approve: bool, **values: Any) -> None:
    """Make a registration token, with which a client gets its certificate over the server's enrol_address.

    \b
    curl --cacert ca.crt --data-binary @request.csr -H "Authorization: Bearer TOKEN" https://HOST:PORT/enrol
    """
    registry = Registry(_pki(values))
    click.echo(registry.make_token(name or "", lifetime, uses, needs_approval=approve))


def renew_authority(**values: Any) -> None:
    """Make the built-in CA's certificate anew with the same key; both are trusted until the old one ends.

    Certificates of clients and servers stay valid. Give clients the new ca.crt before the old one ends.
    """
    configuration = _configuration(values)
    folder = _folder(configuration)
    if not (folder / "ca.key").exists():
        raise StartError(f"{folder / 'ca.key'} does not exist; name the server's data directory")
    certificate = _pki_errors(renew_ca, folder)
    click.echo(f"{folder / 'ca.crt'}: valid until {certificate.not_valid_after_utc:%Y-%m-%d}; give it to the clients")


def _configuration(values: dict[str, Any]) -> Configuration:
    return chosen(values, values["config_path"]).configuration


def _folder(configuration: Configuration) -> Path:
    return configuration.pki_path or configuration.data_directory / "pki"


def _pki(values: dict[str, Any]) -> Pki:
    configuration = _configuration(values)
    if configuration.ca_path is not None:
        raise StartError(f"clients are vouched for by {configuration.ca_path}; ask that CA")
    pki: Pki = _pki_errors(ensure_pki, _folder(configuration), hostnames=None)
    return pki


def _pki_errors(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return call(*arguments, **named)
    except PkiError as error:
        raise StartError(str(error)) from error


def _days(days: int | None) -> dt.timedelta | None:
    return None if days is None else dt.timedelta(days=days)


def _give(certificate: x509.Certificate, out: Path | None) -> None:
    pem = certificate.public_bytes(Encoding.PEM)
    if out is None:
        click.echo(pem.decode("ascii"), nl=False)
    else:
        write_file(out.absolute(), pem, 0o644)
        click.echo(str(out.absolute()))


def _write(path: Path, content: bytes) -> None:
    write_file(path, content, 0o600)
    click.echo(str(path))


def _private_key(path: Path) -> Any:
    try:
        return serialization.load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        raise StartError(f"{path} does not exist; name the client's private key by --key") from None
    except (ValueError, TypeError) as error:
        raise StartError(f"{path} holds no private key in PEM without a passphrase") from error


def _password(place: str | None) -> bytes:
    """Return the password of a PKCS#12 file, or make one and print it."""
    if place is not None:
        try:
            given: bytes = SECRET.read(place).read()
        except ValueError as error:
            raise StartError(f"--password: {error}") from None
        if not given:
            raise StartError("--password: the password is empty")
        return given
    made = secrets.token_urlsafe(PASSWORD_BYTES)
    click.echo(f"password: {made}", err=not sys.stdout.isatty())
    return made.encode()


def _iso(time: float) -> str:
    return dt.datetime.fromtimestamp(time, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_NAME: Final = click.Argument(["name"])
_DAYS: Final = click.Option(
    ["--days"], type=click.IntRange(1, 825), metavar="N", help="Days until the end.  [default: 825]"
)


_NOTIFY: Final = (
    click.Option(["--notify-url"], metavar="URL", help="Where the client listens: tls://HOST:PORT."),
    click.Option(["--notify", "notify_scopes"], multiple=True, metavar="SCOPE", help="What it is notified of."),
    click.Option(["--put", "put_scopes"], multiple=True, metavar="SCOPE", help="Whose objects are pushed to it."),
    click.Option(["--own-changes"], is_flag=True, help="Notify it of its own changes, too."),
)


def _out(metavar: str, text: str, default: Path | None = None) -> click.Option:
    return click.Option(["--out"], type=click.Path(path_type=Path), default=default, metavar=metavar, help=text)


def _command(name: str, callback: Callable[..., Any], *params: click.Parameter) -> click.Command:
    return click.Command(
        name,
        callback=callback,
        params=[*params, config_option(), *setting_options(["data_dir", "database_path", "database"])],
        help=callback.__doc__,
        context_settings=CONTEXT,
    )


command = Group(
    "client",
    commands=[
        _command("add", add, _NAME, _out("DIR", "Folder for the files.  [default: here]", Path()), _DAYS, *_NOTIFY),
        _command(
            "notify",
            notify,
            _NAME,
            *_NOTIFY,
            click.Option(["--off"], is_flag=True, help="Send it nothing any more; what waits is forgotten."),
        ),
        _command("list", list_clients, *output_options()),
        _command(
            "sign-csr",
            sign_csr,
            click.Argument(["csr"], type=click.Path(path_type=Path, exists=True), required=False),
            click.Option(["--pending"], metavar="ID", help="The request that waits under this ID, or its beginning."),
            click.Option(["--name"], metavar="NAME", help="The client's identity, instead of the common name."),
            _DAYS,
            _out("FILE", "File for the certificate.  [default: stdout]"),
        ),
        _command("renew", renew, _NAME, _DAYS, _out("FILE", "File for the certificate.  [default: stdout]")),
        _command(
            "revoke", revoke, _NAME, click.Option(["--serial"], metavar="HEX", help="Only this one of them.")
        ),
        _command(
            "bundle",
            bundle,
            _NAME,
            click.Option(
                ["--format", "form"], type=click.Choice(BUNDLES), default="pkcs12", show_default=True, help="Form."
            ),
            click.Option(["--key"], type=click.Path(path_type=Path), metavar="FILE", help="The client's private key."),
            _out("DIR", "Folder for the files.  [default: here]"),
            click.Option(["--password"], metavar="WHERE", help=f"That of the PKCS#12 file: {FORMS}."),
        ),
        _command("remove", remove, _NAME),
        _command(
            "token",
            token,
            click.Argument(["name"], required=False),
            click.Option(
                ["--lifetime"], type=click.IntRange(1), default=3_600, show_default=True, metavar="SECONDS",
                help="How long it can be used.",
            ),
            click.Option(["--uses"], type=click.IntRange(1), default=1, show_default=True, help="How often."),
            click.Option(["--approve"], is_flag=True, help="Requests wait for kmipd client sign-csr --pending ID."),
        ),
    ],
    help="Certificates of clients from the built-in CA; the server may be running.",
    context_settings=CONTEXT,
)  # fmt: skip

pki_command = Group(
    "pki",
    commands=[_command("renew-ca", renew_authority)],
    help="The built-in CA.",
    context_settings=CONTEXT,
)
