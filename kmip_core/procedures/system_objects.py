"""Users, groups and credentials: what they must have, and how their secrets are kept. KMIP 3.0 §2.1.

They are the administrators': `Services.decide` gives them every right, and other clients none. A change of any of them
is counted (`SystemChanges`), so that what is remembered of them is known to be old.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.creation_rules import SystemChanges
from kmip_core.enums import (
    CredentialType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    LinkType,
    ObjectType,
    ResultReason,
)
from kmip_core.errors import KmipError, invalid_attribute_value, invalid_field
from kmip_core.objects import (
    SYSTEM_TYPES,
    DeviceCredential,
    HashedPasswordCredential,
    ManagedObject,
    OTPCredential,
    PasswordCredential,
    SystemContent,
)
from kmip_core.operation import Scope
from kmip_core.policy import DEFAULT_POLICY, SYSTEM_PAIRS, Visibility
from kmip_core.procedures import linked_objects
from kmip_core.procedures.administration import check_administrator
from kmip_core.standard_names import standard_name, with_article
from kmip_core.structures import NameReference

PASSWORD_SIZE: Final = 4_096  # bytes

MAXIMUM_LINKS: Final = 16
"""Credentials of a user, and groups of a user or a group: every authentication looks at each of them."""

MAXIMUM_GROUPS: Final = 256
"""Groups above one group, which are looked at in the same way."""

ITERATION_COUNT: Final = 100
"""Of a salted password that does not say it. KMIP 3.0 §2.1.3."""

MAXIMUM_ITERATIONS: Final = 1_000_000
"""Of a salted password: every attempt to authenticate costs as much."""

CREDENTIAL_TYPES: Final[Mapping[ObjectType, CredentialType]] = {
    ObjectType.PASSWORD_CREDENTIAL: CredentialType.PASSWORD,
    ObjectType.DEVICE_CREDENTIAL: CredentialType.DEVICE,
    ObjectType.ONE_TIME_PASSWORD_CREDENTIAL: CredentialType.ONE_TIME_PASSWORD,
    ObjectType.HASHED_PASSWORD_CREDENTIAL: CredentialType.HASHED_PASSWORD,
}
"""Types of objects that are credentials and nothing else, and the Credential Type of each."""

HMACS: Final[Mapping[CryptographicAlgorithm, str]] = {
    CryptographicAlgorithm.HMAC_SHA1: "sha1",
    CryptographicAlgorithm.HMAC_SHA256: "sha256",
    CryptographicAlgorithm.HMAC_SHA384: "sha384",
    CryptographicAlgorithm.HMAC_SHA512: "sha512",
}
"""Algorithms of salted and one-time passwords, and the hash inside of each."""

HASHES: Final[Mapping[HashingAlgorithm, tuple[str, int]]] = {
    HashingAlgorithm.SHA_224: ("sha224", 28),
    HashingAlgorithm.SHA_256: ("sha256", 32),
    HashingAlgorithm.SHA_384: ("sha384", 48),
    HashingAlgorithm.SHA_512: ("sha512", 64),
    HashingAlgorithm.SHA3_256: ("sha3_256", 32),
    HashingAlgorithm.SHA3_384: ("sha3_384", 48),
    HashingAlgorithm.SHA3_512: ("sha3_512", 64),
}
"""Algorithms of hashed passwords: name and length in bytes."""

NAMED: Final = frozenset({ObjectType.USER, ObjectType.GROUP})
"""Types of which each object has a name, and no two of a type the same."""


def accepted(
    scope: Scope, content: SystemContent, attributes: Attributes
) -> tuple[SystemContent, Attributes, dict[str, Any]]:
    """Return a new system object as it is kept, its attributes, and those that the server alone sets.

    Raises KmipError: Permission Denied unless the client is an administrator; Invalid Attribute where an attribute is
    missing that such an object must have; Invalid Field for a credential that cannot be checked; and as `check` does.
    """
    check_administrator(scope)
    object_type = content.object_type
    if object_type in NAMED and not attributes.names:
        raise _missing(object_type, "Name")
    if object_type is ObjectType.USER and not attributes.links_of(LinkType.CREDENTIAL_LINK):
        raise _missing(object_type, "Credential Link")
    check(scope, object_type, attributes, None)
    accept = _ACCEPT.get(type(content))
    if accept is None:
        return content, attributes, {}
    kept = accept(scope, content, attributes)
    attributes = attributes.but(sensitive=True, extractable=False)
    return kept, attributes, {"credential_type": CREDENTIAL_TYPES[object_type]}


def check(scope: Scope, object_type: ObjectType, attributes: Attributes, identifier: str | None) -> None:
    """Refuse attributes that a system object cannot have beside the others; count the change.

    identifier: of the object that has them; None for a new one.
    Raises KmipError: Server Limit Exceeded; Non Unique Name Attribute; Circular Link Error; Invalid Attribute Value.
    """
    if object_type in SYSTEM_TYPES and attributes.operation_policy_name not in (None, DEFAULT_POLICY):
        raise invalid_attribute_value("no policy gives rights on users, groups and credentials")
    for kind in (LinkType.CREDENTIAL_LINK, LinkType.GROUP_LINK, LinkType.PARENT_LINK):
        if len(attributes.links_of(kind)) > MAXIMUM_LINKS:
            text = f"an object has {MAXIMUM_LINKS} links of the type {standard_name(kind)} at most"
            raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, text)
    if object_type in NAMED:
        for name in attributes.names:
            if any(found != identifier for found in _named(scope, object_type, name.name_value)):
                text = f"another {standard_name(object_type)} is named {name.name_value!r}"
                raise KmipError(ResultReason.NON_UNIQUE_NAME_ATTRIBUTE, text)
    if object_type is ObjectType.GROUP:
        _check_circles(scope, attributes, identifier)
    count_change(scope)


def is_watched(managed_object: ManagedObject) -> bool:
    """Return whether authentication depends on the object: a system object, or a certificate that is a credential."""
    return managed_object.object_type in SYSTEM_TYPES or managed_object.attributes.credential_type is not None


def count_change(scope: Scope) -> None:
    """Collect that users, groups or credentials are no longer what they were."""
    before = scope.work.rules_for_new(SystemChanges)
    number = before[0].number if before else 0
    scope.work.save_rules(SystemChanges, (SystemChanges(number=number + 1),))


def _named(scope: Scope, object_type: ObjectType, name: str) -> tuple[str, ...]:
    types = frozenset({object_type})
    return linked_objects.having_name(scope.work, _ALL_OF_THEM, scope.now, name, types, with_destroyed=False)


_ALL_OF_THEM: Final = Visibility(owner="", owned=frozenset(), everyone=SYSTEM_PAIRS)


def _check_circles(scope: Scope, attributes: Attributes, identifier: str | None) -> None:
    """Refuse a group that would stand above itself. KMIP 3.0 §11 (Circular Link Error).

    identifier: None for a new group, which others may already link to by its name.
    """
    own_names = {name.name_value for name in attributes.names}
    seen: set[str] = set()
    waiting = attributes.links_of(LinkType.PARENT_LINK)
    while waiting:
        link, *rest = waiting
        waiting = tuple(rest)
        target = link.linked_object_identifier
        if target == identifier or (isinstance(target, NameReference) and target.name in own_names):
            raise KmipError(ResultReason.CIRCULAR_LINK_ERROR, "the group would be a part of itself")
        for above in _named(scope, ObjectType.GROUP, target.name) if isinstance(target, NameReference) else (target,):
            if above in seen or not isinstance(above, str):
                continue
            seen.add(above)
            if len(seen) > MAXIMUM_GROUPS:
                text = f"{MAXIMUM_GROUPS} groups at most are above one group"
                raise KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, text)
            found = scope.work.find(above)
            if found is not None:
                waiting += found.attributes.links_of(LinkType.PARENT_LINK)


def _missing(object_type: ObjectType, attribute: str) -> KmipError:
    text = f"{with_article(standard_name(object_type))} must have a {attribute}"
    return KmipError(ResultReason.INVALID_ATTRIBUTE, text)


# --- credentials ------------------------------------------------------------------------------------------------------


def _password(scope: Scope, credential: PasswordCredential, attributes: Attributes) -> PasswordCredential:
    """Take one of three forms: a password, which is hashed; a salted one; or the link to one. KMIP 3.0 §2.1.3."""
    is_linked = bool(attributes.links_of(LinkType.PASSWORD_LINK))
    if (credential.password is not None) + (credential.salted_password is not None) + is_linked != 1:
        raise invalid_field("one of Password, Salted Password and Password Link must be given")
    if credential.salted_password is not None:
        return _salted(scope, credential, credential.salted_password)
    if (credential.password_salt, credential.password_salt_algorithm, credential.iteration_count) != (None, None, None):
        raise invalid_field("salt, algorithm and iterations belong to a Salted Password")
    if credential.password is None:
        return credential
    if not 1 <= len(credential.password.encode(errors="surrogatepass")) <= PASSWORD_SIZE:
        raise invalid_field(f"a Password has 1 to {PASSWORD_SIZE} bytes")
    return PasswordCredential(password_hash=scope.services.passwords.hash(credential.password))


def _salted(scope: Scope, credential: PasswordCredential, salted: bytes) -> PasswordCredential:
    algorithm, count = credential.password_salt_algorithm, credential.iteration_count
    if algorithm is None:
        encoded = salted.decode("ascii", "replace")
        if not scope.services.passwords.is_hash(encoded) or credential.password_salt is not None or count is not None:
            raise invalid_field(
                "a Salted Password needs its Password Salt Algorithm, or is an Argon2id hash in PHC form"
            )
        return PasswordCredential(password_hash=encoded)
    if algorithm not in HMACS:
        raise invalid_field(f"Password Salt Algorithm must be {_any_of(HMACS)}")
    if not 16 <= len(salted) <= 64:
        raise invalid_field("a Salted Password has 16 to 64 bytes")
    if len(credential.password_salt or b"") > PASSWORD_SIZE:
        raise invalid_field(f"a Password Salt has {PASSWORD_SIZE} bytes at most")
    if count is not None and not 1 <= count <= MAXIMUM_ITERATIONS:
        raise invalid_field(f"Iteration Count must be 1 to {MAXIMUM_ITERATIONS}")
    return evolve(credential, iteration_count=count or ITERATION_COUNT)


def _device(scope: Scope, credential: DeviceCredential, attributes: Attributes) -> DeviceCredential:
    if credential == DeviceCredential():
        raise invalid_field("a Device Credential must say at least one thing of the device")
    return credential


def _one_time_password(scope: Scope, credential: OTPCredential, attributes: Attributes) -> OTPCredential:
    """Take a seed that RFC 4226 allows (128 bits at least), with the defaults of RFC 4226 and RFC 6238."""
    if not 16 <= len(credential.otp_seed or b"") <= 256:
        raise invalid_field("an OTP Seed has 16 to 256 bytes")
    digest = CryptographicAlgorithm.HMAC_SHA1 if credential.otp_digest is None else credential.otp_digest
    if digest not in HMACS:
        raise invalid_field(f"OTP Digest must be {_any_of(HMACS)}")
    digits = 6 if credential.otp_digits is None else credential.otp_digits
    if not 6 <= digits <= 8:
        raise invalid_field("OTP Digits must be 6 to 8")
    interval = 30 if credential.otp_interval is None else credential.otp_interval
    if not 1 <= interval <= 3600:
        raise invalid_field("OTP Interval must be 1 to 3600 seconds")
    return evolve(credential, otp_digest=digest, otp_digits=digits, otp_interval=interval)


def _hashed_password(
    scope: Scope, credential: HashedPasswordCredential, attributes: Attributes
) -> HashedPasswordCredential:
    algorithm = credential.hashing_algorithm or HashingAlgorithm.SHA_256
    if algorithm not in HASHES:
        raise invalid_field(f"Hashing Algorithm must be {_any_of(HASHES)}")
    _, length = HASHES[algorithm]
    if {len(credential.hashed_username_password), len(credential.hashed_password_username)} != {length}:
        raise invalid_field(f"the hashed values must have the {length} bytes of {standard_name(algorithm)}")
    return evolve(credential, hashing_algorithm=algorithm, last_timestamp=None)


def _any_of(members: Mapping[Any, Any]) -> str:
    return " or ".join(map(standard_name, members))


_ACCEPT: Final[Mapping[type, Callable[[Scope, Any, Attributes], SystemContent]]] = {
    PasswordCredential: _password,
    DeviceCredential: _device,
    OTPCredential: _one_time_password,
    HashedPasswordCredential: _hashed_password,
}
"""How each credential is checked, and what of it is kept."""
