"""What operations cost with a key in a PKCS#11 token, next to the same operation with a software key, in one server.

`python -m benchmarks.token_keys [--seconds S] [--threads N]`: SoftHSM2 in a temporary folder; one engine, no network,
no disk; operations per second, with N requests at a time. SoftHSM2 shows what the way to a token costs; a real
device adds its own time, which is most of it.
"""

import argparse
import os
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cryptography import DATA, Algorithm, Mask, ask
from kmip_app.configuration.config import Configuration, TokenKeys
from kmip_app.configuration.secret_places import SECRET
from kmip_app.container import build
from kmip_core import enums
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.operations import activate, create, create_key_pair, derive_key, encrypt, mac, sign
from kmip_core.structures import CryptographicDomainParameters, CryptographicParameters, DerivationParameters

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
SOFTWARE, HARDWARE = enums.ProtectionStorageMask.SOFTWARE, enums.ProtectionStorageMask.HARDWARE
Work = Callable[[], Any]
USES = Mask.ENCRYPT | Mask.MAC_GENERATE | Mask.DERIVE_KEY


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each figure is measured")
    parser.add_argument("--threads", type=int, default=2, help="requests at a time")
    parser.add_argument("--module", type=Path, default=MODULE, help="SoftHSM2's library")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        container = build(_configuration(Path(folder), options.module))
        engine: Engine = container.engine()
        table = Table(title=f"operations per second, {options.threads} at a time")
        for column in ("", "software", "token", "token / software"):
            table.add_column(column, justify="right" if column else "left")
        for (name, software), (_, token) in zip(_rows(engine, SOFTWARE), _rows(engine, HARDWARE), strict=True):
            one, other = (_per_second(work, options.seconds, options.threads) for work in (software, token))
            table.add_row(name, f"{one:,.0f}", f"{other:,.0f}", f"{other / one:.1%}")
        Console().print(table)
        container.token().close()


def _configuration(folder: Path, module: Path) -> Configuration:
    tokens = folder / "tokens"
    tokens.mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    pin = folder / "pin"
    pin.write_text("1234")
    pin.chmod(0o600)
    command = ["softhsm2-util", "--init-token", "--free", "--label", "kmipd", "--so-pin", "12345678", "--pin", "1234"]
    subprocess.run(command, check=True, capture_output=True)
    return Configuration(
        data_directory=folder,
        ephemeral=True,
        crypto="pkcs11",
        token_keys=TokenKeys.CHOSEN,
        pkcs11_module=module,
        pkcs11_token="kmipd",
        pkcs11_pin=SECRET.read(f"file:{pin}"),
    )


def _rows(engine: Engine, mask: enums.ProtectionStorageMask) -> list[tuple[str, Work]]:
    def key(algorithm: Algorithm) -> str:
        attributes = Attributes(
            cryptographic_algorithm=algorithm, cryptographic_length=256, cryptographic_usage_mask=USES
        )
        request = create.Request(
            object_type=enums.ObjectType.SYMMETRIC_KEY, attributes=attributes, protection_storage_masks=(mask,)
        )
        identifier: str = ask(engine, request).unique_identifier
        ask(engine, activate.Request(unique_identifier=identifier))
        return identifier

    def pair(algorithm: Algorithm, length: int | None, curve: enums.RecommendedCurve | None) -> str:
        domain = None if curve is None else CryptographicDomainParameters(recommended_curve=curve)
        request = create_key_pair.Request(
            common_attributes=Attributes(
                cryptographic_algorithm=algorithm,
                cryptographic_length=length,
                cryptographic_domain_parameters=domain,
            ),
            private_key_attributes=Attributes(cryptographic_usage_mask=Mask.SIGN),
            public_key_attributes=Attributes(cryptographic_usage_mask=Mask.VERIFY),
            private_protection_storage_masks=(mask,),
        )
        identifier: str = ask(engine, request).private_key_unique_identifier
        ask(engine, activate.Request(unique_identifier=identifier))
        return identifier

    aes, hmac_key = key(Algorithm.AES), key(Algorithm.HMAC_SHA256)
    rsa_key, ec_key = pair(Algorithm.RSA, 2048, None), pair(Algorithm.ECDSA, None, enums.RecommendedCurve.P_256)
    gcm = CryptographicParameters(block_cipher_mode=enums.BlockCipherMode.GCM, tag_length=16)
    ctr = CryptographicParameters(block_cipher_mode=enums.BlockCipherMode.CTR)
    ecb = CryptographicParameters(block_cipher_mode=enums.BlockCipherMode.ECB)
    sha = enums.HashingAlgorithm.SHA_256
    pkcs1 = CryptographicParameters(padding_method=enums.PaddingMethod.PKCS1_V1_5, hashing_algorithm=sha)
    ecdsa = CryptographicParameters(hashing_algorithm=sha)
    derivation = derive_key.Request(
        object_type=enums.ObjectType.SYMMETRIC_KEY,
        unique_identifiers=(aes,),
        derivation_method=enums.DerivationMethod.ENCRYPT,
        derivation_parameters=DerivationParameters(cryptographic_parameters=ecb, derivation_data=bytes(32)),
        attributes=Attributes(
            cryptographic_algorithm=Algorithm.AES, cryptographic_length=256, cryptographic_usage_mask=USES
        ),
    )
    uses = {
        "Encrypt 1 KiB, AES-256-GCM": encrypt.Request(unique_identifier=aes, cryptographic_parameters=gcm, data=DATA),
        "Encrypt 1 KiB, AES-256-CTR": encrypt.Request(unique_identifier=aes, cryptographic_parameters=ctr, data=DATA),
        "MAC 1 KiB, HMAC-SHA-256": mac.Request(unique_identifier=hmac_key, data=DATA),
        "Sign, RSA-2048": sign.Request(unique_identifier=rsa_key, cryptographic_parameters=pkcs1, data=DATA),
        "Sign, P-256": sign.Request(unique_identifier=ec_key, cryptographic_parameters=ecdsa, data=DATA),
        "Derive Key, AES-ECB": derivation,
    }
    rows: list[tuple[str, Work]] = [("Create AES-256 and Activate", lambda: key(Algorithm.AES))]
    return rows + [(name, lambda request=request: ask(engine, request)) for name, request in uses.items()]


def _per_second(work: Work, seconds: float, threads: int) -> float:
    work()
    counts: list[int] = []
    begun, lock = time.perf_counter(), threading.Lock()

    def repeat() -> None:
        count = 0
        while time.perf_counter() - begun < seconds:
            work()
            count += 1
        with lock:
            counts.append(count)

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(threads):
            pool.submit(repeat)
    return sum(counts) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
