"""What the server does not do yet, and which official cases need it.

A case that needs one of these is expected to fail; one that passes all the same fails the run, so that a
feature leaves this list with the change that builds it.
"""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from tests.conformance.cases import Case


@frozen(kw_only=True)
class Feature:
    """Something that is missing; `needed_by` says whether a case cannot pass without it."""

    name: str
    needed_by: Callable[[Case], bool]


def does(*operations: str) -> Callable[[Case], bool]:
    """Return the predicate "the case has success with one of these operations"."""
    return lambda case: not case.operations.isdisjoint(operations)


def says(*words: str) -> Callable[[Case], bool]:
    """Return the predicate "one of these element names or values is in a request"."""
    return lambda case: not case.words.isdisjoint(words)


def is_answered(*words: str) -> Callable[[Case], bool]:
    """Return the predicate "one of these element names or values is in an expected response"."""
    return lambda case: not case.answered_words.isdisjoint(words)


def holds(path: str) -> Callable[[Case], bool]:
    """Return the predicate "a request has an element at this path"."""
    return lambda case: any(request.find(path) is not None for request in case.elements[::2])


def either(*predicates: Callable[[Case], bool]) -> Callable[[Case], bool]:
    """Return the predicate that holds where one of `predicates` does."""
    return lambda case: any(predicate(case) for predicate in predicates)


MISSING: Final = (
    Feature(name="KMIP 3.0", needed_by=lambda case: case.version == "3.0"),
    Feature(name="carriage by HTTPS and JSON", needed_by=lambda case: case.family in ("MSGENC-JSON", "MSGENC-HTTPS")),
    Feature(name="server-to-client operations", needed_by=either(says("Notify", "Put"), does("Notify", "Put"))),
    Feature(
        name="asynchronous operations",
        needed_by=either(is_answered("AsynchronousCorrelationValue"), does("Poll", "Cancel")),
    ),
    Feature(name="PKCS#11 operation", needed_by=does("PKCS_11")),
    Feature(name="certification", needed_by=does("Certify", "ReCertify")),
    Feature(name="attributes beside wrapped keys", needed_by=holds(".//KeyWrappingSpecification/AttributeName")),
    Feature(name="order of the links of re-keyed pairs", needed_by=is_answered("TransparentRSAPrivateKey")),
    Feature(
        name="attributes read from certificates",
        needed_by=is_answered("CertificateIssuerC", "Certificate Identifier", "X.509 Certificate Identifier"),
    ),
    Feature(
        name="PKCS#12 as registered, and in 2.0",
        needed_by=either(
            holds(".//PrivateKey/KeyBlock/KeyFormatType[@value='PKCS_12']"),
            lambda case: case.version == "2.0" and "PKCS_12" in case.words,
        ),
    ),
    Feature(name="extensions by Query", needed_by=is_answered("ExtensionInformation")),
)


def missing_for(case: Case) -> tuple[str, ...]:
    """Return the names of the missing features that `case` needs."""
    return tuple(feature.name for feature in MISSING if feature.needed_by(case))
