"""Identifiers: their shape, and that nobody can foretell or repeat them."""

import os
import uuid

from kmip_adapters.system.identifiers import RandomIdentifiers, SequentialIdentifiers


def test_random_identifiers_are_version_4_uuids_in_canonical_text() -> None:
    for _ in range(200):
        text = RandomIdentifiers().new()
        parsed = uuid.UUID(text)

        assert str(parsed) == text
        assert parsed.version == 4
        assert parsed.variant == uuid.RFC_4122


def test_all_random_bits_vary() -> None:
    ones, zeros = 0, 0
    for _ in range(400):
        number = uuid.UUID(RandomIdentifiers().new()).int
        ones |= number
        zeros |= ~number & (1 << 128) - 1
    fixed = 0xF << 76 | 0b11 << 62  # version and variant

    assert ones & zeros == (1 << 128) - 1 & ~fixed


def test_a_forked_process_does_not_repeat_identifiers() -> None:
    identifiers = RandomIdentifiers()
    identifiers.new()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, identifiers.new().encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reader, 36).decode()
    os.close(reader)
    os.close(writer)

    assert told not in {identifiers.new() for _ in range(10)}


def test_sequential_identifiers_count_from_the_given_number() -> None:
    identifiers = SequentialIdentifiers(first=7)

    assert [identifiers.new() for _ in range(3)] == ["7", "8", "9"]
