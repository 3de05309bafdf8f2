"""What a client raises.  Everything derives from `ClientError`; what concerns the connection is an OSError too."""

from collections.abc import Iterable

from kmip_app.connection_errors import explained
from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultReason, ResultStatus
from kmip_core.standard_names import standard_name


class ClientError(Exception):
    """Anything that keeps an operation from its result."""


class OperationFailed(ClientError):
    """The server has answered, and refuses.

    operation: None where the server refused the message as a whole.
    reason: the Result Reason as the protocol version spells it; None where the server gave none that is known.
    message: the server's Result Message, or "".
    """

    def __init__(
        self, operation: Operation | None, status: ResultStatus, reason: ResultReason | None, message: str
    ) -> None:
        self.operation = operation
        self.status = status
        self.reason = reason
        self.message = message
        what = standard_name(operation) if operation is not None else "the request"
        why = standard_name(reason) if reason is not None else standard_name(status)
        super().__init__(f"{what}: {why}{f': {message}' if message else ''}")


class ObjectNotFound(OperationFailed):
    """No such object, or none that this client may know of."""


class PermissionDenied(OperationFailed):
    """The server does not let this client do that to that object, or not in its state."""


_CLASSES = {
    ResultReason.ITEM_NOT_FOUND: ObjectNotFound,
    ResultReason.OBJECT_NOT_FOUND: ObjectNotFound,
    ResultReason.PERMISSION_DENIED: PermissionDenied,
}


def operation_failed(
    operation: Operation | None, status: ResultStatus, reason: ResultReason | None, message: str | None
) -> OperationFailed:
    """Return the most precise exception for a batch item that failed."""
    kind = OperationFailed if reason is None else _CLASSES.get(reason, OperationFailed)
    return kind(operation, status, reason, message or "")


@frozen
class Failure:
    """Why one server could not be used.  server: `host:port`."""

    server: str
    error: Exception


class ServerUnreachable(ClientError, ConnectionError):
    """No server could be connected to; nothing was done.

    failures: one for each server, in the order in which they were tried.
    """

    def __init__(self, failures: Iterable[Failure]) -> None:
        self.failures = tuple(failures)
        super().__init__("; ".join(f"{failure.server}: {explained(failure.error)}" for failure in self.failures))


class UnusableFile(ClientError):
    """A file with a certificate, a private key or CAs cannot be read, or does not hold what it should."""


class OutcomeUnknown(ClientError, ConnectionError):
    """The connection was lost after the request had left: the server may have done what was asked, or not.

    The client does not repeat such an operation by itself; look before you do.
    """


class NoCommonVersion(ClientError):
    """The server speaks none of the protocol versions that the client offers."""


class NotInVersion(ClientError):
    """The operation, or a value of the request, does not exist in the protocol version that was agreed on."""


class UnreadableAnswer(ClientError):
    """The server's answer is no KMIP message that this client can read."""
