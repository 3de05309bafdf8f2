"""Writes the reference pages that are the code's own tables, read aloud; tests/architecture compares.

python -m tools.generate_docs
"""

import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

import attrs

from kmip_adapters.ttlv.converter.attribute_table import tag_in
from kmip_adapters.ttlv.standard import reasons, spellings, tables
from kmip_core import attribute_rules, lifecycle, rules
from kmip_core.attributes import CERTIFICATE_PARTS, CUSTOM, LINKS, MULTIPLE, title
from kmip_core.enums import ObjectType, Operation, ResultReason, State
from kmip_core.operation import Cost, ObjectReference, Spec, Target
from kmip_core.operations import CATALOGUE
from kmip_core.standard_names import standard_name
from kmip_core.structures import ProtocolVersion

DOCS: Final = Path(__file__).parents[1] / "docs"
NOTE: Final = "<!-- Written by tools/generate_docs.py; do not edit. -->"
EVERY: Final = "all"


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")


# --- life cycle -----------------------------------------------------------------------------------------------------


def lifecycle_page() -> str:
    """Return docs/lifecycle.md: what can happen to an object, and what it may be used for meanwhile."""
    transitions = [
        [standard_name(state), *(_after(state, event) for event in lifecycle.Event)] for state in lifecycle.TRANSITIONS
    ]
    purposes = [
        [
            purpose.value[0].upper() + purpose.value[1:],
            *("yes" if state in rules.STATES_FOR[purpose] else "" for state in State),
            rules.usage_bits(rules.USAGE_FOR[purpose]) if purpose in rules.USAGE_FOR else "",
        ]
        for purpose in rules.Purpose
    ]
    states = [standard_name(state) for state in State]
    return _page(
        "Life cycle of managed objects",
        "The six states of the standard (KMIP 3.0 §4.67, 2.1 §4.57, 1.4 §3.22), from "
        "`kmip_core.lifecycle.TRANSITIONS`.",
        "![Six states and the transitions between them](images/lifecycle.svg)",
        "What each event does in each state; an empty cell is refused, with Wrong Key Lifecycle State, below 2.1 with "
        "Permission Denied.",
        _table(["State", *(event.value for event in lifecycle.Event)], transitions),
        "- Activate and Destroy are operations. Revoke is *Compromise* for the reasons "
        f"{_listed(words(reason) for reason in sorted(lifecycle.COMPROMISES))}, and *Deactivate* for every other.\n"
        "- In 3.0 Revoke is *Compromise* for every reason, and Deactivate is an operation of its own. Obliterate "
        "removes an object with its attributes, in whatever state it is.\n"
        "- Dates do the same without anybody asking: when the Activation Date has come a Pre-Active object is Active, "
        "when the Deactivation Date has come an Active one is Deactivated, at that second and for every reader, Locate "
        "included.\n"
        "- After Destroy the key material is gone for good; attributes stay readable. A Template vanishes altogether.\n"
        f"- {_listed(sorted(words(kind) for kind in lifecycle.WITHOUT_LIFE_CYCLE))} objects have no life cycle: "
        "they are kept as Pre-Active until they are destroyed.",
        "## What an object may be used for",
        "From `kmip_core.rules`: the states in which a request is admitted, and the bit that the Cryptographic Usage "
        "Mask must have. The setting `process_after_deactivation` admits "
        f"{_listed(sorted(purpose.value for purpose in rules.AFTER_DEACTIVATION))} "
        "while Deactivated or Compromised too.",
        _table(["Purpose", *states, "Usage mask"], purposes),
        "Before its Process Start Date a key does not "
        f"{_listed(sorted(p.value for p in rules.PROCESSES), 'nor')}; from its Protect Stop Date on it is refused for "
        f"{_listed(sorted(p.value for p in rules.PROTECTS))}.",
    )


def _after(state: State, event: lifecycle.Event) -> str:
    following = lifecycle.TRANSITIONS[state].get(event)
    return "" if following is None else standard_name(following)


# --- attributes -----------------------------------------------------------------------------------------------------


def attributes_page() -> str:
    """Return docs/attributes.md: who sets, changes and deletes each attribute."""
    rows = [
        [
            "Custom attributes (`x-...`)" if name == CUSTOM else title(name),
            EVERY if name == CUSTOM else _span(_attribute_versions(name)),
            "many" if name in MULTIPLE or name == CUSTOM else "one",
            "yes" if rule.on_creation else "",
            "yes" if rule.addable else "",
            rule.change.value,
            "yes" if rule.deletable else "",
            _types(rule.object_types),
        ]
        for name, rule in attribute_rules.RULES.items()
    ]
    head = ["Attribute", "Versions", "Values", "At creation", "Add", "Modify", "Delete", "Objects"]
    return _page(
        "Attributes",
        "What a client may do to each attribute, from `kmip_core.attribute_rules.RULES` (KMIP 2.1 §4, 1.4 §3). Where "
        "the versions of the standard differ, the widest rule holds.",
        _table(head, rows),
        "- *At creation*: may be given to Create, Create Key Pair, Register and the other operations that begin an "
        "object. An attribute with nothing in this column, nor in *Add*, is the server's own.\n"
        "- *Add*: an object that has no value of it may be given one later; the states of *Modify* hold for this too.\n"
        "- *Versions*: those in which a client sees it. An older client is not shown it, and cannot name it.\n"
        f"- {_listed(title(name) for name in sorted(attribute_rules.REPLACEABLE))} may be added again although it has "
        "one value: storage systems do so, and it is taken as a change.\n"
        "- Custom attributes of the server's own (`y-...`) are not a client's to set.\n"
        "- An attribute of a destroyed object can still be read.",
    )


def _attribute_versions(name: str) -> list[ProtocolVersion]:
    if name == spellings.FLATTENED:
        name = CERTIFICATE_PARTS[0]
    if name == LINKS.attribute:
        return list(tables.VERSIONS)  # from 3.0 an attribute for each kind
    tag = tables.tag_by_name(title(name)) or tables.tag_for_field(name)
    if tag is None:
        raise LookupError(f"no tag for the attribute {name}")
    first = spellings.FIRST_VERSIONS.get(name, tables.VERSIONS[0])
    return [version for version in tables.VERSIONS if tag_in(version, tag).is_in(version) and version >= first]


def _types(kinds: frozenset[ObjectType]) -> str:
    return EVERY if kinds == frozenset(ObjectType) else ", ".join(words(kind) for kind in sorted(kinds))


# --- operations -----------------------------------------------------------------------------------------------------


def operations_page() -> str:
    """Return docs/operations.md: every operation with its fields, versions and what it needs of its objects."""
    index = [
        [f"[{words(operation)}](#{_anchor(operation)})", _span(_versions_of(operation)), _summary(spec)]
        for operation, spec in CATALOGUE.items()
    ]
    return _page(
        "Operations",
        f"The {len(CATALOGUE)} operations of this server, from its catalogue (`kmip_core.operations`). Query tells a "
        "client those of the version that it speaks; another one is refused with Operation Not Supported.",
        _table(["Operation", "Versions", "What"], index),
        *(_operation(spec) for spec in CATALOGUE.values()),
    )


def _operation(spec: Spec) -> str:
    cost = _PACE[spec.cost] if isinstance(spec.cost, Cost) else _BY_SIZE
    parts = [
        f"## {words(spec.operation)}",
        f"{_summary(spec)} {_sources(spec)}",
        f"Versions: {_span(_versions_of(spec.operation))}. {cost}.",
    ]
    if spec.targets:
        parts.append("\n".join(map(_target, spec.targets)))
    if spec.placeholder is not None:
        parts.append("It sets the ID placeholder for what follows in the batch.")
    if spec.amount is not None:
        parts.append("It uses up the key's Usage Limits.")
    parts.append(_fields("Request", spec.request))
    parts.append(_fields("Response", spec.response))
    return "\n\n".join(parts)


_PACE: Final = {
    Cost.READS: "Reads only",
    Cost.USES_KEYS: "Short work with keys; nothing is stored",
    Cost.CHANGES: "Changes what is stored",
    Cost.WORKS: "Some computing, done in a thread",
    Cost.COMPUTES: "Heavy computing, done in a bounded pool",
}
_BY_SIZE: Final = "Paced by what the request asks for"


def _target(target: Target) -> str:
    kind = (
        "any object" if target.object_types is None else f"a {_listed(map(words, sorted(target.object_types)), 'or')}"
    )
    states = rules.STATES_FOR[target.purpose]
    states_text = (
        "any state" if states == frozenset(State) else _listed([standard_name(s) for s in State if s in states], "or")
    )
    mask = rules.USAGE_FOR.get(target.purpose)
    needs = f", with {rules.usage_bits(mask)} in its usage mask" if mask is not None else ""
    grant = "" if target.operation is None else f"; the policy must grant {words(target.operation)}"
    optional = " (if named)" if target.optional else ""
    field = " of ".join(map(_field_name, reversed(target.field.split("."))))
    return f"- **{field}**{optional} names {kind} in {states_text}{needs}{grant}."


def _fields(what: str, cls: type) -> str:
    rows = [
        [_field_name(field.name), _kind(field.type), "" if field.default is attrs.NOTHING else "optional"]
        for field in attrs.fields(attrs.resolve_types(cls))
    ]
    return f"{what}: no fields." if not rows else f"{what}:\n\n" + _table(["Field", "Type", ""], rows)


def _field_name(field: str) -> str:
    for name in (field, field.removesuffix("s"), re.sub("ies$", "y", field)):
        tag = tables.tag_for_field(name)
        if tag is not None:
            return tag.name
    return title(field)


_KINDS: Final[Mapping[Any, str]] = {
    str: "text",
    bytes: "bytes",
    int: "number",
    bool: "boolean",
    ObjectReference: "identifier",
}


def _kind(hint: Any) -> str:
    """Return an annotation for people: `tuple[Name, ...]` -> `Name, repeated`."""
    members = [member for member in get_args(hint) if member is not type(None)]
    if set(members) == set(get_args(ObjectReference)):
        return "identifier"
    if get_origin(hint) is tuple:
        return f"{_kind(members[0])}, repeated"
    if get_origin(hint) in (Union, types.UnionType):
        if len(members) > 3:
            return "managed object"
        return " or ".join(map(_kind, members))
    return _KINDS.get(hint) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", hint.__name__)


def _versions_of(operation: Operation) -> list[ProtocolVersion]:
    return [v for v in tables.VERSIONS if int(operation) in tables.enumeration_values("Operation", v)]


def _summary(spec: Spec) -> str:
    """Return what the operation's module says of it in its first line, without the name."""
    text = _first_line(spec).partition(": ")[2]
    sentence = text[: text.index(" KMIP ")] if " KMIP " in text else text
    return sentence[0].upper() + sentence[1:]


def _sources(spec: Spec) -> str:
    line = _first_line(spec)
    return line[line.index("KMIP ") :] if "KMIP " in line else ""


def _first_line(spec: Spec) -> str:
    module = sys.modules[spec.perform.__module__]
    paragraph = (inspect.getdoc(module) or "").split("\n\n")[0]
    return " ".join(paragraph.split())


def _anchor(operation: Operation) -> str:
    return words(operation).lower().replace(" ", "-")


# --- result reasons -------------------------------------------------------------------------------------------------


def reasons_page() -> str:
    """Return docs/result-reasons.md: the reason of every refusal, as each version of the protocol says it."""
    told = {(reason, operations) for reason, operations, _, _ in reasons.ROWS}
    rows = [
        [words(reason), ", ".join(map(words, operations)) or "any other", *_on_wire(reason, operations)]
        for reason, operations in sorted(told, key=lambda row: (row[0].name, row[1] == (), row[1]))
    ]
    same = sorted(words(reason) for reason in ResultReason if reason not in {reason for reason, _ in told})
    return _page(
        "Result reasons",
        "The server always knows the most precise reason of a refusal; what a client reads is the word that its "
        "version of the protocol has for it. From `kmip_adapters.ttlv.standard.reasons.ROWS`; a dot stands for the "
        "precise reason itself.",
        _table(["Precise reason", "Operations", *map(str, tables.VERSIONS)], rows),
        "## The same in every version that has them",
        _listed(same) + ".",
    )


def _on_wire(reason: ResultReason, operations: tuple[Operation, ...]) -> list[str]:
    operation = operations[0] if operations else None
    said = (reasons.on_wire(reason, operation, version) for version in tables.VERSIONS)
    return ["·" if wire is reason else words(wire) for wire in said]


# --- words and tables -----------------------------------------------------------------------------------------------


def words(member: Enum) -> str:
    """Return an enumeration's member as people write it: `OBJECT_NOT_FOUND` -> `Object Not Found`."""
    capital = {"MAC", "RNG", "CA", "CSR", "PKCS", "CRL", "PGP", "ID"}
    text = " ".join(word if word in capital else word.title() for word in member.name.split("_"))
    return re.sub("^Re (Key|Certify)", lambda found: f"Re-{found[1].lower()}", text)


def _span(versions: Sequence[ProtocolVersion]) -> str:
    if list(versions) == list(tables.VERSIONS):
        return EVERY
    if not versions:
        return "none"
    return str(versions[0]) if len(versions) == 1 else f"{versions[0]} - {versions[-1]}"


def _listed(texts: Iterable[str], last: str = "and") -> str:
    *others, end = texts
    return f"{', '.join(others)} {last} {end}" if others else end


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _page(heading: str, *parts: str) -> str:
    return "\n\n".join([f"# {heading}", NOTE, *map(_wrapped, parts)]) + "\n"


def _wrapped(part: str) -> str:
    """Return prose and lists in lines of a page's width; tables, code and whole chapters as they are."""
    if part.startswith(("|", "#", "```")):
        return part
    lines = (textwrap.fill(line, 118, subsequent_indent="  " * line.startswith("- ")) for line in part.split("\n"))
    return "\n".join(lines)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "attributes.md": attributes_page,
    "lifecycle.md": lifecycle_page,
    "operations.md": operations_page,
    "result-reasons.md": reasons_page,
}
"""Each page's file in docs/ and who writes it."""

if __name__ == "__main__":
    main()
