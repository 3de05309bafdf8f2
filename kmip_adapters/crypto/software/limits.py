"""Every number that bounds what one request can cost, in one table, with the cost measured at the limit.

A client chooses sizes, counts and exponents; each of them is compared with a limit of this module before anything is
computed with it. `docs/cryptography.md` shows the table. Times are of one core of 2026 (OpenSSL 3.5, Python 3.11).
"""

from typing import Final

from kmip_adapters.crypto.processes.pool import JOB_MEMORY, JOB_SECONDS
from kmip_core.classes import frozen


@frozen(kw_only=True)
class Limit:
    """One row.  value: in `unit`.  cost: what the work costs at the limit.  source: where the number comes from."""

    what: str
    value: float
    unit: str
    cost: str
    source: str


MAXIMUM_KEY_BYTES: Final = 16 * 1024
MINIMUM_RSA_BITS: Final = 512
MAXIMUM_RSA_BITS: Final = 8192
MAXIMUM_RSA_EXPONENT_BITS: Final = 256
MAXIMUM_DSA_BITS: Final = 3072
MAXIMUM_DSA_ORDER_BITS: Final = 256
MAXIMUM_EC_BITS: Final = 528
MAXIMUM_CERTIFICATE_BYTES: Final = 256 * 1024
MAXIMUM_CHAIN: Final = 20
MAXIMUM_CONTAINER_BYTES: Final = 256 * 1024
MAXIMUM_CONTAINER_ROUNDS: Final = 2_000_000
MAXIMUM_PBKDF2_BLOCKS: Final = 10_000_000
MAXIMUM_DERIVED_BITS: Final = 65_536
MAXIMUM_PRF_BYTES: Final = 16 * 1024 * 1024
MAXIMUM_PARTS: Final = 255
MAXIMUM_SECRET_BYTES: Final = 64 * 1024
MAXIMUM_PRIME_BITS: Final = 4160
MAXIMUM_SHARING_WORK: Final = 25_000_000

LIMITS: Final = (
    Limit(
        what="Processor time of a job in a process of its own",
        value=JOB_SECONDS,
        unit="s",
        cost="the job ends with Cryptographic Failure; 3 s for a PKCS#12 container, 120 s for RSA and DSA pairs",
        source="twice the longest work within the other limits",
    ),
    Limit(
        what="Memory of such a job",
        value=JOB_MEMORY,
        unit="bytes",
        cost="likewise",
        source="a hundred times the longest request",
    ),
    Limit(
        what="Encoding of a key",
        value=MAXIMUM_KEY_BYTES,
        unit="bytes",
        cost="0.1 ms to find its sizes",
        source="twice the PEM form of an RSA key of 8,192 bits",
    ),
    Limit(
        what="RSA modulus",
        value=MAXIMUM_RSA_BITS,
        unit="bits",
        cost="a signature 30 ms; with numbers that are no primes 250 ms in a process, 14 ms at 4,096 bits in a thread",
        source="profile `compatible`",
    ),
    Limit(
        what="RSA public exponent",
        value=MAXIMUM_RSA_EXPONENT_BITS,
        unit="bits",
        cost="a verification 0.5 ms",
        source="FIPS 186-5 §A.1.1: below 2^256",
    ),
    Limit(
        what="DSA prime p",
        value=MAXIMUM_DSA_BITS,
        unit="bits",
        cost="reading a private key 0.5 ms",
        source="FIPS 186-4 §4.2",
    ),
    Limit(
        what="DSA order q, and private number x",
        value=MAXIMUM_DSA_ORDER_BITS,
        unit="bits",
        cost="a signature 0.6 ms",
        source="FIPS 186-4 §4.2",
    ),
    Limit(
        what="Private number of an elliptic curve",
        value=MAXIMUM_EC_BITS,
        unit="bits",
        cost="a signature 0.2 ms (P-521)",
        source="FIPS 186-5 §6.1.1",
    ),
    Limit(
        what="X.509 certificate",
        value=MAXIMUM_CERTIFICATE_BYTES,
        unit="bytes",
        cost="15 ms to read names that fill it",
        source="a certificate with names has a hundredth",
    ),
    Limit(
        what="Certificates of a chain",
        value=MAXIMUM_CHAIN,
        unit="certificates",
        cost="0.2 s for 380 verifications",
        source="the longest chain that browsers take",
    ),
    Limit(
        what="PKCS#12 container",
        value=MAXIMUM_CONTAINER_BYTES,
        unit="bytes",
        cost="with the next row",
        source="ten times a key with a long chain",
    ),
    Limit(
        what="Iterations that a PKCS#12 container asks for, together",
        value=MAXIMUM_CONTAINER_ROUNDS,
        unit="iterations",
        cost="0.2 s (SHA-256); what stands inside of encrypted data cannot be counted, and ends with the process's 3 s",
        source="OpenSSL and browsers write three counts, 2,048 to 600,000 each",
    ),
    Limit(
        what="PBKDF2: Iteration Count times blocks of output",
        value=MAXIMUM_PBKDF2_BLOCKS,
        unit="blocks",
        cost="1 s (SHA-256) to 5 s (SHA3-512)",
        source="fifteen times what OWASP asks of PBKDF2",
    ),
    Limit(
        what="Derived material",
        value=MAXIMUM_DERIVED_BITS,
        unit="bits",
        cost="with the next row",
        source="255 blocks of HKDF with SHA-256",
    ),
    Limit(
        what="SP 800-108: blocks of output times bytes of data",
        value=MAXIMUM_PRF_BYTES,
        unit="bytes",
        cost="0.4 s (CMAC with 3DES)",
        source="256 blocks over data of 64 KiB",
    ),
    Limit(
        what="Parts of a split key",
        value=MAXIMUM_PARTS,
        unit="parts",
        cost="with the last row",
        source="the elements of GF(2^8)",
    ),
    Limit(
        what="Secret to split",
        value=MAXIMUM_SECRET_BYTES,
        unit="bytes",
        cost="with the last row",
        source="ten times the longest key",
    ),
    Limit(
        what="Prime Field Size",
        value=MAXIMUM_PRIME_BITS,
        unit="bits",
        cost="proving it a prime 0.6 s",
        source="a prime beyond a secret of 4,096 bits",
    ),
    Limit(
        what="Multiplications to split or join, each weighed by the length of its numbers",
        value=MAXIMUM_SHARING_WORK,
        unit="multiplications in GF(2^8)",
        cost="4 s",
        source="all parts of a key of 4,096 bits at any threshold",
    ),
)
