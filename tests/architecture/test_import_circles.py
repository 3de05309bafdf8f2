"""No module imports itself by way of others: imports for types alone, and those inside functions, count as well."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

PACKAGES = ("kmip_core", "kmip_adapters", "kmip_app")


def module_files() -> dict[str, Path]:
    """Return every module of the packages by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(source: str, modules: set[str]) -> Iterator[str]:
    """Give the modules, of those named, that a source imports anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in modules:
                    yield inner
                elif node.module in modules:
                    yield node.module


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Return groups of modules each of which can be reached from each other one of its group (Tarjan's components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for other in sorted(imports[module]):
            if other not in number:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], number[other])
        if lowest[module] == number[module]:
            place = stack.index(module)
            component = stack[place:]
            del stack[place:]
            if len(component) > 1 or module in imports[module]:
                found.append(sorted(component))

    for module in sorted(imports):
        if module not in number:
            visit(module)
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    files = module_files()
    imports = {name: set(imports_of(path.read_text(), set(files))) for name, path in files.items()}

    assert circles(imports) == []


def test_a_circle_is_found_wherever_its_imports_stand() -> None:
    modules = {"kmip_core.a", "kmip_core.b", "kmip_core.c"}
    sources = {
        "kmip_core.a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kmip_core.b import B\n",
        "kmip_core.b": "def f() -> None:\n    from kmip_core import a\n",
        "kmip_core.c": "import kmip_core.a\n",
    }

    imports = {name: set(imports_of(source, modules)) for name, source in sources.items()}

    assert circles(imports) == [["kmip_core.a", "kmip_core.b"]]
