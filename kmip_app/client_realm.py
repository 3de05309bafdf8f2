"""Calls clients as it fits the CAs that vouch for them, and what the store has recorded of those."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509

from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.identity.realms import ClientNames, Realm, authorities_in, kinds_of
from kmip_adapters.transport.tls.context import readable_certificates
from kmip_app.configuration.config import Configuration
from kmip_core.errors import Unusable

LOG: Final = logging.getLogger("kmipd.identity")


class UnusableRealm(Unusable):
    """The store's record of the CAs of its clients was changed; the text says what to do."""


class RealmStore(Protocol):
    """Where a realm is recorded."""

    def settle_realm(self, decide: Callable[[str | None, bool], str], *, anew: bool = False) -> str | None:
        """Have `decide` say what is recorded, and return it; None if it is not as it was written."""


class ClientRealm:
    """Settles what clients are called.

    identify: gets the names.  find_authorities: returns the file of the CAs that vouch for clients.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: RealmStore,
        identify: CertificateIdentity,
        find_authorities: Callable[[], Path],
    ) -> None:
        self._setting = configuration.identity_realm
        self._store = store
        self._identify = identify
        self._find_authorities = find_authorities
        self._kinds = kinds_of(identify.source)

    @property
    def is_proven(self) -> bool:
        """Whether the store can prove by now what it has recorded: not while it waits for its root key."""
        sealer = getattr(self._store, "sealer", None)
        return sealer is None or sealer.is_open

    def settle(self) -> bool:
        """Read the CAs, record what is new about them, and return whether clients are called otherwise from now on.

        Raises UnusableRealm.
        """
        authorities, above = authorities_in(_certificates_in(self._find_authorities()))
        realm = Realm() if self._setting == ("none",) else self._recorded(authorities)
        names = ClientNames(realm, self._kinds, above)
        if names == self._identify.names:
            return False
        self._identify.rename(names)
        for line in _remarks(realm, authorities):
            LOG.warning(line)
        return True

    def separate(self) -> None:
        """Call every client by name, kind and CA: nothing else is sure while the record is not as it was written."""
        self._identify.rename(ClientNames(Realm(), self._kinds, self._identify.names.above))

    def _recorded(self, authorities: tuple[str, ...]) -> Realm:
        decide = partial(self._decide, authorities=authorities)
        text = self._store.settle_realm(decide, anew=self._setting != ("recorded",))
        if text is None and self.is_proven:
            raise UnusableRealm(
                "the record of the CAs whose clients are called by their names alone was changed in the database;"
                " write in identity_realm which they are, and it is recorded anew"
            )
        return Realm.from_text(decide(None, True) if text is None else text)

    def _decide(self, recorded: str | None, has_objects: bool, authorities: tuple[str, ...]) -> str:
        if recorded is None:
            realm = Realm.begun(authorities, has_objects=has_objects, has_kinds=len(self._kinds) > 1)
        else:
            realm = Realm.from_text(recorded)
        if self._setting == ("all",):
            realm = realm.with_authorities(authorities)
        elif self._setting != ("recorded",):
            realm = realm.of_authorities(self._setting)
        return realm.with_trusted(authorities).to_text() if authorities else realm.to_text()


def _remarks(realm: Realm, authorities: tuple[str, ...]) -> Iterator[str]:
    """Yield what an operator with several CAs should know."""
    inside = [one for one in authorities if one in realm.authorities]
    if len(inside) > 1:
        yield (
            f"{' and '.join(inside)} can give one name to different clients, which are one identity then;"
            " write in identity_realm whose clients are to be called by their names alone"
        )
    for one in authorities:
        if one not in realm.authorities:
            yield f"clients of {one} are called NAME <KIND; {one}>; if it names the same ones alike, see identity_realm"


def _certificates_in(path: Path) -> Iterable[x509.Certificate]:
    try:
        return readable_certificates(path.read_bytes()).values()
    except OSError:  # TLS, which cannot do without the file, says so
        return ()
