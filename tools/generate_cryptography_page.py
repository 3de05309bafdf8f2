"""Writes docs/cryptography.md from the adapters' capabilities; a test compares.

python -m tools.generate_cryptography_page
"""

import itertools
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.cipher_tables import AUTHENTICATED, KEY_WRAPS
from kmip_adapters.crypto.software.limits import LIMITS
from kmip_core.enums import BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod
from kmip_core.ports.crypto import CryptoCapabilities
from kmip_core.standard_names import standard_name

PAGE = Path(__file__).parents[1] / "docs" / "cryptography.md"

HEAD = """\
# Cryptography

<!-- Written by tools/generate_cryptography_page.py; do not edit. -->

What each crypto adapter can do, from its own capabilities: Query, refusals and the contract tests read the same tables.
Names are the standard's. Whatever is not listed is refused with a text that says what would do.

"""

ADAPTERS = (
    (
        "Software, profile `compatible`",
        "The default: everything that pyca/cryptography offers and the standard names, legacy algorithms included.",
        SoftwareCrypto().capabilities,
    ),
    (
        "Software, profile `modern`",
        "What may make keys, encrypt, sign and authenticate when legacy cryptography is off. Decrypt and verify still\n"
        "take what is listed above, except RSA encryption with PKCS1 v1.5 padding, which goes neither way.",
        modern(SoftwareCrypto()).capabilities,
    ),
    (
        "HSM stub",
        "Keys live behind handles and never leave; a stand-in for a PKCS#11 token.",
        HsmStub().capabilities,
    ),
)

PADDING_SIGNS = {
    PaddingMethod.NONE: "none",
    PaddingMethod.PKCS5: "PKCS5",
    PaddingMethod.ANSI_X9_23: "X9.23",
    PaddingMethod.ZEROS: "zeros",
    PaddingMethod.ISO_10126: "ISO 10126",
    PaddingMethod.OAEP: "OAEP",
    PaddingMethod.PKCS1_V1_5: "PKCS1 v1.5",
    PaddingMethod.PSS: "PSS",
}


def page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(section(*adapter) for adapter in ADAPTERS) + "\n" + limits()


LIMITS_TEXT = """\
## Limits of what a request may cost

Every number that a client chooses is compared with its limit before anything is computed with it; beyond it the request
is refused, or (keys and certificates) kept and returned without being read. Costs are measured at the limit, on one
core of 2026 with OpenSSL 3.5 and Python 3.11.

Work that may take longer than some 10 ms runs in child processes, at most as many as there are threads for slow work:
PKCS#12 containers, keys without primes, RSA keys above 4096 bits, RSA pairs above 2048 bits, DSA pairs, long
derivations, shares, certificates and chains. The operating system ends a job at its limit; the rest of the server does
not notice.
"""


PROTECTION_TEXT = """\
## What keeps keys from wearing out

- Nonces that the server makes for GCM have 96 bits, whatever IV Length says. A key encrypts 2^32 times by GCM at most
  (NIST SP 800-38D §8.3); the count is kept with the key, in the server's attribute "GCM Encryptions", and rises by
  65,536 at a time. Then Encrypt is refused with Usage Limit Exceeded.
- Decryptions that fail have one answer, which comes later the more of them fail under one key: 5 ms more each after the
  eighth, up to 250 ms. The delay keeps no thread and no other client waiting. A padding oracle is slowed by this, not
  closed: use an authenticated mode.
- A key's own Cryptographic Parameters are a fence: a request may leave out what they say, and say nothing else. Only
  Signature Verify is free, since a public key is everyone's.
- Secret Data and Symmetric Keys of the algorithm One Time Pad encrypt data no longer than they are; Usage Limits keep a
  pad from being used twice.
- Parts of split keys are made over GF(2^8) by x^8 + x^4 + x^3 + x^2 + 1 (285). Parts in a store of 0.1.0 that the
  server made (they have a Random Number Generator and no polynomial) join by x^8 + x^4 + x^3 + x + 1 (283).

## Parameters of KMIP 3.0 for test laboratories

The second draft of 3.0 adds parameters with which laboratories test modules. A Context String binds a signature of
ML-DSA to 255 bytes at most; with other keys it is Unsupported Cryptographic Parameters. The others are refused as
Unknown Tag (Deterministic, Seed, Input Key Material, Internal, External Mu, Random) or as an unknown value (Key Format
Type Seed Private Key): what makes keys and signatures from a client's numbers is nothing for keys that are in use, and
the library signs with fresh random numbers only. Private keys of ML-DSA and ML-KEM in the format Raw are their seeds.
"""


def limits() -> str:
    """Return the table of limits."""
    rows = ((each.what, f"{each.value:,.0f} {each.unit}", each.cost, each.source) for each in LIMITS)
    rows_text = table(("what", "limit", "cost at the limit", "where the number comes from"), rows)
    return LIMITS_TEXT + "\n" + rows_text + "\n" + PROTECTION_TEXT


def section(title: str, text: str, can: CryptoCapabilities) -> str:
    """Return one adapter's part."""
    parts = [
        f"## {title}\n\n{text}\n",
        "### Symmetric keys\n",
        table(
            ("algorithm", "lengths in bits"),
            ((standard_name(algorithm), told(lengths)) for algorithm, lengths in can.symmetric_lengths.items()),
        ),
        "### Key pairs\n",
        table(
            ("algorithm", "lengths in bits"),
            ((standard_name(algorithm), told(lengths)) for algorithm, lengths in can.key_pair_lengths.items()),
        ),
        f"Curves that may be named: {names(sorted(can.curves))}.\n",
        "### Encrypt and Decrypt\n",
        ciphers(can),
        "### Sign and Signature Verify\n",
        table(
            ("algorithm", "padding", "hashes"),
            (
                (standard_name(family), PADDING_SIGNS[padding] if padding else "", hashes(known))
                for (family, padding), known in can.signatures.items()
            ),
        ),
        "### MAC, Hash, Derive Key\n",
        f"MAC: {names(sorted(can.macs))} (a block cipher gives CMAC).\n",
        f"Hash: {names(sorted(can.hashing_algorithms))}.\n",
        f"Derive Key: {names(sorted(can.derivation_methods))}.\n",
        "### Encapsulate, Decapsulate (3.0)\n",
        table(
            ["KEM Algorithm", "Keys"],
            ([standard_name(kem), names(sorted(keys))] for kem, keys in can.encapsulations.items()),
        )
        if can.encapsulations
        else "Not offered.\n",
    ]
    return "\n".join(parts)


def ciphers(can: CryptoCapabilities) -> str:
    """Return the matrix cipher x mode x padding: paddings in the cells."""
    modes = [mode for mode in BlockCipherMode if any(known is mode for _, known in can.ciphers)]
    algorithms = list(dict.fromkeys(algorithm for algorithm, _ in can.ciphers))

    def cell(algorithm: CryptographicAlgorithm, mode: BlockCipherMode | None) -> str:
        paddings = can.ciphers.get((algorithm, mode))
        if paddings is None:
            return ""
        if (algorithm, mode) in AUTHENTICATED:
            return "tag"
        if mode in KEY_WRAPS:
            return "yes"
        return ", ".join(PADDING_SIGNS[each] for each in PADDING_SIGNS if each in paddings)

    note = '"tag": authenticated, with additional data; padding methods do not apply.\n'
    rows = ((standard_name(algorithm), *(cell(algorithm, mode) for mode in (None, *modes))) for algorithm in algorithms)
    return table(("algorithm", "no mode", *(standard_name(mode) for mode in modes)), rows) + "\n" + note


def hashes(known: frozenset[HashingAlgorithm]) -> str:
    """Return the hashes of a signature row."""
    return names(sorted(known)) if known else "its own"


def told(lengths: Sequence[int]) -> str:
    """Return lengths for a table cell."""
    steps = {second - first for first, second in itertools.pairwise(lengths)}
    if len(lengths) > 6 and len(steps) == 1:
        return f"{lengths[0]} to {lengths[-1]} in steps of {steps.pop()}"
    return ", ".join(map(str, lengths))


def names(values: Iterable[Enum]) -> str:
    """Return names in a row."""
    return ", ".join(map(standard_name, values))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
