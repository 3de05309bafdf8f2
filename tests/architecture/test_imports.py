"""The import directions of the house hold: import-linter says so, and the core needs attrs alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PERMITTED_IN_CORE = {"attr", "attrs", "kmip_core"} | {
    # modules of values and functions; nothing that acts
    *("abc", "collections", "contextlib", "enum", "functools", "hashlib", "hmac", "itertools", "math", "operator"),
    *("re", "types", "typing"),
}
VERSION_NAMES = {"protocol_version_major", "protocol_version_minor"}


def core_modules() -> list[Path]:
    return sorted((ROOT / "kmip_core").rglob("*.py"))


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", core_modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_values_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            imported.add((node.module or "").split(".")[0])

    assert imported <= PERMITTED_IN_CORE


@pytest.mark.parametrize("path", core_modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_compares_no_protocol_version(path: Path) -> None:
    """Versions are spellings of the codec: a comparison in the core would be a rule in the wrong room."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            names = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            assert not names & (VERSION_NAMES | {"protocol_version"}), ast.unparse(node)


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
