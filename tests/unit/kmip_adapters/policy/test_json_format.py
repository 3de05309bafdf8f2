"""PyKMIP's policy files: what is read, and that every problem is told with its place and remedy."""

import json
from typing import Any

import pytest

from kmip_adapters.policy.json_format import MAXIMUM_SIZE, read_policies
from kmip_core.enums import ObjectType, Operation
from kmip_core.policy import OperationPolicy, Permission

KEY, GET = ObjectType.SYMMETRIC_KEY, Operation.GET
RULES = {"SYMMETRIC_KEY": {"GET": "ALLOW_OWNER"}}
READ = {KEY: {GET: Permission.ALLOW_OWNER}}


def read(value: Any) -> tuple[dict[str, OperationPolicy], list[str]]:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    policies, problems = read_policies(content, "p.json")
    return policies, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("value", "preset", "groups"),
    [
        pytest.param(RULES, READ, {}, id="ok plain rules are the preset"),
        pytest.param({"preset": RULES}, READ, {}, id="ok preset alone"),
        pytest.param({"groups": {"g": RULES}}, None, {"g": READ}, id="ok groups alone"),
        pytest.param({"preset": RULES, "groups": {"g": RULES, "h": {}}}, READ, {"g": READ, "h": {}}, id="ok both"),
        pytest.param({"preset": {}}, {}, {}, id="ok a preset that grants nothing"),
        pytest.param({"SYMMETRIC_KEY": {}}, {KEY: {}}, {}, id="ok a type that grants nothing"),
    ],
)
def test_a_policy_may_take_each_form(value: Any, preset: Any, groups: Any) -> None:
    policies, problems = read({"p": value})

    assert problems == []
    assert policies == {"p": OperationPolicy(name="p", preset=preset, groups=groups)}


def test_an_empty_policy_is_skipped() -> None:
    assert read({"p": {}, "q": RULES}) == ({"q": OperationPolicy(name="q", preset=READ)}, [])


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_read(permission: Permission) -> None:
    policies, _ = read({"p": {"SYMMETRIC_KEY": {"GET": permission.name}}})

    assert policies["p"].preset == {KEY: {GET: permission}}


def test_every_name_that_pykmip_accepts_is_read() -> None:
    """PyKMIP's own enumerations, from the development extra, are what old files may use."""
    enums = pytest.importorskip("kmip.core.enums")
    rules = {
        object_type.name: {operation.name: "ALLOW_ALL" for operation in enums.Operation}
        for object_type in enums.ObjectType
    }
    policies, problems = read({"p": rules})

    assert problems == []
    assert policies["p"].preset == {
        ObjectType(object_type.value): {Operation(o.value): Permission.ALLOW_ALL for o in enums.Operation}
        for object_type in enums.ObjectType
    }


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"{", "p.json: line 1 column 2: is not JSON: Expecting property name enclosed in double quotes"),
        (b'{\n"p": {]}', "p.json: line 2 column 7: is not JSON: Expecting property name enclosed in double quotes"),
        (b"", "p.json: line 1 column 1: is not JSON: Expecting value"),
        (b'{"\xff": 1}', "p.json: byte 2: is not text in UTF-8"),
        (b"[" * 100_000, "p.json: is nested too deeply; policies need five levels"),
        (b" " * (MAXIMUM_SIZE + 1), f"p.json: has {MAXIMUM_SIZE + 1} bytes; up to {MAXIMUM_SIZE} are read"),
        ([], "p.json: must be an object in braces, not a list"),
        (7, "p.json: must be an object in braces, not 7"),
        ({"p": "x"}, 'p.json: p: must be an object in braces, not "x"'),
        ({"p": {"groups": []}}, "p.json: p.groups: must be an object in braces, not a list"),
        ({"p": {"preset": None}}, "p.json: p.preset: must be an object in braces, not null"),
        (
            {"p": {"SYMMETRIC_KEY": "ALLOW_ALL"}},
            'p.json: p.SYMMETRIC_KEY: must be an object in braces, not "ALLOW_ALL"',
        ),
        (
            {"p": {"preset": {"SYMETRIC_KEY": {}}}},
            "p.json: p.preset.SYMETRIC_KEY: 'SYMETRIC_KEY' is not a valid ObjectType value; "
            "did you mean SYMMETRIC_KEY?",
        ),
        (
            {"p": {"groups": {"g": {"SYMMETRIC_KEY": {"get": "ALLOW_ALL"}}}}},
            "p.json: p.groups.g.SYMMETRIC_KEY.get: 'get' is not a valid Operation value; did you mean GET?",
        ),
        (
            {"p": {"SYMMETRIC_KEY": {"GET": "ALLOW_OWNERS"}}},
            "p.json: p.SYMMETRIC_KEY.GET: 'ALLOW_OWNERS' is not a valid Policy value; did you mean ALLOW_OWNER?",
        ),
        (
            {"p": {"SYMMETRIC_KEY": {"GET": 1}}},
            "p.json: p.SYMMETRIC_KEY.GET: '1' is not a valid Policy value; one of ALLOW_ALL, ALLOW_OWNER, DISALLOW_ALL",
        ),
        (
            {"p": {"default": RULES}},  # the form of PyKMIP's own example file, which PyKMIP refuses, too
            "p.json: p.default: Policy 'p' contains an invalid section named: default; it is called preset now",
        ),
        (
            {"p": {"presets": RULES}},
            "p.json: p.presets: Policy 'p' contains an invalid section named: presets; "
            "use preset, groups or an object type",
        ),
        (
            {"p": {"preset": RULES, **RULES}},
            "p.json: p: has object types beside preset or groups; put them into preset",
        ),
        (b'{"p": {"preset": {}, "preset": {}}}', "p.json: p.preset: is there more than once; keep one"),
        (b'{"p": {}, "p": {}}', "p.json: p: is there more than once; keep one"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_problem_is_reported_with_its_place_and_remedy(value: Any, told: str) -> None:
    _, problems = read(value)

    assert problems == [told]


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    _, problems = read({"p": {"SYMMETRIC_KEY": {"GTE": "ALLOW_ALL", "GET": "ALLOW"}}, "q": 1, "r": {"x": 1, "y": 2}})

    assert [problem.split(": ")[1] for problem in problems] == [
        "p.SYMMETRIC_KEY.GTE",
        "p.SYMMETRIC_KEY.GET",
        "q",
        "r.x",
        "r.y",
    ]
