"""KMIP in HTTP/1.1 (KMIP Profiles 2.1 §5.2, HTTPS): POST of one request message, the answer in the response's body.

h11 reads and writes HTTP; TLS, identity, deadlines, turns and budgets are those of every connection. The content type
decides the encoding of the request and of its answer. What is not a KMIP request is refused by HTTP's own status, and
the connection goes on if nothing of the request is left to be read.
"""

import base64
import binascii
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

import h11

from kmip_core.classes import frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import UsernameAndPassword
from kmip_core.ports.steps import Pace
from kmip_core.ports.transport import Answer, Job, Service, Unprocessed
from kmip_core.principal import Principal

PATHS: Final = frozenset({"/kmip", "/kmip/2_1"})  # the second is where Cosmian's clients post operations
BINARY: Final = "application/octet-stream"
TEXT: Final = "text/plain; charset=utf-8"
ALIASES: Final = {"application/xml": "text/xml"}
HEAD_BYTES: Final = 16_384  # of request line and headers
FREE_CHUNKS: Final = 64  # of a body, however small;
CHUNK_BYTES: Final = 64  # more chunks than these must have so many bytes on average, or reading them takes too long
CREDENTIAL_BYTES: Final = 4_096  # of an Authorization header

STATUS_FOR: Final[Mapping[ResultReason, int]] = {
    ResultReason.AUTHENTICATION_NOT_SUCCESSFUL: 403,
    ResultReason.SERVER_LIMIT_EXCEEDED: 503,
}
"""Reason of a connection that is refused -> status."""

Headers = list[tuple[str, str]]


@frozen
class Refusal:
    """What HTTP says instead of a KMIP answer."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class _RefusalJob:
    """A `Job` that answers with a refusal's text."""

    text: bytes
    pace: Pace = Pace.QUICK
    title: str = "a refused HTTP request"

    def run(self) -> Answer:
        return self.text

    def curtail(self, error: KmipError) -> None:
        raise NotImplementedError("it has no items")

    def decline(self, error: KmipError) -> bytes:
        return self.text


class HttpCarriage:
    """A `Carriage` of HTTP/1.1 with keep-alive and pipelining.

    services: by content type.  maximum_body: bytes of one request message in any encoding.
    """

    __slots__ = (
        "_body",
        "_chunks",
        "_content_type",
        "_credentials",
        "_error_status",
        "_h11",
        "_is_head",
        "_maximum_body",
        "_refusal",
        "_services",
        "held",
    )

    def __init__(self, services: Mapping[str, Service], maximum_body: int) -> None:
        self._services = services
        self._maximum_body = maximum_body
        self._h11 = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._error_status = 0  # for `refuse`, once the stream cannot be read
        self.held = 0
        self._forget_request()

    @property
    def is_over(self) -> bool:
        """Whether the connection ends after the answer that was wrapped last."""
        return self._h11.our_state in {h11.MUST_CLOSE, h11.CLOSED, h11.ERROR}

    @property
    def refused(self) -> str:
        """What HTTP answers to the request in place of KMIP; "" if it is a KMIP request."""
        return "" if self._refusal is None else f"{self._refusal.status}: {self._refusal.text.rstrip()}"

    def receive_data(self, data: bytes) -> None:
        """Take what arrived."""
        self.held += len(data)
        self._h11.receive_data(data)

    def next_frame(self) -> bytes | None:
        """Return the body of the next whole request, or of one that is refused; None if more bytes are needed."""
        try:
            return self._next_frame()
        except h11.RemoteProtocolError as error:
            self._error_status = error.error_status_hint
            raise KmipError(ResultReason.INVALID_MESSAGE, "what arrived is not HTTP as it should be") from None

    def interim(self) -> bytes:
        """Return the consent to a body that the client waits for."""
        if not self._h11.they_are_waiting_for_100_continue:
            return b""
        return self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b""

    def open(self, frame: bytes, principal: Principal) -> Job:
        """Decode the request."""
        if self._refusal is not None:
            return _RefusalJob(self._refusal.text.encode())
        return self._services[self._content_type].open(frame, principal, self._credentials)

    def wrap(self, answer: bytes) -> bytes:
        """Return the response with `answer` as its body."""
        refusal = self._refusal
        if refusal is not None:
            wrapped = self._respond(refusal.status, TEXT, answer, refusal.headers)
        elif isinstance(answer, Unprocessed):
            wrapped = self._respond(422, TEXT, answer)
        else:
            wrapped = self._respond(200, self._content_type, answer)
        self._forget_request()
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        return wrapped

    def refuse(self, error: KmipError) -> bytes:
        """Return a last response: to what is not HTTP, or to a client that may not speak at all."""
        if self._h11.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return b""
        if self._error_status:
            return self._respond(self._error_status, TEXT, error.message.encode(), CLOSE)
        service = self._services[self._content_type]
        status = STATUS_FOR.get(error.reason, 400)
        return self._respond(status, self._content_type, service.refuse(error), CLOSE)

    def _forget_request(self) -> None:
        self._body = bytearray()
        self._chunks = 0
        self._content_type = BINARY
        self._credentials: tuple[UsernameAndPassword, ...] = ()
        self._refusal: Refusal | None = None
        self._is_head = False  # its answer has no body

    def _next_frame(self) -> bytes | None:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                self._refusal = self._judge(event)
                if self._refusal is not None and not _is_without_body(event):
                    return self._complete(b"")  # the connection ends after the refusal: the body is not read
            elif isinstance(event, h11.Data):
                self._take(event)
                if self._refusal is not None:
                    return self._complete(b"")
            elif isinstance(event, h11.EndOfMessage):
                return self._complete(bytes(self._body))
            else:  # more is needed, or an answer comes first, or the client has ended
                return None

    def _complete(self, frame: bytes) -> bytes:
        self._body = bytearray()
        self.held = len(self._h11.trailing_data[0])
        return frame

    def _take(self, event: h11.Data) -> None:
        self._body += event.data
        self._chunks += event.chunk_start
        if len(self._body) > self._maximum_body:
            self._refusal = self._too_large()
        elif self._chunks > FREE_CHUNKS + len(self._body) // CHUNK_BYTES:
            self._refusal = Refusal(400, "the chunks of the body are too small; send larger ones\n", CLOSE)

    def _judge(self, request: h11.Request) -> Refusal | None:
        """Note what the headers say; return why a request is refused before its body is read."""
        self._is_head = request.method == b"HEAD"
        if request.http_version not in {b"1.0", b"1.1"}:
            return Refusal(505, "use HTTP 1.1\n", CLOSE)
        path = _path_of(request.target)
        if path not in PATHS:
            return Refusal(404, "KMIP is at /kmip\n")
        if request.method != b"POST":
            return Refusal(405, "a KMIP request is a POST\n", (("Allow", "POST"),))
        headers = dict(request.headers)  # of a name that comes twice, the last counts; h11 has judged the lengths
        content_type = _content_type_of(headers.get(b"content-type", b""))
        if content_type not in self._services:
            accepted = ", ".join(self._services)
            return Refusal(415, f"the content type must be one of {accepted}\n", (("Accept-Post", accepted),))
        if b"content-encoding" in headers and headers[b"content-encoding"].strip().lower() != b"identity":
            return Refusal(415, "the body must not be compressed\n", (("Accept-Encoding", "identity"),))
        if int(headers.get(b"content-length", b"0")) > self._maximum_body:
            return self._too_large()
        if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
            return Refusal(417, "only 100-continue can be expected\n")
        self._content_type = content_type
        return self._note_credentials(headers.get(b"authorization"))

    def _note_credentials(self, header: bytes | None) -> Refusal | None:
        if header is None:
            return None
        found = _basic_credentials(header)
        if found is None:
            challenge = (("WWW-Authenticate", 'Basic realm="KMIP", charset="UTF-8"'),)
            return Refusal(401, "credentials must be Basic ones, in UTF-8\n", challenge)
        self._credentials = (found,)
        return None

    def _too_large(self) -> Refusal:
        return Refusal(413, f"a request must not exceed {self._maximum_body} bytes\n", CLOSE)

    def _respond(self, status: int, content_type: str, body: bytes, more: tuple[tuple[str, str], ...] = ()) -> bytes:
        headers: Headers = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Date", formatdate(usegmt=True)),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *more,
        ]
        if self._h11.their_state is not h11.DONE and CLOSE[0] not in more:
            headers.append(CLOSE[0])  # the rest of the request is not read
        parts = (
            self._h11.send(
                h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase.encode())
            ),
            b"" if self._is_head else self._h11.send(h11.Data(data=body)),
            self._h11.send(h11.EndOfMessage()),
        )
        return b"".join(part for part in parts if part)


CLOSE: Final = (("Connection", "close"),)


def _is_without_body(request: h11.Request) -> bool:
    headers = dict(request.headers)
    return b"transfer-encoding" not in headers and int(headers.get(b"content-length", b"0")) == 0


def _path_of(target: bytes) -> str:
    """Return the path of a request target, which may be in absolute form. RFC 9112 §3.2."""
    text = target.decode("ascii")  # h11 lets nothing else through
    if "://" in text:
        text = "/" + text.partition("://")[2].partition("/")[2]
    return text.partition("?")[0]


def _content_type_of(header: bytes) -> str:
    """Return the media type without parameters; empty for a charset other than UTF-8."""
    media_type, *parameters = header.decode("latin-1").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            return ""
    media_type = media_type.strip()
    return ALIASES.get(media_type, media_type)


def _basic_credentials(header: bytes) -> UsernameAndPassword | None:
    """Return what a header of Basic authentication says, None if it is another or broken one. RFC 7617."""
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic" or len(encoded) > CREDENTIAL_BYTES:
        return None
    try:
        username, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return UsernameAndPassword(username=username, password=password) if colon else None
