"""What one client, and all together, may cost."""

from collections.abc import Mapping
from typing import Final

from kmip_app.configuration import setting_types
from kmip_app.configuration.setting import Setting, native
from kmip_app.configuration.setting_types import (
    EXISTING_FILE,
)

LIMITS: Final[Mapping[str, tuple[Setting, ...]]] = {
    "Limits": (
        native(
            "maximum_request_size", setting_types.whole(1_024, 2**31 - 1, "bytes"), "The largest request that is read."
        ),
        native(
            "maximum_response_size",
            setting_types.whole(1_024, 2**31 - 1, "bytes"),
            "The largest answer that is sent.",
            "core.maximum_response_size",
        ),
        native("maximum_batch_items", setting_types.whole(1), "Operations in one request.", "core.maximum_batch_items"),
        native(
            "asynchronous_requests",
            setting_types.whole(0, unit="0 for none"),
            "Operations of one client that wait for their time or for Poll; with 0 all are answered at once.",
            "core.asynchronous_requests",
        ),
        native(
            "asynchronous_bytes",
            setting_types.whole(1_024, 2**31 - 1, "bytes"),
            "What the requests and answers of these operations of one client may have together.",
            "core.asynchronous_bytes",
        ),
        native(
            "requests_per_second",
            setting_types.whole(1),
            "Requests of one client in a second; more are refused. quotas_path has other numbers for some. With"
            " workers, in each of them.",
            "allowance.requests_per_second",
        ),
        native(
            "slow_seconds_per_minute",
            setting_types.whole(1, unit="seconds"),
            "Time that slow requests of one client, such as the generation of RSA keys, may take in a minute in all"
            " threads together; then more are refused for a while. With workers, in each of them.",
            "allowance.slow_seconds_per_minute",
        ),
        native(
            "objects_per_owner",
            setting_types.whole(1),
            "Objects that one client may have in the store, those included that are destroyed: their attributes stay."
            " quotas_path has other numbers for some, under the name objects.",
            "quota.objects",
        ),
        native(
            "stored_bytes_per_owner",
            setting_types.whole(1, unit="bytes"),
            "What the objects of one client may take in the store, attributes and sealed keys as they are stored."
            " quotas_path has other numbers for some, under the name stored_bytes.",
            "quota.stored_bytes",
        ),
        native(
            "quotas_path",
            EXISTING_FILE,
            "JSON file of such numbers for identities and groups.",
            default="the same for all clients",
        ),
        native(
            "unsent_per_identity",
            setting_types.whole(65_536, unit="bytes"),
            "Answers of one client that it has not taken; one that has so many is served nothing more until it reads.",
            "limits.unsent_per_identity",
        ),
        native(
            "unsent_in_all",
            setting_types.whole(65_536, unit="bytes"),
            "Answers that no client has taken yet, in all; beyond it the oldest of the client that holds most is cut.",
            "limits.unsent_in_all",
        ),
        native(
            "half_sent_per_identity",
            setting_types.whole(65_536, unit="bytes"),
            "Requests of one client that are not complete; beyond it the oldest is cut.",
            "limits.half_sent_per_identity",
        ),
        native(
            "half_sent_in_all",
            setting_types.whole(65_536, unit="bytes"),
            "Requests that are not complete, in all; beyond it the oldest of the client that holds most is cut.",
            "limits.half_sent_in_all",
        ),
        native(
            "max_connections",
            setting_types.whole(1),
            "Connections at once; with workers, in each of them.",
            "limits.max_connections",
        ),
        native(
            "connections_per_address",
            setting_types.whole(1),
            "Connections from one address; with workers, in each of them.",
            "limits.connections_per_address",
        ),
        native(
            "connections_per_identity",
            setting_types.whole(1),
            "Connections of one client; with workers, in each of them.",
            "limits.connections_per_identity",
        ),
        native(
            "handshakes_per_address",
            setting_types.whole(1),
            "Unfinished TLS handshakes from one address; with workers, in each of them.",
            "limits.handshakes_per_address",
        ),
        native("handshake_timeout", setting_types.seconds(), "Time for a TLS handshake.", "limits.handshake"),
        native(
            "message_timeout",
            setting_types.seconds(),
            "Time from the first to the last byte of a request.",
            "limits.message",
        ),
        native(
            "message_work",
            setting_types.seconds(),
            "Time in threads for all items of one message; those that have not begun by then are refused.",
            "limits.work",
        ),
        native(
            "write_timeout", setting_types.seconds(), "Time for a client to take its answer.", "limits.write_stalled"
        ),
        native("idle_timeout", setting_types.seconds(or_never=True), "Time between requests.", "limits.idle"),
    ),
}
"""Settings by their headings."""
