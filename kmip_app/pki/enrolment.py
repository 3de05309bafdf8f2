"""The listener where a client that has a token gets its certificate: HTTPS with the server's certificate alone.

    POST /enrol            Authorization: Bearer TOKEN, a signing request in PEM
        200  the certificate and the CA's in PEM
        202  {"request_id": "..."}: it waits for kmipd client sign-csr --pending
    GET /enrol?request=ID  200 the certificate, 202 while it waits, 404 for others
    GET /ca.crt            the CA's certificate

A token is 192 bits that cannot be guessed, is looked at before anything else, and a request for a name that has a
certificate is refused: no client takes over another one's keys by enrolling under its name.

Whatever is refused leaves a record, failed handshakes and guessed identifiers too: the first of a cause and network at
once, the rest as one record a minute.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import parse_qs

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kmip_adapters.transport.refusals import Refusal
from kmip_app.configuration.addresses import Address
from kmip_app.monitoring.admin import QUERY, AdminListener, Answer, json_answer
from kmip_app.pki.authority import PkiError
from kmip_app.pki.registry import PendingRequest, Registry

LOG: Final = logging.getLogger("kmip_app")

REFUSED: Final = "Enrolment refused"
PEM: Final = "application/x-pem-file"


class Record(Protocol):
    """Leaves evidence of an event."""

    def __call__(self, event: str, message: str = "", address: str = "") -> None:
        """Append a record."""
        ...


class Enrolment:
    """The listener of one server.

    make_context: gives a TLS context of the certificates as they are now.  record: leaves evidence of an event.
    record_refusal: the same of a refusal.
    """

    def __init__(
        self,
        address: Address,
        registry: Registry,
        make_context: Callable[[], ssl.SSLContext],
        record: Record,
        record_refusal: Callable[[Refusal], None],
        sockets: list[socket.socket],
    ) -> None:
        self._registry = registry
        self._make_context = make_context
        self._record = record
        self._current = make_context()
        entrance = make_context()
        entrance.sni_callback = self._choose  # so that renewed certificates are used without listening anew
        self._listener = AdminListener(
            address.host,
            address.port,
            {"/enrol": self._look_up, "/ca.crt": self._authority},
            sockets,
            posts={"/enrol": self._enrol},
            tls=entrance,
            setting="enrol_address",
            record=lambda refusal: record_refusal(evolve(refusal, event=REFUSED)),
        )

    @property
    def port(self) -> int:
        """The port that is bound, once started."""
        return self._listener.port

    def start(self) -> None:
        """Listen.  Raises OSError."""
        self._listener.start()
        LOG.info("clients enrol at port %d", self.port)

    def renew(self) -> None:
        """Use the certificates as they are now, for connections to come."""
        self._current = self._make_context()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _choose(self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        tls.context = self._current

    def _enrol(self, headers: Mapping[str, str], body: bytes, address: str) -> Answer:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer" or not token.strip():
                raise PkiError("send the token as Authorization: Bearer TOKEN")
            outcome = self._registry.redeem(token.strip(), body, address)
        except PkiError as error:
            return evolve(json_answer({"error": str(error)}, HTTPStatus.FORBIDDEN), why=str(error))
        if isinstance(outcome, PendingRequest):
            self._record("Enrolment waits", f"{outcome.name} asks for a certificate", address)
            remedy = f"kmipd client sign-csr --pending {outcome.request_id[:8]}"
            LOG.info("%s at %s asks for a certificate; %s", outcome.name, address, remedy)
            return json_answer({"request_id": outcome.request_id}, HTTPStatus.ACCEPTED)
        names = outcome.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        self._record("Enrolled", f"{names[0].value!s} has certificate {outcome.serial_number:x}", address)
        LOG.info("%s at %s has a certificate now", names[0].value, address)
        return self._given(outcome.public_bytes(Encoding.PEM))

    def _look_up(self, headers: Mapping[str, str]) -> Answer:
        request_id = parse_qs(headers[QUERY]).get("request", [""])[0]
        try:
            pem = self._registry.answer_to(request_id)
        except PkiError as error:
            return Answer(status=HTTPStatus.NOT_FOUND, why=str(error))
        if pem is None:
            return json_answer({"request_id": request_id}, HTTPStatus.ACCEPTED)
        return self._given(pem.encode("ascii"))

    def _authority(self, headers: Mapping[str, str]) -> Answer:
        return Answer(content_type=PEM, body=self._registry.authority())

    def _given(self, pem: bytes) -> Answer:
        return Answer(content_type=PEM, body=pem + self._registry.authority())
