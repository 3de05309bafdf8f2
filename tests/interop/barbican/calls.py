"""What Barbican asks of its KMIP secret store, called as its workers call it; prints each answer, one JSON per line.

Runs in a process of its own, for what Barbican imports changes the process; argument 1 is barbican.conf.
"""

import base64
import json
import sys

from barbican.common import config
from barbican.plugin import kmip_secret_store as plugin
from barbican.plugin.interface import secret_store as ss
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Type, Algorithm = ss.SecretType, ss.KeyAlgorithm


def main(configuration: str) -> None:
    """Generate, store, read back and delete one secret of each kind."""
    config.parse_args(plugin.CONF, ["--config-file", configuration])
    store = plugin.KMIPSecretStore(plugin.CONF)
    generated = store.generate_symmetric_key(ss.KeySpec(Algorithm.AES, 256))
    read = store.get_secret(Type.SYMMETRIC, generated)
    say("generate", bits=8 * len(base64.b64decode(read.secret)), algorithm=read.key_spec.alg)
    store.delete_secret(generated)
    try:
        store.get_secret(Type.SYMMETRIC, generated)
    except ss.SecretGeneralException as refused:
        say("delete", refused=str(refused))
    pair = store.generate_asymmetric_key(ss.KeySpec(Algorithm.RSA, 2048))
    halves = {
        Type.PRIVATE: store.get_secret(Type.PRIVATE, pair.private_key_meta),
        Type.PUBLIC: store.get_secret(Type.PUBLIC, pair.public_key_meta),
    }
    private = serialization.load_pem_private_key(base64.b64decode(halves[Type.PRIVATE].secret), None)
    public = serialization.load_pem_public_key(base64.b64decode(halves[Type.PUBLIC].secret))
    say("pair", matches=private.public_key().public_numbers() == public.public_numbers())
    for kind, secret, spec in secrets():
        stored = store.store_secret(ss.SecretDTO(kind, base64.b64encode(secret), spec, "application/octet-stream"))
        back = base64.b64decode(store.get_secret(kind, stored).secret)
        say(kind, same=back.strip() == secret.strip())
        store.delete_secret(stored)


def secrets() -> list[tuple[str, bytes, ss.KeySpec]]:
    """Return a secret of each type that users hand in, as Barbican hands it on."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    certificate = open(plugin.CONF.kmip_plugin.certfile, "rb").read()  # noqa: SIM115 - a short program
    return [
        (Type.SYMMETRIC, bytes(range(16)), ss.KeySpec(Algorithm.AES, 128)),
        (Type.PRIVATE, private, ss.KeySpec(Algorithm.RSA, 2048)),
        (Type.PUBLIC, public, ss.KeySpec(Algorithm.RSA, 2048)),
        (Type.CERTIFICATE, certificate, ss.KeySpec()),
        (Type.PASSPHRASE, b"open sesame", ss.KeySpec()),
        (Type.OPAQUE, b"anything", ss.KeySpec()),
    ]


def say(call: str, **results: object) -> None:
    """Print what came of a call."""
    print(json.dumps({"call": call} | results), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
