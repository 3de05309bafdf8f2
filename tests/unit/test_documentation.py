"""What the pages show runs as shown."""

import doctest
import re
from pathlib import Path

import pytest

from kmip_app.cli.man import EXIT_CODES
from kmip_app.configuration.settings import SETTINGS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/objects.md"])
def test_the_examples_of_a_page_run(page: str) -> None:
    done = doctest.testfile(str(ROOT / page), module_relative=False, optionflags=doctest.ELLIPSIS)

    assert done.attempted > 0
    assert done.failed == 0


def test_every_setting_that_may_be_a_secret_is_on_the_page_of_secrets() -> None:
    page = (ROOT / "docs/operate/secrets.md").read_text()

    assert {name for name, setting in SETTINGS.items() if setting.is_secret and f"`{name}`" not in page} == set()


@pytest.mark.parametrize("page", ["docs/command-line.md", "docs/operate/signals.md"])
def test_every_exit_code_is_on_the_pages_that_list_them(page: str) -> None:
    listed = re.findall(r"^\| (\d) \|", (ROOT / page).read_text(), re.MULTILINE)

    assert listed == [code for code, _ in EXIT_CODES]


def test_every_metric_of_the_server_is_on_the_page_of_monitoring() -> None:
    """Names in the source, without the endings that OpenMetrics adds."""
    page = (ROOT / "docs/operate/monitoring.md").read_text()
    listed = {name.removesuffix("_total").removesuffix("_info") for name in re.findall(r"kmipd_[a-z_]+", page)}
    named = set()
    for path in sorted((ROOT / "kmip_app/monitoring").rglob("*.py")):
        named |= set(re.findall(r'"(kmipd_[a-z_]+)"', path.read_text()))

    assert named
    assert {name.removesuffix("_total").removesuffix("_info") for name in named} - listed == set()
