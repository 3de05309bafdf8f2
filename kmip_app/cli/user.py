"""`kmipd user ...`: the users of a server, and the credentials by which they authenticate. KMIP 3.0."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli import system_objects
from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT
from kmip_app.cli.output import chosen_form, print_record, print_rows
from kmip_app.cli.remote import REFUSED, RemoteError, remote_command, target_of
from kmip_app.cli.system_objects import ENDED, SystemObject, connected, name_argument
from kmip_app.configuration.config import StartError
from kmip_app.system_errors import reason_of

if TYPE_CHECKING:
    from kmip_app.client import KmipClient
    from kmip_core.enums import LinkType
    from kmip_core.structures import ObjectReference

COLUMNS: Final = {
    "name": "Name",
    "unique_identifier": "Identifier",
    "enabled": "Enabled",
    "groups": "Groups",
    "credentials": "Credentials",
}


def add(
    name: str, password_file: Path | None, certificate: Path | None, groups: tuple[str, ...], **values: Any
) -> None:
    """Add the user NAME with a password, a certificate or both, and print its identifier.

    The command asks for the password where neither --password-file nor --certificate is given.
    """
    from kmip_core.enums import LinkType, ObjectType

    password = _password(password_file) if password_file is not None or certificate is None else None
    der = None if certificate is None else _certificate(certificate)
    if certificate is not None and der is not None:
        _check_is_not_own(certificate, der, name, target_of(values).cert)
    with connected(values) as client:
        if certificate is not None and der is not None:
            _check_is_free(client, certificate, der)
        links = [
            (LinkType.GROUP_LINK, system_objects.need(client, ObjectType.GROUP, each).identifier) for each in groups
        ]
        made: list[str] = []
        try:
            if password is not None:
                made.append(_new_password(client, password))
            if der is not None:
                made.append(_new_certificate(client, der))
        except BaseException:
            _take_back(client, made)
            raise
        user = _new_user(client, name, [*links, *((LinkType.CREDENTIAL_LINK, each) for each in made)], made)
    print_record({"unique_identifier": user}, chosen_form(values), plain=["unique_identifier"])


def list_users(**values: Any) -> None:
    """List the users by name, with their groups and the kinds of their credentials."""
    from kmip_core.enums import ObjectType

    with connected(values) as client:
        rows = _described(client, system_objects.all_of(client, ObjectType.USER))
    print_rows(rows, COLUMNS, chosen_form(values))


def show(name: str, **values: Any) -> None:
    """Show one user: its state, its groups and its credentials, without what is secret of them."""
    from kmip_core.enums import ObjectType

    with connected(values) as client:
        (row,) = _described(client, [system_objects.need(client, ObjectType.USER, name)])
    print_record(row, chosen_form(values))


def set_password(name: str, password_file: Path | None, **values: Any) -> None:
    """Give the user NAME a new password; the old ones end with it, other credentials stay."""
    from kmip_core.enums import ObjectType

    password = _password(password_file)
    with connected(values) as client:
        user = system_objects.need(client, ObjectType.USER, name)
        _replace_password(client, user, _new_password(client, password))
    print_record({"unique_identifier": user.identifier}, chosen_form(values), plain=["unique_identifier"])


def disable(name: str, **values: Any) -> None:
    """Let the user NAME authenticate no longer, until `kmipd user enable`: it is archived."""
    from kmip_core.enums import ObjectType

    with connected(values) as client:
        user = system_objects.need(client, ObjectType.USER, name)
        if not user.is_archived:
            client.archive(user.identifier)


def enable(name: str, **values: Any) -> None:
    """Let the user NAME authenticate again after `kmipd user disable`."""
    from kmip_core.enums import ObjectType

    with connected(values) as client:
        user = system_objects.need(client, ObjectType.USER, name)
        if user.state in ENDED:
            raise RemoteError(f"the user {name} is {user.state}, which is for good; remove it and add it anew", REFUSED)
        if user.is_archived:
            client.recover(user.identifier)


def remove(name: str, yes: bool, **values: Any) -> None:
    """Remove the user NAME for good, with the credentials that no other user has.

    On a terminal the command asks first; elsewhere, and with --yes, it does not.
    """
    from kmip_core.enums import LinkType, ObjectType

    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove the user {name}", abort=True, err=True)
    with connected(values) as client:
        user = system_objects.need(client, ObjectType.USER, name)
        credentials = system_objects.read(client, user.linked(LinkType.CREDENTIAL_LINK))
        system_objects.obliterate(client, user)
        for credential in credentials:
            _remove_unused(client, credential)


def import_users(passwords: Path, replace: bool, **values: Any) -> int:
    """Add the users of a file of passwords (setting passwords_path) with their hashes as they are.

    A user that is there already is passed over, or gets the file's hash as its password with --replace.
    """
    from kmip_adapters.identity.passwords import UnusablePasswords, read_hashes
    from kmip_app.client import OperationFailed
    from kmip_core.enums import LinkType, ObjectType

    try:
        hashes = read_hashes(passwords)
    except UnusablePasswords as error:
        raise StartError(str(error)) from error
    rows: list[dict[str, Any]] = []
    with connected(values) as client:
        for name, encoded in hashes.items():
            user = system_objects.find(client, ObjectType.USER, name)
            if user is not None and not replace:
                rows.append({"name": name, "done": "is there already"})
                continue
            try:
                new = _new_password(client, encoded, is_hash=True)
                if user is None:
                    _new_user(client, name, [(LinkType.CREDENTIAL_LINK, new)], [new])
                else:
                    _replace_password(client, user, new)
            except OperationFailed as error:
                click.echo(f"{name}: {error}", err=True)
                rows.append({"name": name, "done": "refused"})
            else:
                rows.append({"name": name, "done": "added" if user is None else "replaced"})
    print_rows(rows, {"name": "Name", "done": "Done"}, chosen_form(values))
    return REFUSED if any(row["done"] == "refused" for row in rows) else 0


# --- parts -----------------------------------------------------------------------------------------------------------


def _new_user(
    client: "KmipClient", name: str, links: Sequence[tuple["LinkType", str]], credentials: Sequence[str]
) -> str:
    """Return the identifier of a new user; where there can be none, its credentials are taken back."""
    try:
        identifier: str = client.create_user(attributes=system_objects.named(name, links)).unique_identifier
    except BaseException:
        _take_back(client, credentials)
        raise
    return identifier


def _replace_password(client: "KmipClient", user: SystemObject, new: str) -> None:
    """Link a user to a new password and let go of the old ones, in this order: at no time is it without one."""
    from kmip_core.enums import LinkType, ObjectType

    try:
        client.add_attribute(user.identifier, new_attribute=system_objects.link(LinkType.CREDENTIAL_LINK, new))
    except BaseException:
        _take_back(client, [new])
        raise
    for old in system_objects.read(client, user.linked(LinkType.CREDENTIAL_LINK)):
        if old.attributes.object_type is ObjectType.PASSWORD_CREDENTIAL:
            for target in user.links_to(LinkType.CREDENTIAL_LINK, old):
                link = system_objects.link(LinkType.CREDENTIAL_LINK, target)
                client.delete_attribute(user.identifier, current_attribute=link)
            _remove_unused(client, old)


def _described(client: "KmipClient", users: Sequence[SystemObject]) -> list[dict[str, Any]]:
    """Return a row for each user, in which groups have their names and credentials their kinds."""
    from kmip_core.enums import LinkType, ObjectType

    names = {each.identifier: each.name for each in system_objects.all_of(client, ObjectType.GROUP)}
    linked = list(dict.fromkeys(each for user in users for each in user.linked(LinkType.CREDENTIAL_LINK)))
    credentials = [each for each in system_objects.read(client, linked) if each.attributes.credential_type is not None]
    return [
        {
            "name": user.name,
            "unique_identifier": user.identifier,
            "enabled": not user.is_archived and user.state not in ENDED,
            "state": user.state,
            "groups": [system_objects.shown(each, names) for each in user.linked(LinkType.GROUP_LINK)],
            "credentials": [_kind(each, credentials) for each in user.linked(LinkType.CREDENTIAL_LINK)],
        }
        for user in users
    ]


def _kind(target: "ObjectReference", credentials: Sequence[SystemObject]) -> str:
    """Return the Credential Type of the credential to which a link leads."""
    from kmip_core.standard_names import standard_name
    from kmip_core.structures import NameReference

    for each in credentials:
        names = [NameReference(name.name_value) for name in each.attributes.names]
        if (target == each.identifier or target in names) and each.attributes.credential_type is not None:
            return standard_name(each.attributes.credential_type)
    return "missing"


def _new_password(client: "KmipClient", password: str, *, is_hash: bool = False) -> str:
    from kmip_core.objects import PasswordCredential

    kept = PasswordCredential(salted_password=password.encode()) if is_hash else PasswordCredential(password=password)
    identifier: str = client.create_credential(credential_type="Password", credential=kept).unique_identifier
    return identifier


def _new_certificate(client: "KmipClient", der: bytes) -> str:
    from kmip_core.enums import CertificateType
    from kmip_core.objects import Certificate

    kept = Certificate(certificate_type=CertificateType.X_509, certificate_value=der)
    identifier: str = client.create_credential(credential_type="Certificate", credential=kept).unique_identifier
    return identifier


def _check_is_not_own(file: Path, der: bytes, name: str, own: Path | None) -> None:
    """Refuse the certificate of this connection: as another user the administrator would be none, and not undo it.

    A user of the name that the certificate has may be meant: that user is an administrator as before.
    Raises StartError.
    """
    from cryptography import x509

    from kmip_adapters.identity.certificate import SOURCES, names_of

    if own is None or _certificate(own, "--cert") != der:
        return
    certificate = x509.load_der_x509_certificate(der)
    if any(name in names_of(certificate, source) for source in SOURCES):
        return
    raise StartError(
        f"--certificate: {file} is the certificate of this connection, which would be the user {name} from now on; "
        f"name that of {name}, or connect with the certificate of another administrator"
    )


def _check_is_free(client: "KmipClient", file: Path, der: bytes) -> None:
    """Refuse the certificate of another user.  Raises RemoteError."""
    import hashlib

    from kmip_core.attributes import AttributeInstance, AttributeReference
    from kmip_core.enums import HashingAlgorithm, KeyFormatType, LinkType, ObjectType
    from kmip_core.structures import Digest, NameReference

    digest = Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        digest_value=hashlib.sha256(der).digest(),
        key_format_type=KeyFormatType.RAW,
    )
    same = AttributeInstance(reference=AttributeReference(attribute="digests"), value=digest)
    for credential in system_objects.read(client, system_objects.located(client, ObjectType.CERTIFICATE, same)):
        targets: list[ObjectReference] = [NameReference(each.name_value) for each in credential.attributes.names]
        for target in (credential.identifier, *targets):
            link = system_objects.link(LinkType.CREDENTIAL_LINK, target)
            for user in system_objects.read(client, system_objects.located(client, ObjectType.USER, link)[:1]):
                text = f"--certificate: {file} is the certificate of the user {user.name}"
                raise RemoteError(f"{text}; one that two users have authenticates neither", REFUSED)


def _take_back(client: "KmipClient", credentials: Sequence[str]) -> None:
    """Remove credentials that were made for a user that could not be."""
    from kmip_app.client import ClientError

    for identifier in credentials:
        try:
            client.obliterate(identifier)
        except (ClientError, OSError):
            click.echo(f"the credential {identifier} is left, and belongs to no user", err=True)


def _remove_unused(client: "KmipClient", credential: SystemObject) -> None:
    """Remove a credential unless another user has it as well."""
    from kmip_core.enums import LinkType, ObjectType

    link = system_objects.link(LinkType.CREDENTIAL_LINK, credential.identifier)
    if not system_objects.located(client, ObjectType.USER, link):
        system_objects.obliterate(client, credential)


def _password(file: Path | None) -> str:
    """Return the first line of a file, of standard input for `-`, or what the operator enters.  Raises StartError."""
    if file is None:
        if not sys.stdin.isatty():
            raise StartError("name the file of the password with --password-file; - is standard input")
        entered: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return entered
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"--password-file: {file} cannot be read: {reason_of(error)}") from error
    line = text.splitlines()[0] if text else ""
    if not line:
        raise StartError(f"--password-file: {file} has no password in its first line")
    return line


def _certificate(file: Path, option: str = "--certificate") -> bytes:
    """Return the first certificate of a PEM or DER file as DER.  Raises StartError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        content = file.read_bytes()
        read = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
        return read(content).public_bytes(Encoding.DER)
    except (OSError, ValueError) as error:
        raise StartError(f"{option}: {file} cannot be read: {reason_of(error)}") from error


_PATH: Final = click.Path(path_type=Path)
_PASSWORD_FILE: Final = click.Option(
    ["--password-file"], type=_PATH, metavar="FILE", help="The password is its first line; - for standard input."
)

command = Group(
    "user",
    commands=[
        remote_command(
            "add",
            add,
            [
                name_argument(),
                _PASSWORD_FILE,
                click.Option(
                    ["--certificate"],
                    type=_PATH,
                    metavar="FILE",
                    help="PEM or DER of a client certificate of the user.",
                ),
                click.Option(
                    ["--group", "groups"], multiple=True, metavar="GROUP", help="A group of the user; repeatable."
                ),
            ],
        ),
        remote_command("list", list_users, []),
        remote_command("show", show, [name_argument()]),
        remote_command("set-password", set_password, [name_argument(), _PASSWORD_FILE]),
        remote_command("disable", disable, [name_argument()]),
        remote_command("enable", enable, [name_argument()]),
        remote_command(
            "remove", remove, [name_argument(), click.Option(["--yes", "-y"], is_flag=True, help="Do not ask.")]
        ),
        remote_command(
            "import",
            import_users,
            [
                click.Option(
                    ["--passwords"],
                    type=_PATH,
                    required=True,
                    metavar="FILE",
                    help="A file as passwords_path names it.",
                ),
                click.Option(["--replace"], is_flag=True, help="Give users that are there the hash of the file."),
            ],
        ),
    ],
    help="Users of a server, and their credentials. KMIP 3.0; for administrators.",
    context_settings=CONTEXT,
)
