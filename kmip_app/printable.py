"""Text that a client or a file chose, for a log or a terminal: it must not move a cursor or begin a line."""


def printable(text: str) -> str:
    """Return `text` with everything that a terminal would obey written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
