"""Makes what stands behind the port of root keys and behind a token, from what the operator has chosen."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kmip_adapters.pkcs11_session import uri as pkcs11_uri
from kmip_adapters.pkcs11_session.refused_pin import RefusedPin
from kmip_adapters.pkcs11_session.token import Token, TokenSettings, TokenUnusable
from kmip_adapters.sealing.command_key import CommandWrapper
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.sealing.passphrase import Passphrase
from kmip_adapters.sealing.token_key import TokenKeySource
from kmip_adapters.sealing.wrapped_key import WrappedKeySource
from kmip_app.configuration.root_keys import RootKeyPlace, kmip_root_key
from kmip_app.configuration.secret_places import SECRET, SecretPlace
from kmip_core.ports.sealing import RootKeySource, RootKeyUnavailable

if TYPE_CHECKING:
    from kmip_app.configuration.config import Configuration


def root_key_source(configuration: "Configuration", place: RootKeyPlace | None = None) -> RootKeySource:
    """Return the source of the root key that a place names; None for the one of the configuration.

    Raises TokenUnusable, ValueError for what the operator has to complete.
    """
    place = place or configuration.root_key_place
    match place.kind:
        case "key_file":
            return KeyFile(configuration.data_directory / "root.key")
        case "passphrase":
            return _passphrase(configuration)
        case "pkcs11":
            chosen = pkcs11_uri.parse(place.text)
            return TokenKeySource(token(configuration, chosen), chosen.key_label, chosen.key_id)
        case "kmip":
            from kmip_app.kmip_root_key import KmipWrapper  # a whole client: not wanted where no other server is

            return WrappedKeySource(KmipWrapper(kmip_root_key(place.text)))
        case "command":
            return WrappedKeySource(CommandWrapper(place.text.partition(":")[2]))


def close_root_key(source: RootKeySource) -> None:
    """Let go of what stands behind a source, if anything does, once the store is closed."""
    close = getattr(source, "close", None)
    if close is not None:
        close()


def token(configuration: "Configuration", chosen: pkcs11_uri.TokenUri | None = None) -> Token:
    """Return the token of the settings, or of a URI that completes them.  Raises TokenUnusable."""
    chosen = chosen or pkcs11_uri.TokenUri()
    module = configuration.pkcs11_module if chosen.module is None else Path(chosen.module)
    label = configuration.pkcs11_token if chosen.token is None else chosen.token
    if module is None or (label is None and chosen.serial is None):
        raise TokenUnusable("a PKCS#11 token needs its library and its label: give pkcs11_module and pkcs11_token")
    place = configuration.pkcs11_pin if chosen.pin_source is None else SECRET.read(chosen.pin_source)
    shared = None
    if configuration.worker is not None:
        shared = RefusedPin(configuration.data_directory / "pkcs11.refused-pin", configuration.common_secret)
    return Token(
        TokenSettings(
            module=module,
            label=label,
            serial=chosen.serial,
            read_pin=_pin_reader(place, label or ""),
            refused_pin=shared,
        )
    )


def _pin_reader(place: SecretPlace | None, label: str) -> Callable[[], bytes]:
    """Return what gives the PIN: the place, or a person at the terminal, asked once."""
    asked: list[bytes] = []

    def read() -> bytes:
        if place is not None:
            try:
                return place.read()
            except ValueError as error:
                raise TokenUnusable(f"pkcs11_pin: {error}") from None
        if not asked:
            if not sys.stdin.isatty():
                raise TokenUnusable("the PKCS#11 token needs its PIN: give pkcs11_pin")
            asked.append(getpass.getpass(f"PIN of the PKCS#11 token {label}: ").encode())
        return asked[0]

    return read


def _passphrase(configuration: "Configuration") -> Passphrase:
    place = configuration.root_key_passphrase
    if place is None:
        raise ValueError("root_key = passphrase needs root_key_passphrase")

    def read() -> bytes:
        try:
            return place.read()
        except ValueError as error:
            raise RootKeyUnavailable(f"root_key_passphrase: {error}") from None

    return Passphrase(read)
