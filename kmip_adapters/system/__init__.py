"""Time and identifiers from the operating system, and predictable ones for tests."""
