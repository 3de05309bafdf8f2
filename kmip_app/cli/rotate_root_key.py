"""`kmipd rotate-root-key` and `kmipd rotate-data-key`: new keys above the stored ones, while the server runs."""

from typing import TYPE_CHECKING, Any

import click

from kmip_app.cli.options import CONTEXT, STORE, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError
from kmip_app.configuration.root_keys import ROOT_KEY
from kmip_app.configuration.secret_places import FORMS, SECRET
from kmip_app.parts import Parts, sql_storage_of
from kmip_app.progress import progress

if TYPE_CHECKING:
    from kmip_app.configuration.config import Configuration


def rotate_root_key(
    to: str | None, to_passphrase: str | None, to_key_file: bool, config_path: str | None, **values: Any
) -> None:
    """Wrap the data keys under a new root key; the old one opens nothing afterwards.

    With a key file a running server goes on, and takes the new file up by itself. With anything else, or when changing
    over from one to the other, start it anew with the new settings: until then it serves, but cannot make data keys.
    Copies of the old root key still open old backups. A rotation that was interrupted is begun again.
    """
    from kmip_app.maintenance import store_access  # all of the wiring: not wanted for the help

    configuration = chosen(values, config_path).configuration
    if (to is not None) + (to_passphrase is not None) + to_key_file > 1:
        raise StartError("--to, --to-passphrase and --to-key-file exclude each other; give one")
    if to is None and to_passphrase is None and not to_key_file and configuration.root_key != "key_file":
        raise StartError("say with --to, --to-passphrase or --to-key-file where the new root key is")
    with store_access.beside(configuration, "Root key rotated") as container:
        root_key_id = _rotate(container, configuration, to, to_passphrase, to_key_file)
    click.echo(f"the root key is now {root_key_id}")
    if to_passphrase is not None:
        click.echo("start the server anew with its root_key_passphrase; a key file is of no use any more")
    elif to not in (None, "file"):
        click.echo("start the server anew with this root_key; what stood for the old one is of no use any more")


def _rotate(
    container: Parts, configuration: "Configuration", to: str | None, to_passphrase: str | None, to_key_file: bool
) -> str:
    from kmip_adapters.pkcs11_session.token import TokenUnusable
    from kmip_adapters.sealing import rotation
    from kmip_adapters.sealing.key_file import KeyFile
    from kmip_adapters.sealing.passphrase import Passphrase
    from kmip_app.root_keys import close_root_key, root_key_source
    from kmip_core.ports.sealing import RootKeyUnavailable

    old, data_keys = container.root_key(), sql_storage_of(container).data_keys
    if to_passphrase is not None:
        try:
            place = SECRET.read(to_passphrase)
        except ValueError as error:
            raise StartError(f"--to-passphrase {error}") from None
        return rotation.change_root_key(old, Passphrase(place.read), data_keys)
    if to is not None:
        try:
            place = ROOT_KEY.read(to)
            if place.kind != "key_file":
                source = root_key_source(configuration, place)
                try:
                    return rotation.change_root_key(old, source, data_keys)
                finally:
                    close_root_key(source)
        except (ValueError, TokenUnusable, RootKeyUnavailable) as error:
            raise StartError(f"--to: {error}") from None
        to_key_file = True
    if to_key_file and configuration.root_key != "key_file":
        path = configuration.data_directory / "root.key"
        if path.exists():
            raise StartError(f"{path} holds an old root key; move it away, and a new one is made there")
        return rotation.change_root_key(old, KeyFile(path), data_keys)
    if not isinstance(old, KeyFile):
        raise StartError("say with --to, --to-passphrase or --to-key-file where the new root key is")
    return rotation.rotate_root_key(old, data_keys)


def rotate_data_key(config_path: str | None, **values: Any) -> None:
    """Seal every object anew under a new data key, and forget the old ones; the server may be running.

    A rotation that was interrupted goes on where it was when the command is given again.
    """
    from kmip_adapters.storage.sql import maintenance
    from kmip_app.maintenance import store_access  # all of the wiring: not wanted for the help

    with (
        store_access.beside(chosen(values, config_path).configuration, "Data key rotated") as container,
        progress("Sealing objects") as report,
    ):
        count = maintenance.rotate_data_key(container.storage(), report)
    click.echo(f"{count:,} objects sealed anew")


command = click.Command(
    "rotate-root-key",
    callback=rotate_root_key,
    params=[
        click.Option(["--to"], metavar="WHERE", help="Where the new root key is, as in the setting root_key."),
        click.Option(["--to-passphrase"], metavar="WHERE", help=f"Make the new root key of a passphrase: {FORMS}."),
        click.Option(["--to-key-file"], is_flag=True, help="Make the new root key in root.key of the data directory."),
        config_option(),
        *setting_options(STORE),
    ],
    help=rotate_root_key.__doc__,
    context_settings=CONTEXT,
)

data_key_command = click.Command(
    "rotate-data-key",
    callback=rotate_data_key,
    params=[config_option(), *setting_options(STORE)],
    help=rotate_data_key.__doc__,
    context_settings=CONTEXT,
)
