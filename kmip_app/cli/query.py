"""`kmipd query`: what a server says that it can do."""

from typing import Any

from kmip_app.cli.output import chosen_form, print_record
from kmip_app.cli.remote import connected, remote_command


def query(**values: Any) -> None:
    """Show what the server says of itself: versions, operations, object types, profiles, capabilities."""
    from kmip_adapters.ttlv.standard.tables import enumeration_values
    from kmip_app.client import ClientError, OperationFailed
    from kmip_app.client.plain import plain
    from kmip_core.enums import QueryFunction

    found: dict[str, Any] = {}
    refused: OperationFailed | None = None
    with connected(values) as client:
        found["protocol_version"] = str(client.protocol_version)
        try:
            found["protocol_versions"] = plain(client.discover_versions().protocol_versions)
        except ClientError:  # 1.0 has no such operation
            found["protocol_versions"] = [str(client.protocol_version)]
        known = enumeration_values("QueryFunction", client.protocol_version)
        for function in (each for each in QueryFunction if each in known):
            try:
                found |= plain(client.query(query_functions=[function]))
            except OperationFailed as error:  # servers refuse functions that they do not know
                refused = error
        if refused is not None and len(found) == len(("protocol_version", "protocol_versions")):
            raise refused
    print_record(found, chosen_form(values))


command = remote_command("query", query, [])
