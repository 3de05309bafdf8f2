"""What the server does not do yet, and which official cases need it.

A case that needs one of these is expected to fail; one that passes all the same fails the run, so that a
feature leaves this list with the change that builds it.
"""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from kmip_app.conformance.cases import Case


@frozen(kw_only=True)
class Feature:
    """Something that is missing; `needed_by` says whether a case cannot pass without it."""

    name: str
    needed_by: Callable[[Case], bool]


def holds(path: str, value: str) -> Callable[[Case], bool]:
    """Return the predicate "a request has an element with this value at this path".

    Only files in which the value stands are parsed: there are hundreds, and each process of the tests asks all of them.
    """
    element = f"{path}[@value='{value}']"
    return lambda case: (
        value.encode() in case.path.read_bytes()
        and any(request.find(element) is not None for request in case.elements[::2])
    )


MISSING: Final = (
    Feature(
        # 1.4: no Sensitive, no parts of names, a serial number that is not the one it has located by; 2.0: no Key
        # Format Type. TC-CERTATTR-1 of the same version prints all of them otherwise.
        name="the attribute lists of TC-PKCS12-2, which contradict those of TC-CERTATTR-1",
        needed_by=holds(".//PrivateKey/KeyBlock/KeyFormatType", "PKCS_12"),
    ),
)


def missing_for(case: Case) -> tuple[str, ...]:
    """Return the names of the missing features that `case` needs."""
    return tuple(feature.name for feature in MISSING if feature.needed_by(case))
