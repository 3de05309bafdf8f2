"""`kmipd root split` and `kmipd root join`: the root key of a file in shares, of which some make it whole again."""

import re
import sys
from pathlib import Path
from typing import Any, Final

import click

from kmip_app.cli.context import Group
from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError

SHARE: Final = re.compile(
    r"kmipd-root-share-1:(?P<key>[0-9a-f]{16}):(?P<threshold>\d{1,3}):(?P<number>\d{1,3}):(?P<value>[0-9a-f]{64})"
)
"""A share: the identifier of its root key, how many make it whole, its number, its value."""

_SETTINGS: Final = ("data_dir", "root_key")


def split(shares: int, threshold: int, config_path: str | None, **values: Any) -> None:
    """Print the root key of root.key as SHARES lines, any THRESHOLD of which make it whole again.

    Give each line to another person. The file stays as it is: to let the shares alone open the store, remove it
    after a rehearsal of `kmipd root join`. Fewer than THRESHOLD shares tell nothing about the key (Shamir's scheme).
    """
    from kmip_adapters.crypto.software.split_keys import split_secret
    from kmip_adapters.sealing.key_file import KeyFile, RawRootKey
    from kmip_core.ports.sealing import RootKeyUnavailable

    configuration = chosen(values, config_path).configuration
    path = configuration.data_directory / "root.key"
    if configuration.root_key != "key_file" or not path.exists():
        raise StartError(f"there is no root key in a file at {path}; only such a one can be split")
    if not 1 < threshold <= shares:
        raise StartError("--threshold must be 2 or more, and not more than --shares")
    try:
        key = KeyFile(path).read()
    except RootKeyUnavailable as error:
        raise StartError(str(error)) from None
    root_key_id = RawRootKey(key).root_key_id
    parts = split_secret(key, _scheme(shares, threshold))
    for number, part in enumerate(parts, 1):
        click.echo(f"kmipd-root-share-1:{root_key_id}:{threshold}:{number}:{part.hex()}")


def join(files: tuple[Path, ...], out: Path | None, config_path: str | None, **values: Any) -> None:
    """Make root.key whole again from shares in FILES, or on standard input, one share a line.

    Nothing is written if the shares are of different keys, too few, or do not make the key that they name. A file that
    is there is never replaced.
    """
    from kmip_adapters.crypto.software.split_keys import join_secret
    from kmip_adapters.sealing.key_file import KEY_BYTES, KeyFile, RawRootKey
    from kmip_core.errors import KmipError

    configuration = chosen(values, config_path).configuration
    path = out or configuration.data_directory / "root.key"
    given = [file.read_text("ascii", "replace") for file in files] if files else [sys.stdin.read()]
    found = {match["number"]: match for match in SHARE.finditer("\n".join(given))}
    keys = {(match["key"], match["threshold"]) for match in found.values()}
    if len(keys) != 1:
        raise StartError("the shares are of different root keys" if keys else "there is no share; one stands on a line")
    ((root_key_id, threshold),) = keys
    if len(found) < int(threshold):
        raise StartError(f"{len(found)} shares are here, and {threshold} are needed")
    values_by_number = {int(number): bytes.fromhex(match["value"]) for number, match in found.items()}
    chosen_shares = dict(sorted(values_by_number.items())[: int(threshold)])
    try:
        key = join_secret(chosen_shares, _scheme(max(max(chosen_shares), int(threshold)), int(threshold)), KEY_BYTES)
    except KmipError as error:
        raise StartError(f"the shares do not fit each other: {error.message}") from None
    if RawRootKey(key).root_key_id != root_key_id:
        raise StartError(f"the shares do not make root key {root_key_id}; one of them was changed")
    try:
        KeyFile(path).write(key)
    except FileExistsError:
        raise StartError(f"{path} is there already; move it away first") from None
    except OSError as error:
        raise StartError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"{path} holds root key {root_key_id}")


def _scheme(shares: int, threshold: int) -> Any:
    from kmip_core.enums import SplitKeyMethod
    from kmip_core.ports.key_forms import SharingScheme

    # GF(2^16), in which one polynomial has always been used: a share stays good for every later version.
    return SharingScheme(method=SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16, parts=shares, threshold=threshold)


command = Group(
    "root",
    commands=[
        click.Command(
            "split",
            callback=split,
            params=[
                click.Option(
                    ["--shares"], type=click.IntRange(2, 255), default=5, show_default=True, help="How many shares."
                ),
                click.Option(
                    ["--threshold"], type=click.IntRange(2, 255), default=3, show_default=True, help="How many open it."
                ),
                config_option(),
                *setting_options(_SETTINGS),
            ],
            help=split.__doc__,
            context_settings=CONTEXT,
        ),
        click.Command(
            "join",
            callback=join,
            params=[
                click.Argument(["files"], nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False)),
                click.Option(["--out"], type=click.Path(path_type=Path), help="Where to write it instead of root.key."),
                config_option(),
                *setting_options(_SETTINGS),
            ],
            help=join.__doc__,
            context_settings=CONTEXT,
        ),
    ],
    help="Recovery shares of the root key in a file.",
    context_settings=CONTEXT,
)
