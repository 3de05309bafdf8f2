"""Block padding: the bytes of each method, and what is not a padding."""

import pytest

from kmip_adapters.crypto.software.block_padding import PADDINGS
from kmip_core.enums import PaddingMethod


def padded(method, data, size=8):
    context = PADDINGS[method].padder(size)
    return context.update(data) + context.finalize()


def unpadded(method, data, size=8):
    context = PADDINGS[method].unpadder(size)
    return context.update(data) + context.finalize()


@pytest.mark.parametrize(
    ("method", "data", "expected"),
    [
        pytest.param(PaddingMethod.PKCS5, b"abcde", b"abcde\3\3\3", id="ok PKCS5"),
        pytest.param(PaddingMethod.PKCS5, b"abcdefgh", b"abcdefgh" + b"\x08" * 8, id="ok PKCS5 whole block"),
        pytest.param(PaddingMethod.ANSI_X9_23, b"abcde", b"abcde\0\0\3", id="ok ANSI X9.23"),
        pytest.param(PaddingMethod.ZEROS, b"abcde", b"abcde\0\0\0", id="ok Zeros"),
        pytest.param(PaddingMethod.ZEROS, b"abcdefgh", b"abcdefgh", id="ok Zeros whole block"),
        pytest.param(PaddingMethod.ZEROS, b"", b"", id="ok Zeros nothing"),
    ],
)
def test_padding_and_its_removal(method, data, expected):
    assert padded(method, data) == expected
    assert unpadded(method, expected) == data


@pytest.mark.parametrize("size", range(17))
def test_iso_10126_counts_in_its_last_byte(size):
    data = bytes(range(size))
    block = padded(PaddingMethod.ISO_10126, data)

    assert len(block) % 8 == 0
    assert block[-1] == len(block) - size
    assert unpadded(PaddingMethod.ISO_10126, block) == data


def test_iso_10126_is_random():
    assert len({padded(PaddingMethod.ISO_10126, b"") for _ in range(20)}) == 20


def test_zeros_takes_away_no_more_than_a_block():
    assert unpadded(PaddingMethod.ZEROS, b"abc" + bytes(13)) == b"abc" + bytes(6)


@pytest.mark.parametrize(
    ("method", "data"),
    [
        pytest.param(PaddingMethod.PKCS5, b"abcdefg\0", id="fail PKCS5 zero"),
        pytest.param(PaddingMethod.PKCS5, b"abcdef\1\2", id="fail PKCS5 uneven"),
        pytest.param(PaddingMethod.ANSI_X9_23, b"abcdefg\x09", id="fail X9.23 too many"),
        pytest.param(PaddingMethod.ISO_10126, b"abcdefg\0", id="fail ISO 10126 zero"),
        pytest.param(PaddingMethod.ISO_10126, b"abcdefg\x09", id="fail ISO 10126 too many"),
        pytest.param(PaddingMethod.ISO_10126, b"", id="fail ISO 10126 nothing"),
        pytest.param(PaddingMethod.ISO_10126, b"abc", id="fail ISO 10126 no block"),
    ],
)
def test_invalid_padding_is_refused(method, data):
    with pytest.raises(ValueError):
        unpadded(method, data)
