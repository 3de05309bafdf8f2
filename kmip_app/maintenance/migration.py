"""Moves objects from any vendor's KMIP server into the store: Locate, Get Attributes, Get, and Import here.

Identifiers, names, states, dates, links and custom attributes stay as they are there. What cannot be moved is reported
with the reason: material that the server does not give out, objects that are destroyed, attributes that this
program cannot read. Nothing in the other server is changed.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve

from kmip_app.client import ClientError, KmipClient, OperationFailed, UnreadableAnswer
from kmip_app.parts import Parts
from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultStatus
from kmip_core.lifecycle import GONE
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import Content
from kmip_core.operations import import_
from kmip_core.principal import Principal, Source
from kmip_core.standard_names import standard_name
from kmip_core.structures import ProtocolVersion

MOVED: Final = "moved"
PRESENT: Final = "present"
NOT_MOVED: Final = "not moved"

PAGE: Final = 500
"""Identifiers that one Locate asks for, where the server knows pages."""

ESSENTIAL: Final = (
    "Object Type",
    "Name",
    "Cryptographic Algorithm",
    "Cryptographic Length",
    "Cryptographic Usage Mask",
    "State",
    "Initial Date",
    "Activation Date",
    "Deactivation Date",
    "Compromise Date",
    "Object Group",
    "Link",
)
"""What is read one by one where all attributes together cannot be read."""

_NOT_COPIED: Final[Mapping[str, Any]] = {
    "unique_identifier": None,
    "short_unique_identifier": None,
    "lease_time": None,
    "digests": (),
    "key_value_present": None,
    "archive_date": None,
    "protection_storage_mask": None,
    "protection_level": None,
}
"""What is this server's to say of an object that it keeps."""

_VERSION: Final = ProtocolVersion(2, 1)


@frozen(kw_only=True)
class Moved:
    """What became of one object.  result: MOVED, PRESENT or NOT_MOVED.  left_out: attributes that were not read."""

    unique_identifier: str
    object_type: str = ""
    name: str = ""
    result: str
    reason: str = ""
    left_out: tuple[str, ...] = ()


def migrate(client: KmipClient, container: Parts, *, owner: str, dry_run: bool = False) -> Iterator[Moved]:
    """Yield what became of each object that the client may see.

    owner: of the objects here.  dry_run: only read and judge.  Raises ClientError if the server cannot list objects, or
    the connection is lost.
    """
    take = Import(container, owner)
    for identifier in identifiers(client):
        with container.storage().unit_of_work() as work:
            present = work.find(identifier)
        if present is not None:
            yield _present(identifier, present, owner)
            continue
        try:
            yield _move(client, identifier, take, dry_run)
        except ConnectionError:
            raise
        except ClientError as error:
            yield Moved(unique_identifier=identifier, result=NOT_MOVED, reason=str(error))


def identifiers(client: KmipClient) -> Iterator[str]:
    """Yield the identifiers of all objects, each once; by pages where the server knows them."""
    known: set[str] = set()
    offset = 0
    while True:
        try:
            page = client.locate(maximum_items=PAGE, offset_items=offset or None).unique_identifiers
        except OperationFailed:
            if not offset:
                raise
            page = client.locate().unique_identifiers  # no pages: all at once
        new = [identifier for identifier in page if identifier not in known]
        known.update(new)
        yield from new
        if len(page) < PAGE or not new:
            return
        offset += len(page)


def _present(identifier: str, present: Any, owner: str) -> Moved:
    if present.owner != owner:
        text = "another owner's object of this store has its identifier"
        return Moved(unique_identifier=identifier, result=NOT_MOVED, reason=text)
    return Moved(unique_identifier=identifier, object_type=standard_name(present.object_type), result=PRESENT)


def _move(
    client: KmipClient, identifier: str, take: Callable[[str, Content, Attributes], str | None], dry_run: bool
) -> Moved:
    attributes, left_out = _attributes(client, identifier)
    shown: dict[str, Any] = {
        "unique_identifier": identifier,
        "object_type": standard_name(attributes.object_type) if attributes.object_type is not None else "",
        "name": ", ".join(name.name_value for name in attributes.names),
        "left_out": left_out,
    }
    if attributes.state in GONE:
        return Moved(**shown, result=NOT_MOVED, reason="it is destroyed: only its attributes are left")
    try:
        response = client.get(identifier)
    except OperationFailed as error:
        return Moved(**shown, result=NOT_MOVED, reason=str(error))
    shown["object_type"] = standard_name(response.object_type)
    if not dry_run:
        refusal = take(identifier, response.managed_object, evolve(attributes, **_NOT_COPIED))
        if refusal is not None:
            return Moved(**shown, result=NOT_MOVED, reason=refusal)
    return Moved(**shown, result=MOVED)


def _attributes(client: KmipClient, identifier: str) -> tuple[Attributes, tuple[str, ...]]:
    """Return the attributes, and the names of those that could not be read."""
    try:
        return client.get_attributes(identifier).attributes, ()
    except UnreadableAnswer:
        pass
    found, left_out = Attributes(), ["vendor attributes"]
    for name in ESSENTIAL:
        try:
            one = client.get_attributes(identifier, [name]).attributes
        except (UnreadableAnswer, OperationFailed):
            left_out.append(name)
        else:
            found = found.but(**{field: getattr(one, field) for field in one.present()})
    return found, tuple(left_out)


class Import:
    """Imports one object here; called with identifier, content and attributes, it returns why not, or None."""

    def __init__(self, container: Parts, owner: str) -> None:
        engine = container.engine()
        services = engine.services
        # Only administrators choose identifiers that could be guessed; the operator who runs this is one.
        settings = evolve(services.settings, administrators=services.settings.administrators | {owner})
        self._engine = evolve(engine, services=evolve(services, settings=settings, authentication=None))
        self._owner = owner

    def __call__(self, identifier: str, content: Content, attributes: Attributes) -> str | None:
        request = import_.Request(unique_identifier=identifier, attributes=attributes, managed_object=content)
        message = RequestMessage(
            header=RequestHeader(protocol_version=_VERSION, batch_order_option=True),
            batch_items=(RequestBatchItem(operation=Operation.IMPORT, payload=request),),
        )
        principal = Principal(name=self._owner, source=Source.SEED)
        (answer,) = self._engine.handle(message, principal).batch_items
        if answer.result_status is ResultStatus.SUCCESS:
            return None
        return answer.result_message or standard_name(answer.result_status)
