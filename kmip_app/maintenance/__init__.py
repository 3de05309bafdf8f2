"""Maintenance of the store by commands: backup, verification, and the import of a PyKMIP database."""
