"""`kmipd key ...`: keys and secrets of any KMIP server, from creation to destruction."""

import sys
from typing import Any, Final

import click

from kmip_app.cli import key_material, key_use
from kmip_app.cli.context import Group
from kmip_app.cli.objects import (
    COLUMNS,
    filter_options,
    filters,
    for_each,
    identifier_argument,
    listed,
    print_list,
    show,
)
from kmip_app.cli.options import CONTEXT
from kmip_app.cli.output import chosen_form, print_record
from kmip_app.cli.remote import connected, remote_command

NO_KEYS: Final = ("Certificate", "Certificate Request", "Template")
DEFAULT_LENGTHS: Final = {"AES": 256, "RSA": 3072}  # bits, where none is named


def create(
    algorithm: str,
    length: int | None,
    name: str | None,
    usage: str | None,
    activate: bool,
    group: str | None,
    **values: Any,
) -> None:
    """Make a symmetric key in the server and print its identifier."""
    from kmip_app.client.plain import plain
    from kmip_core.attributes import Attributes

    bits = length if length is not None else DEFAULT_LENGTHS.get(algorithm.upper())
    with connected(values) as client:
        made = client.create(
            algorithm,
            bits,
            name=name,
            usage=_bits(usage) or ["Encrypt", "Decrypt"],
            attributes=Attributes(object_groups=(group,) if group else ()),
        )
        if activate:
            client.activate(made)
    print_record(plain(made), chosen_form(values), plain=["unique_identifier"])


def pair(
    algorithm: str,
    length: int | None,
    curve: str | None,
    name: str | None,
    private_usage: str | None,
    public_usage: str | None,
    activate: bool,
    **values: Any,
) -> None:
    """Make a private and a public key in the server and print their identifiers, the private one's first."""
    from kmip_app.client.plain import plain

    bits = length if length is not None or curve is not None else DEFAULT_LENGTHS.get(algorithm.upper())
    with connected(values) as client:
        made = client.create_key_pair(
            algorithm,
            bits,
            name=name,
            curve=curve,
            private_usage=_bits(private_usage) or ["Sign"],
            public_usage=_bits(public_usage) or ["Verify"],
        )
        if activate:
            client.activate(made.private_key_unique_identifier)
            client.activate(made.public_key_unique_identifier)
    halves = ["private_key_unique_identifier", "public_key_unique_identifier"]
    print_record(plain(made), chosen_form(values), plain=halves)


def list_keys(object_type: str | None, algorithm: str | None, **values: Any) -> None:
    """List keys and secrets that this client may see, newest first."""
    with connected(values) as client:
        found = client.locate(**filters(**values), object_type=object_type, algorithm=algorithm)
        rows = listed(client, found.unique_identifiers)
    print_list([row for row in rows if object_type or row.get("object_type") not in NO_KEYS], values, COLUMNS)


def activate(identifiers: tuple[str, ...], **values: Any) -> int:
    """Make keys Active: from then on they can be used."""
    return for_each(values, identifiers, lambda client, one: client.activate(one))


def revoke(identifiers: tuple[str, ...], reason: str, message: str | None, **values: Any) -> int:
    """End the use of keys: Deactivated, or Compromised where the reason says so."""
    return for_each(values, identifiers, lambda client, one: client.revoke(one, reason, message))


def destroy(identifiers: tuple[str, ...], yes: bool, **values: Any) -> int:
    """Destroy keys for good.  An Active key must be revoked before.

    On a terminal the command asks first; elsewhere, and with --yes, it does not.
    """
    if not yes and sys.stdin.isatty():
        click.confirm(f"Destroy {', '.join(identifiers)}? What is encrypted under it is lost", abort=True, err=True)
    return for_each(values, identifiers, lambda client, one: client.destroy(one))


def rekey(identifier: str, offset: int | None, **values: Any) -> None:
    """Make a new key that replaces a key, with its names and attributes, and print the new identifier."""
    from kmip_app.client.plain import plain
    from kmip_core.enums import ObjectType

    with connected(values) as client:
        object_type = client.get_attributes(identifier, ["Object Type"]).attributes.object_type
        if object_type is ObjectType.PRIVATE_KEY:
            halves = client.re_key_key_pair(identifier, offset=offset)
            columns = ["private_key_unique_identifier", "public_key_unique_identifier"]
            print_record(plain(halves), chosen_form(values), plain=columns)
            return
        made = client.re_key(identifier, offset=offset)
    print_record(plain(made), chosen_form(values), plain=["unique_identifier"])


def _bits(text: str | None) -> list[str]:
    return [] if text is None else [bit.strip() for bit in text.split(",") if bit.strip()]


_NAME: Final = click.Option(["--name"], metavar="NAME", help="The key's name.")
_ACTIVATE: Final = click.Option(["--activate"], is_flag=True, help="Make it Active at once.")


def _usage(option: str, usual: str) -> click.Option:
    text = f"What it is for, for example Encrypt,Decrypt.  [default: {usual}]"
    return click.Option([option], metavar="BITS", help=text)


command = Group(
    "key",
    commands=[
        remote_command(
            "create",
            create,
            [
                click.Option(["--algorithm"], default="AES", show_default=True, metavar="NAME"),
                click.Option(["--length"], type=int, metavar="BITS", help="[default: 256 for AES]"),
                _NAME,
                _usage("--usage", "Encrypt,Decrypt"),
                click.Option(["--group"], metavar="GROUP", help="An object group for it."),
                _ACTIVATE,
            ],
        ),
        remote_command(
            "pair",
            pair,
            [
                click.Option(["--algorithm"], default="RSA", show_default=True, metavar="NAME"),
                click.Option(["--length"], type=int, metavar="BITS", help="[default: 3072 for RSA]"),
                click.Option(["--curve"], metavar="NAME", help="For example P-256, instead of a length."),
                click.Option(["--name"], metavar="NAME", help="The private key's; the public one's ends in -public."),
                _usage("--private-usage", "Sign"),
                _usage("--public-usage", "Verify"),
                _ACTIVATE,
            ],
        ),
        key_material.register_command,
        key_material.get_command,
        remote_command(
            "list",
            list_keys,
            [
                *filter_options(),
                click.Option(["--type", "object_type"], metavar="TYPE", help="For example symmetric-key, secret-data."),
                click.Option(["--algorithm"], metavar="NAME", help="Only those of this algorithm."),
            ],
        ),
        remote_command("show", show, [identifier_argument()]),
        remote_command("activate", activate, [identifier_argument(many=True)]),
        remote_command(
            "revoke",
            revoke,
            [
                identifier_argument(many=True),
                click.Option(
                    ["--reason"],
                    default="unspecified",
                    show_default=True,
                    metavar="REASON",
                    help="unspecified, key-compromise, ca-compromise, affiliation-changed, superseded, "
                    "cessation-of-operation or privilege-withdrawn.",
                ),
                click.Option(["--message"], metavar="TEXT", help="A remark that is kept with it."),
            ],
        ),
        remote_command(
            "destroy",
            destroy,
            [identifier_argument(many=True), click.Option(["--yes", "-y"], is_flag=True, help="Do not ask.")],
        ),
        remote_command(
            "rekey",
            rekey,
            [
                identifier_argument(),
                click.Option(["--offset"], type=int, metavar="SECONDS", help="Until the new key becomes Active."),
            ],
        ),
        *key_use.COMMANDS,
        key_material.wrap_command,
        key_material.export_command,
    ],
    help="Keys and secrets of any KMIP server.",
    context_settings=CONTEXT,
)
