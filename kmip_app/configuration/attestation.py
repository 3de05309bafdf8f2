"""The settings of attestation: the verifier, the types that it knows, and the operations that want an attestation."""

import enum
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from kmip_app.configuration.server_conf import Problem
from kmip_app.configuration.setting_types import Kind, read_path
from kmip_core.enums import AttestationType, Operation
from kmip_core.operations import CATALOGUE
from kmip_core.standard_names import standard_name

Member = TypeVar("Member", bound=enum.Enum)


def _program(value: Any) -> Path:
    path = read_path(value)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ValueError(f"{path} is no program that this user can start; name one, and allow it to be executed")
    return path


def _members(value: Any, known: Iterable[Member]) -> list[Member]:
    """Return the members that a text with commas names, in any case, or those of a sequence."""
    by_name = {standard_name(member).lower(): member for member in known}
    given = value.split(",") if isinstance(value, str) else list(value)
    texts = [standard_name(one) if isinstance(one, enum.Enum) else str(one).strip() for one in given]
    for text in texts:
        if text and text.lower() not in by_name:
            raise ValueError(f"{text!r} is not known; write some of {', '.join(map(standard_name, by_name.values()))}")
    return list(dict.fromkeys(by_name[text.lower()] for text in texts if text))


def _types(value: Any) -> tuple[AttestationType, ...]:
    return tuple(_members(value, AttestationType))


def _operations(value: Any) -> frozenset[Operation]:
    """Return the operations, with PKCS#11 where there is any: by it the others can be done."""
    named = _members(value, CATALOGUE)
    return frozenset((*named, Operation.PKCS_11)) if named else frozenset()


def _write(members: Iterable[enum.Enum]) -> str:
    return ", ".join(sorted(map(standard_name, members)))


PROGRAM: Final = Kind(accepts="path of a program", metavar="FILE", read=_program)
ATTESTATION_TYPES: Final = Kind(
    accepts=f"some of {', '.join(map(standard_name, AttestationType))}, separated by commas",
    metavar="TYPES",
    read=_types,
    write=_write,
)
OPERATIONS: Final = Kind(
    accepts="operations as the standard names them, separated by commas",
    metavar="OPERATIONS",
    read=_operations,
    write=_write,
)


def attestation_problems(
    verifier: Path | None, types: tuple[AttestationType, ...], operations: frozenset[Operation]
) -> Iterator[Problem]:
    """Yield what of the three is missing beside the others."""
    if verifier is not None and not types:
        yield Problem(where="attestation_types", text="names no type; say which ones attestation_verifier knows")
    if verifier is None:
        for where, value in (("attestation_types", types), ("attested_operations", operations)):
            if value:
                yield Problem(where=where, text="needs attestation_verifier, which judges attestations; name it")
