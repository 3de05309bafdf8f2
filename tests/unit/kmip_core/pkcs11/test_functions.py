"""PKCS#11 functions, called as an application does, over the engine and real cryptography."""

import datetime
import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from kmip_core.engine import Engine
from kmip_core.enums import CryptographicAlgorithm, ObjectType, Operation, ResultReason, State, WrappingMethod
from kmip_core.enums import PKCS11Function as F
from kmip_core.enums import PKCS11ReturnCode as R
from kmip_core.errors import KmipError
from kmip_core.objects import SymmetricKey
from kmip_core.operations import pkcs_11
from kmip_core.pkcs11.functions import FUNCTIONS
from kmip_core.pkcs11.mechanisms import MECHANISMS
from kmip_core.pkcs11_sessions import Use
from kmip_core.settings import Settings
from kmip_core.streams import Streams
from kmip_core.structures import KeyWrappingData
from tests.builders import BOB, a_custom, a_symmetric_key, an_engine, ask, attributes_of, records_of, stored
from tests.pkcs11_application import (
    AES,
    CERTIFICATE,
    CERTIFICATE_TYPE,
    CLASS,
    DATA,
    DECRYPT,
    DERIVE,
    DES3,
    EC,
    EC_PARAMS,
    EC_POINT,
    ENCRYPT,
    END_DATE,
    EXTRACTABLE,
    GENERIC,
    ID,
    KEY_TYPE,
    LABEL,
    MODULUS,
    MODULUS_BITS,
    P_256,
    PRIVATE_KEY,
    PUBLIC,
    PUBLIC_EXPONENT,
    RSA,
    SECRET,
    SENSITIVE,
    SIGN,
    START_DATE,
    TOKEN,
    UNIQUE_ID,
    UNWRAP,
    VALUE,
    VALUE_LEN,
    VERIFY,
    WRAP,
    Application,
    Refused,
    Value,
    an_application,
    array,
    attribute,
    buffer,
    mechanism,
    read_attributes,
    template,
    u4,
    u8,
)

KEY = bytes(range(32))
IV = bytes(range(16))


def code(call: Callable[[], object]) -> R:
    """Return the code with which a call is refused."""
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def imported(app: Application, value: bytes, *uses: int, key_type: int = AES, **more: Value) -> int:
    """Return the handle of a key that the client brings."""
    attributes: list[tuple[int, Value]] = [(CLASS, SECRET), (KEY_TYPE, key_type), (VALUE, value)]
    return app.handle(F.C_CREATEOBJECT, template(*attributes, *[(use, True) for use in uses]))


def started(app: Application, function: F, key: int, number: int, parameter: bytes | None = None) -> None:
    app.in_session(function, mechanism(number, parameter) + u8(key))


# --- applications, slots and sessions -----------------------------------------------------------------------------


def test_an_application_is_found_by_its_correlation_value_and_its_principal() -> None:
    engine = an_engine()
    app = an_application(engine)
    stranger = Application(an_application(engine, BOB).send, value=app.value, session=app.session)

    assert len(app.call(F.C_GETINFO) or b"") == 76
    assert code(lambda: stranger.call(F.C_GETINFO)) is R.CRYPTOKI_NOT_INITIALIZED
    assert code(lambda: app.call(F.C_INITIALIZE, b"\1")) is R.CRYPTOKI_ALREADY_INITIALIZED

    app.call(F.C_FINALIZE)

    assert code(lambda: app.call(F.C_GETINFO)) is R.CRYPTOKI_NOT_INITIALIZED


@pytest.mark.parametrize("parameters", [b"", b"\2", b"\1\1"], ids=["nothing", "version 2", "more"])
def test_only_version_1_of_the_encoding_is_initialized(parameters: bytes) -> None:
    app = Application(an_application(an_engine()).send)

    with pytest.raises(KmipError) as caught:
        app.call(F.C_INITIALIZE, parameters)

    assert caught.value.reason is ResultReason.PKCS_11_CODEC_ERROR


def test_an_interface_that_does_not_exist() -> None:
    app = an_application(an_engine())

    with pytest.raises(KmipError) as caught:
        app.send(pkcs_11.Request(pkcs_11_function=F.C_GETINFO, pkcs_11_interface="Vendor X"))

    assert caught.value.reason is ResultReason.PKCS_11_INVALID_INTERFACE


def test_every_other_function_is_not_supported() -> None:
    app = an_application(an_engine())
    others = set(F) - set(FUNCTIONS) - {F.C_INITIALIZE, F.C_FINALIZE}

    assert F.C_COPYOBJECT in others
    assert {code(partial(app.call, function)) for function in others} == {R.FUNCTION_NOT_SUPPORTED}


@pytest.mark.parametrize("function", sorted(FUNCTIONS), ids=lambda function: function.name)
def test_parameters_that_end_early_or_late_are_codec_errors(function: F) -> None:
    app = an_application(an_engine())
    reasons = set()
    for parameters in (b"\0\0\0", u8(1) + b"\2" * 40, u8(app.session) + bytes(200)):
        try:
            app.call(function, parameters)
        except KmipError as refusal:
            reasons.add(refusal.reason)
        except Refused:
            pass

    assert reasons == (set() if function is F.C_GETINFO else {ResultReason.PKCS_11_CODEC_ERROR})


def test_slots_token_and_mechanisms() -> None:
    app = an_application(an_engine())

    assert app.call(F.C_GETSLOTLIST, b"\1" + buffer(None)) == b"\0" + u4(1)
    assert app.call(F.C_GETSLOTLIST, b"\1" + buffer(5)) == b"\1" + u4(1) + u8(1)
    assert code(lambda: app.call(F.C_GETSLOTLIST, b"\1" + buffer(0))) is R.BUFFER_TOO_SMALL
    assert len(app.call(F.C_GETSLOTINFO, u8(1)) or b"") == 64 + 32 + 8 + 4
    assert len(app.call(F.C_GETTOKENINFO, u8(1)) or b"") == 32 + 32 + 16 + 16 + 11 * 8 + 4 + 16
    assert code(lambda: app.call(F.C_GETTOKENINFO, u8(2))) is R.SLOT_ID_INVALID
    number = int.from_bytes((app.call(F.C_GETMECHANISMLIST, u8(1) + buffer(None)) or b"")[1:])
    listed = app.call(F.C_GETMECHANISMLIST, u8(1) + buffer(number)) or b""
    assert u8(0x1087) in [listed[i : i + 8] for i in range(5, len(listed), 8)]
    assert len(listed) == 5 + 8 * number
    assert code(lambda: app.call(F.C_GETMECHANISMLIST, u8(1) + buffer(1))) is R.BUFFER_TOO_SMALL
    assert app.call(F.C_GETMECHANISMINFO, u8(1) + u8(0x1080)) == u8(16) + u8(32) + u8(0x8000)
    assert code(lambda: app.call(F.C_GETMECHANISMINFO, u8(1) + u8(0x99999))) is R.MECHANISM_INVALID


def test_sessions() -> None:
    app = an_application(an_engine())
    first = app.session

    assert app.in_session(F.C_GETSESSIONINFO) == u8(1) + u8(2) + u8(6) + u8(0)
    assert code(lambda: app.in_session(F.C_LOGOUT)) is R.USER_NOT_LOGGED_IN
    app.in_session(F.C_LOGIN, u8(1) + array(b"any PIN"))
    assert app.in_session(F.C_GETSESSIONINFO) == u8(1) + u8(3) + u8(6) + u8(0)
    assert code(lambda: app.in_session(F.C_LOGIN, u8(0) + array(b"any PIN"))) is R.FUNCTION_NOT_SUPPORTED
    app.session = int.from_bytes(app.call(F.C_OPENSESSION, u8(1) + u8(4)) or b"")
    assert app.in_session(F.C_GETSESSIONINFO) == u8(1) + u8(1) + u8(4) + u8(0)
    app.in_session(F.C_LOGOUT)
    app.in_session(F.C_CLOSESESSION)
    assert code(lambda: app.in_session(F.C_GETSESSIONINFO)) is R.SESSION_HANDLE_INVALID
    app.call(F.C_CLOSEALLSESSIONS, u8(1))
    app.session = first
    assert code(lambda: app.in_session(F.C_GETSESSIONINFO)) is R.SESSION_HANDLE_INVALID
    assert code(lambda: app.call(F.C_OPENSESSION, u8(1) + u8(2))) is R.ARGUMENTS_BAD


def test_sessions_are_bounded() -> None:
    app = an_application(an_engine())
    for _ in range(63):
        app.call(F.C_OPENSESSION, u8(1) + u8(4))

    assert code(lambda: app.call(F.C_OPENSESSION, u8(1) + u8(4))) is R.HOST_MEMORY


# --- encryption ---------------------------------------------------------------------------------------------------


def test_aes_cbc_at_once_is_what_others_compute() -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT, DECRYPT)
    data = b"0123456789abcdef" * 2
    started(app, F.C_ENCRYPTINIT, key, 0x1082, array(IV))

    assert app.length(F.C_ENCRYPT, array(data)) == 32
    sealed = app.filled(F.C_ENCRYPT, array(data))

    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(IV)).encryptor()
    assert sealed == encryptor.update(data) + encryptor.finalize()
    assert code(lambda: app.filled(F.C_ENCRYPT, array(data))) is R.OPERATION_NOT_INITIALIZED
    started(app, F.C_DECRYPTINIT, key, 0x1082, array(IV))
    assert app.filled(F.C_DECRYPT, array(sealed)) == data


CIPHERS = {
    "AES-ECB": (0x1081, None),
    "AES-CBC": (0x1082, array(IV)),
    "AES-CBC-PAD": (0x1085, array(IV)),
    "AES-CTR": (0x1086, u8(128) + IV),
    "AES-GCM": (0x1087, array(IV[:12]) + u8(96) + array(b"more") + u8(128)),
    "AES-GCM, a tag of 12 bytes": (0x1087, array(IV[:12]) + u8(96) + array(b"") + u8(96)),
    "AES-OFB": (0x2104, array(IV)),
    "AES-CFB": (0x2107, array(IV)),
}


@pytest.mark.parametrize(("number", "parameter"), CIPHERS.values(), ids=CIPHERS)
def test_a_cipher_in_parts_gives_what_it_gives_at_once(number: int, parameter: bytes | None) -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT, DECRYPT)
    data = bytes(range(256)) * 2
    started(app, F.C_ENCRYPTINIT, key, number, parameter)
    whole = app.filled(F.C_ENCRYPT, array(data))

    started(app, F.C_ENCRYPTINIT, key, number, parameter)
    parts = [app.filled(F.C_ENCRYPTUPDATE, array(data[i : i + 96])) for i in range(0, 512, 96)]
    assert app.length(F.C_ENCRYPTFINAL) >= 16 * (number in (0x1085, 0x1087))
    assert b"".join((*parts, app.filled(F.C_ENCRYPTFINAL))) == whole

    started(app, F.C_DECRYPTINIT, key, number, parameter)
    parts = [app.filled(F.C_DECRYPTUPDATE, array(whole[i : i + 100])) for i in range(0, len(whole), 100)]
    assert b"".join((*parts, app.filled(F.C_DECRYPTFINAL))) == data
    started(app, F.C_DECRYPTINIT, key, number, parameter)
    assert app.filled(F.C_DECRYPT, array(whole)) == data


def test_a_buffer_that_is_too_small_keeps_the_result() -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT, DECRYPT)
    started(app, F.C_ENCRYPTINIT, key, 0x1085, array(IV))

    with pytest.raises(Refused) as caught:
        app.filled(F.C_ENCRYPT, array(b"data"), size=15)
    assert (caught.value.code, caught.value.output) == (R.BUFFER_TOO_SMALL, b"\0" + u4(16))
    assert app.length(F.C_ENCRYPT, array(b"data")) == 16
    assert code(lambda: app.filled(F.C_ENCRYPTUPDATE, array(b"other"))) is R.OPERATION_ACTIVE
    started(app, F.C_ENCRYPTINIT, key, 0x1085, array(IV))
    with pytest.raises(Refused):
        app.filled(F.C_ENCRYPT, array(b"data"), size=15)
    sealed = app.filled(F.C_ENCRYPT, array(b"data"), size=16)

    started(app, F.C_DECRYPTINIT, key, 0x1085, array(IV))
    assert app.filled(F.C_DECRYPT, array(sealed), size=4) == b"data"


def test_a_part_whose_result_did_not_fit_goes_on_after_it() -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT)
    started(app, F.C_ENCRYPTINIT, key, 0x1086, u8(128) + IV)
    with pytest.raises(Refused):
        app.filled(F.C_ENCRYPTUPDATE, array(b"first"), size=1)
    first = app.filled(F.C_ENCRYPTUPDATE, array(b"first"))
    rest = app.filled(F.C_ENCRYPTUPDATE, array(b"second")) + app.filled(F.C_ENCRYPTFINAL)

    encryptor = Cipher(algorithms.AES(KEY), modes.CTR(IV)).encryptor()
    assert first + rest == encryptor.update(b"firstsecond")


def test_a_whole_after_a_part_is_refused() -> None:
    app = an_application(an_engine())
    started(app, F.C_ENCRYPTINIT, imported(app, KEY, ENCRYPT), 0x1086, u8(128) + IV)
    app.filled(F.C_ENCRYPTUPDATE, array(b"first"))

    assert code(lambda: app.filled(F.C_ENCRYPT, array(b"data"))) is R.OPERATION_ACTIVE
    assert code(lambda: app.filled(F.C_ENCRYPTFINAL)) is R.OPERATION_NOT_INITIALIZED


def test_invalid_encrypted_data_is_refused() -> None:
    app = an_application(an_engine())
    started(app, F.C_DECRYPTINIT, imported(app, KEY, DECRYPT), 0x1085, array(IV))

    assert code(lambda: app.filled(F.C_DECRYPT, array(b"x" * 16))) is R.ENCRYPTED_DATA_INVALID


@pytest.mark.parametrize(
    ("number", "parameter"),
    [
        pytest.param(0x1082, None, id="no IV"),
        pytest.param(0x1082, array(IV[:8]), id="an IV of 8 bytes"),
        pytest.param(0x1081, array(IV), id="an IV for ECB"),
        pytest.param(0x1086, u8(0) + IV, id="a counter of 0 bits"),
        pytest.param(0x1087, array(IV) + u8(7) + array(b"") + u8(128), id="another length of the IV"),
        pytest.param(0x1087, array(IV) + u8(128) + array(b"") + u8(129), id="a tag of 129 bits"),
    ],
)
def test_parameters_of_a_mechanism_that_cannot_be(number: int, parameter: bytes | None) -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT)

    assert code(lambda: started(app, F.C_ENCRYPTINIT, key, number, parameter)) is R.MECHANISM_PARAM_INVALID


def test_a_key_is_used_as_its_mask_allows_and_by_whom_may() -> None:
    engine = an_engine()
    app = an_application(engine)
    key = imported(app, KEY, DECRYPT)
    started(app, F.C_ENCRYPTINIT, key, 0x1081)
    assert code(lambda: app.filled(F.C_ENCRYPT, array(IV))) is R.KEY_FUNCTION_NOT_PERMITTED
    assert code(lambda: started(app, F.C_ENCRYPTINIT, 999, 0x1081)) is R.KEY_HANDLE_INVALID
    assert code(lambda: started(app, F.C_ENCRYPTINIT, key, 0x40)) is R.MECHANISM_INVALID

    assert an_application(engine, BOB).find() == []


def test_each_call_leaves_a_record_and_a_refused_one_says_why() -> None:
    engine = an_engine()
    app = an_application(engine)
    key = imported(app, KEY, DECRYPT)
    started(app, F.C_ENCRYPTINIT, key, 0x1081)
    before = len(records_of(engine))

    assert code(lambda: app.filled(F.C_ENCRYPT, array(IV))) is R.KEY_FUNCTION_NOT_PERMITTED
    with pytest.raises(KmipError):
        app.call(F.C_ENCRYPT, b"\0")
    app.in_session(F.C_GETSESSIONINFO)

    refused, unreadable, answered = records_of(engine)[before:]
    assert {record.event for record in (refused, unreadable, answered)} == {"PKCS_11"}
    assert refused.result is ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK
    assert "KEY_FUNCTION_NOT_PERMITTED" in refused.message
    assert unreadable.result is ResultReason.PKCS_11_CODEC_ERROR
    assert answered.result is None
    assert KEY.hex() not in str(records_of(engine))


def test_one_operation_of_a_kind_is_under_way() -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT, DECRYPT)
    started(app, F.C_ENCRYPTINIT, key, 0x1081)
    started(app, F.C_DECRYPTINIT, key, 0x1081)

    assert code(lambda: started(app, F.C_ENCRYPTINIT, key, 0x1081)) is R.OPERATION_ACTIVE


# --- digests, codes and signatures --------------------------------------------------------------------------------


def test_a_digest_at_once_and_in_parts() -> None:
    app = an_application(an_engine())
    app.in_session(F.C_DIGESTINIT, mechanism(0x250))
    assert app.length(F.C_DIGEST, array(b"data")) == 32
    assert app.filled(F.C_DIGEST, array(b"data")) == hashlib.sha256(b"data").digest()

    app.in_session(F.C_DIGESTINIT, mechanism(0x2B0))
    app.in_session(F.C_DIGESTUPDATE, array(b"da"))
    app.in_session(F.C_DIGESTUPDATE, array(b"ta"))
    assert app.filled(F.C_DIGESTFINAL) == hashlib.sha3_256(b"data").digest()


def test_a_code_is_a_signature_of_a_secret_key() -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, SIGN, VERIFY, key_type=GENERIC)
    expected = hmac.digest(KEY, b"data", "sha256")
    started(app, F.C_SIGNINIT, key, 0x251)
    assert app.length(F.C_SIGN, array(b"data")) == 32
    assert app.filled(F.C_SIGN, array(b"data")) == expected
    started(app, F.C_SIGNINIT, key, 0x251)
    app.in_session(F.C_SIGNUPDATE, array(b"da"))
    app.in_session(F.C_SIGNUPDATE, array(b"ta"))
    assert app.filled(F.C_SIGNFINAL) == expected
    started(app, F.C_VERIFYINIT, key, 0x251)
    app.in_session(F.C_VERIFY, array(b"data") + array(expected))
    started(app, F.C_VERIFYINIT, key, 0x251)
    app.in_session(F.C_VERIFYUPDATE, array(b"data"))
    app.in_session(F.C_VERIFYFINAL, array(expected))
    started(app, F.C_VERIFYINIT, key, 0x251)
    assert code(lambda: app.in_session(F.C_VERIFY, array(b"Data") + array(expected))) is R.SIGNATURE_INVALID
    assert code(lambda: app.in_session(F.C_VERIFY, array(b"d") + array(b""))) is R.OPERATION_NOT_INITIALIZED


@pytest.fixture(scope="module")
def rsa_application() -> tuple[Application, int, int, rsa.RSAPublicKey]:
    """An application with a pair for RSA, and its public key."""
    app = an_application(an_engine())
    public, private = app.pair(
        0,
        [(MODULUS_BITS, 2048), (VERIFY, True), (ENCRYPT, True), (PUBLIC_EXPONENT, b"\1\0\1"), (LABEL, b"rsa")],
        [(SIGN, True), (DECRYPT, True), (LABEL, b"rsa")],
    )
    found = app.get(public, MODULUS, PUBLIC_EXPONENT, MODULUS_BITS, KEY_TYPE, CLASS)
    assert (found[MODULUS_BITS], found[KEY_TYPE], found[CLASS]) == (u8(2048), u8(RSA), u8(PUBLIC))
    numbers = rsa.RSAPublicNumbers(int.from_bytes(found[PUBLIC_EXPONENT]), int.from_bytes(found[MODULUS]))
    return app, public, private, numbers.public_key()


SIGNATURES = {
    "PKCS #1 1.5": (0x40, None, padding.PKCS1v15()),
    "PSS": (0x43, u8(0x250) + u8(2) + u8(32), padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
    "PSS, the salt's length in four bytes": (
        0x43,
        u8(0x250) + u8(2) + u4(20),
        padding.PSS(padding.MGF1(hashes.SHA256()), 20),
    ),
}


@pytest.mark.parametrize(("number", "parameter", "scheme"), SIGNATURES.values(), ids=SIGNATURES)
def test_rsa_signs_what_others_verify(
    rsa_application: tuple[Application, int, int, rsa.RSAPublicKey], number: int, parameter: bytes, scheme: object
) -> None:
    app, public, private, key = rsa_application
    started(app, F.C_SIGNINIT, private, number, parameter)
    assert app.length(F.C_SIGN, array(b"data")) == 256
    signature = app.filled(F.C_SIGN, array(b"data"))

    key.verify(signature, b"data", scheme, hashes.SHA256())  # type: ignore[arg-type]
    started(app, F.C_VERIFYINIT, public, number, parameter)
    app.in_session(F.C_VERIFY, array(b"data") + array(signature))


def test_rsa_signs_a_digest_that_the_client_has_encoded(
    rsa_application: tuple[Application, int, int, rsa.RSAPublicKey],
) -> None:
    app, public, private, key = rsa_application
    digest_info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(b"data").digest()
    started(app, F.C_SIGNINIT, private, 1)
    signature = app.filled(F.C_SIGN, array(digest_info))

    key.verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())
    started(app, F.C_VERIFYINIT, public, 1)
    app.in_session(F.C_VERIFY, array(digest_info) + array(signature))
    started(app, F.C_SIGNINIT, private, 1)
    assert code(lambda: app.in_session(F.C_SIGNUPDATE, array(b"data"))) is R.FUNCTION_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("number", "parameter"),
    [(1, None), (9, u8(0x250) + u8(2) + u8(1) + array(b"")), (9, u8(0x220) + u8(1) + u8(1) + array(b"label"))],
    ids=["PKCS #1 1.5", "OAEP", "OAEP with a label"],
)
def test_rsa_encrypts(
    rsa_application: tuple[Application, int, int, rsa.RSAPublicKey], number: int, parameter: bytes | None
) -> None:
    app, public, private, _ = rsa_application
    started(app, F.C_ENCRYPTINIT, public, number, parameter)
    sealed = app.filled(F.C_ENCRYPT, array(b"data"))

    assert len(sealed) == 256
    started(app, F.C_DECRYPTINIT, private, number, parameter)
    assert app.filled(F.C_DECRYPT, array(sealed)) == b"data"
    started(app, F.C_ENCRYPTINIT, public, number, parameter)
    assert code(lambda: app.filled(F.C_ENCRYPTUPDATE, array(b"data"))) is R.FUNCTION_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("number", "parameter"),
    [
        pytest.param(9, u8(0x1080) + u8(2) + u8(1) + array(b""), id="a hash that is none"),
        pytest.param(9, u8(0x99) + u8(2) + u8(1) + array(b""), id="a hash that does not exist"),
        pytest.param(9, u8(0x250) + u8(99) + u8(1) + array(b""), id="a mask generator that does not exist"),
        pytest.param(9, u8(0x250) + u8(2) + u8(0) + array(b"label"), id="a label without a source"),
    ],
)
def test_oaep_that_cannot_be(
    rsa_application: tuple[Application, int, int, rsa.RSAPublicKey], number: int, parameter: bytes
) -> None:
    app, public, _, _ = rsa_application

    assert code(lambda: started(app, F.C_ENCRYPTINIT, public, number, parameter)) is R.MECHANISM_PARAM_INVALID


def test_pss_whose_hash_is_another(rsa_application: tuple[Application, int, int, rsa.RSAPublicKey]) -> None:
    app, _, private, _ = rsa_application
    parameter = u8(0x260) + u8(3) + u8(48)

    assert code(lambda: started(app, F.C_SIGNINIT, private, 0x43, parameter)) is R.MECHANISM_PARAM_INVALID


def an_ec_pair(app: Application) -> tuple[int, int, ec.EllipticCurvePublicKey]:
    public, private = app.pair(0x1040, [(EC_PARAMS, P_256), (VERIFY, True)], [(SIGN, True)])
    found = app.get(public, EC_PARAMS, EC_POINT, KEY_TYPE)
    assert (found[EC_PARAMS], found[KEY_TYPE]) == (P_256, u8(EC))
    assert found[EC_POINT][:2] == b"\x04\x41"
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), found[EC_POINT][2:])
    return public, private, key


def test_ecdsa_signatures_are_two_numbers() -> None:
    app = an_application(an_engine())
    public, private, key = an_ec_pair(app)
    for _ in range(4):  # numbers with and without leading zeros and sign bytes
        started(app, F.C_SIGNINIT, private, 0x1044)
        assert app.length(F.C_SIGN, array(b"data")) == 64
        signature = app.filled(F.C_SIGN, array(b"data"))
        assert len(signature) == 64
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        key.verify(utils.encode_dss_signature(r, s), b"data", ec.ECDSA(hashes.SHA256()))
        started(app, F.C_VERIFYINIT, public, 0x1044)
        app.in_session(F.C_VERIFY, array(b"data") + array(signature))
    digest = hashlib.sha256(b"data").digest()
    started(app, F.C_VERIFYINIT, public, 0x1041)
    app.in_session(F.C_VERIFY, array(digest) + array(signature))
    started(app, F.C_VERIFYINIT, public, 0x1044)
    assert code(lambda: app.in_session(F.C_VERIFY, array(b"data") + array(b"odd"))) is R.SIGNATURE_LEN_RANGE


def numbers_of(use: Use) -> list[int]:
    return [number for number, each in MECHANISMS.items() if use in each.uses]


PARAMETERS = {
    0x0009: u8(0x250) + u8(2) + u8(1) + array(b""),
    0x000D: u8(0x250) + u8(2) + u8(32),
    0x000E: u8(0x220) + u8(1) + u8(20),
    0x0043: u8(0x250) + u8(2) + u8(32),
    0x0044: u8(0x260) + u8(3) + u8(48),
    0x0045: u8(0x270) + u8(4) + u8(64),
    0x0047: u8(0x255) + u8(5) + u8(28),
    0x0133: array(IV[:8]),
    0x0136: array(IV[:8]),
    0x1082: array(IV),
    0x1085: array(IV),
    0x1086: u8(128) + IV,
    0x1087: array(IV[:12]) + u8(96) + array(b"") + u8(128),
    0x2104: array(IV),
    0x2107: array(IV),
}


@pytest.fixture(scope="module")
def keys(rsa_application: tuple[Application, int, int, rsa.RSAPublicKey]) -> tuple[Application, dict[object, Any]]:
    """An application, and a pair or a secret key for each algorithm: public or secret first."""
    app, public, private, _ = rsa_application
    found: dict[object, tuple[int, int]] = {CryptographicAlgorithm.RSA: (public, private)}
    found[CryptographicAlgorithm.ECDSA] = an_ec_pair(app)[:2]
    for algorithm, key_type, value in (
        (CryptographicAlgorithm.AES, AES, KEY),
        (CryptographicAlgorithm.TRIPLE_DES, DES3, bytes.fromhex("0123456789abcdef23456789abcdef01456789abcdef0123")),
    ):
        found[algorithm] = (imported(app, value, ENCRYPT, DECRYPT, key_type=key_type),) * 2
    return app, found


@pytest.mark.parametrize("number", numbers_of(Use.ENCRYPT), ids=hex)
def test_every_cipher_decrypts_what_it_has_encrypted(keys: tuple[Application, dict[object, Any]], number: int) -> None:
    app, found = keys
    public, private = found[MECHANISMS[number].algorithm]
    data = bytes(range(48))
    started(app, F.C_ENCRYPTINIT, public, number, PARAMETERS.get(number))
    most = app.length(F.C_ENCRYPT, array(data))
    sealed = app.filled(F.C_ENCRYPT, array(data))
    assert sealed != data
    assert len(sealed) <= most
    started(app, F.C_DECRYPTINIT, private, number, PARAMETERS.get(number))
    assert app.length(F.C_DECRYPT, array(sealed)) >= len(data)

    assert app.filled(F.C_DECRYPT, array(sealed)) == data


@pytest.mark.parametrize("number", numbers_of(Use.DIGEST), ids=hex)
def test_every_digest_is_that_of_the_standard_library(number: int) -> None:
    app = an_application(an_engine())
    name = MECHANISMS[number].meaning.hashing_algorithm.name.lower()
    app.in_session(F.C_DIGESTINIT, mechanism(number))
    expected = hashlib.new(name.replace("sha_", "sha"), b"data").digest()

    assert app.length(F.C_DIGEST, array(b"data")) == len(expected)
    assert app.filled(F.C_DIGEST, array(b"data")) == expected


@pytest.mark.parametrize("number", numbers_of(Use.SIGN), ids=hex)
def test_every_signature_and_code_is_verified_and_of_its_length(
    keys: tuple[Application, dict[object, Any]], number: int
) -> None:
    app, found = keys
    row = MECHANISMS[number]
    data = hashlib.sha256(b"data").digest() if row.takes_digest else b"data"
    if row.is_authentication:
        secret = imported(app, KEY, SIGN, VERIFY, key_type=GENERIC)
        public = private = secret
    else:
        public, private = found[row.algorithm]
    started(app, F.C_SIGNINIT, private, number, PARAMETERS.get(number))
    most = app.length(F.C_SIGN, array(data))
    signature = app.filled(F.C_SIGN, array(data))
    assert len(signature) == most
    started(app, F.C_VERIFYINIT, public, number, PARAMETERS.get(number))
    app.in_session(F.C_VERIFY, array(data) + array(signature))
    started(app, F.C_VERIFYINIT, public, number, PARAMETERS.get(number))

    other = bytes([data[0] ^ 1]) + data[1:]
    assert code(lambda: app.in_session(F.C_VERIFY, array(other) + array(signature))) is R.SIGNATURE_INVALID


@pytest.mark.parametrize("number", numbers_of(Use.WRAP), ids=hex)
def test_every_way_of_wrapping_is_undone(number: int) -> None:
    app = an_application(an_engine())
    wrapping, key = imported(app, KEY, WRAP, UNWRAP), imported(app, KEY[:24], ENCRYPT)
    wrapped = app.filled(F.C_WRAPKEY, mechanism(number) + u8(wrapping) + u8(key))
    wanted = template((CLASS, SECRET), (KEY_TYPE, AES))
    again = app.handle(F.C_UNWRAPKEY, mechanism(number) + u8(wrapping) + array(wrapped) + wanted)

    assert app.get(again, VALUE, VALUE_LEN) == {VALUE: KEY[:24], VALUE_LEN: u8(24)}


@pytest.mark.parametrize("number", [number for number in numbers_of(Use.DERIVE) if number < 0x1000], ids=hex)
def test_every_derivation_by_hash_is_that_of_the_standard_library(number: int) -> None:
    app = an_application(an_engine())
    name = MECHANISMS[number].meaning.hashing_algorithm.name.lower()
    wanted = template((CLASS, SECRET), (KEY_TYPE, AES), (VALUE_LEN, 16))
    derived = app.handle(F.C_DERIVEKEY, mechanism(number) + u8(imported(app, KEY, DERIVE)) + wanted)

    assert app.get(derived, VALUE)[VALUE] == hashlib.new(name.replace("sha_", "sha"), KEY).digest()[:16]


# --- objects ------------------------------------------------------------------------------------------------------


def test_a_generated_key_is_an_active_object_of_the_server() -> None:
    engine = an_engine()
    app = an_application(engine)
    key = app.key((VALUE_LEN, 32), (LABEL, b"mine"), (ID, b"\1\2"), (ENCRYPT, True), (SENSITIVE, True))
    found = app.get(key, LABEL, ID, CLASS, KEY_TYPE, VALUE_LEN, ENCRYPT, DECRYPT, SENSITIVE, UNIQUE_ID, TOKEN)

    assert found[LABEL] == b"mine"
    assert found[ID] == b"\1\2"
    assert (found[CLASS], found[KEY_TYPE], found[VALUE_LEN]) == (u8(SECRET), u8(AES), u8(32))
    assert (found[ENCRYPT], found[DECRYPT], found[SENSITIVE], found[TOKEN]) == (b"\1", b"\0", b"\1", b"\1")
    attributes = attributes_of(engine, found[UNIQUE_ID].decode())
    assert attributes.state is State.ACTIVE
    assert attributes.names[0].name_value == "mine"


def test_attributes_that_cannot_be_returned_are_marked_unavailable() -> None:
    app = an_application(an_engine())
    key = app.key((VALUE_LEN, 32), (SENSITIVE, True))
    asked = u4(3) + u8(VALUE) + b"\0\0" + u8(MODULUS) + b"\0\0" + u8(CLASS) + b"\0\1"

    with pytest.raises(Refused) as caught:
        app.in_session(F.C_GETATTRIBUTEVALUE, u8(key) + asked)

    assert caught.value.code is R.ATTRIBUTE_SENSITIVE
    assert read_attributes(caught.value.output or b"") == {VALUE: b"nothing", MODULUS: b"nothing", CLASS: u8(SECRET)}


def test_lengths_values_and_small_buffers() -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT)

    output = app.in_session(F.C_GETATTRIBUTEVALUE, u8(key) + u4(1) + u8(VALUE) + b"\0\0")
    assert read_attributes(output) == {VALUE: b"32 bytes"}
    assert app.get(key, VALUE) == {VALUE: KEY}
    small = u4(2) + u8(VALUE) + b"\0\1" + u4(31) + u8(0x99999) + b"\0\0"
    assert code(lambda: app.in_session(F.C_GETATTRIBUTEVALUE, u8(key) + small)) is R.BUFFER_TOO_SMALL


def a_certificate() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 77, day, day + datetime.timedelta(days=9_000))
    return builder.sign(key, hashes.SHA256())


def test_a_certificate_is_registered_and_described() -> None:
    app = an_application(an_engine())
    certificate = a_certificate()
    der = certificate.public_bytes(serialization.Encoding.DER)
    handle = app.handle(F.C_CREATEOBJECT, template((CLASS, CERTIFICATE), (CERTIFICATE_TYPE, 0), (VALUE, der)))
    found = app.get(handle, VALUE, CLASS, CERTIFICATE_TYPE, 0x81, 0x82, 0x101)
    name = certificate.subject.public_bytes()

    assert (found[VALUE], found[CLASS], found[CERTIFICATE_TYPE]) == (der, u8(CERTIFICATE), u8(0))
    assert (found[0x81], found[0x101]) == (name, name)
    assert int.from_bytes(found[0x82][-1:]) == 77
    for number in (SENSITIVE, ENCRYPT, KEY_TYPE, VALUE_LEN, MODULUS, EC_POINT, EC_PARAMS):
        assert code(partial(app.get, handle, number)) is R.ATTRIBUTE_TYPE_INVALID


def test_an_attribute_that_a_class_lacks_is_refused() -> None:
    app = an_application(an_engine())
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, b"x")))

    for number in (CERTIFICATE_TYPE, 0x81, 0x101):
        assert code(partial(app.get, data, number)) is R.ATTRIBUTE_TYPE_INVALID


def test_objects_without_a_class_have_no_handle() -> None:
    """What the token does not show, such as a split key, is not found and not described."""
    engine = an_engine(a_symmetric_key("hidden"))
    engine_type = evolve(attributes_of(engine, "hidden"), object_type=ObjectType.PGP_KEY)
    hidden = evolve(stored(engine, "hidden"), attributes=engine_type)
    app = an_application(an_engine((hidden, SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16)))))

    assert app.find((VALUE_LEN, 16)) == []


def test_an_answer_that_waits_takes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    app = an_application(an_engine())
    key = imported(app, KEY, ENCRYPT, DECRYPT)
    monkeypatch.setattr("kmip_core.pkcs11_sessions.MAXIMUM_KEPT", 20)
    started(app, F.C_ENCRYPTINIT, key, 0x1081)
    started(app, F.C_DECRYPTINIT, key, 0x1081)
    assert code(lambda: app.filled(F.C_ENCRYPT, array(IV), size=1)) is R.BUFFER_TOO_SMALL

    with pytest.raises(KmipError) as caught:
        app.filled(F.C_DECRYPT, array(IV), size=1)

    assert caught.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_templates_inside_of_templates_and_arrays_of_numbers() -> None:
    app = an_application(an_engine())
    mechanisms = u8(0x40000600) + b"\1\1" + u4(2) + u8(1) + u8(2)

    refused = code(lambda: app.handle(F.C_CREATEOBJECT, u4(2) + attribute(CLASS, DATA) + mechanisms))

    assert refused is R.ATTRIBUTE_TYPE_INVALID
    for parameters in (u4(1) + u8(0x40000211) + b"\1\1" + u4(1), u4(65)):
        with pytest.raises(KmipError) as caught:
            app.handle(F.C_CREATEOBJECT, parameters)
        assert caught.value.reason is ResultReason.PKCS_11_CODEC_ERROR
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, b"x")))
    with pytest.raises(KmipError):
        app.in_session(F.C_GETATTRIBUTEVALUE, u8(data) + template((VALUE, b"x")))


def test_a_large_value_is_not_returned_many_times() -> None:
    app = an_application(an_engine(settings=Settings(maximum_response_size=10_000)))
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, bytes(3_000))))

    assert len(app.get(data, VALUE)[VALUE]) == 3_000
    with pytest.raises(KmipError) as caught:
        app.get(data, *[VALUE] * 4)

    assert caught.value.reason is ResultReason.RESPONSE_TOO_LARGE


def test_answers_of_calls_that_fail_take_room_in_a_batch() -> None:
    engine = an_engine(settings=Settings(maximum_response_size=10_000))
    app = an_application(engine)
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, bytes(3_000))))
    asked = u4(2) + u8(VALUE) + b"\0\1" + u4(3_000) + u8(MODULUS) + b"\0\0"
    request = pkcs_11.Request(
        pkcs_11_function=F.C_GETATTRIBUTEVALUE,
        correlation_value=app.value,
        pkcs_11_input_parameters=u8(app.session) + u8(data) + asked,
    )

    answer = ask(engine, *[(Operation.PKCS_11, request)] * 6)

    codes = [getattr(item.payload, "pkcs_11_return_code", item.result_reason) for item in answer.batch_items]
    assert codes == [R.ATTRIBUTE_TYPE_INVALID] * 4 + [ResultReason.RESPONSE_TOO_LARGE]


def test_data_and_public_keys_are_registered() -> None:
    app = an_application(an_engine())
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, b"bytes"), (LABEL, b"some")))
    assert app.get(data, VALUE, CLASS, LABEL) == {VALUE: b"bytes", CLASS: u8(DATA), LABEL: b"some"}
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.private_numbers()
    point = private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    base: list[tuple[int, Any]] = [(KEY_TYPE, EC), (EC_PARAMS, P_256)]
    signing = app.handle(
        F.C_CREATEOBJECT,
        template((CLASS, PRIVATE_KEY), *base, (VALUE, numbers.private_value.to_bytes(32)), (SIGN, True)),
    )
    verifying = app.handle(
        F.C_CREATEOBJECT, template((CLASS, PUBLIC), *base, (EC_POINT, b"\x04\x41" + point), (VERIFY, True))
    )
    started(app, F.C_SIGNINIT, signing, 0x1044)
    signature = app.filled(F.C_SIGN, array(b"data"))
    started(app, F.C_VERIFYINIT, verifying, 0x1044)
    app.in_session(F.C_VERIFY, array(b"data") + array(signature))
    assert app.get(verifying, EC_PARAMS)[EC_PARAMS] == P_256


def test_an_rsa_pair_is_registered() -> None:
    app = an_application(an_engine())
    numbers = rsa.generate_private_key(65_537, 2048).private_numbers()

    def big(number: int) -> bytes:
        return number.to_bytes((number.bit_length() + 7) // 8)

    base: list[tuple[int, Any]] = [
        (KEY_TYPE, RSA),
        (MODULUS, big(numbers.public_numbers.n)),
        (PUBLIC_EXPONENT, b"\1\0\1"),
    ]
    private = app.handle(
        F.C_CREATEOBJECT,
        template(
            (CLASS, PRIVATE_KEY),
            *base,
            *[(0x123, big(numbers.d)), (0x124, big(numbers.p)), (0x125, big(numbers.q))],
            *[(0x126, big(numbers.dmp1)), (0x127, big(numbers.dmq1)), (0x128, big(numbers.iqmp))],
            (SIGN, True),
        ),
    )
    public = app.handle(F.C_CREATEOBJECT, template((CLASS, PUBLIC), *base, (VERIFY, True)))
    started(app, F.C_SIGNINIT, private, 0x40)
    signature = app.filled(F.C_SIGN, array(b"data"))
    started(app, F.C_VERIFYINIT, public, 0x40)
    app.in_session(F.C_VERIFY, array(b"data") + array(signature))
    assert code(lambda: app.get(private, VALUE)) is R.ATTRIBUTE_SENSITIVE
    assert code(lambda: app.get(public, VALUE)) is R.ATTRIBUTE_TYPE_INVALID


BAD_TEMPLATES: dict[str, tuple[list[tuple[int, Value]], R]] = {
    "no class": ([(VALUE, b"x")], R.TEMPLATE_INCOMPLETE),
    "a class that does not exist": ([(CLASS, 99)], R.TEMPLATE_INCONSISTENT),
    "no key type": ([(CLASS, SECRET), (VALUE, KEY)], R.TEMPLATE_INCOMPLETE),
    "no value": ([(CLASS, SECRET), (KEY_TYPE, AES)], R.TEMPLATE_INCOMPLETE),
    "an empty value": ([(CLASS, SECRET), (KEY_TYPE, AES), (VALUE, b"")], R.TEMPLATE_INCONSISTENT),
    "another length": ([(CLASS, SECRET), (KEY_TYPE, AES), (VALUE, KEY), (VALUE_LEN, 3)], R.TEMPLATE_INCONSISTENT),
    "twice": ([(CLASS, SECRET), (CLASS, SECRET)], R.TEMPLATE_INCONSISTENT),
    "a session object": ([(CLASS, DATA), (TOKEN, False)], R.TEMPLATE_INCONSISTENT),
    "an attribute that is not given": ([(CLASS, DATA), (UNIQUE_ID, b"1")], R.ATTRIBUTE_TYPE_INVALID),
    "a label that is no text": ([(CLASS, DATA), (LABEL, b"\xff")], R.ATTRIBUTE_VALUE_INVALID),
    "a day that is none": (
        [(CLASS, SECRET), (KEY_TYPE, AES), (VALUE, KEY), (START_DATE, b"20261332")],
        R.ATTRIBUTE_VALUE_INVALID,
    ),
    "a public key of no type here": ([(CLASS, PUBLIC), (KEY_TYPE, AES)], R.TEMPLATE_INCONSISTENT),
    "a private key of no type here": ([(CLASS, PRIVATE_KEY), (KEY_TYPE, AES)], R.TEMPLATE_INCONSISTENT),
    "a curve that does not exist": ([(CLASS, PUBLIC), (KEY_TYPE, EC), (EC_PARAMS, b"x")], R.ATTRIBUTE_VALUE_INVALID),
    "a point that is none": (
        [(CLASS, PUBLIC), (KEY_TYPE, EC), (EC_PARAMS, P_256), (EC_POINT, b"\x04\x81\x99")],
        R.ATTRIBUTE_VALUE_INVALID,
    ),
    "a certificate that is not X.509": (
        [(CLASS, CERTIFICATE), (CERTIFICATE_TYPE, 1), (VALUE, b"x")],
        R.TEMPLATE_INCONSISTENT,
    ),
}


@pytest.mark.parametrize(("attributes", "expected"), BAD_TEMPLATES.values(), ids=BAD_TEMPLATES)
def test_templates_that_make_no_object(attributes: list[tuple[int, Value]], expected: R) -> None:
    app = an_application(an_engine())

    assert code(lambda: app.handle(F.C_CREATEOBJECT, template(*attributes))) is expected
    assert app.find() == []


def test_an_attribute_without_its_value_makes_no_object() -> None:
    app = an_application(an_engine())
    missing = u4(2) + attribute(CLASS, DATA) + u8(VALUE) + b"\0\1" + u4(5)

    assert code(lambda: app.handle(F.C_CREATEOBJECT, missing)) is R.ATTRIBUTE_VALUE_INVALID


def test_a_label_and_other_attributes_are_changed() -> None:
    app = an_application(an_engine())
    key = app.key((VALUE_LEN, 16), (LABEL, b"old"))
    app.in_session(F.C_SETATTRIBUTEVALUE, u8(key) + template((LABEL, b"new"), (ID, b"\7"), (END_DATE, b"20990101")))

    assert app.get(key, LABEL, ID, END_DATE) == {LABEL: b"new", ID: b"\7", END_DATE: b"20990101"}
    app.in_session(F.C_SETATTRIBUTEVALUE, u8(key) + template((ID, b"\x08"), (SENSITIVE, True), (EXTRACTABLE, False)))
    assert app.get(key, ID, SENSITIVE, EXTRACTABLE) == {ID: b"\x08", SENSITIVE: b"\1", EXTRACTABLE: b"\0"}
    refused = code(lambda: app.in_session(F.C_SETATTRIBUTEVALUE, u8(key) + template((ENCRYPT, True))))
    assert refused is R.ATTRIBUTE_READ_ONLY
    empty = code(lambda: app.in_session(F.C_SETATTRIBUTEVALUE, u8(key) + template((LABEL, b""))))
    assert empty is R.ATTRIBUTE_VALUE_INVALID


def test_dates_are_days() -> None:
    app = an_application(an_engine())
    later = app.key((VALUE_LEN, 16), (START_DATE, b"20990101"), (END_DATE, b"20991231"), (ENCRYPT, True))

    assert app.get(later, START_DATE, END_DATE) == {START_DATE: b"20990101", END_DATE: b"20991231"}
    started(app, F.C_ENCRYPTINIT, later, 0x1081)
    assert code(lambda: app.filled(F.C_ENCRYPT, array(IV))) is R.KEY_FUNCTION_NOT_PERMITTED
    assert app.get(app.key((VALUE_LEN, 16)), END_DATE) == {END_DATE: b"nothing"}


def test_an_object_is_destroyed_also_if_it_is_active() -> None:
    engine = an_engine()
    app = an_application(engine)
    key = app.key((VALUE_LEN, 16))
    identifier = app.get(key, UNIQUE_ID)[UNIQUE_ID].decode()
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, b"x")))
    app.in_session(F.C_DESTROYOBJECT, u8(key))
    app.in_session(F.C_DESTROYOBJECT, u8(data))

    assert attributes_of(engine, identifier).state is State.DESTROYED
    assert code(lambda: app.in_session(F.C_DESTROYOBJECT, u8(999))) is R.OBJECT_HANDLE_INVALID


def test_objects_are_found_by_their_attributes() -> None:
    app = an_application(an_engine())
    first = app.key((VALUE_LEN, 16), (LABEL, b"first"), (ID, b"\1"), (ENCRYPT, True))
    second = app.key((VALUE_LEN, 32), (LABEL, b"second"), (ID, b"\2"), (SIGN, True))
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, b"x"), (LABEL, b"first")))

    assert sorted(app.find()) == sorted([first, second, data])
    assert sorted(app.find(most=1)) == sorted([first, second, data])
    assert app.find((LABEL, b"first"), (CLASS, SECRET)) == [first]
    assert app.find((ID, b"\2")) == [second]
    assert app.find((ID, app.get(data, UNIQUE_ID)[UNIQUE_ID])) == [data]
    assert app.find((UNIQUE_ID, app.get(data, UNIQUE_ID)[UNIQUE_ID])) == [data]
    assert app.find((KEY_TYPE, AES), (ENCRYPT, True)) == [first]
    assert app.find((SIGN, True)) == [second]
    assert app.find((VALUE_LEN, 32)) == [second]
    assert app.find((CLASS, DATA)) == [data]
    assert app.find((TOKEN, True), (LABEL, b"second")) == [second]
    assert app.find((TOKEN, False)) == []
    assert app.find((CLASS, 99)) == []
    assert app.find((KEY_TYPE, GENERIC)) == []
    assert app.find((ID, b"\xff")) == []


def test_a_search_is_one_at_a_time() -> None:
    app = an_application(an_engine())
    assert code(lambda: app.in_session(F.C_FINDOBJECTS, u8(1))) is R.OPERATION_NOT_INITIALIZED
    assert code(lambda: app.in_session(F.C_FINDOBJECTSFINAL)) is R.OPERATION_NOT_INITIALIZED
    app.in_session(F.C_FINDOBJECTSINIT, template())

    assert code(lambda: app.in_session(F.C_FINDOBJECTSINIT, template())) is R.OPERATION_ACTIVE


def test_a_search_that_compares_too_many_objects_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_core.pkcs11.objects.MAXIMUM_COMPARED", 1)
    app = an_application(an_engine())
    app.key((VALUE_LEN, 16))
    app.key((VALUE_LEN, 16))

    with pytest.raises(KmipError) as caught:
        app.find((VALUE_LEN, 16))

    assert caught.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


# --- keys from keys -----------------------------------------------------------------------------------------------


def test_a_key_is_wrapped_and_unwrapped() -> None:
    app = an_application(an_engine())
    wrapping = imported(app, KEY, WRAP, UNWRAP)
    key = imported(app, KEY[:16], ENCRYPT)
    parameters = mechanism(0x2109) + u8(wrapping)
    explicit = mechanism(0x210A, array(bytes.fromhex("a65959a6"))) + u8(wrapping)
    other_iv = mechanism(0x210A, array(b"1234")) + u8(wrapping)

    assert app.length(F.C_WRAPKEY, explicit + u8(key)) == 24
    assert code(lambda: app.length(F.C_WRAPKEY, other_iv + u8(key))) is R.MECHANISM_PARAM_INVALID
    assert app.length(F.C_WRAPKEY, parameters + u8(key)) == 24
    assert code(lambda: app.filled(F.C_WRAPKEY, parameters + u8(key), size=23)) is R.BUFFER_TOO_SMALL
    wrapped = app.filled(F.C_WRAPKEY, parameters + u8(key))
    assert wrapped == aes_key_wrap(KEY, KEY[:16])
    again = app.handle(
        F.C_UNWRAPKEY,
        parameters + array(wrapped) + template((CLASS, SECRET), (KEY_TYPE, AES), (ENCRYPT, True), (LABEL, b"again")),
    )
    started(app, F.C_ENCRYPTINIT, again, 0x1081)  # it is active, like every other key that is made here
    assert len(app.filled(F.C_ENCRYPT, array(IV))) == 16
    assert app.get(again, VALUE, LABEL, VALUE_LEN) == {VALUE: KEY[:16], LABEL: b"again", VALUE_LEN: u8(16)}
    other = template((CLASS, DATA), (KEY_TYPE, AES))
    assert code(lambda: app.handle(F.C_UNWRAPKEY, parameters + array(wrapped) + other)) is R.TEMPLATE_INCONSISTENT
    broken = array(b"x" * 24) + template((CLASS, SECRET), (KEY_TYPE, AES))
    assert code(lambda: app.handle(F.C_UNWRAPKEY, parameters + broken)) is R.FUNCTION_FAILED


def test_data_is_not_wrapped() -> None:
    app = an_application(an_engine())
    wrapping = imported(app, KEY, WRAP)
    data = app.handle(F.C_CREATEOBJECT, template((CLASS, DATA), (VALUE, b"x")))

    with pytest.raises(Refused):
        app.filled(F.C_WRAPKEY, mechanism(0x2109) + u8(wrapping) + u8(data))


def test_keys_are_derived() -> None:
    app = an_application(an_engine())
    base = imported(app, KEY, DERIVE, ENCRYPT)
    wanted = template((CLASS, SECRET), (KEY_TYPE, AES), (VALUE_LEN, 16), (ENCRYPT, True))
    hashed = app.handle(F.C_DERIVEKEY, mechanism(0x393) + u8(base) + wanted)
    assert app.get(hashed, VALUE)[VALUE] == hashlib.sha256(KEY).digest()[:16]
    encrypted = app.handle(F.C_DERIVEKEY, mechanism(0x1104, array(IV)) + u8(base) + wanted)
    encryptor = Cipher(algorithms.AES(KEY), modes.ECB()).encryptor()
    assert app.get(encrypted, VALUE)[VALUE] == encryptor.update(IV)
    chained = app.handle(F.C_DERIVEKEY, mechanism(0x1105, IV + array(IV)) + u8(base) + wanted)
    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(IV)).encryptor()
    assert app.get(chained, VALUE)[VALUE] == encryptor.update(IV)


def test_other_secret_keys() -> None:
    app = an_application(an_engine())

    assert app.get(app.key(number=0x131), KEY_TYPE)[KEY_TYPE] == u8(DES3)
    assert app.get(app.key((VALUE_LEN, 32), number=0x350), KEY_TYPE)[KEY_TYPE] == u8(GENERIC)
    assert code(lambda: app.key()) is R.TEMPLATE_INCOMPLETE
    assert code(lambda: app.key((VALUE_LEN, 0))) is R.ATTRIBUTE_VALUE_INVALID
    assert code(lambda: app.key((VALUE_LEN, 16), (KEY_TYPE, DES3))) is R.TEMPLATE_INCONSISTENT
    assert code(lambda: app.key((VALUE_LEN, 16), (CLASS, PUBLIC))) is R.TEMPLATE_INCONSISTENT


def test_an_exponent_that_is_not_made() -> None:
    app = an_application(an_engine())

    refused = code(lambda: app.pair(0, [(MODULUS_BITS, 2048), (PUBLIC_EXPONENT, b"\3")], []))

    assert refused is R.ATTRIBUTE_VALUE_INVALID


def test_random_bytes() -> None:
    app = an_application(an_engine())

    assert len(app.in_session(F.C_GENERATERANDOM, u4(20))) == 20
    assert len(app.in_session(F.C_GENERATERANDOM, array(bytes(20)))) == 20
    app.in_session(F.C_SEEDRANDOM, array(b"seed"))
    assert code(lambda: app.in_session(F.C_GENERATERANDOM, u4(0))) is R.ARGUMENTS_BAD


def test_a_limit_of_an_operation_is_a_refusal_of_the_call() -> None:
    app = an_application(an_engine(streams=Streams(maximum_per_principal=0)))
    started(app, F.C_ENCRYPTINIT, imported(app, KEY, ENCRYPT), 0x1081)

    with pytest.raises(KmipError) as caught:
        app.filled(F.C_ENCRYPTUPDATE, array(IV))

    assert caught.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_vendor_attributes_are_no_identifier_and_wrapped_values_stay_sensitive() -> None:
    key = a_symmetric_key("key", custom_attributes=(a_custom("other", "text"),))
    record, content = key
    block = evolve(
        content.key_block,
        key_value=b"wrapped",
        key_wrapping_data=KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT),
    )
    app = an_application(an_engine((record, SymmetricKey(key_block=block))))
    (handle,) = app.find()

    assert app.get(handle, ID) == {ID: b"key"}
    assert code(lambda: app.get(handle, VALUE)) in (R.ATTRIBUTE_SENSITIVE, R.FUNCTION_NOT_SUPPORTED)


def test_a_refusal_without_a_return_code_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Engine = an_engine()
    app = an_application(engine)
    monkeypatch.setattr("kmip_core.pkcs11_sessions.MAXIMUM_HANDLES", 0)

    with pytest.raises(KmipError) as caught:
        app.key((VALUE_LEN, 16))

    assert caught.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
