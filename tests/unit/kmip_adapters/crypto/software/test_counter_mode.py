"""Counter mode over ECB: equal to pyca's own mode where it has one, in parts and across the end of the counter."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from kmip_adapters.crypto.software.counter_mode import CounterContext


def reference(key, counter, data):
    return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(data)


@pytest.mark.parametrize("counter", [bytes(16), b"\xff" * 16, b"\xff" * 15 + b"\xfe"], ids=["ok", "wraps", "wraps 2"])
@pytest.mark.parametrize("sizes", [[100], [1, 15, 16, 17, 0, 51], [33] * 3], ids=str)
def test_counter_mode_agrees_with_the_native_one(counter, sizes):
    key, data = os.urandom(32), os.urandom(sum(sizes))
    context, out, start = CounterContext(algorithms.AES(key), counter), b"", 0
    for size in sizes:
        out += context.update(data[start : start + size])
        start += size

    assert out + context.finalize() == reference(key, counter, data)
