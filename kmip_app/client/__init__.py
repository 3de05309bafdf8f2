"""A KMIP client for Python programs, against any vendor's server: `KmipClient`, and `AsyncKmipClient` for asyncio.

blocking, asynchronous       the clients
operations, async_operations their methods, one for each operation (generated: tools/generate_client.py)
requests                     what those methods make of their parameters
conversation                 versions, fail-over, retries; no input or output
errors                       what is raised
files                        certificates, keys and CAs
"""

from kmip_app.client.asynchronous import AsyncKmipClient
from kmip_app.client.blocking import KmipClient
from kmip_app.client.conversation import Pending
from kmip_app.client.errors import (
    ClientError,
    NoCommonVersion,
    NotInVersion,
    ObjectNotFound,
    OperationFailed,
    OutcomeUnknown,
    PermissionDenied,
    ServerUnreachable,
    UnreadableAnswer,
    UnusableFile,
)

__all__ = [
    "AsyncKmipClient",
    "ClientError",
    "KmipClient",
    "NoCommonVersion",
    "NotInVersion",
    "ObjectNotFound",
    "OperationFailed",
    "OutcomeUnknown",
    "Pending",
    "PermissionDenied",
    "ServerUnreachable",
    "UnreadableAnswer",
    "UnusableFile",
]
