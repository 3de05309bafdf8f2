"""Default < file < environment < command line; all problems at once, each with place and remedy."""

import pwd
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kmip_app.configuration import checks
from kmip_app.configuration.config import Slugs, StartError, default_data_directory
from kmip_app.configuration.loading import Choice, ConfigurationError, choose
from kmip_app.configuration.settings import SETTINGS, Setting
from kmip_app.version import VERSION
from kmip_core.settings import Profile, RNGSeedMode

OF_THE_DOCUMENT = """\
[server]
hostname=127.0.0.1
port=5696
certificate_path={folder}/server.pem
key_path={folder}/server.key
ca_path={folder}/ca.pem
auth_suite=Basic
policy_path={folder}/policies
enable_tls_client_auth=True
tls_cipher_suites=
    TLS_RSA_WITH_AES_128_CBC_SHA256
    TLS_RSA_WITH_AES_256_CBC_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384
logging_level=DEBUG
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    for name in ("server.pem", "server.key", "ca.pem"):
        (tmp_path / name).touch()
    (tmp_path / "policies").mkdir()

    def write(text: str) -> Path:
        path = tmp_path / "server.conf"
        path.write_text(text.replace("{folder}", str(tmp_path)))
        return path

    return write


def chosen(path: Path | None, given: Mapping[str, Any] | None = None, **environment: str) -> Choice:
    return choose(given or {}, config_path=path, environment=environment)


def problems(path: Path | None, given: Mapping[str, Any] | None = None, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        chosen(path, given, **environment)
    return [str(problem) for problem in caught.value.problems]


def test_the_block_of_the_document_is_taken_as_it_is(write: Write, tmp_path: Path) -> None:
    configuration = chosen(write(OF_THE_DOCUMENT)).configuration

    assert (configuration.hostname, configuration.port) == ("127.0.0.1", 5696)
    assert configuration.certificate_path == tmp_path / "server.pem"
    assert configuration.key_path == tmp_path / "server.key"
    assert configuration.ca_path == tmp_path / "ca.pem"
    assert configuration.auth_suite == "Basic"
    assert configuration.policy_path == tmp_path / "policies"
    assert configuration.enable_tls_client_auth is True
    assert len(configuration.tls_cipher_suites) == 3
    assert configuration.logging_level == "DEBUG"


def test_a_later_place_wins(write: Write) -> None:
    path = write("[server]\nport=1001\nhostname=file\nlogging_level=DEBUG\n")

    configuration = chosen(
        path, {"port": 1003}, KMIPD_PORT="1002", KMIPD_HOSTNAME="environment", KMIPD_DATABASE_PATH=""
    ).configuration

    assert (configuration.port, configuration.hostname, configuration.logging_level) == (1003, "environment", "DEBUG")


def test_settings_of_the_core_and_of_the_transport_are_set(write: Write) -> None:
    path = write(
        "[server]\nprofile=modern\nrng_seed=refuse\nunique_names=yes\ndefault_usage_masks=on\n"
        "process_after_deactivation=1\ncheck_time_stamp=True\nidle_timeout=90\nmax_connections=7\n"
    )

    configuration = chosen(path).configuration

    core, limits = configuration.core, configuration.limits
    assert (core.profile, core.rng_seed) == (Profile.MODERN, RNGSeedMode.REFUSE)
    assert core.unique_names
    assert core.default_usage_masks
    assert core.process_after_deactivation
    assert core.check_time_stamp
    assert (limits.idle, limits.max_connections) == (90.0, 7)


@pytest.mark.parametrize("setting", [one for one in SETTINGS.values() if "." in one.leads_to], ids=lambda one: one.name)
def test_every_setting_of_a_record_gets_there(tmp_path: Path, setting: Setting) -> None:
    record, attribute = setting.leads_to.split(".")
    usual = getattr(chosen(None, {"data_dir": tmp_path}).configuration, record)
    taken = chosen(None, {"data_dir": tmp_path, setting.name: getattr(usual, attribute)}).configuration

    assert getattr(taken, record) == usual


def test_keys_may_refer_to_each_other(write: Write, tmp_path: Path) -> None:
    path = write("[DEFAULT]\nbase={folder}\n[server]\ncertificate_path=%(base)s/server.pem\nhostname=a%%b\n")

    configuration = chosen(path).configuration

    assert (configuration.certificate_path, configuration.hostname) == (tmp_path / "server.pem", "a%b")


def test_keys_without_value_count_as_left_out(write: Write) -> None:
    configuration = chosen(write("[server]\npolicy_path=\ntls_cipher_suites=\nport = \n")).configuration

    assert (configuration.policy_path, configuration.tls_cipher_suites, configuration.port) == (None, (), 5696)


def test_slugs_sections_are_read_in_order(write: Write) -> None:
    path = write(
        "[server]\n[auth:slugs]\nenabled=True\nurl=http://a/slugs/\n[auth:slugs-off]\nenabled=False\nurl=http://b\n"
        "[auth:slugs2]\nenabled=True\nurl=https://c\ntimeout=2\n"
    )

    assert chosen(path).configuration.slugs == (
        Slugs(url="http://a/slugs"),
        Slugs(url="https://c", timeout=2.0),
    )


def test_other_sections_are_passed_over_with_a_warning(write: Write) -> None:
    choice = chosen(write("[server]\n[client]\nhost=x\n"))

    (warning,) = choice.warnings
    assert warning.endswith("line 2: the section [client] is not read; settings belong under [server]")


def test_all_problems_are_reported_at_once_with_line_and_remedy(write: Write) -> None:
    path = write("[server]\nport=many\nhostnme=x\n\ncertificate_path=/no/such\nauth_suite=TLS1.1\n")

    assert problems(path, {"profile": "old"}, KMIPD_IDLE_TIMEOUT="-1") == [
        f"{path} line 2: port: 'many' is not a whole number; write 0 to 65535",
        f"{path} line 3: hostnme is not a setting; did you mean hostname?",
        f"{path} line 5: certificate_path: /no/such does not exist; create it or correct the path",
        f"{path} line 6: auth_suite: 'TLS1.1' is not known; write one of Basic, TLS1.2, TLS1.3",
        "KMIPD_IDLE_TIMEOUT: '-1' is not a time in seconds; write a number above 0, or 0 for never",
        "profile: 'old' is not known; write one of compatible, modern",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("port=1\n", "line 1: stands before any section; begin with [server]", id="no section"),
        pytest.param("[client]\n", "has no section [server]; put the settings under that heading", id="other section"),
        pytest.param(
            "[server]\nport=5696 # KMIP's\n",
            'line 2: port: "5696 # KMIP\'s" is not a whole number; write 0 to 65535; a comment needs a line of its own',
            id="comment behind a value",
        ),
        pytest.param(
            '[server]\nhostname="kms.example"\n',
            "line 2: hostname: the value stands in quotes; write it without",
            id="quotes",
        ),
        pytest.param("[server]\nport\n", "is neither key=value nor [section]; correct it", id="no value"),
        pytest.param("[server]\nport=1\nport=2\n", "line 3: port is there twice; keep one", id="key twice"),
        pytest.param("[server]\n[server]\n", "line 2: [server] is there twice; keep one", id="section twice"),
        pytest.param("[server]\nhostname=%(nope)s\n", "write %% for a percent sign", id="interpolation of nothing"),
        pytest.param("[server]\nhostname=50%\n", "write %% for a percent sign", id="lonely percent"),
        pytest.param("[server]\n[auth:ldap]\n", "group services are called [auth:slugs]", id="unknown service"),
        pytest.param("[server]\n[auth:slugs]\nenabled=True\n", "url: '' is no http or https URL", id="no url"),
        pytest.param("[server]\n[auth:slugs]\nenabled=maybe\n", "enabled: 'maybe' is neither", id="maybe enabled"),
        pytest.param("[server]\n[auth:slugs]\nurll=x\n", "did you mean url?", id="unknown key of a service"),
        pytest.param(
            "[server]\n[auth:slugs]\nzzz=x\n", "zzz is not known in [auth:slugs]; use", id="odd key of a service"
        ),
        pytest.param(
            "[server]\n[auth:slugs]\nenabled=1\nurl=http://[::1\n",
            "is no http or https URL",
            id="url of half an address",
        ),
        pytest.param(
            "[server]\n[auth:slugs]\nenabled=1\nurl=http://h:99999\n", "is no http or https URL", id="url of no port"
        ),
        pytest.param("[server]\n[auth:slugs]\nenabled=1\nurl=http://:80\n", "is no http or https URL", id="no host"),
        pytest.param("[server]\nkey_path={folder}/server.key\n", "set certificate_path too", id="key alone"),
        pytest.param("[server]\npassword_identity=yes\n", "set passwords_path too", id="identity of no password"),
        pytest.param("[server]\ntls_cipher_suites=AES128-SHA265\n", "did you mean AES128-SHA256?", id="unknown suite"),
        pytest.param("[server]\ntls_cipher_suites=DH-DSS-AES128-SHA\n", "none of DH-DSS", id="suites nobody can do"),
        pytest.param("[server]\ndatabase=sqlite:///x\ndatabase_path=x\n", "exclude each other", id="two databases"),
        pytest.param("[server]\nhostname=\xff\n".encode("latin-1").decode("latin-1"), "", id="ok umlaut"),
    ],
)
def test_a_broken_file_is_reported(write: Write, text: str, told: str) -> None:
    path = write(text)
    if not told:
        assert chosen(path).configuration.hostname == "\xff"
        return

    (problem,) = problems(path)

    assert problem.startswith(str(path))
    assert told in problem


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[server]\n  port=1234\n  hostname=h\n", id="all keys"),
        pytest.param("  [server]\n  port=1234\nhostname=h\n", id="section and key"),
        pytest.param("[server]\n  port=1234\n# remark\n  hostname=h\n", id="after a remark"),
        pytest.param("[server]\nport=\n    1234\nhostname=\n    h\n", id="values on lines of their own"),
        pytest.param("[server] of ours\nport=1234\nhostname=h\n", id="words behind the section"),
    ],
)
def test_indented_lines_count_as_they_do_for_configparser(write: Write, text: str) -> None:
    configuration = chosen(write(text)).configuration

    assert (configuration.hostname, configuration.port) == ("h", 1234)


def test_an_indented_key_is_reported_with_its_line(write: Write) -> None:
    path = write("[server]\n  port=many\n  hostnme=x\n")

    assert problems(path) == [
        f"{path} line 2: port: 'many' is not a whole number; write 0 to 65535",
        f"{path} line 3: hostnme is not a setting; did you mean hostname?",
    ]


def test_lines_that_only_look_like_keys_go_on_with_a_value(write: Write) -> None:
    path = write("[server]\ntls_cipher_suites=\n  AES128-SHA256\n  port=7\n")

    (problem,) = problems(path)

    assert problem.startswith(f"{path} line 2: tls_cipher_suites: 'port=7' is no TLS cipher suite")


def test_settings_may_stand_under_default_as_configparser_has_it(write: Write, tmp_path: Path) -> None:
    path = write("[DEFAULT]\nport=1234\nfolder={folder}\n[server]\ncertificate_path=%(folder)s/server.pem\n")

    configuration = chosen(path).configuration

    assert configuration.port == 1234
    assert configuration.certificate_path == tmp_path / "server.pem"


def test_a_line_that_is_no_setting_is_reported_beside_all_other_problems(write: Write) -> None:
    path = write("[server]\nport\nhostnme=x\n")

    assert problems(path) == [
        f"{path} line 2: 'port' is neither key=value nor [section]; correct it",
        f"{path} line 3: hostnme is not a setting; did you mean hostname?",
    ]


def test_the_key_is_named_whatever_the_file_is_called(tmp_path: Path) -> None:
    path = tmp_path / "port" / "server.conf"
    path.parent.mkdir()
    path.write_text("[server]\nport=many\n")

    assert problems(path) == [f"{path} line 2: port: 'many' is not a whole number; write 0 to 65535"]


def test_every_unknown_suite_is_reported(write: Write) -> None:
    (problem,) = problems(write("[server]\ntls_cipher_suites=AES128-SHA256 NONE-SUCH AES256-SHA265\n"))

    assert "'NONE-SUCH'" in problem
    assert "'AES256-SHA265' is no TLS cipher suite by its IANA or OpenSSL name; did you mean AES256-SHA256?" in problem


def test_files_that_do_not_fit_are_reported_with_everything_else(write: Write, tmp_path: Path) -> None:
    path = write("[server]\nport=many\nca_path={folder}/ca.pem\ncertificate_path={folder}/server.pem\nkey_path=/no\n")

    with pytest.raises(ConfigurationError) as caught:
        choose({}, config_path=path, environment={}, check=checks.problems)

    assert [str(problem) for problem in caught.value.problems] == [
        f"{path} line 2: port: 'many' is not a whole number; write 0 to 65535",
        f"{path} line 5: key_path: /no does not exist; create it or correct the path",
        # Nothing of the key, which is not known, and all else with the line that names it.
        f"{path} line 4: certificate_path: {tmp_path}/server.pem holds no certificate in PEM; name the server's",
        f"{path} line 3: ca_path: {tmp_path}/ca.pem holds no certificate in PEM; name the client CA's",
    ]


def test_a_missing_file_is_reported() -> None:
    assert problems(Path("/no/such.conf")) == [
        "/no/such.conf: the configuration file does not exist; correct the path or create it"
    ]


def test_a_file_of_bytes_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "server.conf"
    path.write_bytes(b"[server]\nhostname=\xff\n")

    assert problems(path) == [f"{path}: is not text in UTF-8; save it so"]


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "server.conf"
    path.write_bytes(b"#" * (1024 * 1024 + 1))

    assert "is longer than 1048576 bytes" in problems(path)[0]


def test_the_database_of_the_later_place_wins(write: Write, tmp_path: Path) -> None:
    path = write("[server]\ndatabase_path={folder}/a.sqlite\n")

    configuration = chosen(path, KMIPD_DATABASE="sqlite:////b.sqlite").configuration

    assert configuration.database_url == "sqlite:////b.sqlite"


@pytest.mark.parametrize(
    "store",
    [{"database_path": "{}/a.database"}, {"database": "sqlite:///{}/a.database"}],
    ids=["ok path", "ok url"],
)
def test_files_that_belong_to_a_named_database_are_kept_beside_it(tmp_path: Path, store: dict[str, str]) -> None:
    given = {name: value.format(tmp_path) for name, value in store.items()}

    beside = chosen(None, given).configuration
    elsewhere = chosen(None, given, KMIPD_DATA_DIR=str(tmp_path / "data")).configuration
    usual = chosen(None).configuration

    assert beside.data_directory == tmp_path / "a.database.kmipd"
    assert elsewhere.data_directory == tmp_path / "data"
    assert usual.data_directory == default_data_directory()


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a user whom the system does not know, as containers may."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home_is_asked_to_name_the_data_directory() -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose({}, environment={}, check=checks.problems)

    assert str(caught.value) == "data_dir: this user has no home directory; name a folder"


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    "given", [{"data_dir": "{}"}, {"database_path": "{}/a.database"}, {"ephemeral": True}], ids=" ".join
)
def test_a_user_without_a_home_may_serve(tmp_path: Path, given: dict[str, Any]) -> None:
    named = {name: value.format(tmp_path) if isinstance(value, str) else value for name, value in given.items()}

    assert choose(named, environment={}, check=checks.problems).warnings == []


@pytest.mark.usefixtures("homeless")
def test_a_configuration_file_in_nobodys_home_does_not_exist() -> None:
    with pytest.raises(StartError, match=r"~/kmipd\.conf: the configuration file does not exist"):
        choose({}, config_path=Path("~/kmipd.conf"), environment={})


def test_an_unknown_variable_is_a_warning_with_the_nearest_setting() -> None:
    assert chosen(None, KMIPD_PRT="1").warnings == [
        "KMIPD_PRT in the environment is not a setting; did you mean KMIPD_PORT?"
    ]


def test_variables_of_a_kubernetes_service_are_not_ours() -> None:
    choice = chosen(
        None,
        KMIPD_PORT="tcp://10.0.0.1:5696",
        KMIPD_SERVICE_HOST="10.0.0.1",
        KMIPD_SERVICE_PORT="5696",
        KMIPD_PORT_5696_TCP_ADDR="10.0.0.1",
    )

    assert (choice.configuration.port, choice.warnings) == (5696, [])


def test_the_environment_can_name_the_file(write: Write) -> None:
    path = write("[server]\nport=1001\n")

    choice = choose({}, environment={"KMIPD_CONFIG_PATH": str(path)})

    assert (choice.configuration.port, choice.configuration.config_path) == (1001, path)


def test_without_a_file_nothing_is_looked_for() -> None:
    assert chosen(None).configuration.config_path is None


@pytest.mark.parametrize(("line", "told"), [("", True), ("server_information = False", False)], ids=["default", "off"])
def test_the_server_version_is_returned_unless_left_out(write: Write, line: str, told: bool) -> None:
    configuration = chosen(write(f"[server]\n{line}\n")).configuration

    information = configuration.core.server_information
    assert (information is not None) is told
    if information is not None:
        assert (information.product_name, information.server_version) == ("kmipd", VERSION)
        assert information.server_serial_number is None


@pytest.mark.parametrize(
    ("text", "as_pykmip", "mode"),
    [
        (OF_THE_DOCUMENT, False, True),
        ("[server]\nhostname = 127.0.0.1\n", False, True),
        ("[server]\ncheck_time_stamp = True\n", False, False),
        ("[server]\ncheck_time_stamp = True\n", True, True),
        (OF_THE_DOCUMENT + "pykmip_compatible = False\n", True, False),
    ],
    ids=["of the document", "a key of PyKMIP's", "no key of PyKMIP's", "started as PyKMIP", "switched off"],
)
def test_pykmip_s_ways_to_start_switch_its_mode_on(write: Write, text: str, as_pykmip: bool, mode: bool) -> None:
    choice = choose({}, config_path=write(text), environment={}, as_pykmip=as_pykmip)

    assert choice.configuration.core.pykmip_compatible is mode


def test_a_file_of_another_name_is_pykmip_s_if_it_has_all_that_pykmip_requires(write: Write, tmp_path: Path) -> None:
    own = tmp_path / "kmipd.conf"
    own.write_text(write(OF_THE_DOCUMENT).read_text())
    assert chosen(own).configuration.core.pykmip_compatible

    own.write_text("[server]\nhostname = 127.0.0.1\nport = 5696\n")
    assert not chosen(own).configuration.core.pykmip_compatible


def test_without_a_file_the_mode_is_off() -> None:
    assert not chosen(None, {"ephemeral": True}).configuration.core.pykmip_compatible
    assert chosen(None, {"ephemeral": True}, KMIPD_PYKMIP_COMPATIBLE="yes").configuration.core.pykmip_compatible
