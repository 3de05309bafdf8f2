"""The one table of settings: files, environment, command line, constructor and documentation all read it.

A setting's default is that of the field it leads to in `Configuration`; nothing is said twice. `topics` has the
settings themselves.
"""

from collections.abc import Mapping
from typing import Final

from kmip_app.configuration.config import Configuration
from kmip_app.configuration.setting import ENVIRONMENT, Setting
from kmip_app.configuration.topics.access import ACCESS
from kmip_app.configuration.topics.answers import ANSWERS
from kmip_app.configuration.topics.limits import LIMITS
from kmip_app.configuration.topics.operation import OPERATION
from kmip_app.configuration.topics.store import STORE

_ALL: Final = {**ACCESS, **STORE, **OPERATION, **ANSWERS, **LIMITS}

TOPICS: Final[Mapping[str, tuple[Setting, ...]]] = {
    heading: _ALL[heading]
    for heading in (
        "Where it listens",
        "Certificates and TLS",
        "Who clients are",
        "Policies",
        "Log",
        "Store",
        "Audit trail",
        "Monitoring",
        "The process",
        "What it does by itself",
        "How it answers",
        "Limits",
    )
}
"""Every setting, by the heading it has in the help and the documentation, in this order."""

SETTINGS: Final[Mapping[str, Setting]] = {setting.name: setting for settings in TOPICS.values() for setting in settings}


def changed_settings(before: Configuration, after: Configuration) -> set[str]:
    """Return the names of the settings that the two configurations decide differently."""
    return {name for name, setting in SETTINGS.items() if setting.value_in(before) != setting.value_in(after)}


__all__ = ["ENVIRONMENT", "SETTINGS", "TOPICS", "Setting", "changed_settings"]
