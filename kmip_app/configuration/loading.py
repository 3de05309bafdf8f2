"""Joins the places where an operator decides: default < file < environment < command line or constructor (RULINGS 20).

All problems of all places are reported at once, each with its place, what is wrong and what to do (RULINGS 21).
"""

import enum
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import evolve, field
from platformdirs import user_config_path

from kmip_adapters.transport.tls.suites import choose_offer
from kmip_app.configuration.config import (
    Configuration,
    StartError,
    default_data_directory,
    default_log_path,
    folder_of_service,
    in_home,
)
from kmip_app.configuration.secret_places import FILE_SUFFIX
from kmip_app.configuration.server_conf import File, Problem, read_file
from kmip_app.configuration.settings import ENVIRONMENT, SETTINGS, Setting
from kmip_core.classes import define, frozen

_RECORDS: Final = ("core", "limits", "notices", "allowance", "quota")
"""The records of a configuration into which settings lead."""

SECRET_FILES: Final[Mapping[str, Setting]] = {
    setting.name + FILE_SUFFIX: setting
    for setting in SETTINGS.values()
    if setting.is_secret and setting.name + FILE_SUFFIX not in SETTINGS
}
"""NAME_file for each secret: keys of a file, and variables in capitals."""

CONFIG_VARIABLE: Final = "KMIPD_CONFIG_PATH"
PYKMIP_CONFIG: Final = Path("/etc/pykmip/server.conf")
NOWHERE: Final = Path("/nonexistent")
"""The data directory of a configuration that lacks one, and is refused or does without."""

# What Kubernetes sets for a service called kmipd.
_OTHERS: Final = re.compile(CONFIG_VARIABLE + r"|KMIPD_(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP)\w*)")


_LINE: Final = re.compile(r" line [0-9]+$")


class ConfigurationError(StartError):
    """The configuration has problems; the text lists all of them, one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"the configuration has {len(problems)} problems\n  " if len(problems) > 1 else ""
        super().__init__(count + "\n  ".join(str(problem) for problem in problems))


class Search:
    """Instead of a path: the first of the usual places that exists."""


SEARCH: Final = Search()


def usual_places() -> tuple[Path, ...]:
    """Return where a configuration file is looked for when none is named, the first that exists being read."""
    folders = (folder_of_service("CONFIGURATION_DIRECTORY"), in_home(user_config_path))
    return (
        *(folder / "kmipd.conf" for folder in folders if folder is not None),
        Path("/etc/kmipd/kmipd.conf"),
        PYKMIP_CONFIG,
    )


Check = Callable[[Configuration], Iterable[Problem]]
"""Yields what is wrong with a combination of values, under the name of a setting (`kmip_app.configuration.checks`)."""


def unchecked(configuration: Configuration) -> Iterable[Problem]:
    """Yield nothing: for commands that do not serve."""
    return ()


@define(kw_only=True)
class Choice:
    """A configuration and what should be said about it."""

    configuration: Configuration
    warnings: list[str] = field(factory=list)


def choose(
    given: Mapping[str, Any],
    *,
    config_path: Path | Search | None = SEARCH,
    environment: Mapping[str, str] | None = None,
    place: Callable[[Setting], str] = lambda setting: setting.name,
    check: Check = unchecked,
    as_pykmip: bool = False,
) -> Choice:
    """Return the configuration.

    given: values by setting's name that go before all others; None counts as not given.
    config_path: a file, SEARCH for the usual places, None for no file at all.
    environment: None for that of this process.
    place: how a given setting is called in complaints.
    check: looks at the whole, as far as it could be read.
    as_pykmip: whether the server is started in PyKMIP's way, so that its mode is on unless a place says otherwise.
    Raises ConfigurationError with all problems.
    """
    environment = os.environ if environment is None else environment
    file = _file(config_path, environment)
    gathering = _Gathering(as_pykmip=as_pykmip or (file is not None and _is_of_pykmip(file)))
    if file is not None:
        gathering.add_file(file)
    gathering.add_environment(environment)
    for name, value in given.items():
        if value is not None:
            gathering.add(SETTINGS[name], value, Source(Rank.CALLER, place(SETTINGS[name])))
    configuration = gathering.configuration(None if file is None else file.path, file.slugs if file else ())
    gathering.add_problems(check(configuration))
    if gathering.problems:
        raise ConfigurationError(gathering.problems)
    return Choice(configuration=configuration, warnings=gathering.warnings)


def _file(config_path: Path | Search | None, environment: Mapping[str, str]) -> File | None:
    if isinstance(config_path, Search) and environment.get(CONFIG_VARIABLE, "").strip():
        config_path = Path(environment[CONFIG_VARIABLE])
    if isinstance(config_path, Search):
        config_path = next((path for path in usual_places() if path.is_file()), None)
    return None if config_path is None else read_file(_expanded(config_path))


def _is_of_pykmip(file: File) -> bool:
    """Return whether a file is one of PyKMIP's: by its name and any key of PyKMIP's, or by all that PyKMIP requires."""
    keys = {key for key in file.entries if key in SETTINGS and SETTINGS[key].of_pykmip}
    return (file.path.name == PYKMIP_CONFIG.name and bool(keys)) or keys >= _REQUIRED_BY_PYKMIP


_REQUIRED_BY_PYKMIP: Final = {"hostname", "port", "certificate_path", "key_path", "ca_path", "auth_suite"}


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # a home that does not exist: read_file reports that there is no such file
        return path


_COMMENT: Final = re.compile(r"\s[#;]")  # behind a value


class Rank(enum.IntEnum):
    """Of two places that decide one setting, the one of the higher rank counts."""

    DEFAULT = 0
    FILE = 1
    ENVIRONMENT = 2
    CALLER = 3  # the command line, or the constructor


@frozen
class Source:
    """Where a value came from.  where: how problems name the place."""

    rank: Rank
    where: str


@define(kw_only=True)
class _Gathering:
    as_pykmip: bool = False
    values: dict[str, Any] = field(factory=dict)  # by setting's name
    sources: dict[str, Source] = field(factory=dict)  # by setting's name
    problems: list[Problem] = field(factory=list)
    warnings: list[str] = field(factory=list)

    def add(self, setting: Setting, value: Any, source: Source) -> None:
        where = source.where
        self.sources[setting.name] = source
        try:
            self.values[setting.name] = setting.kind.read(value)
        except ValueError as error:
            name = "" if _is_named(where, setting.name) else f"{setting.name}: "
            self.problems.append(Problem(where=where, text=f"{name}{error}"))

    def add_secret_file(self, setting: Setting, path: str, source: Source) -> None:
        """Add NAME_file = PATH, which is another way to write NAME = file:PATH."""
        before = self.sources.get(setting.name)
        if before is not None and before.rank is source.rank:
            named = f"{setting.name} and {setting.name}{FILE_SUFFIX}"
            self.problems.append(Problem(where=source.where, text=f"{named} are both given; keep one"))
        else:
            self.add(setting, f"file:{path.strip()}", source)

    def add_file(self, file: File) -> None:
        self.problems += file.problems
        self.warnings += file.warnings
        for key, entry in file.entries.items():
            if key in SETTINGS:
                self._add_written(SETTINGS[key], entry.value, Source(Rank.FILE, entry.where))
            elif key in SECRET_FILES:
                self.add_secret_file(SECRET_FILES[key], entry.value, Source(Rank.FILE, entry.where))
            elif not entry.is_default:  # those may be there for others to refer to
                near = get_close_matches(key, SETTINGS, n=1)
                guess = f"did you mean {near[0]}?" if near else "remove it"
                self.problems.append(Problem(where=entry.where, text=f"{key} is not a setting; {guess}"))

    def _add_written(self, setting: Setting, value: str, source: Source) -> None:
        """Add what a file says; configparser takes quotes, and a comment behind a value, for parts of it."""
        text = value.strip()
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            self.sources[setting.name] = source
            text = f"{setting.name}: the value stands in quotes; write it without"  # not shown: it may be a secret
            self.problems.append(Problem(where=source.where, text=text))
            return
        before = len(self.problems)
        self.add(setting, value, source)
        if len(self.problems) > before and _COMMENT.search(text):
            problem = self.problems.pop()
            self.problems.append(evolve(problem, text=f"{problem.text}; a comment needs a line of its own"))

    def add_environment(self, environment: Mapping[str, str]) -> None:
        known = {setting.environment: setting for setting in SETTINGS.values()}
        files = {f"{ENVIRONMENT}{name.upper()}": setting for name, setting in SECRET_FILES.items()}
        for variable, value in sorted(environment.items()):
            if variable in known:
                # A Kubernetes service called kmipd puts its address there.
                if value.strip() and not (variable == "KMIPD_PORT" and value.startswith("tcp://")):
                    self.add(known[variable], value, Source(Rank.ENVIRONMENT, variable))
            elif variable in files:
                if value.strip():
                    self.add_secret_file(files[variable], value, Source(Rank.ENVIRONMENT, variable))
            elif variable.startswith(ENVIRONMENT) and not _OTHERS.fullmatch(variable):
                near = get_close_matches(variable, known, n=1)
                guess = f"; did you mean {near[0]}?" if near else ""
                self.warnings.append(f"{variable} in the environment is not a setting{guess}")

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Add those of settings that could be read, each with the place that it came from."""
        unread = self.sources.keys() - self.values.keys()
        for problem in problems:
            name = problem.where
            if name not in unread:
                self.problems.append(self._problem(name, problem.text) if name in self.sources else problem)

    def configuration(self, config_path: Path | None, slugs: tuple[Any, ...]) -> Configuration:
        """Return the record, with the problems that only show when all values are known."""
        self._settle_database()
        home = default_data_directory()
        configuration = Configuration(
            data_directory=home or NOWHERE,
            log_path=None if "log_target" in self.sources else default_log_path(),
            config_path=config_path,
            slugs=slugs,
        )
        parts: dict[str, dict[str, Any]] = {name: {} for name in ("", *_RECORDS)}
        parts["core"]["pykmip_compatible"] = self.as_pykmip
        for name, value in self.values.items():
            part, _, attribute = SETTINGS[name].leads_to.rpartition(".")
            parts[part][attribute] = value
        configuration = evolve(
            configuration,
            **{name: evolve(getattr(configuration, name), **parts[name]) for name in _RECORDS},
            **parts[""],
        )
        named = configuration.sqlite_path if configuration.database else configuration.database_path
        if named is not None and "data_dir" not in self.sources:
            # A volume that holds the database holds its root key too, and two databases are two stores (ADR 0025).
            configuration = evolve(configuration, data_directory=named.with_name(f"{named.name}.kmipd"))
        elif home is None and not (configuration.ephemeral or "data_dir" in self.sources):
            self.sources["data_dir"] = Source(Rank.DEFAULT, "data_dir")  # reported here, once
            self.problems.append(Problem(where="data_dir", text="this user has no home directory; name a folder"))
        if not configuration.server_information:
            configuration = evolve(configuration, core=evolve(configuration.core, server_information=None))
        self.problems += self._contradictions(configuration)
        self._check_password(configuration)
        return configuration

    def _check_password(self, configuration: Configuration) -> None:
        """Note what is wrong with the password of the database, which each connection reads anew."""
        place, url = configuration.database_password, configuration.database
        if place is None:
            return
        try:
            parts = urlsplit(url or "")
            if configuration.database_password_file is not None:
                raise ValueError("and database_password_file exclude each other; keep one")
            if not parts.username:
                raise ValueError("needs a database with a user; set database to postgresql+psycopg://USER@HOST/NAME")
            if parts.password is not None:
                raise ValueError("and the URL both have a password; leave one out")
            place.read().decode("utf-8")
        except (ValueError, UnicodeDecodeError) as error:
            text = "holds no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            self.problems.append(self._problem("database_password", text))

    def _settle_database(self) -> None:
        """Of two spellings of one thing the one from the place of higher rank counts."""
        url, path = self.sources.get("database"), self.sources.get("database_path")
        if url is None or path is None:
            return
        if url.rank is path.rank:
            self.problems.append(
                Problem(where=path.where, text="database_path and database exclude each other; keep one")
            )
        else:
            self.values.pop("database_path" if url.rank > path.rank else "database", None)

    def _contradictions(self, configuration: Configuration) -> Iterator[Problem]:
        given = self.sources
        if "key_path" in given and "certificate_path" not in given:
            yield self._problem("key_path", "is given without its certificate; set certificate_path too")
        if configuration.password_identity and "passwords_path" not in given:
            yield self._problem("password_identity", "needs passwords; set passwords_path too")
        if configuration.slugs and "groups_path" in given:
            yield self._problem("groups_path", "groups come from a SLUGS service already; keep one of them")
        try:
            choose_offer(configuration.auth_suite, configuration.tls_cipher_suites)
        except ValueError as error:
            yield self._problem("tls_cipher_suites", str(error))

    def _problem(self, name: str, text: str) -> Problem:
        where = self.sources[name].where
        return Problem(where=where, text=text if _is_named(where, name) else f"{name}: {text}")


def _is_named(where: str, name: str) -> bool:
    """Return whether a place already names the setting: an option, a variable or an argument does, a line does not."""
    if _LINE.search(where):  # a folder may be called as a setting is
        return False
    words = re.split(r"[^a-z0-9_]+", where.lower().removeprefix(ENVIRONMENT.lower()).replace("-", "_"))
    return name in {word.strip("_") for word in words}
