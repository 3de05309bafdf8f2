"""Certificates: the server's own, those that vouch for clients, and the TLS contexts over both."""

import ssl
from collections.abc import Callable
from typing import Final

from kmip_adapters.transport.tls.context import build_ssl_context
from kmip_adapters.transport.tls.suites import choose_offer
from kmip_app.configuration.config import Configuration
from kmip_app.pki.authority import BITS_OF_CA, Bundle, Pki, ensure_pki
from kmip_app.pki.certificate_watch import RevokedCertificates
from kmip_app.pki.own_names import certificate_names
from kmip_app.pki.provisioning import RegistryProvisioning
from kmip_app.pki.registry import Registry
from kmip_app.pki.tls_files import TlsFiles

BITS_OF_THROW_AWAY_CA: Final = 2_048
"""As the keys that it certifies: it ends with the server, whose start is as long as it takes to find the primes."""


def make_pki(configuration: Configuration) -> Pki:
    """Return the built-in PKI, or one made of the operator's own files."""
    folder = configuration.pki_path or configuration.data_directory / "pki"
    names = certificate_names(configuration.hostname, configuration.certificate_names)
    is_thrown_away = configuration.ephemeral and configuration.pki_path is None
    bits = BITS_OF_THROW_AWAY_CA if is_thrown_away else BITS_OF_CA
    return ensure_pki(folder, hostnames=names, ca_key_bits=bits, is_early=True)


def find_tls_files(configuration: Configuration, pki: Callable[[], Pki]) -> TlsFiles:
    """Return the files of a server: the operator's own where they are named, else the built-in PKI's.

    pki: makes the built-in PKI, which is asked for only where one of its files is needed.
    """
    if configuration.certificate_path is None:
        servers: tuple[Bundle, ...] = pki().servers
    else:
        key = configuration.key_path or configuration.certificate_path  # one PEM may hold both
        servers = (Bundle(certificate=configuration.certificate_path, key=key),)
    if configuration.ca_path is not None:
        return TlsFiles(servers=servers, ca=configuration.ca_path, crl=configuration.crl_path)
    return TlsFiles(servers=servers, ca=pki().ca.certificate, crl=configuration.crl_path or Registry(pki()).crl)


def make_ssl_context(configuration: Configuration, files: TlsFiles) -> ssl.SSLContext:
    """Return the context of the server side.  Raises OSError and ssl.SSLError for files that cannot be used."""
    offer = choose_offer(configuration.auth_suite, configuration.tls_cipher_suites)
    return build_ssl_context(
        server_certificates=[(s.certificate, s.key) for s in files.servers],
        key_passphrase=read_key_passphrase(configuration),
        client_ca=files.ca,
        client_crl=files.crl if files.crl is not None and files.crl.exists() else None,
        ciphers=offer.ciphers,
        minimum_version=offer.minimum_version,
        maximum_version=offer.maximum_version,
    )


def read_key_passphrase(configuration: Configuration) -> bytes:
    """Return the passphrase of the server's own key; empty where it is not encrypted."""
    return b"" if configuration.key_passphrase is None else configuration.key_passphrase.read()


def make_revoked(files: Callable[[], TlsFiles]) -> RevokedCertificates:
    """Return the revoked certificates, read from the list that is in force."""
    return RevokedCertificates(lambda: files().crl)


def make_provisioning(configuration: Configuration, pki: Callable[[], Pki]) -> RegistryProvisioning | None:
    """Return what gives out certificates; None where clients get none by themselves."""
    return RegistryProvisioning(pki) if configuration.gives_out_certificates else None
