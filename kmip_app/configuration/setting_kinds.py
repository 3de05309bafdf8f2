"""Kinds of single settings: what a value of each looks like, beside the general kinds of `setting_types`."""

import re
import shlex
from typing import Any, Final

import attrs
from cryptography import x509

from kmip_adapters.audit.sinks import Syslog
from kmip_adapters.identity.certificate import SOURCES
from kmip_adapters.transport.tls.suites import check_suites
from kmip_app.configuration import setting_types
from kmip_app.configuration.setting_types import NAMES
from kmip_app.pki.own_names import general_name


def _suites(value: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = NAMES.read(value)
    check_suites(names)
    return names


def _identities(value: Any) -> frozenset[str]:
    texts = value if isinstance(value, list | tuple | set | frozenset) else str(value).split(",")
    return frozenset(text for given in texts if (text := str(given).strip()))


IDENTITIES: Final = attrs.evolve(
    NAMES, accepts="identities separated by commas", read=_identities, write=lambda names: ", ".join(sorted(names))
)


def _syslog(value: Any) -> str:
    text: str = setting_types.TEXT.read(value)
    Syslog(text)
    return text


def _command_line(value: Any) -> str:
    text: str = setting_types.TEXT.read(value)
    shlex.split(text)
    return text


def _hosts(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else list(value)
    names = tuple(dict.fromkeys(name for text in texts for name in re.split(r"[\s,;]+", text) if name))
    for name in names:
        general_name(name)
    return names


def _hostname(value: Any) -> str:
    return "" if isinstance(value, str) and not value.strip() else setting_types.TEXT.read(value)


HOSTNAME: Final = attrs.evolve(setting_types.TEXT, accepts="text, or nothing", read=_hostname)


def _identity_source(value: Any) -> tuple[str, ...] | str:
    names: tuple[str, ...] = tuple(name.lower() for name in NAMES.read(value))
    for name in names:
        if name not in SOURCES:
            raise ValueError(f"{name!r} is not known; write one or several of {', '.join(SOURCES)}")
    if not names:
        raise ValueError(f"names nothing; write one or several of {', '.join(SOURCES)}")
    return names[0] if len(names) == 1 else names


def _write_identity_source(sources: tuple[str, ...] | str) -> str:
    return sources if isinstance(sources, str) else " ".join(sources)


IDENTITY_SOURCE: Final = attrs.evolve(
    NAMES, accepts=f"one or several of {', '.join(SOURCES)}", read=_identity_source, write=_write_identity_source
)


def _identity_realm(value: Any) -> tuple[str, ...]:
    text: str = setting_types.TEXT.read(value) if isinstance(value, str) else _write_identity_realm(value)
    if text.strip().lower() in REALMS:
        return (text.strip().lower(),)
    subjects = []
    for subject in _SEPARATOR.split(text):
        try:
            name = x509.Name.from_rfc4514_string(subject.strip())
        except ValueError:
            name = x509.Name([])
        if not name.rdns:
            raise ValueError(f"{subject!r} is no subject of a CA; write {', '.join(REALMS)}, or subjects as CN=Our CA")
        subjects.append(name.rfc4514_string())
    return tuple(subjects)


def _write_identity_realm(realm: tuple[str, ...]) -> str:
    return "; ".join(realm)


REALMS: Final = ("recorded", "all", "none")
_SEPARATOR: Final = re.compile(r"(?<!\\);")
IDENTITY_REALM: Final = attrs.evolve(
    setting_types.TEXT,
    accepts=f"{', '.join(REALMS)}, or subjects of CAs by RFC 4514, separated by semicolons",
    metavar=f"[{'|'.join(REALMS)}|SUBJECTS]",
    read=_identity_realm,
    write=_write_identity_realm,
)
OBJECT_GROUPS: Final = attrs.evolve(
    NAMES,
    accepts="Object Groups separated by commas",
    read=lambda value: frozenset(NAMES.read(value)),
    write=lambda names: ", ".join(sorted(names)),
)
POLICY_NAMES: Final = attrs.evolve(OBJECT_GROUPS, accepts="names of operation policies separated by commas")
HOSTS: Final = attrs.evolve(NAMES, accepts="names and addresses separated by commas or spaces", read=_hosts)


def _log_target(value: Any) -> str:
    text: str = setting_types.TEXT.read(value)
    name, colon, path = text.partition(":")
    if name.lower() in {"journald", "syslog"} and (not colon or path.startswith("/")):
        return f"{name.lower()}{colon}{path}"
    if text.lower() in {"stderr", "stdout"}:
        return text.lower()
    raise ValueError(f"{text!r} is no target of a log; write stderr, stdout, journald or syslog")


LOG_TARGET: Final = attrs.evolve(
    setting_types.TEXT, accepts="stderr, stdout, journald, syslog", metavar="TARGET", read=_log_target
)
SYSLOG: Final = attrs.evolve(setting_types.TEXT, accepts="URL of a syslog server", metavar="URL", read=_syslog)
COMMAND_LINE: Final = attrs.evolve(setting_types.TEXT, accepts="command line", metavar="COMMAND", read=_command_line)
SUITE_NAMES: Final = attrs.evolve(NAMES, accepts=f"{NAMES.accepts}; IANA or OpenSSL spelling", read=_suites)
