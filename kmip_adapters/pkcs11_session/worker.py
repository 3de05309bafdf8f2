"""The process that loads a vendor's PKCS#11 library and does one call after the other for the server.

It is started as `python -m kmip_adapters.pkcs11_session.worker FD`; the first message on the socket names library,
token and PIN. Each further message is `{"call": name, ...}` and is answered by `{"result": ...}` or `{"error": class,
"text": ...}`. Keys are found by CKA_ID; python-pkcs11's objects never leave this process. It ends when the server
closes the socket, also in the middle of a call.
"""

import contextlib
import os
import select
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import pkcs11
from pkcs11 import KDF, MGF, Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import KeyHandleInvalid, NoSuchKey, ObjectHandleInvalid, PKCS11Error, TokenNotPresent
from pkcs11.mechanisms import GCMParams
from pkcs11.util import ec as ec_util
from pkcs11.util import rsa as rsa_util

from kmip_adapters.pkcs11_session import messages

REMEMBERED: Final = 1_000
"""Keys whose place in the token a worker remembers."""
CLASSES: Final = {"secret": ObjectClass.SECRET_KEY, "private": ObjectClass.PRIVATE_KEY}


class Worker:
    """One login and one session with a token.  Every method that a message may name stands in `CALLS`."""

    def __init__(self, module: str, label: str | None, serial: str | None, pin: bytes | None) -> None:
        """Load the library, find the token and log in.  Raises PKCS11Error, OSError (no such library)."""
        library = pkcs11.lib(module)
        tokens = [
            token
            for token in library.get_tokens()
            if (label is None or token.label == label) and (serial is None or _text(token.serial) == serial)
        ]
        if not tokens:
            raise TokenNotPresent(f"no token named {label or serial!r}")
        if len(tokens) > 1:
            raise PKCS11Error(f"{len(tokens)} tokens are named {label!r}; say which by serial")
        self._token = tokens[0]
        self._session = self._token.open(rw=True, user_pin=None if pin is None else pin.decode())
        self._found: OrderedDict[tuple[bytes, str], Any] = OrderedDict()

    # --- the token ----------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return what the token is and its mechanisms with the smallest and largest key."""
        slot = self._token.slot
        found = {}
        for mechanism in slot.get_mechanisms():
            sizes = slot.get_mechanism_info(mechanism)
            found[str(int(mechanism))] = [sizes.min_key_length, sizes.max_key_length]
        return {
            "label": self._token.label,
            "serial": _text(self._token.serial),
            "model": _text(self._token.model),
            "mechanisms": found,
        }

    def ping(self) -> bool:
        """Ask the token for one random byte, to learn whether it is there."""
        self._session.generate_random(8)
        return True

    def random(self, length: int) -> bytes:
        """Return random bytes of the token."""
        return bytes(self._session.generate_random(8 * length))

    # --- keys ---------------------------------------------------------------------------------------------------------

    def generate(self, kind: str, bits: int, key_id: bytes, label: str, **leaving: bool) -> bool:
        """Make a secret key that never leaves the token."""
        key_type = KeyType[kind]
        template = {**_kept(leaving), **(_CIPHER if key_type is KeyType.AES else _MAC)}
        mechanism = Mechanism.AES_KEY_GEN if key_type is KeyType.AES else Mechanism.GENERIC_SECRET_KEY_GEN
        self._session.generate_key(
            key_type, bits, store=True, id=key_id, label=label, template=template, mechanism=mechanism
        )
        return True

    def generate_rsa(self, bits: int, key_id: bytes, label: str, **leaving: bool) -> bytes:
        """Make a pair whose private half never leaves the token; return the public one as PKCS#1 DER."""
        public, private = self._session.generate_keypair(
            KeyType.RSA,
            bits,
            store=True,
            id=key_id,
            label=label,
            public_template={Attribute.TOKEN: False},
            private_template={**_kept(leaving), Attribute.SIGN: True, Attribute.DECRYPT: True, Attribute.UNWRAP: False},
        )
        del private
        return bytes(rsa_util.encode_rsa_public_key(public))

    def generate_ec(self, parameters: bytes, key_id: bytes, label: str, **leaving: bool) -> bytes:
        """Make a pair on a curve (DER of its parameters); return the public half as SubjectPublicKeyInfo."""
        domain = self._session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: parameters}, local=True)
        public, private = domain.generate_keypair(
            store=True,
            id=key_id,
            label=label,
            public_template={Attribute.TOKEN: False},
            private_template={**_kept(leaving), Attribute.SIGN: True, Attribute.DERIVE: True},
        )
        del private
        return bytes(ec_util.encode_ec_public_key(public))

    def import_secret(self, kind: str, value: bytes, key_id: bytes, label: str, **leaving: bool) -> bool:
        """Take a secret key in."""
        key_type = KeyType[kind]
        self._session.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: key_type,
                Attribute.VALUE: value,
                **_named(key_id, label),
                **_kept(leaving),
                **(_CIPHER if key_type is KeyType.AES else _MAC),
            }
        )
        return True

    def import_rsa(self, numbers: Mapping[str, bytes], key_id: bytes, label: str, **leaving: bool) -> bool:
        """Take an RSA private key in, given by its numbers."""
        self._session.create_object(
            {
                Attribute.CLASS: ObjectClass.PRIVATE_KEY,
                Attribute.KEY_TYPE: KeyType.RSA,
                **{Attribute[name]: value for name, value in numbers.items()},
                **_named(key_id, label),
                **_kept(leaving),
                Attribute.SIGN: True,
                Attribute.DECRYPT: True,
            }
        )
        return True

    def import_ec(self, parameters: bytes, value: bytes, key_id: bytes, label: str, **leaving: bool) -> bool:
        """Take an EC private key in, given by its curve and its number."""
        self._session.create_object(
            {
                Attribute.CLASS: ObjectClass.PRIVATE_KEY,
                Attribute.KEY_TYPE: KeyType.EC,
                Attribute.EC_PARAMS: parameters,
                Attribute.VALUE: value,
                **_named(key_id, label),
                **_kept(leaving),
                Attribute.SIGN: True,
                Attribute.DERIVE: True,
            }
        )
        return True

    def derive(
        self,
        base_id: bytes,
        base_class: str,
        mechanism: str,
        parameter: Any,
        kind: str,
        bits: int,
        key_id: bytes,
        label: str,
        **leaving: bool,
    ) -> bool:
        """Make a secret key out of another key of the token."""
        key_type = KeyType[kind]
        self._key(base_id, base_class).derive_key(
            key_type,
            bits,
            id=key_id,
            label=label,
            store=True,
            mechanism=Mechanism[mechanism],
            mechanism_param=_parameter(parameter),
            template={**_kept(leaving), **(_CIPHER if key_type is KeyType.AES else _MAC)},
        )
        return True

    def value(self, key_id: bytes) -> bytes:
        """Return a secret key that the token gives out."""
        return bytes(self._key(key_id, "secret")[Attribute.VALUE])

    def rsa_numbers(self, key_id: bytes) -> dict[str, bytes]:
        """Return the numbers of an RSA private key that the token gives out."""
        key = self._key(key_id, "private")
        return {name: bytes(key[Attribute[name]]) for name in _RSA_NUMBERS}

    def ec_value(self, key_id: bytes) -> bytes:
        """Return the number of an EC private key that the token gives out."""
        return bytes(self._key(key_id, "private")[Attribute.VALUE])

    def destroy(self, key_id: bytes) -> bool:
        """Destroy every object with this id; False if there is none."""
        self._found.pop((key_id, "secret"), None)
        self._found.pop((key_id, "private"), None)
        found = list(self._session.get_objects({Attribute.ID: key_id}))
        for item in found:
            item.destroy()
        return bool(found)

    def listed(self, label_prefix: str) -> list[bytes]:
        """Return the ids of the secret and private keys whose label begins so."""
        return [
            bytes(item[Attribute.ID])
            for of_class in CLASSES.values()
            for item in self._session.get_objects({Attribute.CLASS: of_class})
            if _text(item[Attribute.LABEL]).startswith(label_prefix)
        ]

    def find_secret(self, label: str | None, key_id: bytes | None) -> bytes | None:
        """Return the id of the AES key with this label or id, or None.  Raises PKCS11Error if there are several."""
        wanted: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
        if label is not None:
            wanted[Attribute.LABEL] = label
        if key_id is not None:
            wanted[Attribute.ID] = key_id
        found = list(self._session.get_objects(wanted))
        if len(found) > 1:
            raise PKCS11Error(f"{len(found)} AES keys are named {label!r}")
        return bytes(found[0][Attribute.ID]) if found else None

    # --- uses ---------------------------------------------------------------------------------------------------------

    def encrypt(self, key_id: bytes, mechanism: str, parameter: Any, data: bytes) -> bytes:
        """Encrypt with a secret key."""
        key = self._key(key_id, "secret")
        return bytes(key.encrypt(data, mechanism=Mechanism[mechanism], mechanism_param=_parameter(parameter)))

    def decrypt(self, key_id: bytes, key_class: str, mechanism: str, parameter: Any, data: bytes) -> bytes:
        """Decrypt with a secret or private key."""
        key = self._key(key_id, key_class)
        return bytes(key.decrypt(data, mechanism=Mechanism[mechanism], mechanism_param=_parameter(parameter)))

    def wrap(self, key_id: bytes, mechanism: str, data: bytes) -> bytes:
        """Wrap bytes as PKCS#11 wraps a key: tokens that have key wrapping as C_WrapKey alone can do no other."""
        key = self._key(key_id, "secret")
        passing = self._session.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
                Attribute.VALUE: data,
                **_PASSING,
            }
        )
        try:
            return bytes(key.wrap_key(passing, mechanism=Mechanism[mechanism]))
        finally:
            passing.destroy()

    def wrap_key(self, key_id: bytes, mechanism: str, wrapped: bytes) -> bytes:
        """Wrap another secret key of the token."""
        return bytes(self._key(key_id, "secret").wrap_key(self._key(wrapped, "secret"), mechanism=Mechanism[mechanism]))

    def unwrap(self, key_id: bytes, mechanism: str, data: bytes) -> bytes:
        """Undo `wrap`."""
        key = self._key(key_id, "secret")
        passing = key.unwrap_key(
            ObjectClass.SECRET_KEY,
            KeyType.GENERIC_SECRET,
            data,
            mechanism=Mechanism[mechanism],
            template=dict(_PASSING),
        )
        try:
            return bytes(passing[Attribute.VALUE])
        finally:
            passing.destroy()

    def sign(self, key_id: bytes, key_class: str, mechanism: str, parameter: Any, data: bytes) -> bytes:
        """Sign, or compute a code."""
        key = self._key(key_id, key_class)
        return bytes(key.sign(data, mechanism=Mechanism[mechanism], mechanism_param=_parameter(parameter)))

    def _key(self, key_id: bytes, key_class: str) -> Any:
        """Return a key, found before or now: a search takes long in a token with many keys."""
        place = key_id, key_class
        if place in self._found:
            self._found.move_to_end(place)
            return self._found[place]
        found = list(self._session.get_objects({Attribute.ID: key_id, Attribute.CLASS: CLASSES[key_class]}))
        if not found:
            raise NoSuchKey("the token has no such key")
        self._found[place] = found[0]
        if len(self._found) > REMEMBERED:
            self._found.popitem(last=False)
        return found[0]

    def forget(self) -> None:
        """Forget which keys were found: another session may have destroyed one."""
        self._found.clear()


CALLS: Final[frozenset[str]] = frozenset(name for name in vars(Worker) if not name.startswith("_")) - {"forget"}

_FOR_GOOD: Final = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
}
_RSA_NUMBERS: Final = (
    "MODULUS",
    "PUBLIC_EXPONENT",
    "PRIVATE_EXPONENT",
    "PRIME_1",
    "PRIME_2",
    "EXPONENT_1",
    "EXPONENT_2",
    "COEFFICIENT",
)
_CIPHER: Final = {
    Attribute.ENCRYPT: True,
    Attribute.DECRYPT: True,
    Attribute.WRAP: True,
    Attribute.UNWRAP: True,
    Attribute.SIGN: True,
    Attribute.VERIFY: True,
    Attribute.DERIVE: True,
}
_MAC: Final = {Attribute.SIGN: True, Attribute.VERIFY: True, Attribute.DERIVE: True}
_PASSING: Final = {
    # An object of the session that only passes through: bytes on their way into or out of a wrapping.
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: False,
    Attribute.EXTRACTABLE: True,
}


def _kept(leaving: Mapping[str, bool]) -> dict[Attribute, Any]:
    """Return the attributes of a key that stays in the token, with what was said of its leaving."""
    return {**_FOR_GOOD, **{Attribute[name.upper()]: value for name, value in leaving.items()}}


def _named(key_id: bytes, label: str, **leaving: bool) -> dict[Attribute, Any]:
    return {Attribute.ID: key_id, Attribute.LABEL: label}


def _parameter(parameter: Any) -> Any:
    """Return python-pkcs11's form of a mechanism parameter."""
    match parameter:
        case None:
            return None
        case {"iv": iv, "data": data}:
            return (iv, data)
        case {"data": data}:
            return data
        case {"public": point}:
            return (KDF.NULL, None, point)
        case {"iv": iv}:
            return iv
        case {"nonce": nonce, "additional_data": additional_data, "tag_bits": tag_bits}:
            parameters = GCMParams(b"", additional_data or None, tag_bits)
            parameters.nonce = nonce  # GCM takes longer ones than its constructor does
            return parameters
        case {"hash": digest, "mgf": mgf, "source": source}:
            return (Mechanism[digest], MGF[mgf], source or None)
        case {"hash": digest, "mgf": mgf, "salt_length": salt_length}:
            return (Mechanism[digest], MGF[mgf], salt_length)
    raise ValueError("an unknown parameter")


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace").strip("\0 ") if isinstance(value, bytes) else value


def serve(connection: socket.socket) -> None:
    """Answer messages until the server closes the socket."""
    opening = messages.receive(connection)
    if opening is None:
        return
    try:
        worker = Worker(opening["module"], opening["label"], opening["serial"], opening["pin"])
    except (PKCS11Error, RuntimeError, OSError, UnicodeDecodeError) as error:
        messages.send(connection, _failure(error))
        return
    is_calling = threading.Event()
    threading.Thread(target=_end_with, args=(connection, is_calling), daemon=True).start()
    messages.send(connection, {"result": True})
    while (message := messages.receive(connection)) is not None:
        name = message.pop("call")
        is_calling.set()
        try:
            if name not in CALLS:
                raise ValueError(f"no call {name}")
            answer = {"result": _called(worker, name, message)}
        except Exception as error:  # whatever the library raises is for the server to judge
            answer = _failure(error)
        messages.send(connection, answer)
        is_calling.clear()


def _end_with(connection: socket.socket, is_calling: threading.Event) -> None:
    """End this process in the middle of a call once the server has ended or given the call up.

    The server's next sweep would not find a key that is made after it: the token would keep it for good.
    """
    poll = select.poll()
    poll.register(connection, 0)  # the end alone, which is always reported
    poll.poll()
    is_calling.wait()  # without a call, `serve` ends by itself
    os._exit(1)


def _called(worker: Worker, name: str, arguments: dict[str, Any]) -> Any:
    """Do a call; once more where a remembered key is no longer in the token."""
    call: Callable[..., Any] = getattr(worker, name)
    try:
        return call(**arguments)
    except (KeyHandleInvalid, ObjectHandleInvalid):
        worker.forget()
        return call(**arguments)


def _failure(error: BaseException) -> dict[str, str]:
    return {"error": type(error).__name__, "text": str(error)[:200]}


def main() -> None:
    """Serve the socket whose descriptor is the argument."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)
    with contextlib.suppress(ConnectionError):  # the server was killed
        serve(connection)


if __name__ == "__main__":
    main()
