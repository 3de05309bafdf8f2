"""`kmipd group ...`: the groups of a server, which give users rights by operation policies. KMIP 3.0."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli import system_objects
from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT
from kmip_app.cli.output import chosen_form, print_record, print_rows
from kmip_app.cli.remote import REFUSED, remote_command
from kmip_app.cli.system_objects import SystemObject, connected, name_argument
from kmip_app.configuration.config import StartError

if TYPE_CHECKING:
    from kmip_app.client import KmipClient

COLUMNS: Final = {"name": "Name", "unique_identifier": "Identifier", "parents": "Parents", "members": "Members"}


def add(name: str, parents: tuple[str, ...], **values: Any) -> None:
    """Add the group NAME and print its identifier."""
    from kmip_core.enums import LinkType, ObjectType

    with connected(values) as client:
        above = [
            (LinkType.PARENT_LINK, system_objects.need(client, ObjectType.GROUP, each).identifier) for each in parents
        ]
        made = client.create_group(attributes=system_objects.named(name, above)).unique_identifier
    print_record({"unique_identifier": made}, chosen_form(values), plain=["unique_identifier"])


def list_groups(**values: Any) -> None:
    """List the groups by name, with the groups above them and their members."""
    with connected(values) as client:
        rows = _described(client)
    print_rows(rows, COLUMNS, chosen_form(values))


def show(name: str, **values: Any) -> None:
    """Show one group with the groups above it and its members."""
    from kmip_core.enums import ObjectType

    with connected(values) as client:
        group = system_objects.need(client, ObjectType.GROUP, name)
        (row,) = [each for each in _described(client) if each["unique_identifier"] == group.identifier]
    print_record(row, chosen_form(values))


def add_members(name: str, users: tuple[str, ...], **values: Any) -> None:
    """Add users to the group NAME; one that is in it already stays."""
    from kmip_core.enums import LinkType, ObjectType

    with connected(values) as client:
        group = system_objects.need(client, ObjectType.GROUP, name)
        for user in [system_objects.need(client, ObjectType.USER, each) for each in users]:
            if not user.links_to(LinkType.GROUP_LINK, group):
                client.add_attribute(user.identifier, new_attribute=_membership(group))


def remove_members(name: str, users: tuple[str, ...], **values: Any) -> None:
    """Take users out of the group NAME; one that is not in it is passed over."""
    from kmip_core.enums import LinkType, ObjectType

    with connected(values) as client:
        group = system_objects.need(client, ObjectType.GROUP, name)
        for user in [system_objects.need(client, ObjectType.USER, each) for each in users]:
            for target in user.links_to(LinkType.GROUP_LINK, group):
                membership = system_objects.link(LinkType.GROUP_LINK, target)
                client.delete_attribute(user.identifier, current_attribute=membership)


def remove(name: str, yes: bool, **values: Any) -> None:
    """Remove the group NAME for good, and its members from it.

    On a terminal the command asks first; elsewhere, and with --yes, it does not.
    """
    from kmip_core.enums import LinkType, ObjectType

    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove the group {name}", abort=True, err=True)
    with connected(values) as client:
        group = system_objects.need(client, ObjectType.GROUP, name)
        for kind, of_type in ((LinkType.GROUP_LINK, ObjectType.USER), (LinkType.PARENT_LINK, ObjectType.GROUP)):
            members = system_objects.located(client, of_type, system_objects.link(kind, group.identifier))
            for member in system_objects.read(client, members):
                for target in member.links_to(kind, group):
                    client.delete_attribute(member.identifier, current_attribute=system_objects.link(kind, target))
        system_objects.obliterate(client, group)


def import_groups(file: Path, **values: Any) -> int:
    """Take the groups of a file (setting groups_path) over: JSON that maps user names to lists of groups.

    Groups that are missing are made. Users that are missing are reported, and the exit code is 1: add them first, with
    kmipd user add or kmipd user import. Nothing is taken out of a group.
    """
    from kmip_adapters.identity.groups import UnusableGroups, read_groups
    from kmip_core.enums import LinkType, ObjectType

    try:
        groups_of = read_groups(file)
    except UnusableGroups as error:
        raise StartError(str(error)) from error
    rows: list[dict[str, Any]] = []
    with connected(values) as client:
        known = {each.name: each for each in system_objects.all_of(client, ObjectType.GROUP)}
        for wanted in sorted({group for groups in groups_of.values() for group in groups if group} - known.keys()):
            made = client.create_group(attributes=system_objects.named(wanted)).unique_identifier
            (known[wanted],) = system_objects.read(client, [made])
            rows.append({"name": wanted, "done": "added"})
        for name, groups in sorted(groups_of.items()):
            user = system_objects.find(client, ObjectType.USER, name)
            if user is None:
                rows.append({"name": name, "done": "no such user"})
                continue
            for group in sorted(filter(None, groups)):
                if not user.links_to(LinkType.GROUP_LINK, known[group]):
                    client.add_attribute(user.identifier, new_attribute=_membership(known[group]))
                    rows.append({"name": name, "done": f"added to {group}"})
    print_rows(rows, {"name": "Name", "done": "Done"}, chosen_form(values))
    return REFUSED if any(row["done"] == "no such user" for row in rows) else 0


def _membership(group: SystemObject) -> Any:
    from kmip_core.enums import LinkType

    return system_objects.link(LinkType.GROUP_LINK, group.identifier)


def _described(client: "KmipClient") -> list[dict[str, Any]]:
    """Return a row for each group."""
    from kmip_core.enums import LinkType, ObjectType

    groups = system_objects.all_of(client, ObjectType.GROUP)
    users = system_objects.all_of(client, ObjectType.USER)
    names = {each.identifier: each.name for each in groups}
    return [
        {
            "name": group.name,
            "unique_identifier": group.identifier,
            "parents": [system_objects.shown(each, names) for each in group.linked(LinkType.PARENT_LINK)],
            "members": [user.name for user in users if user.links_to(LinkType.GROUP_LINK, group)],
        }
        for group in groups
    ]


_USERS: Final = click.Argument(["users"], metavar="USER...", nargs=-1, required=True)

command = Group(
    "group",
    commands=[
        remote_command(
            "add",
            add,
            [
                name_argument(),
                click.Option(
                    ["--parent", "parents"], multiple=True, metavar="GROUP", help="A group above it; repeatable."
                ),
            ],
        ),
        remote_command("list", list_groups, []),
        remote_command("show", show, [name_argument()]),
        remote_command("add-member", add_members, [name_argument(), _USERS]),
        remote_command("remove-member", remove_members, [name_argument(), _USERS]),
        remote_command(
            "remove", remove, [name_argument(), click.Option(["--yes", "-y"], is_flag=True, help="Do not ask.")]
        ),
        remote_command(
            "import", import_groups, [click.Argument(["file"], type=click.Path(path_type=Path), metavar="FILE")]
        ),
    ],
    help="Groups of users of a server. KMIP 3.0; for administrators.",
    context_settings=CONTEXT,
)
