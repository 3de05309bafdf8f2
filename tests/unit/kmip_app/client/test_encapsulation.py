"""Encapsulate and Decapsulate between two clients of a server, in messages of KMIP 3.0."""

import pytest

from kmip_app.client import KmipClient, OperationFailed
from kmip_app.testing import KmipTestServer
from kmip_core.enums import KEMAlgorithm, Operation, QueryFunction, ResultReason
from kmip_core.objects import SecretData
from kmip_core.structures import CryptographicParameters


def test_a_secret_of_ml_kem_is_the_same_on_both_sides() -> None:
    with KmipTestServer() as server:
        other = server.client_certificate("other")
        with (
            KmipClient(server.host, server.port, server.cert, server.key, server.ca, version="3.0") as client,
            KmipClient(server.host, server.port, other.cert, other.key, other.ca, version="3.0") as stranger,
        ):
            pair = client.create_key_pair("ML-KEM-768", private_usage=["Key Agreement"], public_usage=["Key Agreement"])
            private, public = pair.private_key_unique_identifier, pair.public_key_unique_identifier
            for half in (private, public):
                client.activate(half)
            how = CryptographicParameters(kem_algorithm=KEMAlgorithm.MLKEM)

            made = client.encapsulate(public, cryptographic_parameters=how)
            kept = client.decapsulate(made.data, private, cryptographic_parameters=how).unique_identifier

            secrets = [client.get(each).managed_object for each in (made.unique_identifier, kept)]
            assert secrets[0] == secrets[1]
            assert isinstance(secrets[0], SecretData)
            assert len(made.data) == 1088
            offered = client.query(query_functions=[QueryFunction.QUERY_OPERATIONS]).operations
            assert {Operation.ENCAPSULATE, Operation.DECAPSULATE} <= set(offered)
            with pytest.raises(OperationFailed) as refused:
                stranger.decapsulate(made.data, private)
            assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND
