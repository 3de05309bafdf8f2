"""The import directions of the house hold: import-linter says so, and the core needs attrs alone."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PERMITTED_IN_CORE = {"attr", "attrs", "kmip_core"} | {
    # modules of values and functions; nothing that acts
    *("abc", "collections", "contextlib", "enum", "functools", "hashlib", "hmac", "itertools", "math", "operator"),
    *("re", "types", "typing"),
}
VERSION_NAMES = {"protocol_version_major", "protocol_version_minor"}


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def core_nodes() -> Iterator[tuple[str, ast.AST]]:
    """Every node of the core's syntax trees, with its file."""
    for path in sorted((ROOT / "kmip_core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield str(path.relative_to(ROOT)), node


def test_the_core_imports_values_only() -> None:
    imported = set()
    for path, node in core_nodes():
        if isinstance(node, ast.Import):
            imported |= {(path, alias.name.split(".")[0]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            imported.add((path, (node.module or "").split(".")[0]))

    assert [(path, name) for path, name in sorted(imported) if name not in PERMITTED_IN_CORE] == []


def test_classes_are_declared_with_those_of_the_core() -> None:
    """A class that attrs makes at once costs each start a third of a millisecond (`kmip_core.classes`, ADR 0320)."""
    found = []
    for package in ("kmip_core", "kmip_adapters", "kmip_app"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "attrs":
                    found += [(path.relative_to(ROOT).as_posix(), each.name) for each in node.names]

    made_at_once = {(path, name) for path, name in found if name in ("define", "frozen", "mutable")}
    assert made_at_once == {("kmip_core/classes.py", "define"), ("kmip_core/classes.py", "frozen")}


def test_the_core_compares_no_protocol_version() -> None:
    """Versions are spellings of the codec: a comparison in the core would be a rule in the wrong room."""
    for path, node in core_nodes():
        if isinstance(node, ast.Compare):
            names = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            assert not names & (VERSION_NAMES | {"protocol_version"}), (path, ast.unparse(node))


def test_the_core_imports_with_attrs_alone(tmp_path: Path) -> None:
    """In an isolated interpreter whose path has the core and attrs, and nothing else that is installed."""
    import attr
    import attrs

    for package in (attr, attrs):
        source = Path(str(package.__file__)).parent
        (tmp_path / source.name).symlink_to(source)
    (tmp_path / "kmip_core").symlink_to(ROOT / "kmip_core")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import pkgutil, importlib, kmip_core\n"
        "for m in pkgutil.walk_packages(kmip_core.__path__, 'kmip_core.'): importlib.import_module(m.name)\n"
        "assert not any('site-packages' in p for p in sys.path)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_container_alone_calls_the_factories() -> None:
    """What makes one part from the settings is joined with others in one place."""
    importers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "kmip_app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kmip_app.factories")
    }

    assert {path for path in importers if not path.startswith("kmip_app/factories/")} == {"kmip_app/container.py"}
