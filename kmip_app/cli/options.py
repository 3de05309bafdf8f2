"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from kmip_app.config import default_data_directory

DataDirectory = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        help="Where keys, certificates and the audit trail are kept.",
        default_factory=default_data_directory,
        show_default="the user's data directory",
    ),
]
