"""Objects that are there before the client comes: the door is Import, so that everything is as if a client had come.

Sealing, digests, the audit record and the refusal of an identifier that is taken are the engine's.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, get_args

from attrs import evolve

from kmip_app.parts import Parts
from kmip_core import lifecycle
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import Operation, ResultReason, ResultStatus, RevocationReasonCode, State
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import (
    Certificate,
    Content,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
)
from kmip_core.operations import import_, register
from kmip_core.principal import Principal, Source
from kmip_core.standard_names import standard_name
from kmip_core.structures import Name, ProtocolVersion, RevocationReason

SOURCE: Final = Source.SEED
"""What vouched for the principal of an object that was seeded, in the audit record."""

VERSION: Final = ProtocolVersion(2, 1)

TELLING: Final = (SymmetricKey, PublicKey, PrivateKey, Certificate, SecretData, OpaqueObject)
"""Objects whose constructor takes attributes, which then are kept beside the content and not in it."""

Step = Callable[[Attributes, int], Attributes]
Objects = Content | Iterable[Content] | Mapping[str, Content]


def _revoke(code: RevocationReasonCode) -> Step:
    reason = RevocationReason(revocation_reason_code=code)
    return lambda attributes, now: lifecycle.revoke(attributes, reason, None, now)


_deactivate: Final = _revoke(RevocationReasonCode.CESSATION_OF_OPERATION)
_compromise: Final = _revoke(RevocationReasonCode.KEY_COMPROMISE)

STEPS_TO: Final[Mapping[State, tuple[Step, ...]]] = {
    State.PRE_ACTIVE: (),
    State.ACTIVE: (lifecycle.activate,),
    State.DEACTIVATED: (lifecycle.activate, _deactivate),
    State.COMPROMISED: (lifecycle.activate, _compromise),
    State.DESTROYED: (lifecycle.activate, _deactivate, lifecycle.destroy),
    State.DESTROYED_COMPROMISED: (lifecycle.activate, _compromise, lifecycle.destroy),
}
"""State to the life that leads there, so that the dates of a seeded object are those of a real one."""


def seed(container: Parts, objects: Objects, *, owner: str, state: State, names: tuple[str, ...]) -> list[str]:
    """Put objects into the store and return their identifiers, in order.

    objects: one, several, or identifiers that are wished with their objects.
    Raises KmipError as Import does (Object Already Exists); ValueError for a state that an object cannot have.
    """
    identifiers = container.identifiers()
    if isinstance(objects, Mapping):
        wished = list(objects.items())
    else:
        contents = objects if isinstance(objects, Iterable) else [objects]
        wished = [(identifiers.new(), content) for content in contents]
    for _, content in wished:
        if not isinstance(content, get_args(Content)):
            raise TypeError(f"seed takes objects of kmip_core.objects, not {type(content).__name__}")
    engine: Engine = container.engine()
    services = engine.services
    # Only administrators choose identifiers that could be guessed: here the owner of what is put into the store is one,
    # and sends no credentials.
    settings = evolve(services.settings, administrators=services.settings.administrators | {owner})
    engine = evolve(engine, services=evolve(services, settings=settings, authentication=None))
    now = services.clock.now()
    for identifier, content in wished:
        attributes = _described(content, state, names, now).but(lease_time=settings.lease_time, fresh=True)
        _import(engine, owner, identifier, content, attributes)
    return [identifier for identifier, _ in wished]


def _described(content: Content, state: State, names: tuple[str, ...], now: int) -> Attributes:
    """Return the arguments of the object's constructor, with the life that it is to have had."""
    given = content.attributes if isinstance(content, TELLING) else Attributes()
    steps = STEPS_TO[state]
    if steps and content.object_type in lifecycle.WITHOUT_LIFE_CYCLE:
        raise ValueError(f"{standard_name(content.object_type)} has no life cycle; leave the state out")
    further = tuple(Name(name_value=name) for name in names)
    attributes = register.describe(content, given.but(state=None, names=(*given.names, *further)))
    if not steps:
        return attributes
    lived = attributes.but(state=State.PRE_ACTIVE, initial_date=now)
    for step in steps:
        lived = step(lived, now)
    return lived


def _import(engine: Engine, owner: str, identifier: str, content: Content, attributes: Attributes) -> None:
    if isinstance(content, TELLING):
        content = evolve(content, attributes=Attributes())
    request = import_.Request(unique_identifier=identifier, attributes=attributes, managed_object=content)
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION, batch_order_option=True),
        batch_items=(RequestBatchItem(operation=Operation.IMPORT, payload=request),),
    )
    (answer,) = engine.handle(message, Principal(name=owner, source=SOURCE)).batch_items
    if answer.result_status is not ResultStatus.SUCCESS:
        reason = answer.result_reason or ResultReason.GENERAL_FAILURE
        raise KmipError(reason, f"{identifier}: {answer.result_message}")
