"""What an operator sees of the server and decides of its process: policies, logs, metrics, work of its own."""

from collections.abc import Mapping
from typing import Final

from kmip_app.configuration import setting_types
from kmip_app.configuration.addresses import ADDRESS
from kmip_app.configuration.config import LOGGING_LEVELS
from kmip_app.configuration.secret_places import SECRET
from kmip_app.configuration.setting import Setting, native, of_pykmip
from kmip_app.configuration.setting_kinds import (
    LOG_TARGET,
)
from kmip_app.configuration.setting_types import (
    BOOLEAN,
    EXISTING_PATH,
    LOG_FILE,
)
from kmip_app.configuration.telemetry import OTLP
from kmip_app.configuration.workers import WORKERS

OPERATION: Final[Mapping[str, tuple[Setting, ...]]] = {
    "Policies": (
        of_pykmip(
            "policy_path",
            EXISTING_PATH,
            "Operation policies: a JSON file, or a folder of *.json.",
            "-o",
            default="the built-in ones",
        ),
        native("live_policies", BOOLEAN, "Whether changes of policy files are taken up while the server runs."),
    ),
    "Log": (
        of_pykmip("logging_level", setting_types.one_of(LOGGING_LEVELS), "How much is logged.", "-v"),
        native(
            "log_path",
            LOG_FILE,
            "Log file, rotated at 1 MB, five old ones kept.",
            letters="-l",
            default="kmipd.log in $LOGS_DIRECTORY, else standard error",
        ),
        native(
            "log_target",
            LOG_TARGET,
            "Where the log goes without log_path: stderr, stdout, journald, syslog; the last two also with :PATH of"
            " their socket.",
        ),
        native(
            "log_time",
            setting_types.one_of(("local", "zoned")),
            "Times in lines of text: as PyKMIP writes them, or by ISO 8601 with the offset from UTC.",
        ),
        native("log_format", setting_types.one_of(("text", "json")), "Lines for people, or one JSON object a line."),
        native(
            "tap",
            LOG_FILE,
            "Every request and answer is appended here without its secrets, for `kmipd inspect`; to find faults, not to"
            " keep on.",
            default="none",
        ),
    ),
    "Monitoring": (
        native(
            "admin_address",
            ADDRESS,
            "Where /livez, /readyz, /metrics and /status are given out over plain HTTP; for probes and scrapers only.",
            default="none",
        ),
        native(
            "slow_request",
            setting_types.seconds(or_never=True),
            "From which time on a request leaves a line in the log.",
        ),
        native(
            "otel_endpoint",
            OTLP,
            "Collector of OpenTelemetry to which traces and metrics are sent, by OTLP over HTTP: http://HOST:4318."
            " Needs the extra otel.",
            default="none",
        ),
        native(
            "otel_headers",
            SECRET,
            "Where the headers for the collector are: NAME=VALUE, several with commas between them.",
            default="none",
        ),
    ),
    "The process": (
        native(
            "workers",
            WORKERS,
            "How many processes serve together, over one store and one port; auto: one for each processor. For `kmipd"
            " serve`; not with ephemeral.",
        ),
        native(
            "allow_core_dumps",
            BOOLEAN,
            "Whether a crash may leave a core file, which holds keys, and debuggers may attach.",
        ),
    ),
    "What it does by itself": (
        native(
            "rotation",
            BOOLEAN,
            "Whether objects with Rotate Automatic are rotated once their Rotate Interval has passed.",
        ),
        native(
            "re_provision",
            BOOLEAN,
            "Whether clients may get new certificates of the built-in CA by themselves (Re-Provision).",
            "core.re_provision",
        ),
        native(
            "server_to_client",
            BOOLEAN,
            "Whether clients are sent Notify and Put: those that swap roles by Set Endpoint Role, and those that kmipd"
            " client notify names.",
            "core.server_to_client",
        ),
        native(
            "notify_queue",
            setting_types.whole(1),
            "Notices that wait for one client; the oldest give way.",
            "notices.queue",
        ),
        native("notify_age", setting_types.seconds(), "How long a notice waits for its client.", "notices.age"),
        native(
            "notify_timeout", setting_types.seconds(), "How long a client may take for an answer.", "notices.answer"
        ),
        native(
            "notify_hands_back",
            BOOLEAN,
            "Whether a client that lists Set Endpoint Role is asked to be the client again on its connection once"
            " nothing waits for it, so that it goes on with its own requests there.",
            "notices.hands_back",
        ),
        native("rotation_every", setting_types.seconds(), "How often the server looks for objects to rotate."),
    ),
}
"""Settings by their headings."""
