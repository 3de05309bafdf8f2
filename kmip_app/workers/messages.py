"""What the supervisor and a worker say to each other."""

from collections.abc import Mapping
from typing import Any

from attrs import field

from kmip_app.configuration.config import Configuration
from kmip_core.classes import frozen


@frozen(kw_only=True)
class Order:
    """What a worker needs to begin.

    secrets: what open descriptors gave to the supervisor, who alone could read them.
    """

    configuration: Configuration
    secrets: Mapping[int, bytes] = field(repr=False)


@frozen
class Ready:
    """The worker serves.  facts: what a ready file would say."""

    facts: dict[str, Any]


@frozen
class Failed:
    """The worker could not start.  reason: for the operator.  exit_code: of a program that ends for it."""

    reason: str
    exit_code: int


@frozen
class Pulse:
    """A sign of life, once a second.  lag: how late the event loop is, in seconds."""

    lag: float


@frozen
class Request:
    """What the supervisor asks for.  name: of the method of `worker.Orders`; its result is the answer."""

    number: int
    name: str
    arguments: tuple[Any, ...] = ()


@frozen
class Answer:
    """The answer to a request."""

    number: int
    value: Any
