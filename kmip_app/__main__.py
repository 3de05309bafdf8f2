"""`python -m kmip_app`: serve, unless another command is named."""

import sys

from kmip_app.cli import run


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
