"""Connection profiles: how named servers are reached, in one file of the user.

    ~/.config/kmipd/profiles.conf      [vault]
                                       host = kms.example
                                       cert = /home/me/me.crt

The file holds paths, no secrets; it is written as a whole, with mode 0600.
"""

import configparser
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from platformdirs import user_config_path

KEYS: Final = ("host", "port", "cert", "key", "ca", "server_name", "kmip_version", "timeout")
"""What a profile may say."""


class ProfileError(Exception):
    """A profile that does not exist, or a file that cannot be read."""


def profiles_path() -> Path:
    """Return where this user's profiles are.  Raises ProfileError for a user without a home."""
    try:
        return user_config_path("kmipd", appauthor=False) / "profiles.conf"
    except RuntimeError as error:
        raise ProfileError("this user has no home directory; name the server with --host") from error


def read_profiles(path: Path | None = None) -> dict[str, dict[str, str]]:
    """Return all profiles by name.  Raises ProfileError."""
    path = path or profiles_path()
    parser = _parser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: {str(error).splitlines()[0]}") from error
    found = {name: dict(parser[name]) for name in parser.sections()}
    for name, values in found.items():
        if unknown := sorted(values.keys() - set(KEYS)):
            raise ProfileError(f"{path}: [{name}] has {', '.join(unknown)}; write {', '.join(KEYS)}")
    return found


def read_profile(name: str, path: Path | None = None) -> dict[str, str]:
    """Return one profile.  Raises ProfileError, which lists those that exist."""
    found = read_profiles(path)
    if name not in found:
        known = f"there are {', '.join(sorted(found))}" if found else "there is none yet; kmipd profile add makes one"
        raise ProfileError(f"no profile {name}; {known}")
    return found[name]


def write_profile(name: str, values: Mapping[str, str] | None, path: Path | None = None) -> Path:
    """Add or replace a profile, or remove it (values None), and return the file.  Raises ProfileError, OSError."""
    path = path or profiles_path()
    if not name or name != name.strip() or any(character in name for character in "[]\n\r") or name == "DEFAULT":
        raise ProfileError(f"{name!r} cannot be the name of a profile")
    found = read_profiles(path)
    if values is None:
        if found.pop(name, None) is None:
            raise ProfileError(f"no profile {name}")
    else:
        found[name] = dict(values)
    parser = _parser()
    parser.read_dict(found)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            parser.write(stream)
        os.replace(new, path)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise
    return path


def _parser() -> configparser.ConfigParser:
    return configparser.ConfigParser(interpolation=None, default_section="")
