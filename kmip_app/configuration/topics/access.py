"""Where the server listens, by which certificates, and who its clients are."""

from collections.abc import Mapping
from typing import Final

from kmip_app.configuration import setting_types
from kmip_app.configuration.addresses import ADDRESS
from kmip_app.configuration.attestation import ATTESTATION_TYPES, OPERATIONS, PROGRAM
from kmip_app.configuration.config import AUTH_SUITES
from kmip_app.configuration.secret_places import SECRET
from kmip_app.configuration.setting import Setting, native, of_pykmip
from kmip_app.configuration.setting_kinds import (
    HOSTNAME,
    HOSTS,
    IDENTITY_REALM,
    IDENTITY_SOURCE,
    SUITE_NAMES,
)
from kmip_app.configuration.setting_types import (
    BOOLEAN,
    EXISTING_FILE,
    REPLACED_FILE,
)
from kmip_core.settings import TicketUse

BUILT_IN: Final = "the built-in one, made at the first start"

ACCESS: Final[Mapping[str, tuple[Setting, ...]]] = {
    "Where it listens": (
        of_pykmip(
            "hostname",
            HOSTNAME,
            "Name or address to listen on; empty or :: for every interface, 0.0.0.0 for those of IPv4.",
            "-n",
        ),
        of_pykmip("port", setting_types.whole(0, 65_535), "Port to listen on; 0 for any free one.", "-p"),
        native(
            "https_port",
            setting_types.port_or_none(),
            "Port for KMIP in HTTP over the same TLS: POST to /kmip, in TTLV, JSON or XML; 0 for any free one.",
            default="none: HTTPS is not served",
        ),
        native(
            "ready_file",
            REPLACED_FILE,
            "Written once connections are accepted: JSON with host, port, ca, cert, key, pid.",
        ),
    ),
    "Certificates and TLS": (
        of_pykmip("certificate_path", EXISTING_FILE, "The server's certificate chain in PEM.", "-c", default=BUILT_IN),
        of_pykmip("key_path", EXISTING_FILE, "Its private key in PEM.", "-k", default="the file of certificate_path"),
        native("key_passphrase", SECRET, "Where the passphrase of key_path is.", default="none"),
        native(
            "certificate_names",
            HOSTS,
            "DNS names and addresses for which the built-in server certificates are good as well; besides hostname, or,"
            " on every interface, the names and addresses of this machine.",
            default="none",
        ),
        of_pykmip("ca_path", EXISTING_FILE, "Certificates in PEM that vouch for clients.", "-a", default=BUILT_IN),
        native(
            "crl_path",
            EXISTING_FILE,
            "Revocation list of the clients' CA in PEM; with an expired one every client is refused.",
            default="none",
        ),
        of_pykmip(
            "auth_suite",
            setting_types.one_of(AUTH_SUITES),
            "Basic: TLS 1.2 and 1.3, forward secrecy; TLS1.2: also the CBC suites of old clients; TLS1.3: only that.",
            "-s",
        ),
        of_pykmip(
            "tls_cipher_suites",
            SUITE_NAMES,
            "Exactly these suites, whatever auth_suite says; TLS 1.3 only if one of its suites is named.",
            default="those of auth_suite",
        ),
        of_pykmip(
            "enable_tls_client_auth",
            BOOLEAN,
            "Whether client certificates must carry the extended key usage clientAuth.",
            "-i",
        ),
    ),
    "Who clients are": (
        native(
            "identity_source",
            IDENTITY_SOURCE,
            "What in a client's certificate names it: cn its common name, dns, uri or email its one alternative name of"
            " that kind, san of any, subject its whole subject. Of several the first counts that the certificate has.",
        ),
        native(
            "identity_realm",
            IDENTITY_REALM,
            "Of which CAs clients are called by the names in their certificates alone; clients of others are called by"
            " name, kind of name and CA, as alice <cn; CN=Partner CA>, and are other clients. recorded: of the CAs that"
            " the store has recorded: the one with which it began, or, in stores from before, all that were trusted;"
            " all: of all in ca_path, which name the same clients alike; none: of none; else of those with these"
            " subjects. all and subjects are recorded.",
        ),
        native(
            "enrol_address",
            ADDRESS,
            "Where clients redeem tokens of kmipd client token for certificates of the built-in CA; TLS, without a"
            " certificate of the client.",
            default="none",
        ),
        native(
            "identities_path",
            EXISTING_FILE,
            "JSON file that gives certificates, by name, fingerprint or issuing CA, an identity and groups; followed"
            " while the server runs: sessions of clients that are other identities then end within seconds.",
            default="none",
        ),
        native("groups_path", EXISTING_FILE, "JSON file of user names and their groups.", default="no groups"),
        native("groups_cache", setting_types.seconds(), "How long the answer of a SLUGS service is used."),
        native(
            "passwords_path",
            EXISTING_FILE,
            "File of NAME:ARGON2-HASH lines, for users and devices (serial number, else identifier); credentials in"
            " requests must then be right, and of a type that is checked. After ten wrong ones for a name from one"
            " certificate and address, or a hundred for all names, more are checked only one by one."
            " Workers share these numbers.",
            default="credentials are not looked at",
        ),
        native(
            "password_identity",
            BOOLEAN,
            "Whether a right user name and password, rather than the certificate, identify the client; a certificate"
            " alone then gives it no name that is in passwords_path.",
        ),
        native(
            "attestation_verifier",
            PROGRAM,
            "Program that judges attestations of clients' machines: it gets one as JSON on standard input, and accepts"
            " by exit code 0. Up to 16 run at once, four for one client.",
            default="none: a request with an attestation is refused",
        ),
        native("attestation_types", ATTESTATION_TYPES, "The types of attestations that it knows.", default="none"),
        native(
            "attestation_timeout", setting_types.seconds(), "How long it may take for an attestation; then it is ended."
        ),
        native(
            "attested_operations",
            OPERATIONS,
            "Operations that want an attestation in each request: Get, Export. With any of them also PKCS#11, by which"
            " others can be done.",
            "core.attested_operations",
            default="none",
        ),
        native(
            "tickets",
            setting_types.member_of(TicketUse),
            "Whether Login hands out tickets: off, bound to the certificate that logged in, or for any bearer.",
            "core.tickets",
        ),
        native(
            "ticket_lifetime",
            setting_types.whole(1, unit="seconds"),
            "How long a ticket is valid at most.",
            "core.ticket_lifetime",
        ),
    ),
}
"""Settings by their headings."""
