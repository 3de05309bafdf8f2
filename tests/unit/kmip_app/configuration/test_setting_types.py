"""Each kind of setting reads what people write, and says what would be right."""

import os
from pathlib import Path
from typing import Any

import pytest

from kmip_app.configuration import setting_types
from kmip_app.configuration.setting_types import Kind
from kmip_core.settings import RNGSeedMode

PORT = setting_types.whole(0, 65_535)
SUITE = setting_types.one_of(("Basic", "TLS1.2"))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param(PORT, "5696", 5696, id="ok number"),
        pytest.param(PORT, " 0 ", 0, id="ok lowest, spaces around"),
        pytest.param(PORT, 65_535, 65_535, id="ok highest, a number already"),
        pytest.param(setting_types.BOOLEAN, "Yes", True, id="ok yes"),
        pytest.param(setting_types.BOOLEAN, "off", False, id="ok off"),
        pytest.param(setting_types.BOOLEAN, False, False, id="ok a bool already"),
        pytest.param(SUITE, "tls1.2", "TLS1.2", id="ok any case"),
        pytest.param(setting_types.member_of(RNGSeedMode), "Partial", RNGSeedMode.PARTIAL, id="ok member"),
        pytest.param(
            setting_types.member_of(RNGSeedMode), RNGSeedMode.REFUSE, RNGSeedMode.REFUSE, id="ok member already"
        ),
        pytest.param(setting_types.seconds(), "2.5", 2.5, id="ok seconds"),
        pytest.param(setting_types.seconds(or_never=True), "0", None, id="ok never"),
        pytest.param(setting_types.NAMES, "\nA\n  B,C D\n", ("A", "B", "C", "D"), id="ok list in any layout"),
        pytest.param(setting_types.NAMES, ["A", "B,C", "A"], ("A", "B", "C"), id="ok sequence, each once"),
        pytest.param(setting_types.TEXT, " x ", "x", id="ok text"),
        pytest.param(setting_types.FUTURE_FILE, "/new.file", Path("/new.file"), id="ok file to be"),
        pytest.param(setting_types.URL, "sqlite:///x", "sqlite:///x", id="ok URL"),
    ],
)
def test_a_valid_value_is_read(kind: Kind, value: Any, expected: Any) -> None:
    assert kind.read(value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        pytest.param(PORT, "70000", "write 0 to 65535", id="fail too high"),
        pytest.param(PORT, "-1", "write 0 to 65535", id="fail too low"),
        pytest.param(PORT, "many", "not a whole number", id="fail word"),
        pytest.param(PORT, True, "not a whole number", id="fail bool as number"),
        pytest.param(setting_types.BOOLEAN, "maybe", "write True or False", id="fail maybe"),
        pytest.param(SUITE, "TLS1.1", "write one of Basic, TLS1.2", id="fail choice"),
        pytest.param(setting_types.seconds(), "0", "above 0", id="fail no time"),
        pytest.param(setting_types.seconds(), "nan", "above 0", id="fail not a number"),
        pytest.param(setting_types.seconds(), "inf", "above 0", id="fail infinite"),
        pytest.param(setting_types.seconds(), None, "above 0", id="fail nothing"),
        pytest.param(setting_types.NAMES, 7, "not a list of names", id="fail number as list"),
        pytest.param(setting_types.NAMES, [7], "not a list of names", id="fail list of numbers"),
        pytest.param(setting_types.TEXT, "a\x00b", "control characters", id="fail NUL"),
        pytest.param(setting_types.TEXT, 7, "not a text", id="fail number as text"),
        pytest.param(setting_types.EXISTING_FILE, "/no/such", "does not exist; create it", id="fail missing file"),
        pytest.param(setting_types.EXISTING_FILE, "/", "is a folder", id="fail folder as file"),
        pytest.param(setting_types.EXISTING_PATH, "/no/such", "does not exist", id="fail missing path"),
        pytest.param(setting_types.FUTURE_FILE, "/no/such", "folder /no does not exist", id="fail no folder"),
        pytest.param(setting_types.FUTURE_FILE, "/", "is a folder", id="fail folder"),
        pytest.param(
            setting_types.FUTURE_FILE, "/dev/null", "is a device or a pipe; name an ordinary file", id="fail device"
        ),
        pytest.param(
            setting_types.REPLACED_FILE, "/dev/null", "is a device or a pipe", id="fail device to be replaced"
        ),
        pytest.param(
            setting_types.FOLDER, "~nobody-at-all/x", "directory of ~nobody-at-all is not known", id="fail no home"
        ),
        pytest.param(setting_types.FOLDER, __file__, "is a file; name a folder", id="fail file as folder"),
        pytest.param(setting_types.URL, "secret@host", "is no URL", id="fail no URL"),
    ],
)
def test_an_invalid_value_is_reported_with_what_would_be_valid(kind: Kind, value: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        kind.read(value)


@pytest.mark.parametrize(
    "kind",
    [setting_types.EXISTING_FILE, setting_types.EXISTING_PATH, setting_types.FUTURE_FILE, setting_types.FOLDER],
    ids=["file", "path", "file to be", "folder"],
)
def test_a_path_that_the_system_does_not_take_is_reported(kind: Kind) -> None:
    with pytest.raises(ValueError, match=r"xxx cannot be looked at \(file name too long\); name another"):
        kind.read("x" * 5_000)


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")

    assert setting_types.REPLACED_FILE.read(str(link)) == tmp_path / "file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write in every folder")
def test_a_file_in_a_folder_that_cannot_be_written_is_not_replaced(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(ValueError, match="cannot be written by this user; choose another"):
        setting_types.REPLACED_FILE.read(str(tmp_path / "file"))


def test_a_url_that_is_none_is_not_repeated_since_it_may_hold_a_password() -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        setting_types.URL.read("user:pa55@host/kmipd")

    assert "pa55" not in str(caught.value)
