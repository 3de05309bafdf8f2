"""`kmipd policy explain`: would this client be allowed that, and by which rule."""

from typing import Any

import click

from kmip_adapters.identity.groups import NO_GROUP, FileGroups, Groups, RememberedGroups
from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_json, print_record
from kmip_app.configuration.config import StartError
from kmip_app.printable import printable
from kmip_app.words import member
from kmip_core.enums import Operation
from kmip_core.errors import KmipError
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.principal import Principal


def explain(
    user: str,
    groups: tuple[str, ...],
    operation: str,
    identifier: str,
    config_path: str | None,
    **values: Any,
) -> int:
    """Tell whether a client may do an operation on an object, and which rule says so.

    The same function decides as in the server, on the stored object and the policies as they are now; the server may
    be running. Groups are those of --group, else those that the configuration knows. Exit code 0 for allowed, 1 for
    denied.
    """
    # The container brings everything along; the help needs none of it.
    from kmip_app.maintenance.opening import opened

    asked = _operation(operation)
    configuration = chosen(values, config_path).configuration
    with opened(configuration) as container:
        with container.storage().unit_of_work() as work:
            managed_object = work.find(identifier)
        if managed_object is None:
            raise StartError(f"there is no object {identifier} in {configuration.database_url}")
        known: Groups | None = None if groups else container.groups()
        try:
            found = frozenset(groups) if known is None else known.of(user)
        except KmipError as error:
            raise StartError(f"the groups of {printable(user)}: {error.message}; name them with --group") from error
        finally:
            if isinstance(known, RememberedGroups):
                known.close()
        principal = Principal(name=user, groups=found)
        decision = container.policy().decide(principal, asked, managed_object)
    form = chosen_form(values)
    if form == "json":
        print_json(
            {
                "allowed": decision.is_allowed,
                "rule": decision.rule,
                "hidden": not decision.is_allowed and not decision.is_visible,
                "object_type": managed_object.object_type.name,
                "owner": managed_object.owner,
                "policy": managed_object.attributes.operation_policy_name or DEFAULT_POLICY,
                "user": user,
                "groups": sorted(found),
            }
        )
        return 0 if decision.is_allowed else 1
    verdict = "allowed" if decision.is_allowed else "denied"
    shown = {
        "object": f"{managed_object.object_type.name}, owned by {managed_object.owner}",
        "policy": managed_object.attributes.operation_policy_name or DEFAULT_POLICY,
        "client": f"{user}{' (the owner)' if user == managed_object.owner else ''}, {_groups_shown(found, known)}",
    }
    if not decision.is_allowed and not decision.is_visible:
        shown["answer"] = "no grant at all: to this client the object does not exist"
    if form == "table":
        print_record({verdict: decision.rule, **shown}, form)
        return 0 if decision.is_allowed else 1
    click.echo(f"{verdict}: {printable(decision.rule)}")
    for label, value in shown.items():
        click.echo(f"  {label:<8}{printable(value)}")
    return 0 if decision.is_allowed else 1


def _groups_shown(groups: frozenset[str], known: Groups | None) -> str:
    source = "" if known is None else " (groups_path)" if isinstance(known, FileGroups) else " (SLUGS)"
    if not groups:
        return f"no groups{source}, so the preset counts"
    if groups == NO_GROUP:
        return f"in no group{source}, so no section counts"
    return f"groups {', '.join(sorted(groups))}{source}"


def _operation(name: str) -> Operation:
    try:
        return member(Operation, name)
    except ValueError as error:
        raise StartError(f"--operation: {error}") from error


command = Group(
    "policy",
    commands=[
        click.Command(
            "explain",
            callback=explain,
            params=[
                click.Option(["--user"], required=True, metavar="NAME", help="The client's identity."),
                click.Option(
                    ["--group", "groups"],
                    multiple=True,
                    metavar="NAME",
                    help="A group of it, instead of those that the configuration knows; repeatable.",
                ),
                click.Option(["--operation"], required=True, metavar="NAME", help="For example GET."),
                click.Option(["--object", "identifier"], required=True, metavar="ID", help="The object's identifier."),
                *output_options(),
                config_option(),
                *setting_options(["policy_path", "groups_path", "data_dir", "database_path", "database"]),
            ],
            help=explain.__doc__,
            context_settings=CONTEXT,
        )
    ],
    help="Operation policies.",
    context_settings=CONTEXT,
)
