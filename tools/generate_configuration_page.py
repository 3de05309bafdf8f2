"""Writes docs/configuration.md from the table of settings; a test compares.

python -m tools.generate_configuration_page
"""

from pathlib import Path

from kmip_app.configuration.loading import CONFIG_VARIABLE
from kmip_app.configuration.settings import TOPICS, Setting

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

HEAD = f"""\
# Configuration

<!-- Written by tools/generate_configuration_page.py; do not edit. -->

Every setting has one name in four places; the later place wins:

1. its default,
2. a configuration file: an INI file with a section `[server]`,
3. the environment: `KMIPD_` and the name in capitals,
4. the command line, or the arguments of `KmipServer`.

The file is the one that `-f FILE` or `{CONFIG_VARIABLE}` names; else the first that exists of `kmipd/kmipd.conf` in
the user's configuration directory, `/etc/kmipd/kmipd.conf` and `/etc/pykmip/server.conf`. A `server.conf` of PyKMIP is
such a file as it is; its keys are marked *PyKMIP* below. Values may refer to other keys as `%(hostname)s`; a percent
sign is written `%%`. Keys without a value count as left out. Relative paths begin where the server is started.

Unknown keys, missing files and values that cannot be stop the start: all of them are told at once, each with its line
and what to do, and the exit code is 2. `kmipd check-config` tells without serving. A variable `KMIPD_...` that is no
setting is a warning.

```ini
[server]
hostname = 0.0.0.0
port = 5696
data_dir = /var/lib/kmipd
policy_path = /etc/kmipd/policies
```
"""

TAIL = """\
## Groups from a SLUGS service

Any number of sections whose names begin with `auth:slugs`, tried in this order. Who is known to none of them is
refused, and so is everybody while none of them answers.

```ini
[auth:slugs]
enabled = True
url = http://127.0.0.1:8080/slugs/
timeout = 5
```

| Key | Meaning |
|---|---|
| `enabled` | Whether the service is asked; default False. |
| `url` | To which `/users/NAME` and `/users/NAME/groups` are added. |
| `timeout` | Seconds for one answer; default 5. |

## What PyKMIP meant otherwise

| There | Here |
|---|---|
| `auth_suite=Basic` was TLS 1.0 | TLS 1.2 and 1.3; no current OpenSSL speaks anything older. |
| `auth_suite=TLS1.2` was TLS 1.2 with CBC suites | The same suites where OpenSSL 3 still has them, those with forward secrecy, and TLS 1.3. |
| Unknown suites were dropped | They stop the start; those that are known but cannot be done are told in the log. |
| Six keys had to be in the file | None has to: what is left out has its default. |
| The database was in the temporary directory | It is in the data directory. |
| The log was a file | Standard error, unless `log_path` says otherwise; `KmipServer` and `kmipd-pykmip-server` use PyKMIP's file. |
"""  # noqa: E501  rows of a table


def page() -> str:
    """Return the page's text."""
    parts = [HEAD]
    for topic, settings in TOPICS.items():
        rows = "".join(map(_row, settings))
        parts.append(f"## {topic}\n\n| Setting | Meaning | Values | Default |\n|---|---|---|---|\n{rows}")
    return "\n".join([*parts, TAIL])


def _row(setting: Setting) -> str:
    letters = f", `{setting.letters}`" if setting.letters else ""
    origin = " *PyKMIP*" if setting.of_pykmip else ""
    default = setting.default_text
    shown = "" if not default else default if setting.default is not None else f"`{default}`"
    return f"| `{setting.name}`{letters}{origin} | {setting.help} | {setting.kind.accepts} | {shown} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
