"""Settings of click that every command shares."""

from typing import Any, Final

CONTEXT: Final[dict[str, Any]] = {
    "help_option_names": ["-h", "--help"],
    "token_normalize_func": lambda name: name.replace("_", "-"),  # PyKMIP's options have underscores, others dashes
    "max_content_width": 110,
}
