"""Jobs and answers as bytes, for the pipes between a server and its own children and for nothing else.

Values that may hold secrets refuse to be pickled (`kmip_core.secret`), since a pickle outlives its reason; these bytes
are read by the process at the other end of the pipe and are gone. They are taken apart and put together here.
"""

import enum
import pickle
from io import BytesIO
from typing import Any

from attrs import fields

from kmip_core.secret import Secret


class Outcome(enum.IntEnum):
    """What became of a job.  RESULT: it returned the value.  REFUSED: (reason, text) of its KmipError.
    EXHAUSTED: it wanted more memory than it may have.  FAULT: the text of an exception that is a bug."""

    RESULT = 0
    REFUSED = 1
    EXHAUSTED = 2
    FAULT = 3


def dumps(value: Any) -> bytes:
    """Return a value as bytes."""
    octets = BytesIO()
    _Pickler(octets).dump(value)
    return octets.getvalue()


def loads_job(octets: bytes) -> Any:
    """Return a job, in a child: it comes from the parent, which may say anything."""
    return pickle.loads(octets)  # noqa: S301  the parent writes it, over a pipe that no other process has


def loads_answer(octets: bytes) -> Any:
    """Return an answer, in the parent: made of values of the core, so that a child that a client has taken over gets no
    further.  Raises UnpicklingError for anything else."""
    return _OfTheCore(BytesIO(octets)).load()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Secret):
            kind = type(value)
            return put_together, (kind, tuple(getattr(value, name) for name in _fields(kind)))
        return NotImplemented


def put_together(kind: type, values: tuple[Any, ...]) -> Any:
    """Return a record with these values of its fields, without its own way of being made, which may judge or fill."""
    made: Any = object.__new__(kind)
    for name, value in zip(_fields(kind), values, strict=True):
        object.__setattr__(made, name, value)
    return made


def _fields(kind: Any) -> list[str]:
    return [each.name for each in fields(kind)]


class _OfTheCore(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == __name__ and name in ("Outcome", "put_together"):
            return super().find_class(module, name)
        if module.partition(".")[0] == "kmip_core" and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:  # and not something that the module imports
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value of the core")
