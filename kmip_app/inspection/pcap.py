"""Packet captures: the bytes that each side of each TCP connection has sent, in their order.

pcap and pcapng, over Ethernet, loopback, raw IP and Linux's cooked captures, IPv4 and IPv6 without fragments. What is
encrypted by TLS stays so; `kmipd serve --tap` records what is inside.
"""

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from attrs import field

from kmip_core.classes import define

MAGICS: Final = {b"\xa1\xb2\xc3\xd4": ">", b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">", b"\x4d\x3c\xb2\xa1": "<"}
NEXT_GENERATION: Final = b"\x0a\x0d\x0d\x0a"

ETHERNET, RAW, LOOPBACK, COOKED, COOKED_2, RAW_IP4, RAW_IP6 = 1, 101, 0, 113, 276, 228, 229
_IP_AT: Final = {
    ETHERNET: 14,
    RAW: 0,
    12: 0,
    14: 0,
    LOOPBACK: 4,
    108: 4,
    COOKED: 16,
    COOKED_2: 20,
    RAW_IP4: 0,
    RAW_IP6: 0,
}
"""Link type -> where the IP header begins."""

_VLAN: Final = (b"\x81\x00", b"\x88\xa8")
_TCP: Final = 6
_SYN: Final = 0x02


class PcapError(ValueError):
    """A capture that cannot be read."""


def is_pcap(data: bytes) -> bool:
    """Return whether these bytes begin like a capture."""
    return data[:4] in MAGICS or data[:4] == NEXT_GENERATION


@define
class _Stream:
    """One direction of a connection.  parts: sequence number -> bytes."""

    first: int | None = None
    parts: dict[int, bytes] = field(factory=dict)

    def octets(self) -> bytes:
        if not self.parts:
            return b""
        begin = self.first if self.first is not None else next(iter(self.parts))
        ordered = sorted(((sequence - begin) & 0xFFFFFFFF, part) for sequence, part in self.parts.items())
        out = bytearray()
        for offset, part in ordered:
            if offset > len(out):
                break  # a packet was not captured
            out += part[len(out) - offset :]
        return bytes(out)


def streams(data: bytes) -> list[tuple[str, bytes]]:
    """Return the bytes of each direction of each connection, `from -> to` before them.  Raises PcapError."""
    found: dict[tuple[bytes, int, bytes, int], _Stream] = {}
    for link_type, packet in _packets(data):
        parsed = _tcp(link_type, packet)
        if parsed is None:
            continue
        key, sequence, flags, content = parsed
        stream = found.setdefault(key, _Stream())
        if flags & _SYN:
            stream.first = (sequence + 1) & 0xFFFFFFFF
        elif content and len(stream.parts.get(sequence, b"")) < len(content):
            stream.parts[sequence] = content
    return [
        (f"{_host(source)}:{source_port} -> {_host(target)}:{target_port}", octets)
        for (source, source_port, target, target_port), stream in found.items()
        if (octets := stream.octets())
    ]


def _host(address: bytes) -> str:
    text = str(ip_address(address))
    return f"[{text}]" if ":" in text else text


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    if data[:4] == NEXT_GENERATION:
        yield from _packets_of_pcapng(data)
        return
    order = MAGICS.get(data[:4])
    if order is None or len(data) < 24:
        raise PcapError("this is no packet capture")
    (link_type,) = struct.unpack_from(f"{order}I", data, 20)
    offset = 24
    while offset + 16 <= len(data):
        (length,) = struct.unpack_from(f"{order}I", data, offset + 8)
        yield link_type & 0xFFFF, data[offset + 16 : offset + 16 + length]
        offset += 16 + length


def _packets_of_pcapng(data: bytes) -> Iterator[tuple[int, bytes]]:
    order, offset = "<", 0
    links: list[int] = []
    while offset + 12 <= len(data):
        if data[offset : offset + 4] == NEXT_GENERATION:
            order = "<" if data[offset + 8 : offset + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, length = struct.unpack_from(f"{order}II", data, offset)
        if length < 12 or length % 4:
            raise PcapError(f"a block of the capture has the length {length}")
        body = data[offset + 8 : offset + length - 4]
        if kind == 1 and len(body) >= 2:  # Interface Description
            links.append(struct.unpack_from(f"{order}H", body)[0])
        elif kind == 6 and len(body) >= 20:  # Enhanced Packet
            interface, captured = struct.unpack_from(f"{order}I8xI", body)
            yield links[interface] if interface < len(links) else ETHERNET, body[20 : 20 + captured]
        elif kind == 3 and len(body) >= 4:  # Simple Packet
            yield links[0] if links else ETHERNET, body[4:]
        offset += length


def _tcp(link_type: int, packet: bytes) -> tuple[tuple[bytes, int, bytes, int], int, int, bytes] | None:
    """Return connection, sequence number, flags and content of a TCP packet; None for any other."""
    start = _IP_AT.get(link_type)
    if start is None:
        raise PcapError(f"the capture has link type {link_type}, which is not known here")
    if link_type == ETHERNET:
        while packet[start - 2 : start] in _VLAN:
            start += 4
    ip = packet[start:]
    if len(ip) < 20:
        return None
    version = ip[0] >> 4
    if version == 4:
        header, protocol, total = (ip[0] & 15) * 4, ip[9], int.from_bytes(ip[2:4])
        source, target = ip[12:16], ip[16:20]
        is_part = int.from_bytes(ip[6:8]) & 0x3FFF
    elif version == 6 and len(ip) >= 40:
        header, protocol, total = 40, ip[6], 40 + int.from_bytes(ip[4:6])
        source, target, is_part = ip[8:24], ip[24:40], 0
    else:
        return None
    segment = ip[header:total] if total else ip[header:]
    if protocol != _TCP or is_part or len(segment) < 20:
        return None
    source_port, target_port, sequence = struct.unpack_from(">HHI", segment)
    content = segment[(segment[12] >> 4) * 4 :]
    return (source, source_port, target, target_port), sequence, segment[13], content
