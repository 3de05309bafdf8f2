"""Many passwords at once: few are hashed at a time, others wait, and requests without one are answered meanwhile."""

import contextlib
import threading
from typing import Any

from attrs import define, field

from kmip_adapters.identity.credentials import CredentialAuthentication
from kmip_adapters.identity.password_hashing import MAXIMUM_MEMORY
from kmip_adapters.identity.stored_users import StoredUsers
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import CredentialType, LinkType, Operation, QueryFunction, ResultStatus
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, UsernameAndPassword
from kmip_core.operations import create_user, query
from kmip_core.settings import Settings
from kmip_core.structures import ProtocolVersion
from tests.builders import PlainHashing, a_name, a_service, an_engine, perform
from tests.unit.kmip_adapters.transport.fakes import a_server, throwaway_pki
from tests.unit.kmip_adapters.ttlv.builders import CODEC
from tests.unit.kmip_core.operations.test_system_objects import a_credential, link

HANG = 120.0  # seconds: what a test waits for before it says that something hangs
USERS = 12


@define
class Counting(PlainHashing):
    """Hashes that last until the gate is opened; counts how many are computed at once."""

    begun: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    gate: threading.Event = field(factory=threading.Event)
    lock: threading.Lock = field(factory=threading.Lock)
    running: int = 0
    most: int = 0
    total: int = 0

    def verify(self, encoded: str, password: str) -> bool:
        """Return whether the password is right, once the gate is open."""
        with self.lock:
            self.running += 1
            self.total += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.gate.wait(HANG)
        with self.lock:
            self.running -= 1
        return super().verify(encoded, password)


def an_engine_of_users(hashing: Counting) -> Engine:
    storage = MemoryStorage()
    engine = an_engine(
        storage=storage,
        passwords=hashing,
        authentication=CredentialAuthentication(users=StoredUsers(storage=storage, hashing=hashing)),
        settings=Settings(administrators=frozenset({"alice"})),
    )
    for number in range(USERS):
        links = (link(LinkType.CREDENTIAL_LINK, a_credential(engine)),)
        described = Attributes(names=(a_name(f"user {number}"),), links=links)
        perform(engine, Operation.CREATE_USER, create_user.Request(attributes=described))
    return engine


def a_request(user: str | None) -> bytes:
    value = UsernameAndPassword(username=user or "", password="correct horse")
    credential = Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value)
    payload = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
    header = RequestHeader(protocol_version=ProtocolVersion(2, 1), credentials=() if user is None else (credential,))
    items = (RequestBatchItem(operation=Operation.QUERY, payload=payload),)
    return CODEC.encode_request(RequestMessage(header=header, batch_items=items))


def has_succeeded(answer: bytes) -> bool:
    (item,) = CODEC.decode_response(answer).batch_items
    return item.result_status is ResultStatus.SUCCESS


def a_client(server: TlsTtlvServer) -> TlsTtlvClient:
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    return TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG)


def test_few_passwords_are_hashed_at_once_and_the_loop_is_free() -> None:
    hashing, limits = Counting(), TransportLimits()
    service: Any = a_service(an_engine_of_users(hashing), CODEC)
    with a_server(service, limits=limits) as server, contextlib.ExitStack() as crowd:
        crowd.callback(hashing.gate.set)
        clients = [crowd.enter_context(a_client(server)) for _ in range(USERS)]
        for number, client in enumerate(clients):
            client.socket.sendall(a_request(f"user {number}"))
        for _ in range(limits.slow_threads - 1):  # one is left for other clients
            assert hashing.begun.acquire(timeout=HANG)

        for _ in range(3):
            assert has_succeeded(crowd.enter_context(a_client(server)).exchange(a_request(None)))
        assert hashing.total < USERS

        hashing.gate.set()
        answers = [has_succeeded(client.receive()) for client in clients]

    assert 1 < hashing.most <= limits.slow_threads
    assert answers.count(True) == USERS
    assert hashing.total == USERS


def test_all_hashes_at_once_take_a_bounded_memory() -> None:
    """Even where each was made elsewhere at the highest cost that is accepted."""
    kibibytes = TransportLimits().slow_threads * MAXIMUM_MEMORY

    assert kibibytes <= 1 << 20
