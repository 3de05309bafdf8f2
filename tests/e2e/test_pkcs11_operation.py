"""A PKCS#11 application over TLS, in each version that has the operation."""

from collections.abc import Iterator

import pytest

from kmip_app.client import KmipClient
from kmip_app.testing import KmipTestServer
from kmip_core.enums import PKCS11Function as F
from kmip_core.operations import pkcs_11
from tests.pkcs11_application import (
    CLASS,
    DECRYPT,
    ENCRYPT,
    LABEL,
    SECRET,
    VALUE_LEN,
    Application,
    array,
    mechanism,
    u8,
)


@pytest.fixture(scope="module")
def server() -> Iterator[KmipTestServer]:
    with KmipTestServer() as started:
        yield started


@pytest.mark.parametrize("version", ["2.0", "2.1", "3.0"])
def test_an_application_encrypts_and_ends(server: KmipTestServer, version: str) -> None:
    client = KmipClient(server.host, server.port, cert=server.cert, key=server.key, ca=server.ca, version=version)

    def send(request: pkcs_11.Request) -> pkcs_11.Response:
        return client.pkcs_11(
            pkcs_11_function=request.pkcs_11_function,
            correlation_value=request.correlation_value,
            pkcs_11_input_parameters=request.pkcs_11_input_parameters,
        )

    with client:
        app = Application(send).begin()
        label = f"over {version}".encode()
        key = app.key((VALUE_LEN, 32), (LABEL, label), (ENCRYPT, True), (DECRYPT, True))
        assert app.find((LABEL, label), (CLASS, SECRET)) == [key]
        app.in_session(F.C_ENCRYPTINIT, mechanism(0x1085, array(bytes(16))) + u8(key))
        sealed = app.filled(F.C_ENCRYPT, array(b"a secret"))
        app.in_session(F.C_DECRYPTINIT, mechanism(0x1085, array(bytes(16))) + u8(key))
        assert app.filled(F.C_DECRYPT, array(sealed)) == b"a secret"
        app.in_session(F.C_DESTROYOBJECT, u8(key))
        assert app.find((LABEL, label)) == []
        app.call(F.C_FINALIZE)
