"""What the operating system and OpenSSL say reaches people in words: `Connection refused`, not `[Errno 111] ...`.

`kmip_app.system_errors.reason_of` and `kmip_app.connection_errors.explained` take the numbers away; adapters use
`strerror`. A handler that formats such an error as it is would print them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("kmip_core", "kmip_adapters", "kmip_app")
SYSTEM = {"OSError", "ConnectionError", "FileNotFoundError", "PermissionError", "socket.gaierror", "ssl.SSLError"}
LOGS = {"warning", "error", "info"}


def raw(tree: ast.AST) -> Iterator[int]:
    """Yield the lines where a handler of system errors writes the error as it is."""
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None or handler.type is None:
            continue
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if not SYSTEM & {ast.unparse(kind) for kind in kinds}:
            continue
        for node in ast.walk(handler):
            if isinstance(node, ast.FormattedValue):
                values = [node.value]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGS:
                values = node.args
            elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                values = [value for one in node.exc.args for value in _made_text(one)]
            else:
                continue
            yield from (node.lineno for one in values if isinstance(one, ast.Name) and one.id == handler.name)


def _made_text(node: ast.expr) -> list[ast.expr]:
    return node.args if isinstance(node, ast.Call) and ast.unparse(node.func) == "str" else []


def test_the_sweep_finds_what_it_looks_for() -> None:
    source = """
try:
    pass
except (OSError, ValueError) as error:
    LOG.error("failed: %s", error)
    raise StartError(f"failed: {error}")
try:
    pass
except OSError as error:
    raise Ended(str(error))
    raise StartError(f"failed: {error.strerror}")
"""

    assert sorted(raw(ast.parse(source))) == [5, 6, 10]


def test_no_error_of_the_system_is_written_as_it_is() -> None:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    found = [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in raw(ast.parse(path.read_text()))]

    assert found == []
