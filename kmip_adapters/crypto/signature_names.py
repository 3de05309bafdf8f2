"""Digital Signature Algorithm -> what it stands for. KMIP 2.1 §11.16."""

from collections.abc import Mapping
from typing import Final

from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import DigitalSignatureAlgorithm as SignatureAlgorithm
from kmip_core.enums import HashingAlgorithm as Hashing
from kmip_core.enums import PaddingMethod

_RSA_V1_5: Final = (Algorithm.RSA, PaddingMethod.PKCS1_V1_5)

SIGNATURE_ALGORITHMS: Final[Mapping[SignatureAlgorithm, tuple[Algorithm, PaddingMethod | None, Hashing | None]]] = {
    SignatureAlgorithm.MD5_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.MD5),
    SignatureAlgorithm.SHA_1_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA_1),
    SignatureAlgorithm.SHA_224_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA_224),
    SignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA_256),
    SignatureAlgorithm.SHA_384_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA_384),
    SignatureAlgorithm.SHA_512_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA_512),
    SignatureAlgorithm.SHA3_256_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA3_256),
    SignatureAlgorithm.SHA3_384_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA3_384),
    SignatureAlgorithm.SHA3_512_WITH_RSA_ENCRYPTION: (*_RSA_V1_5, Hashing.SHA3_512),
    SignatureAlgorithm.RSASSA_PSS: (Algorithm.RSA, PaddingMethod.PSS, None),
    SignatureAlgorithm.DSA_WITH_SHA_1: (Algorithm.DSA, None, Hashing.SHA_1),
    SignatureAlgorithm.DSA_WITH_SHA224: (Algorithm.DSA, None, Hashing.SHA_224),
    SignatureAlgorithm.DSA_WITH_SHA256: (Algorithm.DSA, None, Hashing.SHA_256),
    SignatureAlgorithm.ECDSA_WITH_SHA_1: (Algorithm.ECDSA, None, Hashing.SHA_1),
    SignatureAlgorithm.ECDSA_WITH_SHA224: (Algorithm.ECDSA, None, Hashing.SHA_224),
    SignatureAlgorithm.ECDSA_WITH_SHA256: (Algorithm.ECDSA, None, Hashing.SHA_256),
    SignatureAlgorithm.ECDSA_WITH_SHA384: (Algorithm.ECDSA, None, Hashing.SHA_384),
    SignatureAlgorithm.ECDSA_WITH_SHA512: (Algorithm.ECDSA, None, Hashing.SHA_512),
}
"""Digital Signature Algorithm -> family, padding, hash."""

HASH_OF_SIGNATURE: Final[Mapping[SignatureAlgorithm, Hashing]] = {
    name: hashing for name, (_, _, hashing) in SIGNATURE_ALGORITHMS.items() if hashing is not None
}
