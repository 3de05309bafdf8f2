"""`kmipd key register | get | wrap | export`: key material into a server and out of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.objects import (
    ENCODINGS,
    content_of,
    decoded,
    deliver,
    file_argument,
    identifier_argument,
    in_option,
    need_material,
    out_option,
    pem_label,
    read_input,
    write_out,
)
from kmip_app.cli.output import chosen_form, print_json, print_record
from kmip_app.cli.remote import connected, remote_command
from kmip_app.configuration.config import StartError

if TYPE_CHECKING:
    from kmip_app.client.requests import Usage
    from kmip_core.objects import Content

KINDS: Final = ("auto", "symmetric-key", "private-key", "public-key", "secret-data", "opaque")


def register(
    file: Path | None,
    data: str | None,
    kind: str,
    encoding: str,
    algorithm: str | None,
    name: str | None,
    usage: str | None,
    activate: bool,
    **values: Any,
) -> None:
    """Give a key or secret to the server and print its identifier.

    FILE is PEM or DER of a private or public key, the bytes of a symmetric key, or any secret; - is standard input.
    What is neither PEM nor DER is a symmetric key if --algorithm says so or if it has the length of an AES key (16, 24
    or 32 bytes), else Secret Data; --type decides.
    """
    from kmip_app.client.plain import plain

    content, usual = content_from(decoded(read_input(file, data), encoding), kind, algorithm)
    bits = [bit.strip() for bit in usage.split(",")] if usage is not None else usual
    with connected(values) as client:
        made = client.register(content, name=name, usage=bits)
        if activate:
            client.activate(made)
    print_record(plain(made), chosen_form(values), plain=["unique_identifier"])


AES_KEYS: Final = (16, 24, 32)  # bytes


def content_from(material: bytes, kind: str, algorithm: str | None) -> tuple["Content", "Usage"]:
    """Return the object that some bytes are, and what it is usually for.  Raises StartError."""
    from kmip_core import objects
    from kmip_core.enums import SecretDataType

    if not material:
        raise StartError("there is nothing to register: the input is empty")
    secret = objects.SecretData(material, SecretDataType.PASSWORD)
    if kind == "secret-data":
        return secret, ()
    if kind == "opaque":
        return objects.OpaqueObject(material), None
    if kind != "symmetric-key":
        found = _asymmetric(material)
        if found is not None:
            return found
        if kind != "auto":
            raise StartError(f"the input is no {kind.replace('-', ' ')} in PEM or DER without a passphrase")
    if kind == "auto" and algorithm is None and len(material) not in AES_KEYS:
        return secret, ()
    return _symmetric(material, algorithm or "AES"), ["Encrypt", "Decrypt"]


def _symmetric(material: bytes, algorithm: str) -> "Content":
    from kmip_app.words import member
    from kmip_core.enums import CryptographicAlgorithm
    from kmip_core.objects import SymmetricKey

    try:
        chosen = member(CryptographicAlgorithm, algorithm)
    except ValueError as error:
        raise StartError(f"--algorithm: {error}") from error
    return SymmetricKey(chosen, len(material) * 8, material)


def _asymmetric(material: bytes) -> "tuple[Content, Usage] | None":
    """Return a private or public key; None if the bytes are neither."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    loaders = (
        (serialization.load_pem_private_key, True),
        (serialization.load_der_private_key, True),
        (serialization.load_pem_public_key, False),
        (serialization.load_der_public_key, False),
    )
    for load, is_private in loaders:
        try:
            loaded: Any = load(material, None) if is_private else load(material)  # type: ignore[call-arg]
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return _key_object(loaded, is_private=is_private)
    return None


def _key_object(loaded: Any, *, is_private: bool) -> "tuple[Content, Usage]":
    from cryptography.hazmat.primitives import serialization as forms

    from kmip_core.enums import KeyFormatType
    from kmip_core.objects import PrivateKey, PublicKey

    algorithm, length = _kind_of(loaded)
    if is_private:
        plain = forms.NoEncryption()
        der = loaded.private_bytes(forms.Encoding.DER, forms.PrivateFormat.PKCS8, plain)
        return PrivateKey(algorithm, length, der, KeyFormatType.PKCS_8), ["Sign"]
    der = loaded.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(algorithm, length, der, KeyFormatType.X_509), ["Verify"]


def _kind_of(loaded: Any) -> tuple[Any, int]:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    from kmip_core.enums import CryptographicAlgorithm

    kinds = {
        CryptographicAlgorithm.RSA: (rsa.RSAPrivateKey, rsa.RSAPublicKey),
        CryptographicAlgorithm.EC: (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
        CryptographicAlgorithm.DSA: (dsa.DSAPrivateKey, dsa.DSAPublicKey),
        CryptographicAlgorithm.ED25519: (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
        CryptographicAlgorithm.ED448: (ed448.Ed448PrivateKey, ed448.Ed448PublicKey),
    }
    for algorithm, classes in kinds.items():
        if isinstance(loaded, classes):
            return algorithm, getattr(loaded, "key_size", _BITS.get(algorithm.name, 0))
    raise StartError("this kind of key cannot be registered; write --type opaque or secret-data")


_BITS: Final = {"ED25519": 256, "ED448": 456}


def get(identifier: str, encoding: str | None, key_format: str | None, out: Path | None, **values: Any) -> None:
    """Fetch a key or secret: to standard output in hexadecimal (PEM where it has that form), or to a new file."""
    with connected(values) as client:
        response = client.get(identifier, key_format_type=key_format)
    _deliver(response, encoding, out, values)


def wrap(identifier: str, wrapping_key: str, mode: str, encoding: str | None, out: Path | None, **values: Any) -> None:
    """Fetch a key encrypted under another key of the server, which needs Wrap Key in its usage mask."""
    from kmip_app.words import member
    from kmip_core.enums import BlockCipherMode, EncodingOption, WrappingMethod
    from kmip_core.structures import CryptographicParameters, EncryptionKeyInformation, KeyWrappingSpecification

    with connected(values) as client:
        specification = KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=EncryptionKeyInformation(
                unique_identifier=wrapping_key,
                cryptographic_parameters=CryptographicParameters(block_cipher_mode=member(BlockCipherMode, mode)),
            ),
            encoding_option=EncodingOption.NO_ENCODING,
        )
        response = client.get(identifier, key_wrapping_specification=specification)
    _deliver(response, encoding, out, values)


def _deliver(response: Any, encoding: str | None, out: Path | None, values: dict[str, Any]) -> None:
    from kmip_app.client.plain import plain

    shown, material = content_of(response.managed_object)
    label = pem_label(response.managed_object)
    record = {
        "unique_identifier": response.unique_identifier,
        "object_type": plain(response.object_type),
        **shown,
    }
    if material is not None:
        record["key_material"] = material.hex()
    if chosen_form(values) == "json" and out is None:
        print_json(record)
        return
    chosen = encoding or ("pem" if label is not None else "raw" if out is not None else "hex")
    deliver(record, need_material(material), values, encoding=chosen, out=out, label=label)


def export(identifier: str, out: Path | None, **values: Any) -> None:
    """Write a key with all its attributes as JSON: to a new file, mode 0600, or to standard output.

    By the operation Export; from servers that lack it by Get and Get Attributes.
    """
    import json

    from kmip_app.client import NotInVersion, OperationFailed
    from kmip_app.client.plain import attributes, plain

    with connected(values) as client:
        try:
            response: Any = client.export(identifier)
            object_type, content, found = response.object_type, response.managed_object, response.attributes
        except (NotInVersion, OperationFailed) as error:
            if isinstance(error, OperationFailed) and not _is_lacking(error):
                raise
            found = client.get_attributes(identifier).attributes
            got = client.get(identifier)
            object_type, content = got.object_type, got.managed_object
    record: dict[str, Any] = {"unique_identifier": identifier, "object_type": plain(object_type)}
    if content is not None:
        shown, material = content_of(content)
        record |= shown if material is None else {**shown, "key_material": material.hex()}
    record["attributes"] = attributes(found)
    if out is None:
        print_json(record)
    else:
        write_out(out, json.dumps(record, indent=2, ensure_ascii=False).encode() + b"\n")


def _is_lacking(error: Any) -> bool:
    return error.reason is not None and error.reason.name == "OPERATION_NOT_SUPPORTED"


_ENCODING: Final = click.Option(
    ["--encoding"], type=click.Choice(ENCODINGS), help="How to write it.  [default: pem, else hex, or raw to a file]"
)

register_command = remote_command(
    "register",
    register,
    [
        file_argument(),
        in_option(),
        click.Option(["--data"], metavar="TEXT", help="The secret itself, where it is none: others can see it."),
        click.Option(["--type", "kind"], type=click.Choice(KINDS), default="auto", show_default=True),
        click.Option(["--encoding"], type=click.Choice(("raw", "hex", "base64")), default="raw", show_default=True),
        click.Option(["--algorithm"], metavar="NAME", help="Of a symmetric key.  [default: AES]"),
        click.Option(["--name"], metavar="NAME", help="Its name."),
        click.Option(["--usage"], metavar="BITS", help="What it is for, for example Encrypt,Decrypt."),
        click.Option(["--activate"], is_flag=True, help="Make it Active at once."),
    ],
)

get_command = remote_command(
    "get",
    get,
    [
        identifier_argument(),
        _ENCODING,
        click.Option(["--key-format"], metavar="NAME", help="For example pkcs-8, x-509, raw."),
        out_option(),
    ],
)

wrap_command = remote_command(
    "wrap",
    wrap,
    [
        identifier_argument(),
        click.Option(
            ["--with", "--wrapping-key", "wrapping_key"], required=True, metavar="ID", help="The key that encrypts it."
        ),
        click.Option(["--mode"], default="nist-key-wrap", show_default=True, metavar="NAME"),
        _ENCODING,
        out_option(),
    ],
)

export_command = remote_command("export", export, [identifier_argument(), out_option()])
