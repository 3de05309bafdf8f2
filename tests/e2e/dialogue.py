"""A client for tests that look at the whole server: one session, operations by name, answers as trees."""

from types import TracebackType
from typing import Any, Final, Self

from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    Operation,
    RecommendedCurve,
    RevocationReasonCode,
    SecretDataType,
)
from tests.interop.wire import Node, Parts, attribute, decode, key_block, message, name_value, operation, template
from tests.server import StartedServer

VERSION: Final = (1, 4)
AES: Final = CryptographicAlgorithm.AES
BOTH: Final = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT


class Refused(Exception):
    """The server has answered, and it was no success."""


class Dialogue:
    """One TLS session.  Methods raise Refused for a failure that was answered, OSError when the server is gone."""

    def __init__(self, server: StartedServer) -> None:
        self._client = server.client()

    def __enter__(self) -> Self:
        self._client.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def do(self, asked: Operation, payload: Parts) -> Node:
        """Return the response payload."""
        answer = decode(self._client.exchange(message(VERSION, operation(asked, payload))))["BatchItem"]
        if answer["ResultStatus"].value:
            told = answer["ResultMessage"].value if "ResultMessage" in answer else ""
            raise Refused(f"{asked.name}: {answer['ResultReason'].value}: {told}")
        return answer["ResponsePayload"]

    def create(self, name: str) -> str:
        """Return the identifier of a new AES key."""
        return self._identifier(
            Operation.CREATE,
            [("ObjectType", ObjectType.SYMMETRIC_KEY), template(*_aes(), attribute("Name", name_value(name)))],
        )

    def register(self, name: str, key: bytes) -> str:
        """Return the identifier of a registered AES key."""
        given = [key_block(key, KeyFormatType.RAW, AES)]
        mask = attribute("Cryptographic Usage Mask", BOTH)
        return self._identifier(
            Operation.REGISTER,
            [
                ("ObjectType", ObjectType.SYMMETRIC_KEY),
                template(mask, attribute("Name", name_value(name))),
                ("SymmetricKey", given),
            ],
        )

    def register_secret(self, name: str, secret: bytes) -> str:
        """Return the identifier of a registered password."""
        given = [("SecretDataType", SecretDataType.PASSWORD), key_block(secret, KeyFormatType.OPAQUE)]
        named = template(attribute("Name", name_value(name)))
        return self._identifier(
            Operation.REGISTER, [("ObjectType", ObjectType.SECRET_DATA), named, ("SecretData", given)]
        )

    def create_pair(self, name: str) -> tuple[str, str]:
        """Return the identifiers of the private and the public half of a new pair, named `name` + the half."""
        mask = CryptographicUsageMask
        answer = self.do(
            Operation.CREATE_KEY_PAIR,
            [
                template(
                    attribute("Cryptographic Algorithm", CryptographicAlgorithm.EC),
                    attribute("Cryptographic Length", 256),
                    attribute("Cryptographic Domain Parameters", [("RecommendedCurve", RecommendedCurve.P_256)]),
                    tag="CommonTemplateAttribute",
                ),
                template(
                    attribute("Name", name_value(f"{name} private")),
                    attribute("Cryptographic Usage Mask", mask.SIGN),
                    tag="PrivateKeyTemplateAttribute",
                ),
                template(
                    attribute("Name", name_value(f"{name} public")),
                    attribute("Cryptographic Usage Mask", mask.VERIFY),
                    tag="PublicKeyTemplateAttribute",
                ),
            ],
        )
        return answer["PrivateKeyUniqueIdentifier"].value, answer["PublicKeyUniqueIdentifier"].value

    def activate(self, identifier: str) -> None:
        """Activate."""
        self.do(Operation.ACTIVATE, [("UniqueIdentifier", identifier)])

    def revoke(self, identifier: str) -> None:
        """Deactivate."""
        reason: Parts = [("RevocationReasonCode", RevocationReasonCode.CESSATION_OF_OPERATION)]
        self.do(Operation.REVOKE, [("UniqueIdentifier", identifier), ("RevocationReason", reason)])

    def destroy(self, identifier: str) -> None:
        """Destroy."""
        self.do(Operation.DESTROY, [("UniqueIdentifier", identifier)])

    def material(self, identifier: str) -> bytes:
        """Return the key bytes that Get answers."""
        answer = self.do(Operation.GET, [("UniqueIdentifier", identifier)])
        (managed_object,) = [node for node in answer.value if isinstance(node.value, tuple)]
        found: bytes = managed_object["KeyBlock/KeyValue/KeyMaterial"].value
        return found

    def state(self, identifier: str) -> int:
        """Return the state."""
        asked: Parts = [("UniqueIdentifier", identifier), ("AttributeName", "State")]
        answer = self.do(Operation.GET_ATTRIBUTES, asked)
        found: int = answer["Attribute/AttributeValue"].value
        return found

    def locate(self, name: str) -> list[str]:
        """Return the identifiers of the objects of that name, destroyed ones too."""
        everywhere = ("StorageStatusMask", 7)
        answer = self.do(Operation.LOCATE, [everywhere, attribute("Name", name_value(name))])
        return [node.value for node in answer.all("UniqueIdentifier")]

    def _identifier(self, asked: Operation, payload: Parts) -> str:
        found: str = self.do(asked, payload)["UniqueIdentifier"].value
        return found


def _aes() -> list[tuple[str, Any]]:
    return [
        attribute("Cryptographic Algorithm", AES),
        attribute("Cryptographic Length", 256),
        attribute("Cryptographic Usage Mask", BOTH),
    ]
