"""`kmipd inspect`: messages of every kind are found, hidden, shown, and judged; `--tap` writes what it reads."""

import base64
import io
import json
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.encodings import binary, xml
from kmip_adapters.ttlv.encodings import json as kmip_json
from kmip_adapters.ttlv.encodings.items import Item
from kmip_app import cli
from kmip_app.client import KmipClient, requests
from kmip_app.client.conversation import _encode, codec_of
from kmip_app.inspection import lenient
from kmip_app.inspection.redaction import redacted
from kmip_app.inspection.sources import NoMessage, messages
from kmip_app.inspection.violations import of_message, section_of
from kmip_app.testing import KmipTestServer
from kmip_core.enums import ItemType, Operation
from kmip_core.objects import SecretData
from kmip_core.operations import CATALOGUE, get
from kmip_core.structures import ProtocolVersion
from tests.rounds import rounds

V14 = ProtocolVersion(1, 4)
SECRET = b"correct horse battery"
FRAME = _encode(codec_of(V14), V14, [requests.register(SecretData(SECRET), name="x"), get.Request()], ())
ITEM = binary.decode(FRAME)
HEX = FRAME.hex()


def dump(frame: bytes, line: Callable[[int, bytes], str]) -> str:
    return "\n".join(line(at, frame[at : at + 16]) for at in range(0, len(frame), 16))


def characters(part: bytes) -> str:
    return "".join(chr(b) if 0x20 < b < 0x7F else "." for b in part)


def xxd(at: int, part: bytes) -> str:
    words = " ".join(part[i : i + 2].hex() for i in range(0, len(part), 2))
    return f"{at:08x}: {words:<39}  {characters(part)}"


def hexdump(at: int, part: bytes) -> str:
    halves = "  ".join(part[i : i + 8].hex(" ") for i in range(0, len(part), 8))
    return f"{at:08x}  {halves:<48}  |{characters(part)}|"


def ethernet(frame: bytes, sequence: int, flags: int = 0x18) -> bytes:
    tcp = struct.pack(">HHIIBBHHH", 40_000, 5696, sequence, 0, 5 << 4, flags, 1024, 0, 0) + frame
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, 2])
    )
    return bytes(12) + b"\x08\x00" + ip + tcp


def capture(*packets: bytes) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
    return head + b"".join(struct.pack("<IIII", 0, 0, len(p), len(p)) + p for p in packets)


def capture_ng(*packets: bytes) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack("<I", 12 + len(body))
        return struct.pack("<I", kind) + length + body + length

    head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    return head + b"".join(block(6, struct.pack("<IIIII", 0, 0, 0, len(p), len(p)) + p) for p in packets)


SPLIT = (ethernet(b"", 99, 0x02), ethernet(FRAME[100:], 200), ethernet(FRAME[:100], 100), ethernet(FRAME[:100], 100))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(FRAME, id="TTLV"),
        pytest.param(HEX.encode(), id="hexadecimal"),
        pytest.param(FRAME.hex(" ").upper().encode(), id="hexadecimal with spaces"),
        pytest.param(FRAME.hex(":").encode(), id="hexadecimal with colons"),
        pytest.param("\n".join(HEX[i : i + 64] for i in range(0, len(HEX), 64)).encode(), id="hexadecimal in lines"),
        pytest.param(", ".join(f"0x{b:02x}" for b in FRAME).encode(), id="an array of C"),
        pytest.param(dump(FRAME, xxd).encode(), id="xxd"),
        pytest.param(dump(FRAME, hexdump).encode(), id="hexdump -C"),
        pytest.param(base64.b64encode(FRAME), id="base64"),
        pytest.param(base64.encodebytes(FRAME), id="base64 in lines"),
        pytest.param(xml.encode(ITEM), id="XML"),
        pytest.param(kmip_json.encode(ITEM), id="JSON"),
        pytest.param(capture(*SPLIT), id="pcap, out of order and sent twice"),
        pytest.param(capture_ng(*SPLIT), id="pcapng"),
        pytest.param(json.dumps({"time": "now", "client": "me", "request": HEX}).encode(), id="a tap"),
    ],
)
def test_a_message_is_found_in_any_form(data: bytes) -> None:
    (found,) = messages(data)

    assert found.item == ITEM
    assert found.violations == ()


def test_several_messages_are_found() -> None:
    assert [one.item for one in messages(FRAME + FRAME)] == [ITEM, ITEM]
    assert [one.item for one in messages(f"{HEX}\nnothing\n{HEX}\n".encode())] == [ITEM, ITEM]
    assert [one.item for one in messages(b"[%s,%s]" % (kmip_json.encode(ITEM), kmip_json.encode(ITEM)))] == [ITEM, ITEM]
    assert [one.item for one in messages(b"<KMIP>%s%s</KMIP>" % (xml.encode(ITEM), xml.encode(ITEM)))] == [ITEM, ITEM]


def test_a_capture_of_tls_says_that_it_hides_the_messages() -> None:
    (found,) = messages(capture(ethernet(b"\x16\x03\x01\x02\x00" + bytes(64), 100)))

    assert found.item is None
    assert "kmipd serve --tap" in found.violations[0].text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"", "no KMIP message", id="nothing"),
        pytest.param(b"hello", "no KMIP message", id="text"),
        pytest.param(b"\x00\x01\x02\xff", "neither text nor TTLV", id="bytes"),
        pytest.param(b"<a", "XML cannot be read", id="broken XML"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type", id="entities"),
        pytest.param(b"{", "neither JSON", id="broken JSON"),
    ],
)
def test_other_things_are_named(data: bytes, text: str) -> None:
    with pytest.raises(NoMessage, match=text):
        messages(data)


# What is wrong


def changed(find: str, put: str) -> bytes:
    assert HEX.count(find) >= 1
    return FRAME.replace(bytes.fromhex(find), bytes.fromhex(put), 1)


@pytest.mark.parametrize(
    ("frame", "text", "section"),
    [
        pytest.param(FRAME[:-20], "bytes are left", "10.1.3", id="cut off"),
        pytest.param(FRAME + b"\x00", "1 bytes follow the message", "10.1.3", id="too long"),
        pytest.param(changed("4200690100", "4100690100"), "begins with 42", "10.1.1", id="tag"),
        pytest.param(changed("42006a02", "42006a0f"), "no item type", "10.1.2", id="type"),
        pytest.param(
            changed("42006a0200000004", "42006a0200000003"),
            "its length is 4 for this type, not 3",
            "10.1.3",
            id="length",
        ),
        pytest.param(
            changed("0000000100000000", "0000000100000007"),
            "padding",
            "10.1.5",
            id="padding",
        ),
        pytest.param(
            changed("42001006000000080000000000000001", "42001006000000080000000000000002"),
            "a Boolean is 0 or 1",
            "10.1.4",
            id="Boolean",
        ),
        pytest.param(changed("0000000178", "00000001ff"), "text is UTF-8", "10.1.4", id="text"),
        pytest.param(
            changed("42000d02000000040000000200000000", "42000d02000000040000000300000000"),
            "is 3, and there are 2 items",
            "9.5",
            id="Batch Count",
        ),
        pytest.param(
            changed("42009308000000040000000200000000", "42009308000000040000000100000000"),
            "Unique Batch Item ID of its own",
            "9.21",
            id="identifiers of the batch",
        ),
        pytest.param(
            changed("42006b02000000040000000400000000", "42006b02000000040000000900000000"),
            "KMIP 1.9 is no version",
            "9.16",
            id="version",
        ),
        pytest.param(
            changed("42005705000000040000000700000000", "42005705000000040000007700000000"),
            "has no value 0x00000077",
            "11",
            id="enumeration",
        ),
        pytest.param(
            changed("42005705", "42005702"),
            "is Integer; it is Enumeration",
            "4",
            id="item type",
        ),
        pytest.param(
            changed("4200550700000001", "42ff550700000001"),
            "no such tag",
            "11.56",
            id="unknown",
        ),
        pytest.param(
            changed("4200550700000001", "4201250700000001"),
            "no such tag",
            "11.56",
            id="of 2.x",
        ),
    ],
)
def test_each_mistake_is_named_with_its_section(frame: bytes, text: str, section: str) -> None:
    (found,) = messages(frame)

    assert any(text in one.text and f"§{section}" in one.section for one in found.violations), found.violations


def test_a_payload_is_read_as_its_operation_has_it() -> None:
    payload = Item(0x420079, ItemType.STRUCTURE, (Item(0x420055, ItemType.TEXT_STRING, "x"),))
    frame = binary.encode(_request(Operation.GET, payload))
    (found,) = messages(frame)

    assert [(one.where, one.section) for one in found.violations] == [
        ("Request Message/Batch Item 1", section_of(Operation.GET))
    ]
    assert section_of(Operation.GET).startswith("KMIP 2.1 §6.1.19")


def _request(operation: Operation, payload: Item) -> Item:
    numbers = (Item(0x42006A, ItemType.INTEGER, 1), Item(0x42006B, ItemType.INTEGER, 4))
    version = Item(0x420069, ItemType.STRUCTURE, numbers)
    header = Item(0x420077, ItemType.STRUCTURE, (version, Item(0x42000D, ItemType.INTEGER, 1)))
    batch = Item(0x42000F, ItemType.STRUCTURE, (Item(0x42005C, ItemType.ENUMERATION, int(operation)), payload))
    return Item(0x420078, ItemType.STRUCTURE, (header, batch))


@pytest.mark.parametrize("operation", CATALOGUE)
def test_every_operation_has_a_section(operation: Operation) -> None:
    assert "§" in section_of(operation)


@given(st.binary(max_size=64), st.integers(0, len(FRAME) - 1))
@settings(max_examples=rounds(75, nightly=300), deadline=None)
def test_no_bytes_are_too_odd(noise: bytes, place: int) -> None:
    frame = FRAME[:place] + noise + FRAME[place + len(noise) :]
    item, _ = lenient.read(frame)
    if item is not None:
        of_message(item)


def test_a_good_message_is_read_as_the_server_reads_it() -> None:
    assert lenient.read(FRAME) == (ITEM, [])


# What is hidden


def run(capture: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = cli.run(["inspect", *map(str, words)])
    out, err = capture.readouterr()
    return code, out, err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "message"
    path.write_bytes(FRAME)
    return path


@pytest.mark.parametrize("form", ["text", "json", "xml"])
def test_secrets_are_shown_on_demand_only(file: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    code, hidden, _ = run(capsys, file, "--format", form)
    assert code == 0
    assert SECRET.hex() not in hidden.lower()
    assert "Name" in hidden

    code, shown, _ = run(capsys, file, "--format", form, "--show-secrets")
    assert code == 0
    assert SECRET.hex() in shown.lower()


@pytest.mark.parametrize("form", ["json", "xml"])
def test_inspect_reads_what_it_has_written(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    _, out, _ = run(capsys, file, "--format", form, "--show-secrets")
    again = json.dumps(json.loads(out)["messages"][0]["message"]) if form == "json" else out

    (found,) = messages(again.encode())
    assert found.item == ITEM


def test_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HEX.encode())))
    code, out, _ = run(capsys, "-", "--json")

    assert code == 0
    assert json.loads(out)["messages"][0]["violations"] == []


def test_mistakes_change_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut").write_bytes(FRAME[:-20])
    code, out, _ = run(capsys, tmp_path / "cut")
    assert (code, "wrong: Request Message" in out, "§10.1.3" in out) == (1, True, True)

    (tmp_path / "text").write_text("hello")
    code, _, err = run(capsys, tmp_path / "text")
    assert (code, err.count("\n")) == (2, 1)


def test_lengths_outlive_redaction() -> None:
    assert len(binary.encode(redacted(ITEM))) == len(FRAME)


# The tap


@pytest.fixture
def tapped(tmp_path: Path) -> Iterator[tuple[KmipTestServer, Path]]:
    tap = tmp_path / "tap.jsonl"
    with KmipTestServer(tap=str(tap)) as server:
        yield server, tap


def test_a_tap_holds_what_was_said_without_secrets(
    tapped: tuple[KmipTestServer, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    server, tap = tapped
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca, version="2.1") as client:
        key = client.register(SecretData(SECRET), name="x")
        assert client.get(key).managed_object.key_block.key_value.key_material == SECRET
    text = tap.read_text()
    records = [json.loads(line) for line in text.splitlines()]

    assert SECRET.hex() not in text
    assert tap.stat().st_mode & 0o777 == 0o600
    assert [record["client"] for record in records] == ["client", "client"]
    code, out, _ = run(capsys, tap)
    assert code == 0
    assert [out.count(f"Operation (Enumeration): {name} ") for name in ("Register", "Get")] == [2, 2]


def test_bytes_that_are_no_ttlv_are_not_written(tapped: tuple[KmipTestServer, Path]) -> None:
    server, tap = tapped
    frame = bytes.fromhex("42007801") + (16).to_bytes(4) + b"\xff" * 16
    server.exchange(frame)
    (record,) = [json.loads(line) for line in tap.read_text().splitlines()]

    assert record["request_bytes"] == len(frame)
    assert "request" not in record
