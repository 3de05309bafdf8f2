"""The store for a command beside the server or without one, and what a start or a command cannot go on with."""

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from attrs import evolve

from kmip_adapters.audit.file_trail import FileTrail
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.container import build
from kmip_app.files import owned, private_files
from kmip_app.maintenance.pykmip_database import advice_on_pykmip, is_pykmip_database
from kmip_app.parts import Parts
from kmip_app.root_keys import close_root_key
from kmip_app.system_errors import described
from kmip_core.errors import KmipError, Unusable
from kmip_core.ports.audit import AuditTrail

UNUSABLE: Final = (Unusable, ValueError)  # ValueError: certificates, keys and suites that OpenSSL does not take
"""What stops a start with a text for the operator."""


@contextlib.contextmanager
def opened(configuration: Configuration, *, alone: bool = False, or_empty: bool = False) -> Iterator[Parts]:
    """Open the store for a command; yield the container.

    alone: own the data directory, so that no server runs meanwhile, and make a store that is not there; otherwise the
        store must exist and a server may be running.
    or_empty: take an empty store in memory for one that does not exist.
    Raises StartError.
    """
    if configuration.ephemeral:
        raise StartError("an ephemeral server keeps nothing; leave --ephemeral out and name the data directory")
    sqlite = configuration.sqlite_path
    if not alone and sqlite is not None and not sqlite.exists():
        if not or_empty:
            raise StartError(f"{sqlite} does not exist; name the server's data directory or its configuration")
        configuration = evolve(configuration, ephemeral=True)
    refuse_pykmips(configuration)
    with ExitStack() as resources:
        with private_files(), reported_to_operators():
            if alone:
                resources.enter_context(owned(configuration.data_directory))
            container = build(evolve(configuration, live_policies=False, may_upgrade=alone, otel_endpoint=None))
            resources.callback(container.processes().close)
            if not configuration.ephemeral:
                resources.callback(close_root_key, container.root_key())
            storage = container.storage()
            resources.callback(storage.close)
            if alone:
                audit: AuditTrail = container.audit()
                resources.callback(audit.close)
                if isinstance(audit, FileTrail):
                    audit.replay(storage)
        yield container


def refuse_pykmips(configuration: Configuration) -> None:
    """Raise StartError for a store that is PyKMIP's database: opening it would change its kind of journal."""
    if not configuration.ephemeral and configuration.sqlite_path and is_pykmip_database(configuration.sqlite_path):
        raise StartError(advice_on_pykmip(configuration.sqlite_path))


@contextlib.contextmanager
def reported_to_operators() -> Iterator[None]:
    """Turn what stops a start into a StartError."""
    try:
        yield
    except UNUSABLE as error:
        raise StartError.of(error) from error
    except KmipError as error:  # such as no room for the first record of the trail
        raise StartError(error.message) from error
    except OSError as error:
        raise StartError(described(error)) from error
