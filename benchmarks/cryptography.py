"""What cryptographic operations cost through the engine, next to the bare library call and to PyKMIP's crypto engine.

`python -m benchmarks.cryptography [--seconds S]`: one process, no network, no disk; operations per second. The
engine's figure has everything but the wire: admission, policy, audit record, unit of work. PyKMIP's is its crypto
engine alone, without its lock, database and policy, and it has no elliptic curves.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from kmip.core import enums as theirs
from kmip.services.server.crypto.engine import CryptographyEngine
from rich.console import Console
from rich.table import Table

from kmip_app.configuration.config import Configuration
from kmip_app.container import build
from kmip_core import enums, operations
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import activate, create, create_key_pair, encrypt, mac, sign
from kmip_core.principal import Principal
from kmip_core.structures import CryptographicDomainParameters, CryptographicParameters, ProtocolVersion

DATA = bytes(1024)
HEADER = RequestHeader(protocol_version=ProtocolVersion(1, 4))
PRINCIPAL = Principal(name="benchmark")
"""Made once, as in a server: a connection has one principal, and decoded headers are remembered."""

OPERATIONS = {spec.request: operation for operation, spec in operations.CATALOGUE.items()}
Mask = enums.CryptographicUsageMask
Algorithm = enums.CryptographicAlgorithm


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each figure is measured")
    seconds = parser.parse_args().seconds
    with TemporaryDirectory() as folder:
        engine: Engine = build(Configuration(data_directory=Path(folder), ephemeral=True)).engine()
        table = Table(title="operations per second")
        for column in ("", "engine", "bare library", "engine / bare", "PyKMIP's crypto engine"):
            table.add_column(column, justify="right" if column else "left")
        for name, ours, bare, other in _rows(engine):
            figures = [_per_second(each, seconds) if each else None for each in (ours, bare, other)]
            told = [f"{figure:,.0f}" if figure else "-" for figure in figures]
            table.add_row(name, told[0], told[1], f"{(figures[0] or 0) / (figures[1] or 1):.0%}", told[2])
        Console().print(table)


Work = Callable[[], Any]


def _rows(engine: Engine) -> list[tuple[str, Work, Work, Work | None]]:
    pykmip = CryptographyEngine()
    aes = _made(engine, Algorithm.AES, 256, Mask.ENCRYPT)
    hmac_key = _made(engine, Algorithm.HMAC_SHA256, 256, Mask.MAC_GENERATE)
    rsa_key = _pair(engine, Algorithm.RSA, 2048, None)
    ec_key = _pair(engine, Algorithm.ECDSA, None, enums.RecommendedCurve.P_256)
    gcm = CryptographicParameters(
        cryptographic_algorithm=Algorithm.AES, block_cipher_mode=enums.BlockCipherMode.GCM, tag_length=16
    )
    pkcs1 = CryptographicParameters(
        padding_method=enums.PaddingMethod.PKCS1_V1_5, hashing_algorithm=enums.HashingAlgorithm.SHA_256
    )
    ecdsa = CryptographicParameters(hashing_algorithm=enums.HashingAlgorithm.SHA_256)
    bare_aes, bare_rsa, bare_ec = (
        AESGCM(bytes(32)),
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
    )
    der = bare_rsa.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return [
        (
            "Encrypt 1 KiB, AES-256-GCM",
            lambda: ask(engine, encrypt.Request(unique_identifier=aes, cryptographic_parameters=gcm, data=DATA)),
            lambda: bare_aes.encrypt(bytes(12), DATA, None),
            lambda: pykmip.encrypt(
                theirs.CryptographicAlgorithm.AES,
                bytes(32),
                DATA,
                cipher_mode=theirs.BlockCipherMode.GCM,
                iv_nonce=bytes(12),
                auth_tag_length=16,
            ),
        ),
        (
            "Sign, RSA-2048",
            lambda: ask(engine, sign.Request(unique_identifier=rsa_key, cryptographic_parameters=pkcs1, data=DATA)),
            lambda: bare_rsa.sign(DATA, padding.PKCS1v15(), hashes.SHA256()),
            lambda: pykmip.sign(
                None,
                theirs.CryptographicAlgorithm.RSA,
                theirs.HashingAlgorithm.SHA_256,
                theirs.PaddingMethod.PKCS1v15,
                der,
                DATA,
            ),
        ),
        (
            "Sign, P-256",
            lambda: ask(engine, sign.Request(unique_identifier=ec_key, cryptographic_parameters=ecdsa, data=DATA)),
            lambda: bare_ec.sign(DATA, ec.ECDSA(hashes.SHA256())),
            None,
        ),
        (
            "MAC 1 KiB, HMAC-SHA-256",
            lambda: ask(engine, mac.Request(unique_identifier=hmac_key, data=DATA)),
            _bare_hmac,
            lambda: pykmip.mac(theirs.CryptographicAlgorithm.HMAC_SHA256, bytes(32), DATA),
        ),
    ]


def _bare_hmac() -> bytes:
    code = hmac.HMAC(bytes(32), hashes.SHA256())
    code.update(DATA)
    return code.finalize()


def ask(engine: Engine, request: Any) -> Any:
    """Return the payload that answers one request; a refusal ends the run."""
    message = RequestMessage(
        header=HEADER, batch_items=(RequestBatchItem(operation=OPERATIONS[type(request)], payload=request),)
    )
    (item,) = engine.handle(message, PRINCIPAL).batch_items
    if item.payload is None:
        raise RuntimeError(item.result_message)
    return item.payload


def _made(
    engine: Engine, algorithm: enums.CryptographicAlgorithm, length: int, mask: enums.CryptographicUsageMask
) -> str:
    attributes = Attributes(
        cryptographic_algorithm=algorithm, cryptographic_length=length, cryptographic_usage_mask=mask
    )
    made = ask(engine, create.Request(object_type=enums.ObjectType.SYMMETRIC_KEY, attributes=attributes))
    return _activated(engine, made.unique_identifier)


def _pair(
    engine: Engine,
    algorithm: enums.CryptographicAlgorithm,
    length: int | None,
    curve: enums.RecommendedCurve | None,
) -> str:
    domain = None if curve is None else CryptographicDomainParameters(recommended_curve=curve)
    request = create_key_pair.Request(
        common_attributes=Attributes(
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
            cryptographic_domain_parameters=domain,
        ),
        private_key_attributes=Attributes(cryptographic_usage_mask=Mask.SIGN),
        public_key_attributes=Attributes(cryptographic_usage_mask=Mask.VERIFY),
    )
    return _activated(engine, ask(engine, request).private_key_unique_identifier)


def _activated(engine: Engine, identifier: str) -> str:
    ask(engine, activate.Request(unique_identifier=identifier))
    return identifier


def _per_second(work: Work, seconds: float) -> float:
    for _ in range(3):
        work()
    count, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        work()
        count += 1
    return count / spent


if __name__ == "__main__":
    main()
