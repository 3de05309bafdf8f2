"""A server from start to stop: data directory, evidence, wiring, transport, ready file."""

import json
import logging
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import evolve

from kmip_adapters.asynchronous.runner import ThreadedRunner
from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.crypto.self_test import self_test
from kmip_adapters.identity.table import IdentityTable
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_adapters.transport.tls.suites import choose_offer
from kmip_app import logs
from kmip_app.audit import HEAD_EVERY, START, STOP, AuditCare
from kmip_app.client_realm import ClientRealm, UnusableRealm
from kmip_app.configuration.addresses import REACHED_AT, Address, listens_at
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.configuration.settings import changed_settings
from kmip_app.container import build, run_submissions
from kmip_app.daily import Routine
from kmip_app.files import owned, private_files, write_atomically
from kmip_app.maintenance.opening import refuse_pykmips, reported_to_operators
from kmip_app.maintenance.token_keys import settle_token_keys
from kmip_app.monitoring.service import Monitoring
from kmip_app.parts import Parts
from kmip_app.pki.authority import Pki, write_pem
from kmip_app.pki.care import CertificateCare
from kmip_app.pki.certificate_watch import CertificateWatch, revoked_by
from kmip_app.pki.enrolment import Enrolment
from kmip_app.pki.registry import Registry
from kmip_app.process import DRAIN_SECONDS
from kmip_app.pushing.dispatcher import Dispatcher
from kmip_app.root_keys import close_root_key
from kmip_app.service_manager import ServiceManager
from kmip_app.version import VERSION
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord, AuditTrail
from kmip_core.ports.crypto import IN_SOFTWARE
from kmip_core.ports.transport import Listener

LOG: Final = logging.getLogger("kmip.server")  # harnesses wait for lines of PyKMIP's logger

SEEN_EVERY: Final = 10.0  # seconds
IDENTITIES_EVERY: Final = 2.0  # seconds
TAKEN_OVER: Final = "Records taken over"
REALM_EVERY: Final = 1.0  # seconds, while the store waits for its root key


class Server:
    """One server, which runs once.

    `start` binds it, `serve_forever` runs it in this thread until `request_stop`, a signal or, from another thread,
    `stop`. As a context manager it serves in a thread of its own.
    """

    def __init__(
        self,
        configuration: Configuration,
        read: Callable[[], Configuration] | None = None,
        sockets: Mapping[str, list[socket.socket]] | None = None,
        manager: ServiceManager | None = None,
    ) -> None:
        """Note the choices; nothing is begun.

        read: gives the configuration as it is now, for a reload, or raises StartError; None: it does not change.
        sockets: that listen already, by what they are for (`kmip_app.service_manager`).
        manager: is notified of readiness, reloads and the end; None for a server inside another program.
        """
        self._inherited = sockets or {}
        self._manager = manager or ServiceManager({})
        self._resources = ExitStack()
        self._closing = threading.Lock()
        self.configuration = configuration
        self._given = configuration  # without what the start adds to it
        self._read = read
        self._watch: CertificateWatch | None = None
        self._monitoring: Monitoring | None = None
        self._enrolment: Enrolment | None = None
        self._realm_is_proven = False
        self._routine = Routine()
        self._rotation = Routine(name="kmip-rotation")
        self._wired: Parts | None = None
        self._transport: Listener | None = None
        self._stop_is_asked = False  # by a signal

    @property
    def port(self) -> int:
        """The port that is bound, once started."""
        return self.configuration.port if self._transport is None else self._transport.port

    @property
    def https_port(self) -> int | None:
        """The port of HTTPS that is bound, once started; None if HTTPS is not served."""
        if self._transport is None:
            return self.configuration.https_port
        return self._container.transport().https_port

    @property
    def address(self) -> str:
        """Host and port as one word; an IPv6 address stands in brackets."""
        return listens_at(self.configuration.hostname, self.port)

    @property
    def reached_at(self) -> str:
        """The host that a client on this machine names; the server's certificate is good for it."""
        return REACHED_AT.get(self.configuration.hostname, self.configuration.hostname)

    @property
    def container(self) -> Parts:
        """What it is wired from, once started."""
        return self._container

    @property
    def _container(self) -> Parts:
        if self._wired is None:
            raise RuntimeError("start the server first")
        return self._wired

    @property
    def pki(self) -> Pki:
        """The built-in PKI, made when it is first asked for."""
        return self._container.pki()

    def start(self) -> None:
        """Build everything, bind, and write the ready file.  Raises StartError; nothing is left half open."""
        try:
            with private_files(), reported_to_operators():
                self._open()
            if self._stop_is_asked:  # the interrupt was lost: a finalizer cannot raise
                raise KeyboardInterrupt
        except BaseException:
            self._close()
            raise

    def serve_forever(self) -> None:
        """Serve until asked to stop; then drain and release everything."""
        LOG.info("Starting connection service...")
        self._manager.ready(self._serves)
        if self._monitoring is not None:
            self._manager.watch(self._monitoring.is_alive)
        try:
            self._need_transport().serve()
        finally:
            self._manager.close()
            self._close()

    @property
    def monitoring(self) -> Monitoring:
        """What can be seen of it, once started."""
        if self._monitoring is None:
            raise RuntimeError("start the server first")
        return self._monitoring

    @property
    def _serves(self) -> str:
        return f"serves KMIP on {self.address}"

    def request_stop(self, seconds: float = DRAIN_SECONDS) -> None:
        """Ask a serving thread to drain for so long and return; again with less to hurry; from anywhere."""
        self._stop_is_asked = True
        self._need_transport().drain(seconds)

    def stop(self) -> None:
        """Stop and return when everything is released; not from the thread that serves."""
        if self._transport is not None:
            self._transport.stop(DRAIN_SECONDS)
        self._close()

    def stop_at_signal(self) -> None:
        """Ask the serving thread to drain and end; the second time, not to wait for requests in progress.

        Raises KeyboardInterrupt while the server is still starting: `start` then releases what it has taken.
        """
        is_repeated, self._stop_is_asked = self._stop_is_asked, True
        if self._transport is None:
            raise KeyboardInterrupt
        self._manager.stopping()
        self._transport.drain(0.0 if is_repeated else DRAIN_SECONDS)

    def reload(self) -> None:
        """Read again, while sessions go on: certificates, CAs, CRL, policies, groups, log level; reopen log files.

        Users and groups in files are looked at before each request anyway. A file that cannot be used leaves in force
        what was there before, and the log says why.
        """
        if self._transport is None:  # still starting: everything is being read at this moment
            return
        self._manager.reloading()
        self.reopen_logs()
        self._reload_configuration()
        if self._watch is not None:
            self._watch.look(is_asked=True)
        refresh = getattr(self._container.policy(), "refresh", None)
        if refresh is not None:
            refresh()
        self._record("Reload")
        LOG.info("reloaded")
        self._manager.ready(self._serves)

    def reopen_logs(self) -> None:
        """Open the log files by their names again."""
        logs.reopen()

    def log_summary(self) -> None:
        """Write the server's state to the log, as one line."""
        LOG.info("state: %s", json.dumps(self.summary()))

    def summary(self) -> dict[str, object]:
        """Return the server's state, as `kmipd status` tells it."""
        state: dict[str, object] = {"pid": os.getpid(), "address": self.address}
        return state if self._monitoring is None else state | self._monitoring.status()

    def _reload_configuration(self) -> None:
        """Take the log level from the configuration as it is now; log which other changes need a start."""
        if self._read is None:
            return
        try:
            new = self._read()
        except StartError as error:
            LOG.error("the configuration is not used, what was there before stays in force: %s", error)
            return
        logs.set_level(new.logging_level)
        changed = changed_settings(self._given, new) - {"logging_level"}
        if changed:
            LOG.warning("changed, but used from the next start on: %s", ", ".join(sorted(changed)))

    def __enter__(self) -> Self:
        """Start and serve in a thread of its own."""
        self.start()
        LOG.info("Starting connection service...")
        self._need_transport().serve_in_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open(self) -> None:
        configuration = self.configuration
        if configuration.ephemeral:
            folder = self._resources.enter_context(tempfile.TemporaryDirectory(prefix="kmipd-"))
            configuration = evolve(configuration, data_directory=Path(folder))
        elif configuration.worker is None:  # else it is the supervisor's, who has it for all
            self._resources.enter_context(owned(configuration.data_directory))
        refuse_pykmips(configuration)
        self.configuration = configuration
        self._wired = build(evolve(configuration, may_start_sealed=True))
        self._resources.callback(self._container.processes().close)
        self_test(self._container.crypto(), custody=IN_SOFTWARE)
        keys = self._container.token()
        if keys is not None:
            if hasattr(keys, "close"):
                self._resources.callback(keys.close)
            self_test(keys)
        if not configuration.ephemeral:
            self._resources.callback(close_root_key, self._container.root_key())
        storage = self._container.storage()
        self._resources.callback(storage.close)
        settle_token_keys(keys, storage)
        audit: AuditTrail = self._container.audit()
        self._resources.callback(audit.close)
        care = AuditCare(configuration, storage, audit, self._record) if isinstance(audit, FileTrail) else None
        if isinstance(audit, FileTrail):
            if care is not None:
                care.check_end()
            taken = audit.replay(storage)
            if taken:
                self._record(TAKEN_OVER, f"an earlier run has left the {taken} records before this one in the database")
        for sink in self._container.audit_sinks():
            self._resources.callback(sink.close)
        for watcher in (self._container.policy(), self._container.groups()):
            if watcher is not None and hasattr(watcher, "close"):
                self._resources.callback(watcher.close)
        self._container.revoked().read()
        self._container.client_realm().settle()
        self._watch = watch = CertificateWatch(
            self._container.tls_files().paths,
            build=self._container.ssl_context,
            use=self._use_certificates,
        )
        transport: Listener = self._container.transport(
            sockets=self._inherited.get("kmip", []),
            https_sockets=self._inherited.get("https", []),
            shares_sockets=configuration.worker is not None,
        )
        self._tell_tls()
        LOG.info("Starting server socket handler.")
        self._resources.callback(transport.stop, 0.0)  # a start that fails further on leaves no port bound
        transport.bind()
        self._transport = transport
        watch.start()
        self._resources.callback(watch.close)
        monitoring = Monitoring(
            configuration,
            self._container,
            lambda: self._stop_is_asked,
            sockets=self._inherited.get("admin", []),
        )
        self._resources.callback(monitoring.close)
        monitoring.start()
        self._monitoring = monitoring
        if (telemetry := self._container.telemetry()) is not None:
            self._resources.callback(telemetry.close)
            telemetry.start(monitoring.families)
        if configuration.enrol_address is not None and configuration.ca_path is None:
            self._enrolment = Enrolment(
                configuration.enrol_address,
                Registry(self.pki),
                self._enrolment_context,
                self._record,
                self._container.refusal_evidence(),
                self._inherited.get("enrol", []),
            )
            self._resources.callback(self._enrolment.close)
            self._enrolment.start()
        if care is not None:
            care.check_store()
        self._record(START, "" if care is None else care.generation())
        if care is not None:
            self._take_care(care)
        policies = self._container.policy()
        if hasattr(policies, "on_reload"):
            policies.on_reload = self._note_policies
        self._resources.callback(self._record_stop, care)
        if self._enrolment is not None:
            self._resources.callback(self._enrolment.close)  # so that its last record comes before that of the stop
        if configuration.leads:
            look = CertificateCare(configuration, self._container, monitoring).look
            self._routine.add("the look at certificates", look)
        if configuration.ca_path is None:
            self._routine.add("noting clients", self._note_clients, SEEN_EVERY, first=SEEN_EVERY)
        if configuration.token_sweep is not None:
            every = configuration.token_sweep
            self._routine.add("the sweep of the token", partial(settle_token_keys, keys, storage), every, first=every)
        self._realm_is_proven = self._container.client_realm().is_proven
        if not self._realm_is_proven:
            self._routine.add("proving the CAs of clients", self._prove_realm, REALM_EVERY, first=REALM_EVERY)
        if configuration.identities_path is not None:
            self._routine.add("judging sessions", self._judge_sessions, IDENTITIES_EVERY, first=IDENTITIES_EVERY)
        self._resources.callback(self._routine.close)
        self._routine.start()
        if configuration.core.server_to_client:
            dispatcher: Dispatcher = self._container.dispatcher()
            self._resources.callback(dispatcher.close)
            dispatcher.start()
        self._run_submissions()
        if configuration.rotation:
            self._rotation.add("rotation", self._rotate, configuration.rotation_every)
            self._resources.callback(self._container.rotation().close)
            self._resources.callback(self._rotation.close)
            self._rotation.start()
        LOG.info("Server successfully bound socket handler to %s", self.address)
        if self.https_port is not None:
            LOG.info("serving KMIP over HTTPS on port %d: POST to /kmip", self.https_port)
        if configuration.ca_path is None and configuration.leads:
            write_pem(self.pki.client)
        if configuration.ready_file is not None:
            write_atomically(configuration.ready_file, json.dumps(self.ready()) + "\n")
            self._resources.callback(configuration.ready_file.unlink, missing_ok=True)

    def _run_submissions(self) -> None:
        """Run operations that are answered later, until the end."""
        run_submissions(self._container)
        self._resources.callback(self._end_submissions)

    def _end_submissions(self) -> None:
        runner: ThreadedRunner | None = self._container.runner()
        if runner is not None:
            runner.close()

    def _rotate(self) -> None:
        """Rotate what is due; while the store is sealed, or another node does it, nothing."""
        sealer = getattr(self._container.storage(), "sealer", None)
        if sealer is not None and not sealer.is_open:
            return
        rotated = self._container.rotation().look()
        if rotated:
            LOG.info("rotated by their dates: %d", rotated)

    def _note_clients(self) -> None:
        """Keep for `kmipd client list` when each certificate was last used."""
        seen = {one.serial: int(one.last_seen) for one in self._container.clients().all()}
        if seen:
            Registry(self.pki).note_seen(seen)

    def _note_policies(self) -> None:
        """Leave evidence that policies have changed; a trail that cannot be written refuses requests by itself."""
        try:
            self._record("Policies changed", str(self.configuration.policy_path or ""))
        except KmipError as error:
            LOG.error("the change of policies leaves no evidence: %s", error.message)

    def _take_care(self, care: AuditCare) -> None:
        """Keep and verify the evidence, from now on and at the end."""
        care.keep_head()
        self._resources.callback(care.keep_head)
        self._routine.add("keeping the head of the audit trail", care.keep, HEAD_EVERY, first=HEAD_EVERY)
        if not self.configuration.leads:
            return
        self._routine.add("the verification of the audit trail", care.verify)
        self._routine.add("the anchor of the audit trail", care.anchor)

    def _use_certificates(self, context: ssl.SSLContext) -> None:
        """Take other certificates for connections to come, and end the sessions of those that are revoked now."""
        transport: TlsTtlvServer = self._container.transport()
        transport.replace_ssl_context(context)
        self._settle_realm()
        if self._enrolment is not None:
            self._enrolment.renew()
        self._container.revoked().read()
        crl = self._container.tls_files().crl
        transport.end_sessions(revoked_by(crl if crl is not None and crl.exists() else None))

    def _settle_realm(self) -> None:
        """Call clients as it fits the CAs by now, and end the sessions of those that are other identities then."""
        realm: ClientRealm = self._container.client_realm()
        try:
            has_changed = realm.settle()
        except UnusableRealm as error:
            LOG.error("%s; until then every client is called by name, kind of name and CA", error)
            realm.separate()
            has_changed = True
        except KmipError as error:  # CAs that are new are in no realm
            LOG.error("the CAs of clients cannot be recorded: %s", error.message)
            has_changed = False
        if has_changed:
            self._container.transport().end_sessions_of_others(self._container.identity())

    def _prove_realm(self) -> None:
        """Once the root key is there, look whether the store's record of CAs is as it was written."""
        if not self._realm_is_proven and self._container.client_realm().is_proven:
            self._settle_realm()
            self._realm_is_proven = True

    def _judge_sessions(self) -> None:
        """End the sessions of clients that the table of identities now has otherwise."""
        identity = self._container.identity()
        if isinstance(identity, IdentityTable) and identity.refresh():
            LOG.info("identities_path has changed: sessions of clients that are other identities now end")
            self._container.transport().end_sessions_of_others(identity)

    def _tell_tls(self) -> None:
        """Say once what the two settings of TLS come to, since PyKMIP meant something else by them."""
        configuration = self.configuration
        offer = choose_offer(configuration.auth_suite, configuration.tls_cipher_suites)
        chosen_by = "tls_cipher_suites" if configuration.tls_cipher_suites else f"auth_suite {configuration.auth_suite}"
        LOG.info("%s: %s", chosen_by, offer.meaning)
        if offer.unavailable:
            LOG.warning("tls_cipher_suites: cannot be done here and not offered: %s", " ".join(offer.unavailable))

    def ready(self) -> dict[str, object]:
        """Return what a client needs to know, as the ready file tells it."""
        configuration = self.configuration
        ready: dict[str, object] = {"host": self.reached_at, "port": self.port}
        if self.https_port is not None:
            ready["https_port"] = self.https_port
        if configuration.certificate_path is None:
            ready["ca"] = str(self.pki.ca.certificate)
        else:  # what clients are to trust: the usual CA for both sides, else the certificate itself
            ready["ca"] = str(configuration.ca_path or configuration.certificate_path)
        if configuration.ca_path is None:
            ready["cert"] = str(self.pki.client.certificate)
            ready["key"] = str(self.pki.client.key)
            ready["pem"] = str(self.pki.client.pem)
        admin = None if self._monitoring is None else self._monitoring.address
        if admin is not None:
            ready["admin"] = str(Address(REACHED_AT.get(admin.host, admin.host), admin.port))
        if self._enrolment is not None:
            ready["enrol"] = str(Address(self.reached_at, self._enrolment.port))
        return ready | {"pid": os.getpid(), "version": VERSION}

    def _enrolment_context(self) -> ssl.SSLContext:
        """Return a context with the server's certificates that asks for none of the client."""
        context: ssl.SSLContext = self._container.ssl_context()
        context.verify_mode = ssl.CERT_NONE
        return context

    def _record(self, event: str, message: str = "", address: str = "") -> None:
        """Leave evidence of a server event (R-AUD-1)."""
        container = self._container
        container.evidence().append(
            AuditRecord(
                record_id=container.identifiers().new(),
                time=container.clock().now(),
                principal="",
                event=event,
                message=message,
                address=address,
            )
        )

    def _record_stop(self, care: AuditCare | None) -> None:
        """Leave evidence of the stop; a trail that cannot be written any more does not keep the server from it."""
        try:
            self._record(STOP, "" if care is None else care.generation())
        except KmipError as error:
            LOG.error("the stop leaves no evidence: %s", error.message)

    def _close(self) -> None:
        with self._closing:  # a second caller waits until all is released
            self._resources.close()

    def _need_transport(self) -> Listener:
        if self._transport is None:
            raise RuntimeError("start the server first")
        return self._transport
