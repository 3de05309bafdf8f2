"""What is wired from a configuration, and what Query may say of it."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from kmip_adapters.crypto.restricted import RestrictedCrypto
from kmip_adapters.crypto.self_test import SelfTestFailed, self_test
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_adapters.storage.sql.allowances import StoredAllowances
from kmip_adapters.storage.sql.attribute_index import HidingIndexKey
from kmip_adapters.system.clock import MovableClock, SystemClock
from kmip_adapters.ttlv.failure_injection import FailingService
from kmip_adapters.ttlv.service import TtlvService
from kmip_app.capabilities import capabilities_of
from kmip_app.configuration.config import CRYPTO, Configuration, StartError
from kmip_app.configuration.settings import SETTINGS
from kmip_app.container import Container, build, empty
from kmip_app.server import Server
from kmip_app.testing.contracts.crypto.keys import a_symmetric_key
from kmip_app.testing.contracts.crypto.uses import decrypt, encrypt, hash_of
from kmip_core.enums import (
    AttestationType,
    BlockCipherMode,
    ClientRegistrationMethod,
    CredentialType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    Operation,
    QueryFunction,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.messages import Attestation, Credential, Nonce
from kmip_core.operations import CATALOGUE, query
from kmip_core.ports.crypto import IN_SOFTWARE, Crypto, CryptoCapabilities, DigestStream
from kmip_core.settings import Profile, Settings, TicketUse
from kmip_core.structures import CryptographicParameters as Parameters
from tests.builders import ask, the_only
from tests.contract.crypto_adapters import ADAPTERS

NEEDS_AN_ADAPTER = {
    Operation.CREATE_KEY_PAIR,
    Operation.RE_KEY_KEY_PAIR,
    Operation.DERIVE_KEY,
    Operation.ENCRYPT,
    Operation.DECRYPT,
    Operation.SIGN,
    Operation.SIGNATURE_VERIFY,
    Operation.MAC,
    Operation.MAC_VERIFY,
    Operation.HASH,
}


@pytest.mark.parametrize(
    ("choices", "bits"),
    [({}, 3_072), ({"ephemeral": True}, 2_048), ({"ephemeral": True, "pki_path": "pki"}, 3_072)],
    ids=["of a store", "thrown away", "kept beside a server that keeps nothing"],
)
def test_a_ca_that_ends_with_its_server_has_a_key_that_is_found_soon(
    tmp_path: Path, choices: dict[str, Any], bits: int
) -> None:
    if "pki_path" in choices:
        choices = choices | {"pki_path": tmp_path / "pki"}
    ca = x509.load_pem_x509_certificate(wired(tmp_path, **choices).pki().ca.certificate.read_bytes())
    key = ca.public_key()

    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == bits


def wired(folder: Path, **choices: Any) -> Any:
    return build(Configuration(data_directory=folder, **choices))


def test_wrong_passwords_are_counted_where_all_workers_see_them(tmp_path: Path) -> None:
    for name in ("one", "several"):
        (tmp_path / name).mkdir()
    one = wired(tmp_path / "one", workers=1)
    several = wired(tmp_path / "several", workers=2)

    assert isinstance(one.authentication().throttle.allowances, RememberedAllowances)
    assert isinstance(several.authentication().throttle.allowances, StoredAllowances)

    for container in (one, several):
        container.storage().close()


WITHOUT_TOKEN = ("software", "hsm_stub")
"""Adapters that need nothing outside; tests/e2e/test_token.py starts servers with a token."""


def test_every_crypto_adapter_can_be_chosen_and_is_tested() -> None:
    assert set(Container.token.providers) == set(CRYPTO)
    assert set(CRYPTO) <= set(ADAPTERS)


@pytest.mark.parametrize("profile", list(Profile), ids=lambda profile: profile.value)
@pytest.mark.parametrize("crypto", WITHOUT_TOKEN)
def test_query_names_every_operation_that_can_be_done(tmp_path: Path, crypto: str, profile: Profile) -> None:
    container = wired(tmp_path, ephemeral=True, crypto=crypto, core=Settings(profile=profile))

    told = container.engine().services.capabilities

    assert set(told.operations) == set(container.catalogue()) | {Operation.NOTIFY, Operation.PUT}
    assert told.capability.streaming_capability is True
    assert told.capability.quantum_safe_capability is True  # software keys have it, beside a token as well


def test_query_names_no_requests_that_the_server_does_not_send(tmp_path: Path) -> None:
    told = wired(tmp_path, ephemeral=True, core=Settings(server_to_client=False)).engine().services.capabilities

    assert not {Operation.NOTIFY, Operation.PUT} & set(told.operations)


OF_CERTIFICATES = (ClientRegistrationMethod.SERVER_ON_DEMAND, ClientRegistrationMethod.CLIENT_GENERATED)


@pytest.mark.parametrize(
    ("is_on", "ca_path", "methods"),
    [
        pytest.param(True, None, OF_CERTIFICATES, id="own CA, Re-Provision on"),
        pytest.param(False, None, (), id="own CA, Re-Provision off"),
        pytest.param(True, Path("ca.pem"), (), id="another CA"),
    ],
)
def test_query_names_ways_to_register_a_client_only_where_certificates_are_given_out(
    tmp_path: Path, is_on: bool, ca_path: Path | None, methods: tuple[ClientRegistrationMethod, ...]
) -> None:
    container = wired(tmp_path, ephemeral=True, core=Settings(re_provision=is_on), ca_path=ca_path)

    told = container.engine().services.capabilities

    assert told.client_registration_methods == methods
    assert (Operation.RE_PROVISION in told.operations) is bool(methods)


@pytest.mark.parametrize("crypto", WITHOUT_TOKEN)
def test_query_asserts_no_validation_and_no_attestation(tmp_path: Path, crypto: str) -> None:
    told = wired(tmp_path, ephemeral=True, crypto=crypto).engine().services.capabilities

    assert (told.validations, told.attestation_types, told.application_namespaces) == ((), (), ())
    assert told.capability.attestation_capability is False


def test_attestations_are_judged_by_the_program_and_nonces_outlive_a_start(tmp_path: Path) -> None:
    program = tmp_path / "verifier"
    program.write_text("#!/bin/sh\ngrep -q cXVvdGU=\n")  # "quote"
    program.chmod(0o700)
    types = (AttestationType.TPM_QUOTE,)
    core = Settings(attested_operations=frozenset({Operation.QUERY}))

    def start() -> Any:
        return wired(
            tmp_path, attestation_verifier=program, attestation_types=types, attestation_timeout=HANG, core=core
        )

    def asked(container: Any, **header: Any) -> tuple[ResultReason | None, Nonce | None]:
        answer = ask(container.engine(), QUERY, attestation_capable_indicator=True, **header)
        return the_only(answer).result_reason, answer.header.nonce

    def shown(nonce: Nonce | None, measurement: bytes = b"quote") -> dict[str, tuple[Credential, ...]]:
        assert nonce is not None
        value = Attestation(nonce=nonce, attestation_type=types[0], attestation_measurement=measurement)
        return {"credentials": (Credential(credential_type=CredentialType.ATTESTATION, credential_value=value),)}

    def close(container: Any) -> None:
        container.storage().close()
        container.audit().close()

    container = start()
    told = container.engine().services.capabilities
    reason, nonce = asked(container)
    first, second = shown(nonce), shown(asked(container)[1])
    accepted = asked(container, **first)[0]
    refused, following = asked(container, **shown(asked(container)[1], b"something else"))
    close(container)
    container = start()
    again = [asked(container, **credentials)[0] for credentials in (first, second, second, shown(following))]
    close(container)

    assert (told.attestation_types, told.capability.attestation_capability) == (types, True)
    assert (reason, accepted, refused) == (
        ResultReason.ATTESTATION_REQUIRED,
        None,
        ResultReason.ATTESTATION_FAILED,
    )
    assert again == [ResultReason.ATTESTATION_FAILED, None, ResultReason.ATTESTATION_FAILED, None]


HANG = 120.0  # seconds; a hang limit
QUERY = (Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_ATTESTATION_TYPES,)))
ALL_ON = Settings(interop=True, tickets=TicketUse.BOUND, re_provision=True)


@pytest.mark.parametrize(
    ("settings", "absent"),
    [
        (evolve(ALL_ON, interop=False), {Operation.INTEROP}),
        (evolve(ALL_ON, tickets=TicketUse.OFF), {Operation.LOGIN, Operation.LOGOUT, Operation.DELEGATED_LOGIN}),
        (
            evolve(ALL_ON, asynchronous_requests=0),
            {Operation.POLL, Operation.CANCEL, Operation.PROCESS, Operation.QUERY_ASYNCHRONOUS_REQUESTS},
        ),
        (evolve(ALL_ON, server_to_client=False), {Operation.NOTIFY, Operation.PUT}),
        (evolve(ALL_ON, re_provision=False), {Operation.RE_PROVISION}),
    ],
    ids=["interop", "tickets", "asynchronous requests", "server to client", "re-provision"],
)
def test_query_leaves_out_exactly_what_a_setting_turns_off(
    tmp_path: Path, settings: Settings, absent: set[Operation]
) -> None:
    whole, less = (
        wired(tmp_path, ephemeral=True, core=core).engine().services.capabilities for core in (ALL_ON, settings)
    )

    assert set(whole.operations) == set(CATALOGUE) | {Operation.NOTIFY, Operation.PUT}
    assert set(whole.operations) - set(less.operations) == absent
    assert whole.capability.asynchronous_capability is True
    assert less.capability.asynchronous_capability is (Operation.POLL not in absent)


def test_query_names_nothing_that_the_adapter_cannot_do() -> None:
    told = capabilities_of(CATALOGUE, RestrictedCrypto(SoftwareCrypto(), CryptoCapabilities()))

    assert set(CATALOGUE) - set(told.operations) >= NEEDS_AN_ADAPTER
    assert told.capability.streaming_capability is False
    assert told.capability.quantum_safe_capability is False


@pytest.mark.parametrize(
    ("profile", "allowed"), [(Profile.COMPATIBLE, True), (Profile.MODERN, False)], ids=["compatible", "modern"]
)
def test_the_profile_says_whether_legacy_cryptography_protects(tmp_path: Path, profile: Profile, allowed: bool) -> None:
    crypto: Crypto = wired(tmp_path, ephemeral=True, core=Settings(profile=profile)).crypto()
    key = a_symmetric_key(CryptographicAlgorithm.TRIPLE_DES, bytes(range(24)))
    how = Parameters(block_cipher_mode=BlockCipherMode.CBC)

    def works(call: Any) -> bool:
        try:
            call()
        except KmipError as error:
            return error.reason is not ResultReason.FEATURE_NOT_SUPPORTED
        return True

    assert works(lambda: crypto.make_symmetric_key(CryptographicAlgorithm.TRIPLE_DES, 192)) is allowed
    assert works(lambda: crypto.make_key_pair(CryptographicAlgorithm.RSA, 1024)) is allowed
    assert works(lambda: encrypt(crypto, key, how, bytes(8), iv_counter_nonce=bytes(8))) is allowed
    assert works(lambda: decrypt(crypto, key, how, bytes(8), iv_counter_nonce=bytes(8)))  # old data is not lost
    assert works(lambda: hash_of(crypto, HashingAlgorithm.SHA_1, b""))


def test_a_token_s_keys_outlive_the_server(tmp_path: Path) -> None:
    before: Crypto = wired(tmp_path, crypto="hsm_stub").crypto()
    handle = before.make_symmetric_key(CryptographicAlgorithm.AES, 128)
    key = a_symmetric_key(CryptographicAlgorithm.AES, handle, 128)
    how = Parameters(block_cipher_mode=BlockCipherMode.CTR)
    sealed = encrypt(before, key, how, b"text")

    after: Crypto = wired(tmp_path, crypto="hsm_stub").crypto()

    assert decrypt(after, key, how, sealed.data, iv_counter_nonce=sealed.iv_counter_nonce) == b"text"


class WrongCrypto(SoftwareCrypto):
    """Computes wrongly."""

    def begin_hash(self, algorithm: HashingAlgorithm) -> DigestStream:
        """Begin a digest of something else."""
        stream = super().begin_hash(algorithm)
        stream.update(b"?")
        return stream


def test_a_server_with_wrong_cryptography_does_not_start(tmp_path: Path) -> None:
    server = Server(Configuration(data_directory=tmp_path, ephemeral=True, port=0))

    with Container.crypto.override(WrongCrypto()), pytest.raises(StartError, match="self-test failed: SHA-256") as told:
        server.start()

    assert "\n" not in str(told.value)


@pytest.mark.parametrize("crypto", WITHOUT_TOKEN)
def test_the_self_test_passes_and_leaves_nothing_behind(tmp_path: Path, crypto: str) -> None:
    container = wired(tmp_path, crypto=crypto)
    token = container.token()

    self_test(container.crypto(), custody=IN_SOFTWARE)
    if token is not None:
        self_test(token)

    assert getattr(token, "_material", {}) == {}


def test_a_failed_self_test_is_no_fault_of_a_client() -> None:
    with pytest.raises(SelfTestFailed, match="SHA-256"):
        self_test(WrongCrypto())


def test_only_a_rehearsing_server_can_fail_on_request_or_has_another_time(tmp_path: Path) -> None:
    usual, rehearsing = wired(tmp_path, ephemeral=True), wired(tmp_path, ephemeral=True, rehearses=True)

    assert (type(usual.clock()), type(usual.service())) == (SystemClock, TtlvService)
    assert (type(rehearsing.clock()), type(rehearsing.service())) == (MovableClock, FailingService)
    assert rehearsing.engine().services.clock is rehearsing.clock()


def test_no_setting_makes_a_server_rehearse() -> None:
    assert not {"rehearses", "clock", "service"} & {setting.leads_to for setting in SETTINGS.values()}


def test_servers_of_a_process_share_what_has_no_state(tmp_path: Path) -> None:
    one, other = wired(tmp_path, ephemeral=True), wired(tmp_path, ephemeral=True)

    assert one.codec() is other.codec()
    assert one.engine().services.key_values is other.engine().services.key_values
    assert one.engine() is not other.engine()


def test_an_emptied_server_has_another_store_behind_the_same_service(tmp_path: Path) -> None:
    container = wired(tmp_path, ephemeral=True, rehearses=True)
    service, before, clock = container.service(), container.service().service, container.clock()

    empty(container)

    assert container.service() is service
    assert service.service is not before
    engine, engine_before = service.service.engine.engine, before.engine.engine  # behind what observes them
    assert engine is container.engine()
    assert engine.services.storage is container.storage() is not engine_before.services.storage
    assert engine.services.audit is container.evidence() is not engine_before.services.audit
    assert engine.services.clock is clock


def test_tickets_are_judged_by_the_revocation_lists_of_the_server(tmp_path: Path) -> None:
    container = wired(tmp_path)

    assert container.authentication().is_revoked == container.revoked().has

    container.storage().close()


def test_settings_of_identities_and_of_attributes_reach_their_adapters(tmp_path: Path) -> None:
    container = wired(tmp_path, identity_source=("uri", "cn"), enable_tls_client_auth=False, seal_attributes=True)

    assert container.by_certificate().source == ("uri", "cn")
    assert not container.by_certificate().require_client_auth_eku
    assert isinstance(container.storage().open_index_key(), HidingIndexKey)

    container.storage().close()
