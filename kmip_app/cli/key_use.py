"""`kmipd key encrypt | decrypt | sign | verify`: a server's keys at work on files and standard input."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.objects import (
    attributes_of,
    deliver,
    file_argument,
    from_hex,
    identifier_argument,
    in_option,
    out_option,
    read_input,
    write_out,
)
from kmip_app.cli.output import chosen_form, print_json
from kmip_app.cli.remote import REFUSED, connected, remote_command
from kmip_app.configuration.config import StartError

if TYPE_CHECKING:
    from kmip_app.client import KmipClient
    from kmip_core.structures import CryptographicParameters

_CIPHERS: Final = {
    "AES": {"block_cipher_mode": "GCM"},
    "CAMELLIA": {"block_cipher_mode": "CBC", "padding_method": "PKCS5"},
    "TRIPLE_DES": {"block_cipher_mode": "CBC", "padding_method": "PKCS5"},
    "RSA": {"padding_method": "OAEP", "hashing_algorithm": "SHA_256"},
}
"""Algorithm of a key -> how it encrypts where the command line does not say."""

_SIGNATURES: Final = {
    "RSA": {"padding_method": "PKCS1_V1_5", "hashing_algorithm": "SHA_256", "cryptographic_algorithm": "RSA"},
    "EC": {"hashing_algorithm": "SHA_256", "cryptographic_algorithm": "ECDSA"},
    "ECDSA": {"hashing_algorithm": "SHA_256", "cryptographic_algorithm": "ECDSA"},
    "DSA": {"hashing_algorithm": "SHA_256", "cryptographic_algorithm": "DSA"},
}
"""Algorithm of a key -> how it signs where the command line does not say."""


def encrypt(
    identifier: str, file: Path | None, data: str | None, aad: str | None, out: Path | None, **values: Any
) -> None:
    """Encrypt FILE, standard input or --data with a key of the server.

    The result is JSON with what `kmipd key decrypt` needs, bytes in hexadecimal; a file for --out, else standard
    output.
    """
    content = read_input(file, data)
    with connected(values) as client:
        parameters = _parameters(client, identifier, _CIPHERS, values, makes_iv=values["iv"] is None)
        made = client.encrypt(
            identifier,
            content,
            cryptographic_parameters=parameters,
            iv_counter_nonce=from_hex(values["iv"], "--iv"),
            authenticated_encryption_additional_data=None if aad is None else aad.encode(),
        )
    from kmip_app.client.plain import plain

    envelope = {"unique_identifier": made.unique_identifier, "data": (made.data or b"").hex()}
    parts = {
        "iv_counter_nonce": values["iv"] or (made.iv_counter_nonce and made.iv_counter_nonce.hex()),
        "authenticated_encryption_tag": made.authenticated_encryption_tag and made.authenticated_encryption_tag.hex(),
        "block_cipher_mode": parameters and parameters.block_cipher_mode and plain(parameters.block_cipher_mode),
        "padding_method": parameters and parameters.padding_method and plain(parameters.padding_method),
        "hashing_algorithm": parameters and parameters.hashing_algorithm and plain(parameters.hashing_algorithm),
    }
    envelope |= {name: value for name, value in parts.items() if value}
    if out is not None:
        write_out(out, json.dumps(envelope).encode() + b"\n")
    elif chosen_form(values) == "json":
        print_json(envelope)
    else:
        click.echo(json.dumps(envelope))


def decrypt(
    identifier: str,
    file: Path | None,
    data: str | None,
    tag: str | None,
    aad: str | None,
    out: Path | None,
    **values: Any,
) -> None:
    """Decrypt what `kmipd key encrypt` has made, or plain bytes with --mode, --iv and --tag.

    From FILE, standard input or --data; the result goes to standard output as it is, or to a new file.
    """
    content = read_input(file, data)
    envelope = _envelope(content)
    said = {"mode": "block_cipher_mode", "padding": "padding_method", "hash_name": "hashing_algorithm"}
    values |= {option: values[option] or envelope.get(field) for option, field in said.items()}
    iv = values["iv"] or envelope.get("iv_counter_nonce")
    with connected(values) as client:
        made = client.decrypt(
            identifier,
            from_hex(envelope["data"], "data") if envelope else content,
            cryptographic_parameters=_parameters(client, identifier, _CIPHERS, values),
            iv_counter_nonce=from_hex(iv, "--iv"),
            authenticated_encryption_tag=from_hex(tag or envelope.get("authenticated_encryption_tag"), "--tag"),
            authenticated_encryption_additional_data=None if aad is None else aad.encode(),
        )
    clear = made.data or b""
    if out is not None:
        write_out(out, clear)
    elif chosen_form(values) == "json":
        print_json({"unique_identifier": made.unique_identifier, "data": clear.hex()})
    else:
        sys.stdout.buffer.write(clear)
        sys.stdout.buffer.flush()


def sign(identifier: str, file: Path | None, data: str | None, out: Path | None, **values: Any) -> None:
    """Sign FILE, standard input or --data with a private key of the server; the signature in hexadecimal."""
    content = read_input(file, data)
    with connected(values) as client:
        parameters = _parameters(client, identifier, _SIGNATURES, values)
        made = client.sign(identifier, content, cryptographic_parameters=parameters)
    signature = made.signature_data or b""
    record = {"unique_identifier": made.unique_identifier, "signature_data": signature.hex()}
    deliver(record, signature, values, encoding="raw" if out is not None else "hex", out=out)


def verify(
    identifier: str,
    file: Path | None,
    data: str | None,
    signature: str | None,
    signature_file: Path | None,
    **values: Any,
) -> int:
    """Check a signature of FILE, standard input or --data.  Exit code 0 if it is valid, 1 if not."""
    from kmip_app.client.plain import plain
    from kmip_core.enums import ValidityIndicator

    if (signature is None) == (signature_file is None):
        raise StartError("name the signature: --signature HEX, or --signature-file FILE")
    signed = signature_file.read_bytes() if signature_file is not None else from_hex(signature, "--signature")
    content = read_input(file, data)
    with connected(values) as client:
        parameters = _parameters(client, identifier, _SIGNATURES, values)
        found = client.signature_verify(identifier, content, signed, cryptographic_parameters=parameters)
    verdict = plain(found.validity_indicator)
    if chosen_form(values) == "json":
        print_json({"unique_identifier": found.unique_identifier, "validity_indicator": verdict})
    else:
        click.echo(verdict.lower())
    return 0 if found.validity_indicator is ValidityIndicator.VALID else REFUSED


def _envelope(content: bytes) -> dict[str, Any]:
    """Return what `encrypt` has written; empty for any other bytes."""
    if not content.lstrip().startswith(b"{"):
        return {}
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("data"), str) else {}


def _parameters(
    client: "KmipClient",
    identifier: str,
    usual: dict[str, dict[str, str]],
    values: dict[str, Any],
    *,
    makes_iv: bool = False,
) -> "CryptographicParameters | None":
    """Return the parameters that the command line names, completed by what is usual for the key's algorithm."""
    from kmip_app.client.requests import TAG_LENGTH
    from kmip_app.words import member
    from kmip_core import enums
    from kmip_core.structures import CryptographicParameters

    found = attributes_of(client, identifier, "Cryptographic Algorithm").cryptographic_algorithm
    chosen: dict[str, Any] = dict(usual.get(found.name, {})) if found is not None else {}
    if values.get("mode"):
        chosen = {name: value for name, value in chosen.items() if name == "hashing_algorithm"}
    said = {"block_cipher_mode": values.get("mode"), "padding_method": values.get("padding")}
    chosen |= {name: value for name, value in {**said, "hashing_algorithm": values.get("hash_name")}.items() if value}
    if not chosen:
        return None
    if found is not None:
        chosen.setdefault("cryptographic_algorithm", found.name)  # some servers do not look at the key for it
    kinds: dict[str, Any] = {
        "block_cipher_mode": enums.BlockCipherMode,
        "padding_method": enums.PaddingMethod,
        "hashing_algorithm": enums.HashingAlgorithm,
        "cryptographic_algorithm": enums.CryptographicAlgorithm,
    }
    fields: dict[str, Any] = {name: member(kinds[name], value) for name, value in chosen.items()}
    mode = fields.get("block_cipher_mode")
    if mode in (enums.BlockCipherMode.GCM, enums.BlockCipherMode.CCM):
        fields["tag_length"] = TAG_LENGTH
    if makes_iv and mode not in (None, enums.BlockCipherMode.ECB):
        fields["random_iv"] = True
    return CryptographicParameters(**fields)


_DATA: Final = click.Option(["--data"], metavar="TEXT", help="Instead of a file.")
_PADDING: Final = click.Option(["--padding"], metavar="NAME", help="For example pkcs5, oaep, pss.")
_HASH: Final = click.Option(["--hash", "hash_name"], metavar="NAME", help="For example sha-256.")
_CIPHER: Final = (
    click.Option(["--mode"], metavar="NAME", help="For example gcm or cbc.  [default: gcm for AES]"),
    _PADDING,
    _HASH,
    click.Option(["--iv"], metavar="HEX", help="IV, counter or nonce.  [default: the server makes one]"),
    click.Option(["--aad"], metavar="TEXT", help="Additional data that is authenticated."),
)
_SIGNED: Final = (in_option(), _DATA, _PADDING, _HASH)

COMMANDS: Final = (
    remote_command(
        "encrypt", encrypt, [identifier_argument(), file_argument(), in_option(), _DATA, *_CIPHER, out_option()]
    ),
    remote_command(
        "decrypt",
        decrypt,
        [
            identifier_argument(),
            file_argument(),
            in_option(),
            _DATA,
            *_CIPHER,
            click.Option(["--tag"], metavar="HEX", help="Authentication tag, where it is apart from the data."),
            out_option(),
        ],
    ),
    remote_command("sign", sign, [identifier_argument(), file_argument(), *_SIGNED, out_option()]),
    remote_command(
        "verify",
        verify,
        [
            identifier_argument(),
            file_argument(),
            *_SIGNED,
            click.Option(["--signature"], metavar="HEX", help="The signature."),
            click.Option(["--signature-file"], type=click.Path(path_type=Path), metavar="FILE", help="The signature."),
        ],
    ),
)
