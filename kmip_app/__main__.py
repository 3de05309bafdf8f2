"""`python -m kmip_app`: serve, unless another command is named."""

import sys

from kmip_app.version import VERSION


def main() -> None:
    """Run the command line of this process."""
    if sys.argv[1:] == ["--version"]:  # what scripts ask most often, and what health checks count in milliseconds
        print(f"kmipd {VERSION}")
        return
    from kmip_app.imports import undisturbed

    with undisturbed():
        from kmip_app.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
