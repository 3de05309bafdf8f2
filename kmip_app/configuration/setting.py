"""One setting: its name in a file, the environment and on the command line, its kind, and where it leads to."""

from operator import attrgetter
from typing import Any, Final

import attrs

from kmip_app.configuration.config import Configuration
from kmip_app.configuration.secret_places import SECRET, SECRET_URL
from kmip_app.configuration.setting_types import Kind
from kmip_core.classes import frozen

ENVIRONMENT: Final = "KMIPD_"


@frozen(kw_only=True)
class Setting:
    """One thing an operator may decide.

    name: the key in a file; `KMIPD_` + NAME in the environment.  leads_to: the field of Configuration, dotted.
    letters: short option of the command line.  of_pykmip: a key of PyKMIP's server.conf.
    default: what the documentation says where the field's own default would not help.
    """

    name: str
    leads_to: str
    kind: Kind
    help: str
    letters: str = ""
    of_pykmip: bool = False
    default: str | None = None

    @property
    def environment(self) -> str:
        """The variable's name."""
        return ENVIRONMENT + self.name.upper()

    @property
    def option(self) -> str:
        """The option's name on the command line; underscores are taken for dashes there."""
        return f"--{self.name if self.of_pykmip else self.name.replace('_', '-')}"

    @property
    def is_secret(self) -> bool:
        """Whether it may be given as the place of a secret, also as NAME_file."""
        return self.kind is SECRET or self.kind is SECRET_URL

    def value_in(self, configuration: Configuration) -> Any:
        """Return what a configuration says."""
        return attrgetter(self.leads_to)(configuration)

    @property
    def default_text(self) -> str:
        """The default as a file would say it."""
        if self.default is not None:
            return self.default
        value = _default(Configuration, self.leads_to.split("."))
        return "" if value is None and self.kind.metavar != "SECONDS" else self.kind.write(value)


def _default(record: Any, path: list[str]) -> Any:
    default = attrs.fields_dict(record)[path[0]].default
    factory = getattr(default, "factory", None)
    if factory is not None:
        default = factory()
    for name in path[1:]:
        default = getattr(default, name)
    return default


def of_pykmip(name: str, kind: Kind, help: str, letters: str = "", **more: Any) -> Setting:
    """Return a setting that PyKMIP's server.conf has as well; it leads to the field of its name."""
    return Setting(name=name, leads_to=name, kind=kind, help=help, letters=letters, of_pykmip=True, **more)


def native(name: str, kind: Kind, help: str, leads_to: str | None = None, **more: Any) -> Setting:
    """Return a setting of kmipd alone.  leads_to: the field of Configuration; the one of its name if left out."""
    return Setting(name=name, leads_to=leads_to or name, kind=kind, help=help, **more)
