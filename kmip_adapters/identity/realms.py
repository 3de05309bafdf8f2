"""Realms: the CAs whose clients are called by their names alone; all others are called by name, kind and CA.

An identity is the CA that vouches for it, the kind of its name, and the name. Its text, which owners, policies and
audit records have, leaves out CA and kind where both follow from the realm: no two identities have one text (ADR 0280).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Self

from attrs import evolve, field
from cryptography import x509

from kmip_core.classes import frozen

KINDS: Final = ("cn", "dns", "uri", "email", "subject")
"""What can name a client in its certificate."""

_CAN_BE: Final[Mapping[str, Callable[[str], bool]]] = {
    "uri": lambda name: ":" in name,
    "email": lambda name: "@" in name and ":" not in name,
    "dns": lambda name: "." in name and not set(name) & set(":@= "),
    "subject": lambda name: "=" in name,
    "cn": lambda name: True,
}
"""Kind of name -> whether a text can be one; a text that several kinds may have is that of the first that is asked."""


def _set(subjects: Iterable[str]) -> frozenset[str]:
    return frozenset(subjects)


@frozen(kw_only=True)
class Realm:
    """What a store has recorded about the CAs of its clients. CAs are their subjects by RFC 4514.

    authorities: whose clients are called by their names alone.
    others: that were trusted at some time beside those: they do not come into the realm by themselves any more.
    joins_kinds: whether names of several kinds are one, as in stores from before kinds were told apart.
    """

    authorities: frozenset[str] = field(default=frozenset(), converter=_set)
    others: frozenset[str] = field(default=frozenset(), converter=_set)
    joins_kinds: bool = False

    @classmethod
    def begun(cls, authorities: Sequence[str], *, has_objects: bool, has_kinds: bool) -> Self:
        """Return the realm of a store that has none.

        authorities: that vouch for clients now, in the order of their file.  has_objects: whether there are owners,
        who were named without their CA so far.  has_kinds: whether several kinds of names were read.
        """
        inside = authorities if has_objects else authorities[:1]
        return cls(
            authorities=inside,
            others=frozenset(authorities) - frozenset(inside),
            joins_kinds=has_objects and has_kinds,
        )

    def with_trusted(self, authorities: Sequence[str]) -> Self:
        """Return it after these CAs vouch for clients: one that replaces all others takes their place."""
        new = frozenset(authorities) - self.authorities - self.others
        if len(authorities) == 1:
            return evolve(self, authorities=self.authorities | new)
        return evolve(self, others=self.others | new)

    def with_authorities(self, authorities: Iterable[str]) -> Self:
        """Return it with these CAs in it as well."""
        return evolve(self, authorities=self.authorities.union(authorities), others=self.others.difference(authorities))

    def of_authorities(self, authorities: Iterable[str]) -> Self:
        """Return it with these CAs in it alone."""
        inside = frozenset(authorities)
        return evolve(self, authorities=inside, others=(self.others | self.authorities) - inside)

    def to_text(self) -> str:
        """Return it as a store keeps it."""
        content = {"authorities": sorted(self.authorities), "others": sorted(self.others), "kinds": self.joins_kinds}
        return json.dumps(content)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return what `to_text` has written."""
        content = json.loads(text)
        return cls(authorities=content["authorities"], others=content["others"], joins_kinds=content["kinds"])


@frozen
class ClientNames:
    """Writes identities.

    realm: None where every CA's clients are called by their names alone.
    kinds: that are read, in their order.
    above: the subject of a trusted CA -> that of the trusted CA above it, if there is one.
    """

    realm: Realm | None = None
    kinds: tuple[str, ...] = ("cn",)
    above: Mapping[str, str] = field(factory=dict)

    def text(self, name: str, kind: str, authority: str) -> str:
        """Return the text of an identity.

        The text of one with kind and CA ends with ">", and " <" occurs last where its name ends, since RFC 4514 escapes
        "<"; a name that looks like that is written with kind and CA itself.
        """
        realm = self.realm
        if realm is None:
            return name
        is_plain = not (name.endswith(">") and " <" in name)
        if is_plain and authority in realm.authorities and (realm.joins_kinds or self._is_evident(kind, name)):
            return name
        return f"{name} <{kind}; {authority}>"

    def _is_evident(self, kind: str, name: str) -> bool:
        return kind == next((one for one in self.kinds if _CAN_BE[one](name)), None)

    def authority_of(self, issuer: str) -> str:
        """Return the trusted CA that is above all others.  issuer: the subject of the CA that ends a verified chain."""
        for _ in range(len(self.above)):  # no more, should they go in a circle
            if issuer not in self.above:
                break
            issuer = self.above[issuer]
        return issuer


def kinds_of(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds of names that sources read, each once; "san" is three."""
    kinds = (kind for one in sources for kind in (("uri", "email", "dns") if one == "san" else (one,)))
    return tuple(dict.fromkeys(kinds))


def authorities_in(certificates: Iterable[x509.Certificate]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the CAs among trusted certificates that no other of them is above, and for the others which one is.

    Certificates of clients, which vouch for nobody else, are left out.
    """
    issuers = {_text(one.subject): _text(one.issuer) for one in certificates if _is_authority(one)}
    above = {subject: issuer for subject, issuer in issuers.items() if issuer != subject and issuer in issuers}
    return tuple(subject for subject in issuers if subject not in above), above


def _text(name: x509.Name) -> str:
    return name.rfc4514_string()


def _is_authority(certificate: x509.Certificate) -> bool:
    if certificate.version is x509.Version.v1:
        return certificate.subject == certificate.issuer
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False
