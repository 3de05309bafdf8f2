"""One call of a PKCS#11 function, as the functions see it."""

from typing import Any, Final

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import Operation
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.errors import KmipError
from kmip_core.operation import Scope
from kmip_core.pkcs11.encoding import Output, Reader, returned
from kmip_core.pkcs11.failures import Failure, failure_of
from kmip_core.pkcs11_sessions import Active, Application, Session, Use

SLOT: Final = 1
"""The one slot; its token is the server, with the objects that the principal may use."""


@define(kw_only=True)
class Call:
    """One call.

    reader: its parameters.  application: whose it is.
    sessions: what the sessions become if it succeeds, by handle; None for one that is closed.
    sessions_after_failure: what they become if it fails.
    code: of a call that did something, though not all that was asked for.
    """

    reader: Reader
    scope: Scope
    application: Application
    sessions: dict[int, Session | None] = field(factory=dict)
    sessions_after_failure: dict[int, Session | None] = field(factory=dict)
    code: ReturnCode = ReturnCode.OK

    def do(self, operation: Operation, use: Use | None = None, /, **fields: Any) -> Any:
        """Return what another operation answers, done with the rights of the same principal.

        use: what is done with a key, which decides the return code of a refusal.
        Raises Failure; KmipError for a refusal that has no return code, such as Server Limit Exceeded.
        """
        try:
            return self.scope.perform(operation, **fields)
        except KmipError as refusal:
            failure = failure_of(refusal, use)
            if failure is None:
                raise
            raise failure from refusal

    def slot(self) -> None:
        """Read a slot.  Raises Failure (CKR_SLOT_ID_INVALID)."""
        if self.reader.ulong() != SLOT:
            raise Failure(ReturnCode.SLOT_ID_INVALID)

    def session(self) -> tuple[int, Session]:
        """Read the handle of a session and return both.  Raises Failure (CKR_SESSION_HANDLE_INVALID)."""
        handle = self.reader.ulong()
        session = self.application.sessions.get(handle)
        if session is None:
            raise Failure(ReturnCode.SESSION_HANDLE_INVALID)
        return handle, session

    def identifier(self, code: ReturnCode = ReturnCode.OBJECT_HANDLE_INVALID) -> str:
        """Read the handle of an object and return its identifier.  Raises Failure (`code`)."""
        identifier = self.application.object_of(self.reader.ulong())
        if identifier is None:
            raise Failure(code)
        return identifier

    def end(self) -> None:
        """Refuse bytes that follow the parameters."""
        self.reader.end()

    def begin(self, handle: int, session: Session, use: Use, active: Active) -> None:
        """Have an operation under way.  Raises Failure (CKR_OPERATION_ACTIVE) if there is one of this use."""
        if use in session.active:
            raise Failure(ReturnCode.OPERATION_ACTIVE)
        self.sessions[handle] = session.doing(use, active)

    def active(self, handle: int, session: Session, use: Use) -> Active:
        """Return the operation under way, which a failure ends.  Raises Failure (CKR_OPERATION_NOT_INITIALIZED)."""
        active = session.active.get(use)
        if active is None:
            raise Failure(ReturnCode.OPERATION_NOT_INITIALIZED)
        self.sessions_after_failure[handle] = session.doing(use, None)
        return active

    def keep(self, handle: int, session: Session, use: Use, active: Active | None) -> None:
        """Go on with an operation in another state; None ends it."""
        self.sessions[handle] = session.doing(use, active)


def fill(output: Output, data: bytes) -> bytes | None:
    """Return what goes into the buffer of the client, None if it is too small."""
    return returned(data) if output.exists and output.size >= len(data) else None
