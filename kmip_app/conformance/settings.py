"""Which official cases need more than a fresh identity and a server with default settings, and why."""

from fnmatch import fnmatchcase
from typing import Final

from kmip_app.conformance.cases import Case
from kmip_core.classes import frozen


@frozen(kw_only=True)
class Setting:
    """Options of `serve` for the cases whose id matches a shell pattern; {case} in an option is the id.

    operations: only for cases that have success with one of these; empty: for all of them.
    """

    cases: str
    options: tuple[str, ...]
    reason: str
    operations: frozenset[str] = frozenset()

    def concerns(self, case: Case) -> bool:
        """Return whether the case is one of these."""
        if not fnmatchcase(case.id, self.cases):
            return False
        return not self.operations or not self.operations.isdisjoint(case.operations)


@frozen(kw_only=True)
class Sequel:
    """Cases that go on where another has ended: it is played before, as the same client."""

    cases: str
    after: str
    reason: str


_SEEDS: Final = "the official cases have one answer of each kind to RNG Seed"
_MASKS: Final = "creates a key without a Cryptographic Usage Mask, which is refused by default"

SETTINGS: Final = (
    Setting(cases="*/MSGENC-HTTPS-*", options=("--https-port", "0"), reason="its messages travel by HTTPS"),
    Setting(cases="*/MSGENC-JSON-*", options=("--https-port", "0"), reason="its messages travel as JSON by HTTPS"),
    Setting(cases="3.0/MSGENC-*", options=("--tickets", "bound"), reason="tickets are off by default (ADR 0051)"),
    Setting(cases="*/CS-RNG-O-2-*", options=("--rng-seed", "partial"), reason=_SEEDS),
    Setting(cases="*/CS-RNG-O-3-*", options=("--rng-seed", "ignore"), reason=_SEEDS),
    Setting(cases="*/CS-RNG-O-4-*", options=("--rng-seed", "refuse"), reason=_SEEDS),
    Setting(cases="*", options=("--interop",), reason="Interop is for tests, and so off by default (KMIP 2.1 §6.1.26)"),
    Setting(
        cases="*/TC-134-*",
        options=("--certificate-authority", "CN=KMIP,OU=OASIS,O=TEST,C=US"),
        reason="the certificates of the case are issued by this name",
    ),
    Setting(
        cases="*/TC-122-*",
        options=("--extensions", "ACME LOCATION=0x54AA01:TextString, ACME ZIP CODE=0x54AA02:Integer"),
        reason="a server knows no vendor's tags by itself",
    ),
    Setting(
        cases="*/TC-MD-24-*",
        options=("--administrators", "2.1/TC-MD-24-21"),
        reason="Set Constraints is for administrators, and there are none by default (ADR 0031)",
    ),
    Setting(
        cases="*",
        options=("--administrators", "{case}"),
        reason="users, groups and credentials are the administrators'; the user of the cases is not there (ADR 0195)",
        operations=frozenset({"CreateUser", "CreateGroup", "CreateCredential"}),
    ),
    Setting(cases="*/TC-CS-CORVAL-*", options=("--default-usage-masks",), reason=_MASKS),
)

SEQUELS: Final = (
    Sequel(cases="*/SASED-M-3-*", after="SASED-M-2", reason="finds and gets the keys that SASED-M-2 has registered"),
    Sequel(
        cases="*/TC-CREG-[23]-*",
        after="TC-CREG-1",
        reason="gets, or destroys, the objects that TC-CREG-1 has provisioned",
    ),
)


def predecessor_of(case: Case) -> Case | None:
    """Return the case that `case` goes on from, None if it stands alone."""
    for sequel in SEQUELS:
        if fnmatchcase(case.id, sequel.cases):
            return Case(case.path.with_stem(f"{sequel.after}-{case.name.rsplit('-', 1)[1]}"))
    return None


def options_for(case: Case) -> tuple[str, ...]:
    """Return the options of the server that `case` is played against."""
    return tuple(
        option.replace("{case}", case.id)
        for setting in SETTINGS
        if setting.concerns(case)
        for option in setting.options
    )
