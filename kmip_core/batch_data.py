"""Data that items of a batch have computed, for later items that name it instead of sending some. KMIP 2.1 §7.9.

Together with Ephemeral, which leaves Data out of the answer, the results of one operation go into the next one without
leaving the server: decrypt, then encrypt again under another key. RULINGS 55.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, fields_dict

from kmip_core.classes import define
from kmip_core.enums import Data, Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.messages import DataReference

OUTPUTS: Final[Mapping[Operation, tuple[Data | None, str]]] = {
    Operation.DECRYPT: (Data.DECRYPT, "data"),
    Operation.ENCRYPT: (Data.ENCRYPT, "data"),
    Operation.ENCAPSULATE: (None, "data"),
    Operation.HASH: (Data.HASH, "data"),
    Operation.MAC: (Data.MAC_MAC_DATA, "mac_data"),
    Operation.RNG_RETRIEVE: (Data.RNG_RETRIEVE, "data"),
    Operation.SIGN: (Data.SIGN_SIGNATURE_DATA, "signature_data"),
}
"""Operation -> what the Data enumeration calls its Data, if it does, and the field of its Response. Signature Verify is
not here: no signature from which data is recovered is verified."""


@define
class BatchData:
    """The Data of one batch.

    left: bytes that may still be kept or used again; so that no client has the server hold, or work on, more than it
        could have been sent.
    """

    left: int
    _outputs: list[tuple[Data | None, bytes]] = field(factory=list)

    def remember(self, operation: Operation | None, response: Any) -> None:
        """Keep the Data of a response, if it has any.  Raises KmipError (Response Too Large)."""
        if operation is None or operation not in OUTPUTS:
            return
        kind, name = OUTPUTS[operation]
        value = getattr(response, name)
        if value is not None:
            self._take(len(value))
            self._outputs.append((kind, value))

    def given_to(self, request: Any, reference: DataReference) -> Any:
        """Return a request with the Data that it names.

        Raises KmipError: Invalid Field if no item has returned such Data, or the operation takes none; Response Too
        Large.
        """
        if "data" not in fields_dict(type(request)):
            raise invalid_field("the operation takes no Data")
        value = self._find(reference)
        self._take(len(value))
        return evolve(request, data=value)

    def mark(self) -> tuple[int, int]:
        """Return a mark for `go_back`."""
        return len(self._outputs), self.left

    def go_back(self, mark: tuple[int, int]) -> None:
        """Take back what items that did not happen have left."""
        del self._outputs[mark[0] :]
        self.left = mark[1]

    def _find(self, reference: DataReference) -> bytes:
        if isinstance(reference, Data):
            newest = next((value for kind, value in reversed(self._outputs) if kind is reference), None)
            if newest is not None:
                return newest
            raise invalid_field("no item before this one has returned Data of this operation")
        try:
            return self._outputs[reference][1]
        except IndexError:
            raise invalid_field("the items before this one have not returned so much Data") from None

    def _take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise KmipError(ResultReason.RESPONSE_TOO_LARGE, "the items of the batch use too much Data of each other")


def without_data(operation: Operation | None, response: Any) -> Any:
    """Return a response that leaves out its Data, as an Ephemeral item asks for. KMIP 2.1 §8.3, RULINGS 55."""
    name = "data" if operation is None or operation not in OUTPUTS else OUTPUTS[operation][1]
    data = fields_dict(type(response)).get(name)
    if data is None:
        return response
    return evolve(response, **{name: None if data.default is None else b""})
