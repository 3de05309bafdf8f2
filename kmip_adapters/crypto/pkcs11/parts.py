"""Uses in parts: held back until the last one, since a token is asked once whatever the number of parts."""

from collections.abc import Callable

from kmip_adapters.crypto.pkcs11.signatures import Signature, verdict
from kmip_adapters.crypto.refusals import MAXIMUM_HELD_BYTES, held_too_much
from kmip_core.enums import ValidityIndicator
from kmip_core.ports.crypto import Encrypted


class _Waits:
    """What waits for the token at its end.  may_wait: whether the work under way may."""

    def __init__(self, may_wait: Callable[[], bool]) -> None:
        self._may_wait = may_wait

    @property
    def needs_slower_pace(self) -> bool:
        """Whether the work under way may not wait for the token."""
        return not self._may_wait()


class _Held(_Waits):
    """The parts so far."""

    def __init__(self, may_wait: Callable[[], bool]) -> None:
        super().__init__(may_wait)
        self._held = bytearray()

    @property
    def held_bytes(self) -> int:
        """How many bytes are held."""
        return len(self._held)

    def _hold(self, data: bytes) -> None:
        if len(self._held) + len(data) > MAXIMUM_HELD_BYTES:
            raise held_too_much()
        self._held += data


class EncryptParts(_Held):
    """An Encrypt in parts."""

    def __init__(
        self, iv_counter_nonce: bytes | None, encrypt: Callable[[bytes], Encrypted], may_wait: Callable[[], bool]
    ) -> None:
        super().__init__(may_wait)
        self.iv_counter_nonce = iv_counter_nonce
        self._encrypt = encrypt

    def update(self, data: bytes) -> bytes:
        """Hold a part."""
        self._hold(data)
        return b""

    def finish(self) -> Encrypted:
        """Encrypt all of it."""
        return self._encrypt(bytes(self._held))


class DecryptParts(_Held):
    """A Decrypt in parts.  tag: may also come with the last part."""

    def __init__(
        self, decrypt: Callable[[bytes, bytes | None], bytes], tag: bytes | None, may_wait: Callable[[], bool]
    ) -> None:
        super().__init__(may_wait)
        self._decrypt = decrypt
        self._tag = tag

    def update(self, data: bytes) -> bytes:
        """Hold a part."""
        self._hold(data)
        return b""

    def finish(self, authenticated_encryption_tag: bytes | None = None) -> bytes:
        """Decrypt all of it."""
        return self._decrypt(bytes(self._held), authenticated_encryption_tag or self._tag)


class SignParts(_Waits):
    """A Sign in parts: the digest is computed here, and only it goes to the token."""

    def __init__(self, signature: Signature, may_wait: Callable[[], bool]) -> None:
        super().__init__(may_wait)
        self._signature = signature
        self._digest = signature.digest()

    def update(self, data: bytes) -> None:
        """Add a part to the digest."""
        self._digest.update(data)

    def finish(self) -> bytes:
        """Have the token sign."""
        return self._signature.sign(self._digest.digest())


class MacParts(_Held):
    """A MAC in parts."""

    def __init__(self, compute: Callable[[bytes], bytes], may_wait: Callable[[], bool]) -> None:
        super().__init__(may_wait)
        self._compute = compute

    def update(self, data: bytes) -> None:
        """Hold a part."""
        self._hold(data)

    def finish(self) -> bytes:
        """Have the token compute the code."""
        return self._compute(bytes(self._held))


class VerifyMacParts(_Held):
    """A MAC Verify in parts."""

    def __init__(self, compute: Callable[[bytes], bytes], may_wait: Callable[[], bool]) -> None:
        super().__init__(may_wait)
        self._compute = compute

    def update(self, data: bytes) -> None:
        """Hold a part."""
        self._hold(data)

    def finish(self, expected: bytes) -> ValidityIndicator:
        """Compare the code with what was expected."""
        return verdict(self._compute(bytes(self._held)), expected)
