"""Each client has a folder with the configuration that a user pastes; folder and product page show the same text."""

import re
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
FOLDERS: Final = sorted(path for path in HERE.iterdir() if path.is_dir() and not path.name.startswith("_"))
PASTED: Final = {
    "barbican.conf", "ckms.toml", "connect.py", "curl.sh", "jvm.options", "keymaster.conf", "openssl.sh", "options.py",
    "pkcs12.sh", "pykmip.conf", "request.json", "request.xml", "settings.rs", "settings_pkcs12.rs", "stores.sh",
}  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_folder_says_what_a_user_pastes_and_which_page_is_its(folder: Path) -> None:
    text = (folder / "README.md").read_text("utf-8")
    for configuration in folder.rglob("*"):
        if configuration.name in PASTED:
            assert f"\n{configuration.read_text('utf-8')}```" in text, configuration
    pages = re.findall(r"\]\(((?:\.\./)+docs/[\w/-]+\.md)\)", text)
    assert pages
    assert all((folder / page).is_file() for page in pages), pages
    assert any(f"tests/interop/{folder.name}" in (folder / page).read_text("utf-8") for page in pages)


@pytest.mark.parametrize("path", [p for f in FOLDERS for p in f.rglob("*") if p.name in PASTED], ids=lambda p: p.name)
def test_the_page_shows_the_configuration_that_is_tested(path: Path) -> None:
    folder = next(parent for parent in path.parents if parent.parent == HERE)
    pages = re.findall(r"\]\(((?:\.\./)+docs/[\w/-]+\.md)\)", (folder / "README.md").read_text("utf-8"))

    shown = "".join((folder / page).read_text("utf-8") for page in pages)
    assert f"\n{path.read_text('utf-8')}```" in shown
