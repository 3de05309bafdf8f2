"""What drives each limit of `benchmarks.limits` to its value: functions that prepare, and return what is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

Run = Callable[[], object]


class Bench:
    """A wired server that is asked in this process, as `benchmarks.counts` has it."""

    def __init__(self) -> None:
        from benchmarks.counts import wired
        from kmip_adapters.ttlv.codec import Codec
        from kmip_core.operations import CATALOGUE

        self._codec = Codec(CATALOGUE)
        self._operations = {spec.request: operation for operation, spec in CATALOGUE.items()}
        self._server = wired()
        self.answer = self._server.__enter__()

    def close(self) -> None:
        """End it."""
        self._server.__exit__(None, None, None)

    def frame(self, *payloads: Any, minor: tuple[int, int] = (2, 1)) -> bytes:
        """Return a request."""
        from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
        from kmip_core.structures import ProtocolVersion

        items = tuple(
            RequestBatchItem(
                operation=self._operations[type(payload)],
                payload=payload,
                unique_batch_item_id=number.to_bytes(4, "big") if len(payloads) > 1 else None,
            )
            for number, payload in enumerate(payloads)
        )
        header = RequestHeader(protocol_version=ProtocolVersion(*minor))
        return self._codec.encode_request(RequestMessage(header=header, batch_items=items))

    def ask(self, *payloads: Any, minor: tuple[int, int] = (2, 1)) -> list[Any]:
        """Return the payloads of the answers.  Raises ValueError for a refusal: a limit is reached, not exceeded."""
        return self.read(self.answer(self.frame(*payloads, minor=minor)))

    def read(self, answer: bytes) -> list[Any]:
        """Return the payloads of an answer.  Raises ValueError."""
        from kmip_core.enums import ResultStatus

        items = self._codec.decode_response(answer).batch_items
        for item in items:
            if item.result_status is not ResultStatus.SUCCESS:
                raise ValueError(f"{item.result_reason}: {item.result_message}")
        return [item.payload for item in items]

    def repeated(self, *payloads: Any, minor: tuple[int, int] = (2, 1)) -> Run:
        """Return what asks this again and again, once it has succeeded."""
        frame = self.frame(*payloads, minor=minor)
        self.read(self.answer(frame))
        return lambda: self.answer(frame)

    def a_key(self, **more: Any) -> str:
        """Return an active AES key."""
        from kmip_core.attributes import Attributes
        from kmip_core.enums import CryptographicAlgorithm, CryptographicUsageMask, ObjectType
        from kmip_core.operations import create

        mask = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
        described = Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=256,
            cryptographic_usage_mask=mask,
            activation_date=1,
            **more,
        )
        (made,) = self.ask(create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=described))
        return str(made.unique_identifier)


_OPEN: list[Bench] = []


def bench() -> Bench:
    """Return the server of this run, wired at its first use."""
    if not _OPEN:
        _OPEN.append(Bench())
    return _OPEN[0]


def of(module: str, name: str) -> int:
    """Return a limit of the code."""
    return int(getattr(import_module(module), name))


# --- messages ---------------------------------------------------------------------------------------------------------


def longest_message() -> Run:
    """Encrypt as many bytes as a message carries."""
    from kmip_core.enums import BlockCipherMode
    from kmip_core.operations import encrypt
    from kmip_core.structures import CryptographicParameters

    room = of("kmip_adapters.ttlv.encodings.framing", "MAX_MESSAGE_SIZE") - 1_024
    how = CryptographicParameters(block_cipher_mode=BlockCipherMode.CTR)
    request = encrypt.Request(
        unique_identifier=bench().a_key(), data=bytes(room), cryptographic_parameters=how, iv_counter_nonce=bytes(16)
    )
    return bench().repeated(request)


def decoded(items: int = 1, depth: int = 1, big_integer: int = 0) -> Run:
    """Decode one message of so many integers, or of structures in each other, or with one large number."""
    from kmip_adapters.ttlv.encodings import binary
    from kmip_adapters.ttlv.encodings.items import REQUEST_LIMITS, Item
    from kmip_core.enums import ItemType

    tag = 0x420078
    if big_integer:
        inner: tuple[Item, ...] = (Item(0x420031, ItemType.BIG_INTEGER, (1 << (8 * big_integer - 2)) + 1),)
    else:
        inner = tuple(Item(0x42000D, ItemType.INTEGER, 1) for _ in range(items - depth))
    for _ in range(depth):
        inner = (Item(tag, ItemType.STRUCTURE, inner),)
    frame = binary.encode(inner[0])
    return lambda: binary.decode(frame, REQUEST_LIMITS)


def most_items() -> Run:
    """Decode as many items as one request may have."""
    from kmip_adapters.ttlv.encodings.items import REQUEST_LIMITS

    return decoded(items=REQUEST_LIMITS.max_items)


def deepest() -> Run:
    """Decode structures as deep as they may be."""
    from kmip_adapters.ttlv.encodings.items import REQUEST_LIMITS

    return decoded(items=REQUEST_LIMITS.max_depth, depth=REQUEST_LIMITS.max_depth)


def largest_number() -> Run:
    """Decode the largest number."""
    from kmip_adapters.ttlv.encodings.items import REQUEST_LIMITS

    return decoded(big_integer=REQUEST_LIMITS.max_big_integer)


def longest_text() -> Run:
    """Read as much JSON as one message may be: blanks fill it up."""
    from kmip_adapters.ttlv.encodings import json
    from kmip_core.operations import discover_versions

    text = json.encode(json_item(discover_versions.Request()))
    room = of("kmip_adapters.ttlv.encodings.text", "MAX_TEXT_LENGTH") - len(text)
    filled = b" " * room + text
    return lambda: json.decode(filled)


def json_item(payload: Any) -> Any:
    """Return the item tree of a request."""
    from kmip_adapters.ttlv.encodings import binary

    return binary.decode(bench().frame(payload))


def most_batch_items() -> Run:
    """Get one key in every item of the largest batch."""
    from kmip_core.operations import get
    from kmip_core.settings import Settings

    request = get.Request(unique_identifier=bench().a_key())
    return bench().repeated(*[request] * Settings().maximum_batch_items)


# --- objects and searches ---------------------------------------------------------------------------------------------


def most_criteria() -> Run:
    """Locate by as many names as one search may have."""
    from kmip_core.attributes import AttributeInstance, AttributeReference
    from kmip_core.operations import locate
    from kmip_core.structures import Name

    number = of("kmip_core.criteria", "MAXIMUM_CRITERIA")
    reference = AttributeReference(attribute="names")
    criteria = tuple(AttributeInstance(reference=reference, value=Name(name_value=f"n{n}")) for n in range(number))
    return bench().repeated(locate.Request(criteria=criteria))


def most_instances() -> Run:
    """Read the attributes of an object with as many as it may have."""
    from kmip_core.operations import get_attributes
    from kmip_core.structures import Name

    number = of("kmip_core.procedures.attribute_values", "MAXIMUM_INSTANCES")
    name = bench().a_key(names=tuple(Name(name_value=f"name {n}") for n in range(number - 30)))
    return bench().repeated(get_attributes.Request(unique_identifier=name))


def longest_attributes() -> Run:
    """Read the attributes of an object with as many bytes of them as are stored."""
    from kmip_core.attributes import AttributeInstance, AttributeReference
    from kmip_core.enums import ItemType
    from kmip_core.operations import add_attribute, get_attributes
    from kmip_core.structures import TypedValue

    room = of("kmip_adapters.storage.sql.rows", "MAXIMUM_ATTRIBUTES")
    name = bench().a_key()
    piece = 1_000_000
    for number in range(room // piece):
        instance = AttributeInstance(
            reference=AttributeReference(attribute=f"filling {number}", vendor_identification="x"),
            value=TypedValue(ItemType.TEXT_STRING, "x" * (piece - 1_000)),
        )
        bench().ask(add_attribute.Request(unique_identifier=name, new_attribute=instance))
    return bench().repeated(get_attributes.Request(unique_identifier=name))


def most_templates() -> Run:
    """Create a key from as many templates as one request may name."""
    from kmip_core.attributes import Attributes
    from kmip_core.enums import CryptographicAlgorithm, CryptographicUsageMask, ObjectType
    from kmip_core.objects import Template
    from kmip_core.operations import create, register
    from kmip_core.structures import Name

    number = of("kmip_core.procedures.templates", "MAXIMUM_TEMPLATES")
    names = tuple(Name(name_value=f"template {n}") for n in range(number))
    for name in names:
        filling = Template(template_attributes=Attributes(names=(name,), contact_information="somebody"))
        described = Attributes()
        request = register.Request(object_type=ObjectType.TEMPLATE, managed_object=filling, attributes=described)
        bench().ask(request, minor=(1, 2))
    wanted = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        template_names=names,
    )
    request_ = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=wanted)
    return bench().repeated(request_, minor=(1, 2))


# --- what is kept -----------------------------------------------------------------------------------------------------


def streams() -> Run:
    """Begin as many operations in parts as one identity may."""
    from kmip_core.enums import BlockCipherMode
    from kmip_core.operations import encrypt
    from kmip_core.structures import CryptographicParameters

    how = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC)
    request = encrypt.Request(
        unique_identifier=bench().a_key(),
        data=bytes(16),
        cryptographic_parameters=how,
        iv_counter_nonce=bytes(16),
        init_indicator=True,
    )
    frame = bench().frame(request)

    def begin() -> object:
        return [bench().answer(frame) for _ in range(of("kmip_core.streams", "MAXIMUM_PER_PRINCIPAL"))]

    return begin


def handles() -> Run:
    """Give an application of PKCS#11 as many handles as it may have."""
    from kmip_core.pkcs11_sessions import MAXIMUM_HANDLES, Applications

    def give() -> object:
        applications = Applications()
        applications.begin(b"1", "alice", 0)
        application = applications.find(b"1", "alice", 0)
        if application is not None:
            application.handles_of([f"{n:036}" for n in range(MAXIMUM_HANDLES)])
        return applications

    return give


def applications_of_one() -> Run:
    """Begin as many applications of PKCS#11, with as many sessions, as one identity may."""
    from kmip_core.pkcs11_sessions import MAXIMUM_PER_PRINCIPAL, MAXIMUM_SESSIONS, Applications, Session

    def begin() -> object:
        applications = Applications()
        for number in range(MAXIMUM_PER_PRINCIPAL):
            applications.begin(str(number).encode(), "alice", 0)
            application = applications.find(str(number).encode(), "alice", 0)
            if application is not None:
                application.settle({n: Session(is_read_write=True) for n in range(MAXIMUM_SESSIONS)})
        return applications

    return begin


def counted_keys() -> Run:
    """Note failed decryptions of as many keys as are remembered."""
    from kmip_core.key_counters import MAXIMUM_KEYS, DecryptionFailures

    def note() -> object:
        failures = DecryptionFailures()
        for number in range(MAXIMUM_KEYS):
            failures.note(f"{number:036}", 0)
        return failures

    return note


def remembered_requests() -> Run:
    """Read as many short requests as are remembered, of those that take most room once they are read."""
    from kmip_adapters.ttlv.codec import Codec
    from kmip_adapters.ttlv.repeats import LONGEST, MOST, RepeatedRequests
    from kmip_core.attributes import Attributes
    from kmip_core.operations import CATALOGUE, create_key_pair
    from kmip_core.ports.steps import Pace

    def pairs(number: int) -> bytes:
        described = Attributes(cryptographic_length=number)
        asked = create_key_pair.Request(
            common_attributes=described, private_key_attributes=described, public_key_attributes=described
        )
        frame = bench().frame(asked, asked, asked)
        if len(frame) > LONGEST:
            raise ValueError(f"a request of {len(frame)} bytes is not remembered")
        return frame

    codec = Codec(CATALOGUE)
    frames = [pairs(number) for number in range(MOST)]

    def read() -> object:
        repeated = RepeatedRequests(codec.decode_request, lambda request: Pace.QUICK)
        for frame in frames:
            repeated.read(frame)
            repeated.read(frame)
        return repeated

    return read


def known_searches() -> Run:
    """Note as many searches as are known, each as large as one may be, with a statement of its own."""
    from kmip_adapters.storage.sql.known_reads import (
        ROWS_OF_A_SEARCH,
        SEARCHES,
        TEXT_OF_A_SEARCH,
        VALUES_OF_A_SEARCH,
        KnownReads,
    )

    class Unchanged:
        def state(self) -> bytes | None:
            return b"unchanged"

    characters = 1_400  # of the longest statement with so many values

    def note() -> object:
        known = KnownReads(Unchanged())
        for number in range(SEARCHES):
            values = (f"{number:{TEXT_OF_A_SEARCH}}", *range(1_000 * number, 1_000 * number + VALUES_OF_A_SEARCH - 1))
            rows = [(number, f"{number:034}-{row}") for row in range(ROWS_OF_A_SEARCH)]
            known.know_located((f"{number:{characters}}", values), rows, b"unchanged")
        return known

    return note


def names_of_users() -> Run:
    """Send credentials of as many users that there are not as are remembered."""
    from kmip_adapters.identity.stored_users import REMEMBERED, REMEMBERED_LENGTH, StoredUsers
    from kmip_adapters.identity.throttling import PasswordThrottle
    from kmip_adapters.storage.memory import MemoryStorage
    from kmip_core.creation_rules import SystemChanges
    from kmip_core.enums import CredentialType
    from kmip_core.messages import Credential, UsernameAndPassword
    from kmip_core.ports.steps import run_blocking
    from kmip_core.principal import Principal

    storage, throttle = MemoryStorage(), PasswordThrottle()
    with storage.unit_of_work() as work:
        work.save_rules(SystemChanges, (SystemChanges(number=1),))  # as where there are users
        work.commit()

    def ask() -> object:
        hashing: Any = None  # nothing is verified of a user that is not there
        users = StoredUsers(storage=storage, hashing=hashing)
        for number in range(REMEMBERED):
            value = UsernameAndPassword(username=f"{number:{REMEMBERED_LENGTH}}", password="")
            credential = Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value)
            run_blocking(users.settle((credential,), Principal(name="client"), 0, throttle))
        return users

    return ask


def remembered_allowances() -> Run:
    """Take one try of as many allowances as are remembered."""
    from kmip_adapters.identity.remembered_allowances import REMEMBERED, RememberedAllowances
    from kmip_core.ports.allowances import Charge

    def spend() -> object:
        allowances = RememberedAllowances()
        for number in range(REMEMBERED):
            allowances.spend((Charge(f"{number:064}", 10, 60_000),), 0)
        return allowances

    return spend


# --- small requests ---------------------------------------------------------------------------------------------------


def random_bytes() -> Run:
    """Ask for as many random bytes as there are at once."""
    from kmip_core.operations import rng_retrieve

    return bench().repeated(rng_retrieve.Request(data_length=of("kmip_core.operations.rng_retrieve", "MAXIMUM")))


def longest_note() -> Run:
    """Write as much into the trail as Log takes."""
    from kmip_core.operations import log

    return bench().repeated(log.Request(log_message="x" * of("kmip_core.operations.log", "MAXIMUM")))


# --- cryptography -----------------------------------------------------------------------------------------------------


def password_hash() -> Run:
    """Verify a password against the most expensive hash that is taken."""
    from kmip_adapters.identity import password_hashing as limits

    low_level = import_module("argon2.low_level")
    return lambda: low_level.hash_secret_raw(
        b"password",
        bytes(16),
        time_cost=limits.MAXIMUM_PASSES,
        memory_cost=limits.MAXIMUM_MEMORY,
        parallelism=limits.MAXIMUM_LANES,
        hash_len=32,
        type=low_level.Type.ID,
    )


def salted_password() -> Run:
    """Verify a salted password of as many iterations as one may have."""
    import hashlib

    rounds = of("kmip_core.procedures.system_objects", "MAXIMUM_ITERATIONS")
    return lambda: hashlib.pbkdf2_hmac("sha256", b"password", bytes(16), rounds)


def pbkdf2() -> Run:
    """Derive by PBKDF2 with SHA-256 and as many iterations as are computed."""
    from kmip_adapters.crypto.software.derivation import derive
    from kmip_adapters.crypto.software.limits import MAXIMUM_PBKDF2_BLOCKS
    from kmip_core.enums import DerivationMethod, HashingAlgorithm
    from kmip_core.structures import CryptographicParameters, DerivationParameters

    how = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
        salt=bytes(16),
        iteration_count=MAXIMUM_PBKDF2_BLOCKS,
    )
    return lambda: derive(DerivationMethod.PBKDF2, (a_secret(),), how, 256)


def counter_mode() -> Run:
    """Derive by SP 800-108 over as many bytes as are worked on, with HMAC-SHA-256: usual, and not the slowest."""
    from kmip_adapters.crypto.software.derivation import derive
    from kmip_adapters.crypto.software.limits import MAXIMUM_DERIVED_BITS, MAXIMUM_PRF_BYTES
    from kmip_core.enums import DerivationMethod, HashingAlgorithm
    from kmip_core.structures import CryptographicParameters, DerivationParameters

    blocks = MAXIMUM_DERIVED_BITS // 256
    how = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
        derivation_data=bytes(MAXIMUM_PRF_BYTES // blocks - 64),
    )
    return lambda: derive(DerivationMethod.NIST800_108_C, (a_secret(),), how, MAXIMUM_DERIVED_BITS)


def a_secret() -> Any:
    """Return a key to derive from."""
    from kmip_core.enums import CryptographicAlgorithm
    from kmip_core.objects import SymmetricKey

    return SymmetricKey(CryptographicAlgorithm.HMAC_SHA256, 256, bytes(32))


def most_parts() -> Run:
    """Split the longest key into as many parts as there are, at the threshold that costs most within the limit."""
    from kmip_adapters.crypto.software.limits import MAXIMUM_PARTS, MAXIMUM_SHARING_WORK
    from kmip_adapters.crypto.software.split_keys import split_secret, split_work
    from kmip_core.enums import SplitKeyMethod
    from kmip_core.ports.key_forms import SharingScheme

    def scheme(threshold: int) -> SharingScheme:
        return SharingScheme(method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, parts=MAXIMUM_PARTS, threshold=threshold)

    secret = bytes(512)
    most = max(t for t in range(2, MAXIMUM_PARTS) if split_work(len(secret), scheme(t)) <= MAXIMUM_SHARING_WORK)
    return lambda: split_secret(secret, scheme(most))


def largest_signature() -> Run:
    """Sign with the largest RSA key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    from kmip_adapters.crypto.software.limits import MAXIMUM_RSA_BITS

    key = rsa.generate_private_key(65537, MAXIMUM_RSA_BITS)
    return lambda: key.sign(b"data", padding.PKCS1v15(), hashes.SHA256())


def longest_request() -> Run:
    """Read a certificate signing request that names fill."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    from kmip_adapters.crypto.software.certificates.requests import MAXIMUM_REQUEST, read_request
    from kmip_core.enums import CertificateRequestType

    each = 22
    names = [x509.DNSName(f"{number:016}.test") for number in range((MAXIMUM_REQUEST - 1_000) // (each + 2))]
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "name")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)
    return lambda: read_request(CertificateRequestType.PKCS_10, request)


def attestation() -> Run:
    """Have the largest evidence judged by a program that accepts everything."""
    from kmip_adapters.identity.attestation_command import CommandVerifier
    from kmip_adapters.identity.attestations import MAXIMUM_EVIDENCE
    from kmip_core.enums import AttestationType
    from kmip_core.messages import Attestation, Nonce
    from kmip_core.principal import Principal, Source

    shown = Attestation(
        nonce=Nonce(nonce_id=bytes(24), nonce_value=bytes(32)),
        attestation_type=AttestationType.TPM_QUOTE,
        attestation_measurement=bytes(MAXIMUM_EVIDENCE),
    )
    verifier = CommandVerifier(Path("/bin/cat"), 60.0)
    principal = Principal(name="benchmark", source=Source.CERTIFICATE)
    return lambda: verifier.accepts(shown, principal)


@contextmanager
def measuring() -> Iterator[None]:
    """End the server of this run afterwards."""
    try:
        yield
    finally:
        while _OPEN:
            _OPEN.pop().close()
