"""The table of identities: what fits, what does not, who may not take a name, and that it is followed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.identity.table import IdentityTable, UnusableIdentities, read_table
from kmip_core.errors import KmipError
from tests.unit.kmip_adapters.identity.test_certificate import a_certificate


def a_table(folder: Path, *entries: Any, **choices: Any) -> IdentityTable:
    path = folder / "identities.json"
    path.write_text(json.dumps(list(entries)))
    return IdentityTable(path, CertificateIdentity(**choices))


def fingerprint(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex(":")


def test_several_certificates_are_one_identity_with_groups(tmp_path: Path) -> None:
    one, two = a_certificate("web01"), a_certificate("x", san=[x509.DNSName("web02.example")])
    table = a_table(
        tmp_path,
        {"cn": "web01", "identity": "web", "groups": ["frontend"]},
        {"dns": "web02.example", "identity": "web"},
    )

    assert (table(one, "").name, table(one, "").groups) == ("web", {"frontend"})
    assert (table(two, "").name, table(two, "").groups) == ("web", frozenset())


def test_every_condition_must_hold_and_the_first_entry_counts(tmp_path: Path) -> None:
    certificate = a_certificate("web01")
    issuer = x509.load_der_x509_certificate(certificate).issuer.rfc4514_string()
    table = a_table(
        tmp_path,
        {"cn": "web01", "issuer": "CN=another", "identity": "wrong"},
        {"fingerprint": fingerprint(certificate).upper(), "issuer": issuer, "identity": "right"},
        {"cn": "web01", "identity": "late"},
    )

    assert table(certificate, "").name == "right"


def test_a_certificate_that_is_not_in_the_table_is_named_by_itself(tmp_path: Path) -> None:
    assert a_table(tmp_path, {"cn": "a", "identity": "b"})(a_certificate("alice"), "").name == "alice"


def test_a_name_of_the_table_belongs_to_no_certificate_alone(tmp_path: Path) -> None:
    table = a_table(tmp_path, {"cn": "web01", "identity": "web"})

    with pytest.raises(KmipError, match="belongs to an entry of the table"):
        table(a_certificate("web"), "")


def test_a_certificate_without_a_name_of_its_own_gets_one(tmp_path: Path) -> None:
    certificate = a_certificate("x", san=[x509.DNSName("a"), x509.DNSName("b")])

    assert a_table(tmp_path, {"dns": "b", "identity": "both"}, source="san")(certificate, "").name == "both"


def test_no_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KmipError, match="no client certificate"):
        a_table(tmp_path, {"cn": "a", "identity": "b"})(None, "")


def test_changes_are_followed_and_broken_ones_are_not(tmp_path: Path) -> None:
    table, certificate = a_table(tmp_path, {"cn": "web01", "identity": "old"}), a_certificate("web01")
    path = tmp_path / "identities.json"
    assert table(certificate, "").name == "old"
    for number, (content, name) in enumerate([('[{"cn": "web01", "identity": "new"}]', "new"), ("[{", "new")], 1):
        path.write_text(content)
        os.utime(path, ns=(number, number))
        assert table(certificate, "").name == name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "must be a list"),
        ("[1]", "no object of texts"),
        ('[{"cn": "a"}]', "needs an identity"),
        ('[{"identity": "a"}]', "at least one of cn"),
        ('[{"cn": "a", "identity": "b", "group": []}]', "has 'group'"),
        ('[{"cn": "a", "identity": "b", "groups": [1]}]', "groups must be a list"),
        ('[{"cn": "a", "identity": "b\\u0007"}]', "needs an identity"),
        ("nonsense", "is not JSON"),
    ],
)
def test_a_table_with_a_mistake_is_refused_with_what_to_do(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "identities.json"
    path.write_text(content)

    with pytest.raises(UnusableIdentities, match=message):
        read_table(path)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (("uri", "dns", "cn"), "kms.example"),
        (("email", "cn"), "common"),
        ("dns", "kms.example"),
        (("subject",), "CN=common"),
    ],
)
def test_of_several_sources_the_first_counts_that_is_there(source: Any, name: str) -> None:
    certificate = a_certificate("common", san=[x509.DNSName("kms.example")])

    assert CertificateIdentity(source=source)(certificate, "").name == name


def test_kinds_of_alternative_names_are_distinguished() -> None:
    names = [x509.DNSName("d"), x509.UniformResourceIdentifier("urn:u"), x509.RFC822Name("m@e")]
    certificate = a_certificate("common", san=names)

    found = [CertificateIdentity(source=kind)(certificate, "").name for kind in ("dns", "uri", "email")]
    assert found == ["d", "urn:u", "m@e"]
