"""Where a passphrase comes from: not the command line, settings or the environment, which others can read."""

import os
import re
from typing import Any, Final

from attrs import field, frozen

from kmip_adapters.sealing.passphrase import from_credential, from_descriptor
from kmip_app.configuration.setting_types import Kind

FORMS: Final = "fd:N for an open file descriptor, credential:NAME for a file in $CREDENTIALS_DIRECTORY"


@frozen
class PassphrasePlace:
    """One place, as a setting or an option names it."""

    text: str
    _descriptor: int | None = field(default=None, repr=False)
    _credential: str = field(default="", repr=False)

    def read(self) -> bytes:
        """Return what is there; a descriptor gives it once.  Raises RootKeyUnavailable."""
        if self._descriptor is not None:
            return from_descriptor(self._descriptor)
        return from_credential(self._credential, os.environ)

    def __str__(self) -> str:
        return self.text


def _place(value: Any) -> PassphrasePlace:
    if isinstance(value, PassphrasePlace):
        return value
    text = str(value).strip()
    if re.fullmatch(r"fd:[0-9]{1,6}", text):
        return PassphrasePlace(text, descriptor=int(text[3:]))
    if re.fullmatch(r"credential:[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}", text):
        return PassphrasePlace(text, credential=text.partition(":")[2])
    raise ValueError(f"is no place of a passphrase; write {FORMS}")  # not repeated: it may be the passphrase itself


PASSPHRASE: Final = Kind(accepts=FORMS, metavar="WHERE", read=_place)
"""The kind of settings and options that name a place."""

__all__ = ["FORMS", "PASSPHRASE", "PassphrasePlace"]
