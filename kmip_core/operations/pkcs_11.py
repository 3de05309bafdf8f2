"""PKCS#11: a client calls a function of PKCS#11 over the objects of this server. KMIP 2.1 §6.1.37.

The functions do what they do by other operations, with the rights of the same principal, and in the same unit of work.
A function that fails has a return code in an answer whose Result Status is Success; nothing of it has happened then.
They are imported by the first request: that takes 6 ms, which each start would take for the few servers that need them.
"""

from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import evolve, field

from kmip_core.classes import frozen
from kmip_core.enums import Operation, PKCS11Function, ResultReason
from kmip_core.enums import PKCS11ReturnCode as ReturnCode
from kmip_core.errors import AnsweredRefusal, KmipError
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.pkcs11_sessions import Application

if TYPE_CHECKING:
    from kmip_core.pkcs11.calls import Call
    from kmip_core.pkcs11.failures import Failure

_F = PKCS11Function

INTERFACES: Final = frozenset({None, "", "PKCS 11", "V3.0"})
"""Names of the one interface, which is that of PKCS#11 3.0."""


@frozen(kw_only=True)
class Request:
    """pkcs_11_interface: None for the default.  correlation_value: what the answer to C_Initialize said.

    repeats_correlation_value: whether every answer has it, as 3.0 wants.
    """

    pkcs_11_interface: str | None = None
    pkcs_11_function: PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_input_parameters: bytes | None = field(default=None, repr=False)
    repeats_correlation_value: bool = False


@frozen(kw_only=True)
class Response:
    """pkcs_11_function: the one that was called.  pkcs_11_return_code: CKR_OK or what went wrong.

    correlation_value: for the further requests of the application, after C_Initialize.
    """

    pkcs_11_interface: str | None = None
    pkcs_11_function: PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_output_parameters: bytes | None = field(default=None, repr=False)
    pkcs_11_return_code: ReturnCode


def perform(request: Request, scope: Scope) -> Response:
    """Call the function.

    Raises KmipError: PKCS#11 Invalid Interface; PKCS#11 Codec Error for parameters that cannot be read; AnsweredRefusal
    with the answer of a function that failed; and limits of the operations that the function needs.
    """
    from kmip_core.pkcs11.calls import Call
    from kmip_core.pkcs11.encoding import Reader
    from kmip_core.pkcs11.failures import Failure
    from kmip_core.pkcs11.functions import FUNCTIONS

    if request.pkcs_11_interface not in INTERFACES:
        raise KmipError(ResultReason.PKCS_11_INVALID_INTERFACE, "this server has the interface PKCS 11 alone")
    applications, name = scope.services.applications, scope.principal.name
    application = applications.find(request.correlation_value, name, scope.now)
    call = Call(
        reader=Reader(request.pkcs_11_input_parameters or b""),
        scope=scope,
        application=application or Application(principal=name, expires=scope.now),
    )
    try:
        if request.pkcs_11_function is _F.C_INITIALIZE:
            return _initialize(request, call, application)
        if application is None:
            raise Failure(ReturnCode.CRYPTOKI_NOT_INITIALIZED)
        if request.pkcs_11_function is _F.C_FINALIZE:
            call.end()
            scope.hooks.on_commit.append(partial(applications.end, request.correlation_value or b""))
            return _answer(request)
        function = FUNCTIONS.get(request.pkcs_11_function)
        if function is None:
            raise Failure(ReturnCode.FUNCTION_NOT_SUPPORTED)
        output = function.perform(call)
    except Failure as failure:
        scope.hooks.on_rollback.append(lambda: call.application.settle(call.sessions_after_failure))
        answer = _answer(request, failure.output, failure.code)
        raise AnsweredRefusal(_reason(failure), f"CKR_{failure.code.name}", answer) from failure
    if call.sessions:
        scope.hooks.on_commit.append(lambda: call.application.settle(call.sessions))
    return _answer(request, output, call.code)


def _initialize(request: Request, call: "Call", application: Application | None) -> Response:
    from kmip_core.pkcs11.failures import Failure
    from kmip_core.pkcs11.sessions import check_initialization

    if application is not None:
        raise Failure(ReturnCode.CRYPTOKI_ALREADY_INITIALIZED)
    check_initialization(call)
    scope = call.scope
    value = scope.services.identifiers.new().encode()
    applications = scope.services.applications
    applications.begin(value, scope.principal.name, scope.now)
    scope.hooks.on_rollback.append(partial(applications.end, value))  # the client never learns of it
    return evolve(_answer(request), correlation_value=value)


def _answer(
    request: Request,
    output: bytes | None = None,
    code: ReturnCode = ReturnCode.OK,
) -> Response:
    return Response(
        pkcs_11_interface=request.pkcs_11_interface,
        pkcs_11_function=request.pkcs_11_function,
        correlation_value=request.correlation_value if request.repeats_correlation_value else None,
        pkcs_11_output_parameters=output,
        pkcs_11_return_code=code,
    )


def _reason(failure: "Failure") -> ResultReason:
    """Return what the audit record says of a failure: the reason of the refusal behind it, where there is one."""
    cause = failure.__cause__
    return cause.reason if isinstance(cause, KmipError) else ResultReason.INVALID_FIELD


def _cost(request: Request) -> Cost:
    from kmip_core.pkcs11.functions import FUNCTIONS

    function = FUNCTIONS.get(request.pkcs_11_function)
    return Cost.READS if function is None else function.cost


SPEC = Spec(
    operation=Operation.PKCS_11,
    request=Request,
    response=Response,
    perform=perform,
    cost=_cost,
    evidence=lambda request: request.pkcs_11_function.name,
    runs_others=True,
)
